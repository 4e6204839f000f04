// The selected networks: a line for each, with a button that removes it.
const rendered = new WeakMap()

const line = (tag, className, text) => {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  element.title = text
  return element
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector("ul")
  const state = JSON.stringify(data)
  if (rendered.get(root) === state) return
  rendered.set(root, state)
  root.replaceChildren(...data.lines.map((entry) => {
    const item = document.createElement("li")
    const text = document.createElement("div")
    text.append(line("strong", "", entry.title), line("span", "", entry.facts))
    if (entry.note) text.append(line("em", "", entry.note))
    const button = line("button", "", "×")
    button.type = "button"
    button.title = `Remove ${entry.id}`
    button.setAttribute("aria-label", button.title)
    button.onclick = () => setTriggerValue("removed", entry.id)
    item.title = entry.id
    if (entry.help) text.firstChild.title = `${entry.title}\n${entry.help}`
    item.append(text, button)
    return item
  }))
}
