// An embedding drawn by plotly: the picture of the code under the pointer, and its nearest neighbors after a click.
const NEIGHBORS = 11
const rendered = new WeakMap()
let loading = null

// Plotly's script, loaded once per page from this server.
const plotly = (url) => {
  loading ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    const script = document.createElement("script")
    script.src = url
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => { loading = null; reject(new Error("plotly could not be loaded")) }
    document.head.append(script)
  })
  return loading
}

// Plotly adds its styles to the page's head, which does not reach into a component: copy them.
const copyStyles = (root) => {
  const style = document.createElement("style")
  const { cssRules } = document.getElementById("plotly.js-style-global").sheet
  style.textContent = Array.from(cssRules, (rule) => rule.cssText).join("\n")
  root.append(style)
}

const tile = ({ sprite, tile_px: [height, width], columns, rows }, index) => {
  const element = document.createElement("span")
  element.className = "tile"
  element.style.aspectRatio = `${width} / ${height}`
  element.style.backgroundImage = `url("${sprite}")`
  element.style.backgroundSize = `${columns * 100}% ${rows * 100}%`
  const share = (place, count) => count > 1 ? (100 * place) / (count - 1) : 0
  element.style.backgroundPosition = `${share(index % columns, columns)}% ${share(Math.floor(index / columns), rows)}%`
  return element
}

const labeled = (data, index) => {
  const figure = document.createElement("figure")
  const caption = document.createElement("figcaption")
  caption.textContent = data.labels[index]
  figure.append(tile(data, index), caption)
  return figure
}

const nearest = ([x, y], places) => places
  .map(([a, b], index) => [Math.hypot(a - x, b - y), index])
  .sort(([a], [b]) => a - b)
  .slice(0, NEIGHBORS + 1)
  .map(([, index]) => index)

// The layout with the colors of the page's theme.
const themed = (layout, root) => {
  const style = getComputedStyle(root)
  const text = style.getPropertyValue("--st-text-color").trim()
  const line = style.getPropertyValue("--st-border-color").trim()
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line }
  return {
    ...layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: text, family: style.fontFamily },
    xaxis: { ...layout.xaxis, ...axis }, yaxis: { ...layout.yaxis, ...axis },
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".codes")
  const state = JSON.stringify([data.sprite, data.figure.data.length])
  if (rendered.get(root) === state) return
  rendered.set(root, state)
  const [chart, pointed, neighbors] = root.children
  plotly(data.plotly).then(async (Plotly) => {
    copyStyles(root)
    const traces = data.figure.data.map((trace) => ({ ...trace, hoverinfo: "none" })) // the picture replaces plotly's label
    await Plotly.newPlot(chart, traces, themed(data.figure.layout, root), { displayModeBar: false, responsive: true })
    chart.on("plotly_hover", ({ points: [point], event }) => {
      const box = root.getBoundingClientRect()
      pointed.replaceChildren(labeled(data, point.customdata))
      pointed.style.left = `${Math.min(event.clientX - box.left + 14, box.width - 130)}px`
      pointed.style.top = `${event.clientY - box.top + 14}px`
      pointed.hidden = false
    })
    chart.on("plotly_unhover", () => { pointed.hidden = true })
    chart.on("plotly_click", ({ points: [point] }) => {
      const indices = nearest(data.places[point.customdata], data.places)
      neighbors.replaceChildren(...indices.map((index) => labeled(data, index)))
    })
  }).catch((error) => { chart.textContent = error.message })
}
