// Two pictures with a movable divider. Pictures of different aspect ratio are stacked instead.
const shape = (image) => image.naturalWidth / image.naturalHeight

export default function ({ data, parentElement }) {
  const [right, left] = parentElement.querySelectorAll("img")
  const pair = parentElement.querySelector(".pair")
  const names = parentElement.querySelectorAll("figcaption span")
  const compare = () => {
    const apart = pair.classList.toggle("apart", Math.abs(shape(left) / shape(right) - 1) > 0.02)
    names[0].textContent = apart ? `Above: ${data.left.name}` : data.left.name
    names[1].textContent = apart ? `Below: ${data.right.name}` : data.right.name
  }
  for (const [image, side] of [[left, data.left], [right, data.right]]) {
    if (image.src !== new URL(side.url, location.href).href) image.src = side.url
    image.alt = side.name
    image.onload = compare
  }
  dividerOf(pair)
  compare()
}
