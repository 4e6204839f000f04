// A film under a slider: one frame at a time, the others fetched ahead so that they follow the hand.
const shown = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".film")
  if (shown.get(root)?.url === data.url) return
  shown.get(root)?.stop()
  const [image, controls] = root.children
  const [button, range, place] = controls.children
  const frames = Array.from({ length: data.count }, (_, number) => `${data.url}?frame=${number}`)
  const ahead = frames.map((url) => Object.assign(new Image(), { src: url }))
  let timer = null
  const show = (number) => {
    range.value = number
    image.src = ahead[number].src
    place.textContent = data.labels?.[number] ?? `${number + 1} of ${data.count}`
  }
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "▶"; button.ariaLabel = "Play" }
  shown.set(root, { url: data.url, stop })
  range.max = data.count - 1
  range.oninput = () => { stop(); show(Number(range.value)) }
  button.onclick = () => {
    if (timer !== null) return stop()
    button.textContent = "❚❚"
    button.ariaLabel = "Pause"
    timer = setInterval(() => {
      if (!root.isConnected) return stop()
      show((Number(range.value) + 1) % data.count)
    }, Math.max(40, data.frame_ms))
  }
  image.alt = data.name
  stop()
  show(data.count - 1) // where what was learned or found is seen best
}
