// Two films of the same frames over each other: one handle moves the border between them, the other one time.
const shown = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".films")
  const now = JSON.stringify(data)
  if (shown.get(root)?.now === now) return
  shown.get(root)?.player.stop()
  const [right, left] = root.querySelectorAll("img")
  const films = [[left, data.left], [right, data.right]].map(([image, film]) => {
    image.alt = film.name
    return [image, framesOf(film.url, data.count)]
  })
  root.querySelectorAll("figcaption span").forEach((name, side) => { name.textContent = [data.left, data.right][side].name })
  const show = (number) => films.forEach(([image, frames]) => { image.src = frames[number].src })
  const player = playerOf(root.querySelector(".controls"), { ...data, show })
  shown.set(root, { now, player })
  borderOf(root.querySelector(".pair"))
  player.go(Math.floor(data.count / 2))
}
