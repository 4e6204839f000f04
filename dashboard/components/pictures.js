// Toggle buttons with a picture each.
const rendered = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".pictures")
  const state = JSON.stringify(data)
  if (rendered.get(root) === state) return
  rendered.set(root, state)
  root.replaceChildren(...data.pictures.map((picture) => {
    const button = document.createElement("button")
    button.type = "button"
    button.title = picture.title
    button.setAttribute("aria-label", picture.title)
    button.setAttribute("aria-pressed", picture.selected)
    const image = document.createElement("img")
    image.loading = "lazy"
    image.alt = ""
    image.src = picture.url
    const name = document.createElement("span")
    name.textContent = picture.name
    button.append(image, name)
    button.onclick = () => setTriggerValue("clicked", picture.id)
    return button
  }))
}
