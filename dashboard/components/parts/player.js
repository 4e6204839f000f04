// A play button and a slider for the frames of animations, which are fetched ahead to follow the slider at once.
const framesOf = (animation, count) =>
  Array.from({ length: count }, (_, number) => Object.assign(new Image(), { src: `${animation}?frame=${number}` }))

// When each frame begins, and the last one ends, in milliseconds.
const momentsOf = ({ count, frame_ms, durations_ms }) => {
  const moments = [0]
  for (let number = 0; number < count; number++) moments.push(moments[number] + (durations_ms?.[number] ?? frame_ms))
  return moments
}
const frameAt = (moments, ms) => Math.max(0, moments.slice(0, -1).findLastIndex((begin) => begin <= ms))

function playerOf(controls, { moments, labels, show }) {
  const [button, range, label] = controls.children
  const count = moments.length - 1
  let timer = null
  const stop = () => { cancelAnimationFrame(timer); timer = null; button.textContent = "▶"; button.ariaLabel = "Play" }
  const go = (number) => { range.value = number; label.textContent = labels?.[number] ?? `${number + 1} of ${count}`; show(number) }
  const play = () => {
    const began = performance.now() - moments[Number(range.value)]
    const next = (now) => {
      if (!controls.isConnected) return stop()
      const number = frameAt(moments, Math.max(0, now - began) % moments[count])
      if (number !== Number(range.value)) go(number)
      timer = requestAnimationFrame(next)
    }
    timer = requestAnimationFrame(next)
  }
  range.max = count - 1
  range.oninput = () => { stop(); go(Number(range.value)) }
  button.onclick = () => {
    if (timer !== null) return stop()
    button.textContent = "❚❚"
    button.ariaLabel = "Pause"
    play()
  }
  stop()
  return { go, stop }
}
