// An animation under a slider.
const shown = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".animation")
  if (shown.get(root)?.url === data.url) return
  shown.get(root)?.player.stop()
  const [image, controls] = root.children
  const frames = framesOf(data.url, data.count)
  const player = playerOf(controls, { ...data, show: (number) => { image.src = frames[number].src } })
  shown.set(root, { url: data.url, player })
  image.alt = data.name
  player.go(data.count - 1) // where what was learned or found is seen best
}
