// The grid: rows of cells that fill live. All text is set as text, never as markup.
const make = (tag, className, text) => {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined && text !== null) {
    element.textContent = text
    element.title = text
  }
  return element
}

// A label with its help under the pointer; a dotted underline marks terms.
const explained = (element, help, isTerm = true) => {
  if (!help) return element
  element.classList.toggle("explained", isTerm)
  element.title = help
  return element
}

const picture = (url, alt, old) => {
  const image = old ?? make("img", "picture")
  image.alt = alt
  image.loading = "lazy"
  image.decoding = "async"
  if (image.dataset.url === url) return image
  image.dataset.url = url
  if (!old) image.src = url
  else {
    const next = new Image() // the old one stays until the new one is loaded
    next.onload = () => { if (image.dataset.url === url) image.src = url }
    next.src = url
  }
  return image
}

const actionButton = (action, key, send) => {
  const button = make("button", `action ${action.name}`, action.label)
  button.type = "button"
  button.onclick = () => send({ action: action.name, key })
  return button
}

const colorBar = (scale) => {
  const bar = make("div", "scale")
  bar.title = scale.title
  const strip = make("div", "strip")
  strip.style.background = scale.gradient
  const ends = make("div", "ends")
  ends.append(make("span", "", scale.low), make("span", "unit", scale.unit), make("span", "", scale.high))
  bar.append(strip, ends)
  return bar
}

const STORED_MAPS = 64
const storedMaps = new Map() // address -> promise of {width, height, at}

// A map's raw values: safetensors is a header's length (8 bytes), the header (JSON), float32 row by row.
const readValues = async (url) => {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${response.status}`)
  const buffer = await response.arrayBuffer()
  const view = new DataView(buffer)
  const headerBytes = Number(view.getBigUint64(0, true))
  const { values } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerBytes)))
  const start = 8 + headerBytes + values.data_offsets[0]
  const [height, width] = values.shape
  return { width, height, at: (x, y) => view.getFloat32(start + 4 * (y * width + x), true) }
}

const valuesOf = (url) => {
  if (!storedMaps.has(url)) {
    if (storedMaps.size >= STORED_MAPS) storedMaps.delete(storedMaps.keys().next().value)
    storedMaps.set(url, readValues(url).catch(() => { storedMaps.delete(url); return null }))
  }
  return storedMaps.get(url)
}

// The value under the pointer, in a line at the lower edge of the picture.
const addProbe = (frame, values) => {
  const line = make("div", "probe")
  line.hidden = true
  frame.append(line)
  let inside = false
  frame.onpointermove = async ({ clientX, clientY }) => {
    inside = true
    const map = await valuesOf(values.url)
    if (!map || !inside) return
    const box = frame.getBoundingClientRect()
    const scale = Math.min(box.width / map.width, box.height / map.height) // the picture is centered in its frame
    const x = Math.floor((clientX - box.left - (box.width - scale * map.width) / 2) / scale)
    const y = Math.floor((clientY - box.top - (box.height - scale * map.height) / 2) / scale)
    line.hidden = x < 0 || y < 0 || x >= map.width || y >= map.height
    if (!line.hidden) line.textContent = `x ${x} px, y ${y} px: ${Number(map.at(x, y).toPrecision(4))} ${values.unit}`.trim()
  }
  frame.onpointerleave = () => { inside = false; line.hidden = true }
}

const fill = (box, cell, send) => {
  const old = box.querySelector("img.picture")
  const parts = []
  const frame = make(cell.url && cell.opens ? "button" : "div", "frame")
  if (cell.url) {
    frame.append(picture(cell.url, cell.alt, old))
    if (cell.opens) {
      frame.type = "button"
      frame.title = cell.alt
      frame.onclick = () => send({ action: "details", key: cell.key })
    }
    if (cell.values) {
      frame.removeAttribute("title") // the tooltip would cover the value
      addProbe(frame, cell.values)
    }
  } else {
    const words = make("div", "words")
    words.append(make("strong", "", cell.headline))
    if (cell.reason) words.append(make("span", "reason", cell.reason))
    frame.append(words)
  }
  parts.push(frame)
  if (cell.progress !== null && cell.progress !== undefined) {
    const bar = make("progress", "")
    bar.max = 1
    bar.value = cell.progress
    bar.setAttribute("aria-label", cell.headline)
    parts.push(bar)
  }
  if (cell.url && cell.headline) parts.push(make("div", "headline", cell.headline))
  if (cell.url && cell.reason) parts.push(make("div", "reason", cell.reason))
  if (cell.scale) parts.push(colorBar(cell.scale))
  if (cell.numbers.length) {
    const list = make("dl", "numbers")
    for (const [label, value, help, isTerm] of cell.numbers) {
      const name = make("dt", "")
      name.append(explained(make("span", "", label), help, isTerm))
      list.append(name, make("dd", "", value))
    }
    parts.push(list)
  }
  if (cell.note || cell.actions.length) {
    const foot = make("div", "foot")
    if (cell.note) foot.append(make("span", "note", cell.note))
    for (const action of cell.actions) foot.append(actionButton(action, cell.key, send))
    parts.push(foot)
  }
  box.className = `cell ${cell.state}${cell.active ? " active" : ""}`
  box.replaceChildren(...parts)
}

const columnHead = (column) => {
  const head = make("div", "head")
  head.append(explained(make("strong", "", column.title), column.help), make("span", "sub", column.subtitle))
  if (column.note) head.append(make("span", "note", column.note))
  return head
}

const rowHead = (row) => {
  const head = make("div", "rowhead")
  if (row.url) head.append(picture(row.url, row.title))
  head.append(make("span", "name", row.title))
  if (row.subtitle) head.append(explained(make("span", "method", row.subtitle), row.help))
  if (row.scale) head.append(colorBar(row.scale))
  return head
}

const rendered = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const send = (value) => setTriggerValue("clicked", value)
  const root = parentElement.querySelector(".grid")
  const shape = JSON.stringify([data.columns, data.rows.map((row) => [row.title, row.subtitle, row.url, row.scale, row.cells.length])])
  let state = rendered.get(root)
  if (state?.shape !== shape) {
    state = { shape, boxes: new Map(), contents: new Map() }
    rendered.set(root, state)
    root.style.setProperty("--columns", data.columns.length)
    root.classList.toggle("compact", data.compact)
    root.classList.toggle("tall", data.rows.length > 3)
    const parts = [make("div", "corner"), ...data.columns.map(columnHead)]
    data.rows.forEach((row, y) => {
      parts.push(rowHead(row))
      row.cells.forEach((_, x) => {
        const box = make("div", "cell")
        state.boxes.set(`${y}:${x}`, box)
        parts.push(box)
      })
    })
    root.replaceChildren(...parts)
  }
  data.rows.forEach((row, y) => row.cells.forEach((cell, x) => {
    const place = `${y}:${x}`
    const content = JSON.stringify(cell)
    if (state.contents.get(place) === content) return
    state.contents.set(place, content)
    fill(state.boxes.get(place), cell, send)
  }))
}
