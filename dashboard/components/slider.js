// Two pictures over each other; the handle moves the border between them.
export default function ({ data, parentElement }) {
  const [right, left] = parentElement.querySelectorAll("img") // the left one lies on top
  const range = parentElement.querySelector("input")
  const names = parentElement.querySelectorAll("figcaption span")
  for (const [image, side] of [[left, data.left], [right, data.right]]) {
    if (image.src !== new URL(side.url, location.href).href) image.src = side.url
    image.alt = side.name
  }
  names[0].textContent = data.left.name
  names[1].textContent = data.right.name
  const move = () => parentElement.querySelector(".pair").style.setProperty("--share", `${range.value}%`)
  range.oninput = move
  move()
}
