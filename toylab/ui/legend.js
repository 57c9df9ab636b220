// Seven switches, the colour bar and the arrow scale. A click is a command; the state comes back.

const GLYPHS = {
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

export function render({model, view}) {
  const beat = view.model.document.get_model_by_name("beat")
  const send = (message) => { beat.command = JSON.stringify({...message, n: performance.now()}) }
  const root = document.createElement("div")
  root.className = "legend"
  const rows = {}
  const list = document.createElement("div")
  list.className = "rows"
  list.setAttribute("role", "group")
  list.setAttribute("aria-label", "Layers")
  model.rows.forEach((layer, index) => {
    const row = document.createElement("button")
    row.id = `toylab-layer-${layer.name}`
    row.className = "row"
    row.title = `${layer.tooltip} Key ${index + 1}.`
    row.setAttribute("role", "switch")
    row.innerHTML = `<svg width="22" height="22" aria-hidden="true">
        <defs><linearGradient id="toylab-map"><stop offset="0" stop-color="var(--map-low)"/>
        <stop offset=".5" stop-color="var(--map-middle)"/><stop offset="1" stop-color="var(--map-high)"/>
        </linearGradient></defs>${GLYPHS[layer.name] ?? ""}</svg>
      <span class="words"><b>${layer.label}</b><small>${layer.caption}</small></span><kbd>${index + 1}</kbd>`
    row.onclick = () => send({do: "layer", name: layer.name})
    rows[layer.name] = row
    list.append(row)
    if (layer.name === "surface") {
      const bar = document.createElement("div")
      bar.className = "bar"
      bar.title = "Colours of the critic: from what it calls fake to what it calls real"
      bar.innerHTML = `<div></div><p><span></span><span></span><span></span></p>`
      list.append(bar)
    }
  })
  const foot = document.createElement("div")
  foot.className = "foot"
  foot.innerHTML = `<div class="scale"><p>Push, log length</p><p class="ref"></p><p class="ref"></p></div>
    <p class="outside" id="toylab-outside" hidden></p>`
  root.append(list, foot)

  const words = () => {
    const said = JSON.parse(beat.words)
    if (said.bar == null) { return }
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
  }
  const state = () => {
    const shown = JSON.parse(beat.state).layers ?? []
    for (const name in rows) { rows[name].setAttribute("aria-checked", shown.includes(name)) }
    foot.querySelector(".scale").style.visibility = shown.includes("force") ? "visible" : "hidden"
    root.querySelector(".bar").dataset.on = shown.includes("surface")
  }
  beat.properties.words.change.connect(words)
  beat.properties.state.change.connect(state)
  words()
  state()
  return root
}
