// An animation with a slider.
const rendered = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".animation")
  if (rendered.get(root)?.url === data.url) return
  rendered.get(root)?.player.stop()
  const [image, controls] = root.children
  const frames = framesOf(data.url, data.count)
  const player = playerOf(controls, { ...data, moments: momentsOf(data), show: (number) => { image.src = frames[number].src } })
  rendered.set(root, { url: data.url, player })
  image.alt = data.name
  player.go(data.count - 1) // the final frame shows the outcome
}
