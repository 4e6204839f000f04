// Two pictures over each other, the left one on top: a handle moves the divider between them.
function dividerOf(pair) {
  const range = pair.querySelector("input")
  range.oninput = () => pair.style.setProperty("--share", `${range.value}%`)
  range.oninput()
}

