// Data sets as buttons that show their own points: six of them, and the way to all.

const SHOWN = 6

export function render({model, view}) {
  const beat = view.model.document.get_model_by_name("beat")
  const root = document.createElement("div")
  root.className = "sets"
  const row = document.createElement("div")
  row.setAttribute("role", "radiogroup")
  row.setAttribute("aria-label", "Data set")
  const foot = document.createElement("p")
  foot.innerHTML = `<span></span><button class="all" data-open="gallery" title="All data sets with their names">All ${model.cards.length}…</button>`
  root.append(row, foot)
  const choose = (name) => {
    beat.command = JSON.stringify({do: "set", field: "data", raw: name, n: performance.now()})
  }
  const button = (card) => {
    const made = document.createElement("button")
    made.id = `toylab-data-${card.name}`
    const why = model.blocked[card.name]
    made.title = `${card.title}. ${why ?? card.doc}`
    made.disabled = Boolean(why)
    made.setAttribute("role", "radio")
    made.setAttribute("aria-label", card.title)
    made.setAttribute("aria-checked", card.name === model.value)
    const dots = card.thumbnail.map(([x, y]) => `<circle cx="${18 + 13 * x}" cy="${18 - 13 * y}" r="1.1"/>`)
    made.innerHTML = `<svg viewBox="0 0 36 36" aria-hidden="true">${dots.join("")}</svg>`
    made.onclick = () => choose(card.name)
    return made
  }
  // The chosen one is always among those shown.
  const draw = () => {
    const at = model.cards.findIndex((card) => card.name === model.value)
    const shown = model.cards.slice(0, SHOWN)
    if (at >= SHOWN) { shown[SHOWN - 1] = model.cards[at] }
    const focused = root.getRootNode().activeElement?.id
    row.replaceChildren(...shown.map(button))
    foot.firstChild.textContent = model.cards[at]?.title ?? ""
    if (focused) { row.querySelector(`#${CSS.escape(focused)}`)?.focus() }
  }
  model.on("value", draw)
  model.on("blocked", draw)
  draw()
  return root
}
