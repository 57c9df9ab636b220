// Dialogs over the page: the run waits while one is open, since it lies over the arena. And what is
// in them: all rows of a table with their formulas, all data sets with their names.

function dialogs(lab, root) {
  const make = (name, label) => {
    const dialog = lab.node("dialog", `dialog ${name}`, root)
    dialog.id = `toylab-${name}-dialog`
    dialog.setAttribute("aria-label", label)
    dialog.addEventListener("keydown", (event) => event.stopPropagation())
    dialog.addEventListener("click", (event) => { if (event.target === dialog) { dialog.close() } })
    dialog.addEventListener("close", () => lab.send({do: "release"}))
    return dialog
  }
  const open = (dialog) => {
    if (!dialog.open) {
      lab.send({do: "hold"})
      dialog.showModal()
    }
  }
  const title = (dialog, words) => {
    dialog.replaceChildren()
    const head = lab.node("header", "", dialog, `<h2></h2>`)
    head.firstChild.textContent = words
    const close = lab.node("button", "close", head, lab.icon("close"))
    close.setAttribute("aria-label", "Close")
    close.onclick = () => dialog.close()
  }
  const text = (tag, name, parent, words) => {
    if (words) { lab.node(tag, name, parent).textContent = words }
  }
  let entries = []
  lab.index((told) => { entries = told })
  const chosen = () => JSON.parse(lab.beat.state)
  const use = (dialog, entry) => {
    lab.send({do: "fix", changes: {[entry.field]: entry.value}})
    dialog.close()
  }

  const formulas = make("formulas", "Formulas")
  const showFormulas = (field) => {
    const now = chosen()
    const rows = entries.filter((entry) => entry.kind === "row" && entry.field === field)
    title(formulas, `${rows[0]?.of ?? ""}: all, with formulas`)
    const list = lab.node("div", "rows-all", formulas)
    let group = null
    for (const entry of rows) {
      if (entry.group !== group) { text("h3", "", list, group = entry.group) }
      const holds = now.chosen?.[field] === entry.value
      const why = now.blocked?.[field]?.[entry.value]
      const card = lab.node("article", holds ? "formula-row holds" : "formula-row", list)
      text("h4", "", card, entry.name)
      const button = lab.node("button", "use", card)
      button.textContent = holds ? "In use" : "Use"
      button.setAttribute("aria-label", `${button.textContent}: ${entry.name}`)
      button.disabled = holds || Boolean(why)
      button.onclick = () => use(formulas, entry)
      text("p", "", card, entry.text)
      text("p", "equation", card, entry.formula)
      text("p", "source", card, entry.source)
      if (entry.laws) { text("p", "source", card, `${entry.laws.held} of ${entry.laws.total} laws hold`) }
      text("p", "why", card, why)
    }
    open(formulas)
  }

  const gallery = make("gallery", "Data sets")
  const showGallery = () => {
    const now = chosen()
    title(gallery, "Data sets")
    const grid = lab.node("div", "grid", gallery)
    for (const entry of entries.filter((one) => one.kind === "data")) {
      const tile = lab.node("button", "tile", grid, thumbnail(entry.points, 72))
      tile.setAttribute("aria-pressed", now.chosen?.data === entry.value)
      text("b", "", tile, entry.name)
      text("small", "", tile, entry.text)
      const why = now.blocked?.data?.[entry.value]
      text("small", "", tile, why)
      tile.disabled = Boolean(why)
      tile.title = entry.source
      tile.onclick = () => use(gallery, entry)
    }
    open(gallery)
  }
  // Buttons within the drawer's own components name the dialog that they open.
  document.addEventListener("click", (event) => {
    const name = event.composedPath()[0].closest?.("[data-open]")?.dataset.open
    if (name === "gallery") { showGallery() }
    if (name?.startsWith("formulas:")) { showFormulas(name.slice(9)) }
  })
  return {make, open}
}

// A data set as a little picture of its points, which lie in [-1, 1]².
function thumbnail(points, side) {
  const half = side / 2
  const dots = points.map(([x, y]) => `<circle cx="${half * (1 + 0.8 * x)}" cy="${half * (1 - 0.8 * y)}" r="1.3"/>`)
  return `<svg width="${side}" height="${side}" viewBox="0 0 ${side} ${side}" aria-hidden="true">${dots.join("")}</svg>`
}
