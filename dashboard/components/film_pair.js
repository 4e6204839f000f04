// Two films of the same frames over each other: one handle moves the border between them, the other one time.
const shown = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".films")
  const now = JSON.stringify(data)
  if (shown.get(root)?.now === now) return
  shown.get(root)?.stop()
  const [right, left] = root.querySelectorAll("img") // the left one lies on top
  const [border, time] = root.querySelectorAll("input")
  const [button, place] = root.querySelectorAll("button, output")
  const films = [[left, data.left], [right, data.right]].map(([image, film]) => {
    image.alt = film.name
    const url = (number) => `${film.url}?frame=${number}`
    return { image, ahead: Array.from({ length: data.count }, (_, number) => Object.assign(new Image(), { src: url(number) })) }
  })
  root.querySelectorAll("figcaption span").forEach((name, side) => { name.textContent = [data.left, data.right][side].name })
  let timer = null
  const show = (number) => {
    time.value = number
    for (const { image, ahead } of films) image.src = ahead[number].src
    place.textContent = `${number + 1} of ${data.count}`
  }
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "▶"; button.ariaLabel = "Play" }
  shown.set(root, { now, stop })
  border.oninput = () => root.querySelector(".pair").style.setProperty("--share", `${border.value}%`)
  time.max = data.count - 1
  time.oninput = () => { stop(); show(Number(time.value)) }
  button.onclick = () => {
    if (timer !== null) return stop()
    button.textContent = "❚❚"
    button.ariaLabel = "Pause"
    timer = setInterval(() => {
      if (!root.isConnected) return stop()
      show((Number(time.value) + 1) % data.count)
    }, Math.max(40, data.frame_ms))
  }
  border.oninput()
  stop()
  show(Math.floor(data.count / 2))
}
