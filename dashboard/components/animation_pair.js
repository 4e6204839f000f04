// Two animations of one duration over each other: one handle moves the divider, another one time.
const rendered = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".animations")
  const state = JSON.stringify(data)
  if (rendered.get(root)?.state === state) return
  rendered.get(root)?.player.stop()
  const [right, left] = root.querySelectorAll("img")
  const animations = [[left, data.left], [right, data.right]].map(([image, animation]) => {
    image.alt = animation.name
    return [image, framesOf(animation.url, animation.count), momentsOf(animation)]
  })
  root.querySelectorAll("figcaption span").forEach((name, side) => { name.textContent = [data.left, data.right][side].name })
  const moments = [...new Set(animations.flatMap(([, , own]) => own))].sort((one, other) => one - other)
  const show = (number) => animations.forEach(([image, frames, own]) => { image.src = frames[frameAt(own, moments[number])].src })
  const player = playerOf(root.querySelector(".controls"), { moments, show })
  rendered.set(root, { state, player })
  dividerOf(root.querySelector(".pair"))
  player.go(Math.floor((moments.length - 1) / 2))
}
