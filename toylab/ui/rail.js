// The right rail: at most four cards, each with its title, its values and a key of its curves; under
// them Health, and the menu of cards.

const MOST_CARDS = 4
const ROOM_FOR_FOUR = 850 // pixels of the page's height
const USUAL = ["clusters", "losses", "says", "slopes"] // the first three, and one more where there is room

function cardReading(card, values, total) {
  if (!values || values.some((value) => value === null || value === undefined || Number.isNaN(value))) { return "—" }
  const forms = {
    count: (value) => `${value}${total ? ` of ${total}` : ""}`,
    fixed: (value) => value.toFixed(2),
    short: (value) => `${+value.toPrecision(2)}`,
  }
  return values.map((value, k) => card.curves[k].sign + forms[card.form](value).replace("-", "−")).join(" · ")
}

function rail(lab, parent, children, table) {
  const cards = Object.fromEntries(table.map((card) => [card.name, card]))
  lab.charts = charts(lab)
  const stack = lab.node("div", "cards", parent)
  let said = {values: {}, titles: {}}
  let touched = false // by a hand: what it chose is remembered
  const toggle = (name) => {
    touched = true
    lab.send({do: "card", name})
  }

  const slots = children.map((child, number) => {
    const root = lab.node("section", "card", stack)
    root.hidden = true
    root.dataset.figure = `figure-${number}`
    const head = lab.node("header", "", root, `<h2></h2>
      <button class="about" aria-expanded="false">${lab.icon("info_outline")}</button>
      <button class="remove">${lab.icon("close")}</button><output></output>`)
    const keys = lab.node("p", "keys", root)
    const plot = lab.node("div", "plot", root)
    plot.append(child)
    const over = lab.node("div", "over", plot, `<div class="stand" hidden></div><div class="hair" hidden></div><div class="tip" hidden></div>`)
    const [stand, hair, tip] = over.children
    const about = lab.node("p", "measured", root)
    about.hidden = true
    const slot = {
      root, keys, plot, stand, hair, tip, card: null,
      figure: lab.doc.get_model_by_name(root.dataset.figure),
      told: () => lab.charts.slots[number]?.card === slot.card?.name ? lab.charts.slots[number] : undefined,
      // Of another step than the picture's, or of the picture; what that did not measure is looked up.
      value: (past, at) => {
        const values = past ?? said.values[slot.card.name]
        const known = past || !values?.includes(null) || said.step == null ? values : at(said.step)
        head.querySelector("output").textContent = cardReading(slot.card, known, said.total)
      },
      become: (card) => {
        slot.card = card
        root.id = `toylab-chart-${card.name}`
        head.querySelector("h2").textContent = said.titles[card.name] ?? card.title
        head.querySelector("output").textContent = ""
        about.textContent = card.measured
        about.hidden = true
        const [info, remove] = head.querySelectorAll("button")
        info.title = `How measured: ${card.measured}`
        info.setAttribute("aria-label", `How ${card.title} is measured`)
        remove.title = remove.ariaLabel = `Remove ${card.title}`
        keys.innerHTML = card.curves.filter((curve) => curve.word)
          .map((curve) => `<span class="key ${curve.token}" data-dashed="${curve.dashed}">${curve.word}</span>`).join("")
        keys.append(beyond)
      },
      beyond: (told) => {
        const [above, below] = told?.beyond ?? [0, 0]
        beyond.textContent = [above && `▲ ${above}`, below && `▼ ${below}`].filter(Boolean).join(" ")
        beyond.title = "Values beyond the axis"
      },
    }
    const beyond = lab.node("span", "beyond", keys)
    const [info, remove] = head.querySelectorAll("button")
    info.onclick = () => {
      about.hidden = !about.hidden
      info.setAttribute("aria-expanded", !about.hidden)
    }
    remove.onclick = () => toggle(slot.card.name)
    lab.fit(plot, () => {
      const {clientWidth: width, clientHeight: height} = plot
      if (width > 60 && height > 40) { slot.figure.setv({width, height}) }
    })
    return slot
  })

  const foot = lab.node("section", "health", parent)
  const bar = lab.node("header", "", foot, `<h2>Health</h2>`)
  cardMenu(lab, bar, table, toggle)
  health(lab, lab.node("div", "", foot))
  lab.words((words) => {
    said = words
    for (const {root, card} of slots) {
      if (card) { root.querySelector("h2").textContent = said.titles[card.name] }
    }
  })
  cursor(lab, slots)
  lab.charts.listen(() => slots.forEach((slot) => slot.beyond(slot.told())))
  lab.charts.start()

  lab.state((now) => {
    if (touched) { rememberCards(now.rail.chosen) }
    stack.style.setProperty("--cards", now.rail.shown.length)
    slots.forEach((slot, number) => {
      const card = cards[now.rail.shown[number]]
      slot.root.hidden = !card
      if (card && slot.card !== card) { slot.become(card) }
    })
  })
  // Those of the last visit; until a hand chooses, as many as the window has room for.
  let wanted = USUAL.slice(0, 3).join() // what the server has by itself
  const ask = () => {
    const names = touched ? null : rememberedCards()
    if (names && names.join() !== wanted) {
      wanted = names.join()
      lab.send({do: "cards", names})
    }
  }
  ask()
  addEventListener("resize", ask)
}

// An address that names its cards keeps them, and what a hand changes goes back into it.
function rememberedCards() {
  if (new URL(location.href).searchParams.has("cards")) { return null }
  const kept = localStorage.getItem("toylab-cards")
  if (kept !== null) { return kept.split(",").filter(Boolean) }
  return USUAL.slice(0, innerHeight >= ROOM_FOR_FOUR && innerWidth >= 1200 ? 4 : 3)
}

function rememberCards(names) {
  const address = new URL(location.href)
  if (address.searchParams.has("cards")) {
    address.searchParams.set("cards", names.join())
    history.replaceState(null, "", address)
  } else {
    localStorage.setItem("toylab-cards", names.join())
  }
}

function cardMenu(lab, parent, table, toggle) {
  const button = lab.node("button", "add", parent, "+ card")
  button.title = "Choose the cards"
  const list = lab.node("div", "items", menu(lab, button, "pick", ""))
  list.setAttribute("role", "menu")
  list.setAttribute("aria-label", "Cards")
  list.parentNode.setAttribute("aria-label", "Cards")
  const items = table.map((card) => {
    const item = lab.node("button", "item", list, `${lab.icon("check")}<span></span><small></small>`)
    item.setAttribute("role", "menuitemcheckbox")
    item.id = `toylab-card-${card.name}`
    item.children[1].textContent = card.title
    item.onclick = () => {
      if (item.getAttribute("aria-disabled") !== "true") { toggle(card.name) }
    }
    return [card, item]
  })
  list.addEventListener("keydown", (event) => {
    const all = items.map(([, item]) => item)
    const at = all.indexOf(lab.focused())
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1}[event.key]
    if (to === undefined) { return }
    all[(to + all.length) % all.length].focus()
    event.preventDefault()
  })
  lab.state((now) => {
    for (const [card, item] of items) {
      const shown = now.rail.shown.includes(card.name)
      const full = !shown && now.rail.shown.length >= MOST_CARDS ? "remove one first: four at most" : ""
      const why = now.rail.off[card.name] ?? full
      item.setAttribute("aria-checked", shown)
      item.setAttribute("aria-disabled", Boolean(why))
      item.children[2].textContent = why
    }
  })
}
