// Seven switches, the colour bar and the arrow scale. A click is a command; the state comes back.

const SIGNS = {
  real: `<circle cx="11" cy="11" r="5.5" fill="var(--real)"/>`,
  fake: `<path d="M11 4.5 18 17H4Z" fill="var(--fake)"/>`,
  surface: `<rect x="2.5" y="2.5" width="17" height="17" rx="3.5" fill="url(#toylab-map)" stroke="var(--ink3)"/>`,
  force: `<path d="M2 11h12" stroke="var(--push)" stroke-width="2"/><path d="m20 11-7-4v8Z" fill="var(--push)"/>`,
  field: `<path d="M3 17 17 6M14 15l5-4" stroke="var(--ink)" opacity=".7" stroke-width="1.2"/>
    <path d="m19.5 4-5 1.5 3 3.500ZM21 9.500l-4 1 2.5 2.500Z" fill="var(--ink)" opacity=".7"/>`,
  density: `<ellipse cx="11" cy="11" rx="9" ry="7" fill="none" stroke="var(--fake)" stroke-width="1.2"/>
    <ellipse cx="11" cy="11" rx="4.5" ry="3" fill="none" stroke="var(--fake)" stroke-width="2.2"/>`,
  grid: `<path d="M2 5q9 4 18 0M2 11q9 4 18 0M2 17q9 4 18 0M5 3q-2 8 0 16M11 5q-2 8 0 15M17 3q-2 8 0 16"
    fill="none" stroke="var(--fake)" stroke-width="1.1"/>`,
}

function legend(lab, parent, layers) {
  const {send} = lab
  const root = lab.node("div", "legend-body", parent)
  const rows = {}
  const list = lab.node("div", "rows", root)
  list.setAttribute("role", "group")
  list.setAttribute("aria-label", "Layers")
  layers.forEach((layer, index) => {
    const row = lab.node("button", "row", list, `<svg width="22" height="22" aria-hidden="true">
        <defs><linearGradient id="toylab-map"><stop offset="0" stop-color="var(--map-low)"/>
        <stop offset=".5" stop-color="var(--map-middle)"/><stop offset="1" stop-color="var(--map-high)"/>
        </linearGradient></defs>${SIGNS[layer.name] ?? ""}</svg>
      <span class="words"><b>${layer.label}</b><small>${layer.caption}</small></span><kbd>${index + 1}</kbd>`)
    row.id = `toylab-layer-${layer.name}`
    row.title = `${layer.tooltip} Key ${index + 1}.`
    row.setAttribute("role", "switch")
    row.onclick = () => send({do: "layer", name: layer.name})
    rows[layer.name] = row
    lab.key(`${index + 1}`, layer.label, () => send({do: "layer", name: layer.name}))
    if (layer.name === "surface") {
      const bar = lab.node("div", "bar", list, `<div></div><p><span></span><span></span><span></span></p>`)
      bar.title = "Colours of the critic: from what it calls fake to what it calls real"
    }
  })
  const foot = lab.node("div", "foot", root, `<div class="scale"><p>Push, log length</p><p class="ref"></p><p class="ref"></p></div>
    <p class="outside" id="toylab-outside" hidden></p>`)

  lab.words((said) => {
    root.querySelectorAll(".bar span").forEach((span, k) => { span.textContent = said.bar[k] })
    foot.querySelectorAll(".ref").forEach((line, k) => {
      const [length, value] = said.arrows[k]
      const key = `${length.toFixed(1)} ${value}`
      if (line.dataset.key === key) { return }
      line.dataset.key = key
      line.innerHTML = `<svg width="36" height="10" aria-hidden="true">
        <path d="M0 5h${length - 5}" stroke="var(--push)" stroke-width="1.7"/>
        <path d="m${length} 5-7-3.500v7Z" fill="var(--push)"/></svg><span>${value}</span>`
    })
    const outside = foot.querySelector(".outside")
    outside.hidden = !said.outside
    outside.textContent = `▲ ${said.outside} fake${said.outside === 1 ? "" : "s"} outside`
  })
  lab.state((now) => {
    for (const name in rows) { rows[name].setAttribute("aria-checked", now.layers.includes(name)) }
    foot.querySelector(".scale").style.visibility = now.layers.includes("force") ? "visible" : "hidden"
    root.querySelector(".bar").dataset.on = now.layers.includes("surface")
  })
}
