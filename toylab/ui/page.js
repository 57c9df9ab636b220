// The page: one grid of its parts, and what they share: commands, words, state, keys, sizes.

// What every part of the page is given.
function shared(model, view) {
  const doc = view.model.document
  const beat = doc.get_model_by_name("beat")
  const {keys, off, key} = keyboard()
  const fits = []
  const heard = (property, filled) => {
    let text = null, told = null // all listeners share what was read once
    return (listen) => {
      const tell = () => {
        if (text !== beat[property]) {
          text = beat[property]
          told = JSON.parse(text)
        }
        if (filled(told)) { listen(told) }
      }
      beat.properties[property].change.connect(tell)
      tell()
    }
  }
  return {
    doc, beat, keys, key, keysOff: off,
    picture: {}, // columns of the newest picture, by glyph
    shades: {}, // its rasters, by name: {values, rows, columns}
    send: (message) => { beat.command = JSON.stringify({...message, n: performance.now()}) },
    words: heard("words", (said) => said.step != null), // numbers that belong to one picture
    state: heard("state", (now) => now.playing != null), // what changes rarely
    index: heard("index", (told) => told.length > 0), // what a search can find
    focused: () => view.shadow_el?.activeElement ?? document.activeElement?.shadowRoot?.activeElement,
    icon: (name) => `<span class="icon" aria-hidden="true">${name}</span>`,
    node: (tag, name, parent, html = "") => {
      const made = document.createElement(tag)
      made.className = name
      made.innerHTML = html
      parent.append(made)
      return made
    },
    // Calls `measure` when the element has got another size, and once the page is laid out.
    fit: (element, measure) => {
      new ResizeObserver(measure).observe(element)
      fits.push(measure)
    },
    fitted: () => fits.forEach((measure) => measure()),
  }
}

function notices(lab, parent) {
  const root = lab.node("div", "notices", parent)
  root.setAttribute("role", "status")
  lab.state((now) => {
    const key = JSON.stringify(now.notices)
    if (root.dataset.key === key) { return }
    root.dataset.key = key
    root.replaceChildren()
    for (const notice of now.notices) {
      const line = lab.node("div", `notice ${notice.kind}`, root, `${lab.icon("")}<span></span>`)
      line.firstChild.textContent = {bad: "error_outline", kept: "history"}[notice.kind] ?? "warning_amber"
      line.children[1].textContent = notice.text
      if (notice.action) {
        const {label, ...command} = notice.action
        const act = lab.node("button", "act", line)
        act.textContent = label
        act.onclick = () => lab.send(command)
      }
      const close = lab.node("button", "close", line, lab.icon("close"))
      close.setAttribute("aria-label", "Dismiss")
      close.onclick = () => lab.send({do: "dismiss", id: notice.id})
    }
  })
}

export function render({model, view}) {
  const lab = shared(model, view)
  lab.action = (name, icon, label, act) => {
    const button = lab.node("button", "action", lab.actions, lab.icon(icon))
    button.id = `toylab-${name}`
    button.title = label
    button.setAttribute("aria-label", label)
    button.onclick = act
    return button
  }
  const {beat, doc, node} = lab
  node("style", "", document.head).textContent = model.css

  const root = document.createElement("div")
  root.className = "page"
  const top = node("header", "top", root, `<a class="logo" href="#toylab-arena">toy<b>lab</b></a>`)
  transport(lab, node("div", "play", top))
  lab.actions = node("div", "actions", top) // the icons at the right end
  search(lab, root, dialogs(lab, root))
  undoing(lab)
  const theme = lab.action("theme", "", "Colours", null)
  keySheet(lab, root)
  const controls = node("aside", "controls", root)
  controls.setAttribute("aria-label", "Settings")
  node("div", "scroll", controls).append(model.get_child("controls"))
  drawer(lab, controls)
  const side = node("nav", "legend", root)
  const stage = node("main", "stage", root)
  const cell = node("div", "cell", stage)
  const square = node("div", "square", cell)
  square.id = "toylab-arena"
  square.setAttribute("role", "img")
  square.append(model.get_child("arena"))
  square.firstChild.inert = true // the figure has no tools: the hand is the page's own
  lab.over = overlay(lab, square, model.marks)
  lab.rings = rings(lab)
  lab.hand = hand(lab, square)
  lab.individuals = individuals(lab, square)
  lab.probes = probes(lab)
  lab.views = space(lab, cell, square)
  share(lab, root, square)
  const waiting = node("p", "waiting", square, "The engine is starting…")
  const caption = lab.caption = node("p", "caption", stage)
  caption.id = "toylab-caption"
  const {foot} = legend(lab, side, model.rows)
  const tell = tools(lab, foot)
  lab.inset = inset(lab, foot)
  lab.inset.watch(tell)
  notices(lab, stage)
  lab.strip = node("div", "strip", stage) // under the caption: the phases of a step, what to try
  ghosts(lab)
  phases(lab, root)
  strip(lab)
  const spoken = node("p", "spoken", root)
  spoken.setAttribute("aria-live", "polite")
  const charts = node("aside", "rail", root)
  charts.setAttribute("aria-label", "Charts")
  rail(lab, charts, model.get_child("charts"), model.cards)

  // The arena shows itself once it has both a picture and the right colours: no flash in the dark.
  let pictured = false
  const reveal = () => {
    if (pictured && JSON.parse(beat.state).dark === beat.dark) { root.dataset.painted = "yes" }
  }
  paper(lab, root, square, caption)
  arrival(lab)
  unpacker(lab)
  wipes(doc)
  themes(lab, theme)
  pulse(lab, (said) => {
    waiting.hidden = true
    pictured = true
    reveal()
    square.dataset.step = said.step
    square.dataset.recorded = said.recorded
    if (caption.innerHTML !== said.caption) { caption.innerHTML = said.caption }
  })
  window.toylab.arena = () => ({ // what tests read of the canvas over the figure
    extent: lab.over.extent(), closed: lab.rings.closed(), probes: lab.probes.shown(), fake: lab.picture.fake,
    painters: lab.over.named.map((each) => each.name), trail: lab.individuals.past().length,
    pointed: lab.individuals.pointed, chosen: [...lab.individuals.chosen],
  })
  lab.state((now) => {
    reveal()
    if (now.waiting) { waiting.textContent = now.waiting }
    waiting.hidden = !now.waiting
  })
  setInterval(() => {
    const said = JSON.parse(beat.words)
    if (said.spoken && spoken.textContent !== said.spoken) {
      spoken.textContent = said.spoken
      square.setAttribute("aria-label", said.spoken)
    }
  }, 2000)

  // Width and height of the arena are set together and in whole pixels: it stays square.
  const arena = doc.get_model_by_name("arena")
  lab.fit(cell, () => {
    const whole = Math.floor(Math.min(cell.clientWidth, cell.clientHeight))
    if (whole <= 60) { return }
    const side = lab.views.place(whole)
    if (side !== arena.width) { arena.setv({width: side, height: side}) }
    square.style.width = square.style.height = `${side}px`
    stage.style.setProperty("--side", `${whole}px`)
    beat.pixels = side
    stage.style.setProperty("--lift", `${cell.clientHeight - whole}px`) // right under the arena
    lab.hand.keep()
    lab.over.repaint()
  })
  model.on("after_layout", lab.fitted)
  return root
}
