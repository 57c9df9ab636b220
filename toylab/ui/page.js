// The page: one grid of its parts, the beat of pictures, keys, theme and sizes.

const CHARTS = [
  ["clusters", "Clusters found", []],
  ["losses", "Losses", [["ink", "critic"], ["fake dashed", "generator"]]],
  ["says", "Critic says “real” to", [["real", "real"], ["fake dashed", "fakes"]]],
]

function node(tag, name, parent, html = "") {
  const made = document.createElement(tag)
  made.className = name
  made.innerHTML = html
  parent.append(made)
  return made
}

function typing(event) {
  const at = event.composedPath()[0]
  return at.matches?.("input, textarea, select, [contenteditable], [role=slider], [role=combobox], [role=option]")
}

// Theme: the system's, unless someone chose; what was chosen is remembered on this machine.
function themes(beat, button) {
  const system = matchMedia("(prefers-color-scheme: dark)")
  const chosen = () => localStorage.getItem("toylab-theme")
  let ready = false // what is sent before Panel calls the page loaded may be answered to nobody
  const apply = () => {
    const dark = chosen() ? chosen() === "dark" : system.matches
    document.documentElement.dataset.theme = dark ? "dark" : "light"
    if (ready) { beat.dark = dark }
    const words = dark ? "Light colours" : "Dark colours"
    button.title = words
    button.setAttribute("aria-label", words)
    button.firstChild.textContent = dark ? "light_mode" : "dark_mode"
  }
  system.addEventListener("change", apply)
  button.onclick = () => {
    const dark = document.documentElement.dataset.theme === "dark"
    localStorage.setItem("toylab-theme", dark ? "light" : "dark")
    apply()
  }
  apply()
  beat.properties.state.change.connect(() => {
    if (!ready) {
      ready = true
      apply()
    }
  })
  if (JSON.parse(beat.state).seed != null) {
    ready = true
    apply()
  }
}

// A picture counts as painted one animation frame after it came; only then comes the next one.
function pulse(beat, paint) {
  // What tests and measurements read: steps drawn in order, pictures painted, the step shown.
  const doc = beat.document
  const lab = window.toylab = {
    drawn: [], painted: 0, step: null,
    state: () => JSON.parse(beat.state),
    seed: () => JSON.parse(beat.state).seed,
    figure: () => doc.get_model_by_name("arena"),
    marks: () => {
      const {x, what} = doc.get_model_by_name("marks-losses").data
      return Array.from(x, (step, k) => [step, what[k]])
    },
  }
  const painted = () => {
    const seq = beat.seq
    const said = JSON.parse(beat.words)
    requestAnimationFrame(() => {
      paint(said)
      if (lab.step !== said.step) {
        lab.drawn.push(said.step)
        if (lab.drawn.length > 200) { lab.drawn.shift() }
      }
      lab.step = said.step
      lab.painted += 1
      beat.ack = Math.max(seq, beat.ack)
    })
  }
  beat.properties.seq.change.connect(painted)
  if (beat.seq > 0) { painted() } // it came before this page was laid out
  const seen = () => { beat.visible = !document.hidden }
  document.addEventListener("visibilitychange", seen)
  seen()
}

export function render({model, view}) {
  const doc = view.model.document
  const beat = doc.get_model_by_name("beat")
  const send = (message) => { beat.command = JSON.stringify({...message, n: performance.now()}) }
  node("style", "", document.head).textContent = model.css

  const root = document.createElement("div")
  root.className = "page"
  const top = node("header", "top", root, `<a class="logo" href="#toylab-arena">toy<b>lab</b></a>`)
  const transport = node("div", "play", top)
  transport.append(model.get_child("transport"))
  const theme = node("button", "theme", top, `<span class="icon" aria-hidden="true"></span>`)
  theme.id = "toylab-theme"
  const controls = node("aside", "controls", root)
  controls.setAttribute("aria-label", "Settings")
  node("div", "scroll", controls).append(model.get_child("controls"))
  const staged = node("div", "staged", controls, `<p></p><button class="go">Restart, same seed</button><button class="undo">Undo</button>`)
  staged.hidden = true
  staged.querySelector(".go").onclick = () => send({do: "restart"})
  staged.querySelector(".undo").onclick = () => send({do: "undo"})

  const legend = node("nav", "legend", root)
  legend.append(model.get_child("legend"))
  const stage = node("main", "stage", root)
  const cell = node("div", "cell", stage)
  const square = node("div", "square", cell)
  square.id = "toylab-arena"
  square.setAttribute("role", "img")
  square.append(model.get_child("arena"))
  const waiting = node("p", "waiting", square, "The engine is starting…")
  const caption = node("p", "caption", stage)
  caption.id = "toylab-caption"
  const notices = node("div", "notices", stage)
  notices.setAttribute("role", "status")
  const spoken = node("p", "spoken", root)
  spoken.setAttribute("aria-live", "polite")

  const rail = node("aside", "rail", root)
  rail.setAttribute("aria-label", "Charts")
  const cards = {}
  for (const [name, title, keys] of CHARTS) {
    const card = node("section", "card", rail)
    card.id = `toylab-chart-${name}`
    node("h2", "", card, `${title}<output></output>`)
    const key = keys.map(([look, word]) => `<span class="key ${look}">${word}</span>`).join("")
    if (key) { node("p", "keys", card, key) }
    const plot = node("div", "plot", card)
    plot.append(model.get_child(name))
    cards[name] = {card, plot, value: card.querySelector("output")}
  }

  // The arena shows itself once it has both a picture and the right colours: no flash in the dark.
  let pictured = false
  const reveal = () => {
    if (pictured && JSON.parse(beat.state).dark === beat.dark) { root.dataset.painted = "yes" }
  }
  const paint = (said) => {
    waiting.hidden = true
    pictured = true
    reveal()
    square.dataset.step = said.step
    square.dataset.recorded = said.recorded
    if (caption.innerHTML !== said.caption) { caption.innerHTML = said.caption }
    for (const name in cards) { cards[name].value.textContent = said[name] ?? "" }
    cards.says.card.querySelector("h2").firstChild.textContent = said.says_title
  }
  unpacker(doc)
  themes(beat, theme)
  pulse(beat, paint)

  const state = () => {
    const now = JSON.parse(beat.state)
    reveal()
    staged.hidden = !now.staged
    if (now.staged) { staged.querySelector("p").textContent = now.staged }
    const key = JSON.stringify(now.notices ?? [])
    if (notices.dataset.key !== key) {
      notices.dataset.key = key
      notices.replaceChildren()
      for (const notice of now.notices ?? []) {
        const line = node("div", `notice ${notice.kind}`, notices, `<span class="icon" aria-hidden="true"></span><span></span>`)
        line.firstChild.textContent = notice.kind === "bad" ? "error_outline" : "warning_amber"
        line.children[1].textContent = notice.text
        const close = node("button", "close", line, `<span class="icon" aria-hidden="true">close</span>`)
        close.setAttribute("aria-label", "Dismiss")
        close.onclick = () => send({do: "dismiss", id: notice.id})
      }
    }
    if (now.waiting) { waiting.textContent = now.waiting; waiting.hidden = false }
    rail.dataset.clusters = now.clusters ? "yes" : "no"
  }
  beat.properties.state.change.connect(state)
  state()
  setInterval(() => {
    const said = JSON.parse(beat.words)
    if (said.spoken && spoken.textContent !== said.spoken) {
      spoken.textContent = said.spoken
      square.setAttribute("aria-label", said.spoken)
    }
  }, 2000)

  document.addEventListener("keydown", (event) => {
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) { return }
    const button = event.composedPath()[0].matches?.("button, a")
    if (event.key === " " && !button) { send({do: "toggle"}) }
    else if (event.key === ".") { send({do: "step"}) }
    else if (model.layers[+event.key - 1]) { send({do: "layer", name: model.layers[+event.key - 1]}) }
    else if (event.key === "Escape") { send({do: "undo"}) }
    else { return }
    event.preventDefault()
  })

  // Width and height of every figure are set together and in whole pixels: the arena stays square.
  const arena = doc.get_model_by_name("arena")
  const fit = () => {
    const side = Math.floor(Math.min(cell.clientWidth, cell.clientHeight))
    if (side > 60 && side !== arena.width) {
      arena.setv({width: side, height: side})
      square.style.width = square.style.height = `${side}px`
      stage.style.setProperty("--side", `${side}px`)
    }
    if (side > 60) {
      beat.pixels = side
      caption.style.top = `${side - cell.clientHeight}px`  // right under the arena
    }
    for (const name in cards) {
      const figure = doc.get_model_by_name(`chart-${name}`)
      const {clientWidth: width, clientHeight: height} = cards[name].plot
      if (width > 60 && height > 40) { figure.setv({width, height}) }
    }
  }
  new ResizeObserver(fit).observe(cell)
  new ResizeObserver(fit).observe(rail)
  model.on("after_layout", fit)
  return root
}
