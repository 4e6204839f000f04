// What was chosen, a line each, and a button that takes it out again.
const drawn = new WeakMap()

const line = (tag, className, text) => {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  element.title = text
  return element
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector("ul")
  const now = JSON.stringify(data)
  if (drawn.get(root) === now) return
  drawn.set(root, now)
  root.replaceChildren(...data.lines.map((entry) => {
    const item = document.createElement("li")
    const words = document.createElement("div")
    words.append(line("strong", "", entry.title), line("span", "", entry.facts))
    if (entry.note) words.append(line("em", "", entry.note))
    const button = line("button", "", "×")
    button.type = "button"
    button.title = `Take out ${entry.id}`
    button.setAttribute("aria-label", button.title)
    button.onclick = () => setTriggerValue("removed", entry.id)
    item.title = entry.id
    item.append(words, button)
    return item
  }))
}
