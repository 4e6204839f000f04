// A play button and a slider for the frames of animations, which are fetched ahead to follow the slider at once.
const framesOf = (animation, count) =>
  Array.from({ length: count }, (_, number) => Object.assign(new Image(), { src: `${animation}?frame=${number}` }))

function playerOf(controls, { count, frame_ms, labels, show }) {
  const [button, range, label] = controls.children
  let timer = null
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "▶"; button.ariaLabel = "Play" }
  const go = (number) => { range.value = number; label.textContent = labels?.[number] ?? `${number + 1} of ${count}`; show(number) }
  const next = () => controls.isConnected ? go((Number(range.value) + 1) % count) : stop()
  range.max = count - 1
  range.oninput = () => { stop(); go(Number(range.value)) }
  button.onclick = () => {
    if (timer !== null) return stop()
    button.textContent = "❚❚"
    button.ariaLabel = "Pause"
    timer = setInterval(next, Math.max(40, frame_ms))
  }
  stop()
  return { go, stop }
}

