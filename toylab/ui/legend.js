// Seven switches, the colour bar and the arrow scales with their menus, and the tools for single
// fakes. A click is a command; the state comes back.

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

const HELD = 250 // milliseconds from which on a key is held and no longer tapped
const DWELL = 120 // milliseconds on a name until its layer is lifted: passing over it does nothing

function legend(lab, parent, layers) {
  const {send, node} = lab
  const root = node("div", "legend-body", parent)
  const rows = {}
  const list = node("div", "rows", root)
  list.setAttribute("role", "group")
  list.setAttribute("aria-label", "Layers")
  let bar = null
  layers.forEach((layer, index) => {
    const row = node("button", "row", list, `<svg width="22" height="22" aria-hidden="true">
        <defs><linearGradient id="toylab-map"><stop offset="0" stop-color="var(--map-low)"/>
        <stop offset=".5" stop-color="var(--map-middle)"/><stop offset="1" stop-color="var(--map-high)"/>
        </linearGradient></defs>${SIGNS[layer.name] ?? ""}</svg>
      <span class="words"><b>${layer.label}</b><small>${layer.caption}</small></span><kbd>${index + 1}</kbd>`)
    row.id = `toylab-layer-${layer.name}`
    row.title = `${layer.tooltip} Key ${index + 1}; held, it is the only layer.`
    row.setAttribute("role", "switch")
    row.onclick = () => send({do: "layer", name: layer.name})
    rows[layer.name] = row
    if (layer.name === "surface") {
      bar = node("button", "bar", list, `<span class="strip"></span><span class="ends"><span></span><span></span><span></span></span>${lab.icon("arrow_drop_down")}`)
      bar.id = "toylab-bar"
      bar.title = "What the colours show: from what the critic calls fake to what it calls real"
    }
  })
  holds(lab, layers)
  lifts(lab, rows)

  const foot = node("div", "foot", root)
  const scales = node("div", "scales", foot)
  const scale = {}
  for (const [name, label] of [["force", "Push"], ["field", "Slopes"]]) {
    const button = scale[name] = node("button", `scale ${name}`, scales, `<span class="head"><span class="of"></span>${lab.icon("arrow_drop_down")}</span><span class="ref"></span><span class="ref"></span>`)
    button.id = `toylab-scale-${name}`
    button.title = `${label}: what the arrows show, and what their length says`
  }
  const outside = node("p", "outside", foot, `<span></span><button title="Shows all fakes. Key F">Fit</button>`)
  outside.id = "toylab-outside"
  outside.hidden = true
  const back = node("button", "back", foot, "Back to the data’s window")
  back.id = "toylab-back"
  back.title = "The window of the data. Key F"
  back.hidden = true
  outside.lastChild.onclick = () => send({do: "fit", again: true})
  back.onclick = () => send({do: "fit"})
  lab.key("f", "Fit the window to all fakes, and back", () => send({do: "fit"}))

  // ------------------------------------------------------------------ menus

  let now = {}
  const lines = (name) => (now.menus?.[name] ?? []).map((line) => ({...line, act: () => send({do: "look", menu: name, name: line.name})}))
  choices(lab, bar, "What the colours show", () => [
    {title: "The colours show", items: lines("surface")},
    {items: [{
      name: "levels", label: "More level lines", note: "D = 0.1, 0.25, 0.75, 0.9", check: true,
      chosen: now.levels && !now.levels_reason, reason: now.levels_reason, act: () => send({do: "levels"}),
    }]},
  ])
  for (const [name, title] of [["force", "Push along the slope of"], ["field", "The slope of"]]) {
    choices(lab, scale[name], title, () => [
      {title, items: lines(name)},
      {title: "An arrow's length", items: now.arrows.map(([mode, label, note, chosen]) => (
        {name: mode, label, note, chosen, act: () => send({do: "arrows", mode})}))},
    ])
  }

  // ------------------------------------------------------------------ numbers

  const changed = (element, key) => {
    if (element.dataset.key === key) { return false }
    element.dataset.key = key
    return true
  }
  // Of a picture, or of a hand that chose another meaning while none is coming.
  const read = (references) => {
    for (const name in scale) {
      scale[name].querySelectorAll(".ref").forEach((line, k) => {
        const [length, value] = references[name][k]
        if (!changed(line, `${length} ${value}`)) { return }
        const colour = name === "force" ? "push" : "ink"
        const arrow = length > 0
          ? `<path d="M0 5h${Math.max(length - 4, 0)}" stroke="var(--${colour})" stroke-width="1.6"/><path d="m${length} 5-6-3v6Z" fill="var(--${colour})"/>`
          : `<circle cx="4" cy="5" r="1.5" fill="var(--${colour})"/>`
        line.innerHTML = `<svg width="${name === "force" ? 32 : 26}" height="10" aria-hidden="true">${arrow}</svg><span></span>`
        line.lastChild.textContent = value
      })
    }
  }
  const ends = bar.querySelector(".ends")
  const fit = () => { // both ends say more than the middle
    ends.children[1].hidden = false
    ends.children[1].hidden = ends.scrollWidth > ends.clientWidth
  }
  new ResizeObserver(fit).observe(ends) // once it is laid out
  document.fonts.addEventListener("loadingdone", fit) // its words are as wide as their letters
  lab.words((said) => {
    const first = !bar.dataset.key
    if (changed(bar, said.bar.join(" "))) {
      said.bar.forEach((text, k) => { ends.children[k].textContent = text })
      fit()
      if (!first) { // once, in gold: what the colours stand for is another thing now
        bar.classList.remove("flash")
        void bar.offsetWidth
        bar.classList.add("flash")
      }
    }
    const words = rows.surface.querySelector("small")
    if (words.textContent !== said.meaning) { words.textContent = said.meaning }
    read(said.references)
    outside.hidden = !said.outside
    outside.firstChild.textContent = `▲ ${said.outside} fake${said.outside === 1 ? "" : "s"} outside`
    outside.lastChild.hidden = !said.fit
  })
  lab.state((state) => {
    now = state
    for (const name in rows) { rows[name].setAttribute("aria-checked", now.layers.includes(name)) }
    for (const name in scale) {
      scale[name].hidden = !now.shown.includes(name)
      const [of] = scale[name].querySelectorAll(".of")
      of.textContent = `${name === "force" ? "Push:" : "Slopes:"} ${now.quantities[name]}`
    }
    read(now.references)
    const [, label, note] = now.arrows.find(([, , , chosen]) => chosen)
    scales.dataset.mode = label
    scales.title = `${label}. ${note}`
    bar.dataset.on = now.shown.includes("surface")
    back.hidden = !now.view.fitted
  })
  return {foot}
}

// A number key: tapped it switches its layer, held it shows that layer alone.
function holds(lab, layers) {
  let held = null
  const release = (at) => {
    if (!held) { return }
    clearTimeout(held.timer)
    if (held.alone) { lab.send({do: "alone"}) }
    // Or by the clock of the keys: a page that is busy hears late that a tap has ended.
    if (!held.alone || at - held.at < HELD) { lab.send({do: "layer", name: held.name}) }
    held = null
  }
  layers.forEach(({name, label}, index) => {
    lab.key(`${index + 1}`, `${label}; held: alone`, (event) => {
      if (event.repeat || held?.key === event.key) { return }
      release(event.timeStamp)
      const mine = held = {key: event.key, at: event.timeStamp, name, alone: false}
      held.timer = setTimeout(() => {
        mine.alone = true
        lab.send({do: "alone", name})
      }, HELD)
    })
  })
  document.addEventListener("keyup", (event) => { if (event.key === held?.key) { release(event.timeStamp) } })
  window.addEventListener("blur", () => { if (held?.alone) { release(Infinity) } })
}

// A name under the pointer, in the legend or in the caption, lifts its layer out of the others.
function lifts(lab, rows) {
  let lifted = null, timer = 0
  const lift = (name) => {
    if (name === lifted) { return }
    lifted = name
    clearTimeout(timer)
    timer = setTimeout(() => lab.send({do: "lift", name}), name ? DWELL : 0)
  }
  for (const name in rows) {
    rows[name].addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") { lift(name) } })
    rows[name].addEventListener("pointerleave", () => lift(null))
  }
  lab.caption.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") { return }
    const word = event.composedPath().find((node) => node.matches?.(".fake, .real"))
    lift(word ? (word.matches(".fake") ? "fake" : "real") : null)
  })
  lab.caption.addEventListener("pointerleave", () => lift(null))
}

// What the arena can tell of single fakes: trails, latents, a lasso.
function tools(lab, parent) {
  const {individuals: them} = lab
  const bar = lab.node("div", "tools", parent)
  const made = {}
  for (const [name, label, words, act] of [
    ["trails", "Trails", "Where eight fakes have come from. Key T", () => them.set("trails", !them.trails)],
    ["latents", "Latents", "Where the fakes come from, as a map. Key Z", () => lab.inset.toggle()],
    ["lasso", "Lasso", "Choose fakes by drawing around them, in the arena or among the latents. Shift and drag does it too; Escape ends it", () => {
      if (them.lassoing) { them.clear() } else { them.set("lassoing", true) }
    }],
  ]) {
    const button = made[name] = lab.node("button", "tool", bar)
    button.id = `toylab-${name}`
    button.textContent = label
    button.title = words
    button.onclick = act
  }
  const tell = () => {
    made.trails.setAttribute("aria-pressed", them.trails)
    made.latents.setAttribute("aria-pressed", lab.inset.shown())
    made.lasso.setAttribute("aria-pressed", them.lassoing)
  }
  return tell
}
