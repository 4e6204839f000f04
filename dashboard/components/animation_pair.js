// Two animations of the same frames over each other: one handle moves the divider, another one time.
const rendered = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".animations")
  const state = JSON.stringify(data)
  if (rendered.get(root)?.state === state) return
  rendered.get(root)?.player.stop()
  const [right, left] = root.querySelectorAll("img")
  const animations = [[left, data.left], [right, data.right]].map(([image, animation]) => {
    image.alt = animation.name
    return [image, framesOf(animation.url, data.count)]
  })
  root.querySelectorAll("figcaption span").forEach((name, side) => { name.textContent = [data.left, data.right][side].name })
  const show = (number) => animations.forEach(([image, frames]) => { image.src = frames[number].src })
  const player = playerOf(root.querySelector(".controls"), { ...data, show })
  rendered.set(root, { state, player })
  dividerOf(root.querySelector(".pair"))
  player.go(Math.floor(data.count / 2))
}
