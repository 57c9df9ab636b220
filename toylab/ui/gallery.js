// The figures' page: cards with thumbnails, a dialog with the picture and how it was judged.
const WORDS = {
  reproduced: ["check_circle", "reproduced"],
  partly: ["contrast", "partly reproduced"],
  not: ["cancel", "not reproduced"],
}

function made(kind, attributes = {}, ...inside) {
  const node = document.createElement(kind)
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") { node.textContent = value } else { node.setAttribute(name, value) }
  }
  node.append(...inside)
  return node
}

function verdict(name) {
  const [icon, words] = WORDS[name]
  const sign = made("span", {class: "icon", "aria-hidden": "true", text: icon})
  return made("span", {class: `verdict ${name}`}, sign, words)
}

function number(value) {
  if (value === 0 || Number.isInteger(value) && Math.abs(value) < 1e5) { return String(value) }
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(2)
}

function bounds({least, most}) {
  if (least === undefined) { return `≤ ${number(most)}` }
  if (most === undefined) { return `≥ ${number(least)}` }
  return least === most ? `= ${number(least)}` : `${number(least)} to ${number(most)}`
}

function checks(told) {
  const several = told.seeds > 1
  const heads = ["", "number", "bound", several ? "median" : "found", ...(several ? ["least to most"] : [])]
  const table = made("table", {}, made("thead", {}, made("tr", {}, ...heads.map((text) => made("th", {scope: "col", text})))))
  const body = made("tbody")
  for (const check of told.checks) {
    const sign = made("span", {class: "icon", text: check.holds ? "check" : "close", role: "img", "aria-label": check.holds ? "holds" : "does not hold"})
    const cells = [check.says, bounds(check), number(check.median)]
    if (several) { cells.push(check.spread.map(number).join(" to ")) }
    body.append(made("tr", {class: check.holds ? "holds" : "fails"}, made("td", {}, sign), ...cells.map((text) => made("td", {text}))))
  }
  table.append(body)
  return table
}

function length(told) {
  if (told.share === null) { return "exact: nothing is trained at length" }
  const share = Number((100 * told.share).toPrecision(3))
  const seeds = told.seeds === 1 ? "one seed" : `${told.seeds} seeds`
  return `${told.steps.toLocaleString("en")} steps, ${share} % of the paper's length, ${seeds}`
}

function filled(dialog, told, lab, close) {
  const button = made("button", {class: "close", "aria-label": "Close"}, made("span", {class: "icon", text: "close"}))
  button.onclick = close
  const body = made("div", {class: "body"}, made("img", {src: told.picture, alt: `${told.title}. ${told.claim}`}), made("p", {class: "claim", text: told.claim}))
  if (told.cause) { body.append(made("p", {class: "cause"}, made("b", {text: "Most probable cause: "}), told.cause)) }
  body.append(made("div", {class: "scroll", tabindex: "0"}, checks(told)))
  const facts = made("dl", {})
  const fact = (name, ...value) => facts.append(made("dt", {text: name}), made("dd", {}, ...value))
  fact("Paper", told.paper)
  fact("Length", length(told))
  fact("Claim written", `${told.claims.file}, commit ${told.claims.commit.slice(0, 10)}`)
  if (told.lab) { fact("Settings", told.lab.split("&").map((part) => part.replace("=", " ")).join(", ")) }
  fact("Made by", made("code", {text: `python -m toylab.figures run ${told.figure}`}))
  const acts = made("div", {class: "acts"})
  if (lab && told.lab) { acts.append(made("a", {class: "act", href: `lab?${told.lab}`, text: "Open in the lab"})) }
  acts.append(made("a", {class: "act plain", href: told.svg, download: `${told.figure}.svg`, text: "SVG"}))
  body.append(facts, acts)
  const head = made("header", {}, made("h2", {text: told.title, id: "figure"}), verdict(told.verdict), button)
  dialog.replaceChildren(head, body)
}

export function render({model, view}) {
  document.head.append(made("style", {text: model.css}))
  document.documentElement.lang = "en"
  const theme = made("button", {class: "action"}, made("span", {class: "icon"}))
  const filters = made("div", {class: "filters", role: "group", "aria-label": "Which figures"})
  const top = made("header", {class: "top"}, made("h1", {}, "toy", made("b", {text: "lab"}), made("span", {text: "figures"})), filters)
  if (model.lab) { top.append(made("a", {class: "to-lab", href: "lab", text: "The lab"})) }
  top.append(theme)
  const grid = made("div", {class: "grid"})
  const dialog = made("dialog", {class: "figure", "aria-labelledby": "figure"})
  const page = made("main", {class: "gallery"}, top, grid, dialog)
  const addressed = () => new URLSearchParams(location.search).get("figure") || ""
  const choose = (name) => {
    const address = new URL(location)
    if (name) { address.searchParams.set("figure", name) } else { address.searchParams.delete("figure") }
    history.replaceState(null, "", address)
    model.chosen = name
  }
  const images = {}
  for (const told of model.cards) {
    const image = images[told.name] = made("img", {alt: ""})
    const words = [made("strong", {text: told.title}), made("small", {text: told.paper})]
    const foot = made("span", {class: "foot"}, verdict(told.verdict), made("small", {text: told.checks}))
    const tile = made("button", {class: "tile", "data-verdict": told.verdict, "data-name": told.name}, made("span", {class: "frame"}, image), ...words, foot)
    tile.onclick = () => choose(told.name)
    grid.append(tile)
  }
  const kinds = ["all", ...Object.keys(WORDS)]
  for (const kind of kinds) {
    const count = model.cards.filter((told) => kind === "all" || told.verdict === kind).length
    const button = made("button", {"aria-pressed": String(kind === "all"), text: `${kind === "all" ? "all" : WORDS[kind][1]} ${count}`})
    button.onclick = () => {
      for (const other of filters.children) { other.setAttribute("aria-pressed", String(other === button)) }
      for (const tile of grid.children) { tile.hidden = kind !== "all" && tile.dataset.verdict !== kind }
    }
    filters.append(button)
  }
  if (model.cards.length === 0) { grid.append(made("p", {text: "No figure has been made yet: python -m toylab.figures run all"})) }
  const paint = () => {
    for (const [name, address] of Object.entries(model.thumbnails)) { images[name].src = address }
  }
  const show = () => {
    if (!model.shown.figure) { dialog.close(); return }
    filled(dialog, model.shown, model.lab, () => dialog.close())
    if (!dialog.open) { dialog.showModal() }
  }
  dialog.addEventListener("close", () => { if (model.chosen) { choose("") } })
  dialog.addEventListener("click", (event) => { if (event.target === dialog) { dialog.close() } })
  model.on("thumbnails", paint)
  model.on("shown", show)
  // What the server answers before it has heard that the page is ready never gets here.
  const doc = view.model.document
  const ready = (tell) => { if (doc.is_idle) { tell() } else { doc.idle.connect(() => setTimeout(tell)) } }
  themes({beat: {set dark(dark) { ready(() => { model.dark = dark }) }}}, theme)
  if (addressed()) { ready(() => { model.chosen = addressed() }) }
  paint()
  return page
}
