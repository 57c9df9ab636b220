// The list of runs: a card each, with what its folder says of it; tapped, it is compared or not.
const STATES = {
  running: ["play_circle", "running"], finished: ["check_circle", "finished"], stopped: ["stop_circle", "stopped"],
  diverged: ["error", "diverged"], failed: ["error", "failed"],
}
const MOST_SHOWN = 12

function made(kind, attributes = {}, ...inside) {
  const node = document.createElement(kind)
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") { node.textContent = value } else { node.setAttribute(name, value) }
  }
  node.append(...inside)
  return node
}

// Sets a text only where it is another one: a screen reader would read it again.
function say(node, text) { if (node.textContent !== text) { node.textContent = text } }

function count(value) { return value === null ? "—" : value.toLocaleString("en") }

function brief(value) {
  if (value === null || !Number.isFinite(value)) { return "—" }
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) { return value.toExponential(1).replace("-", "−") }
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 3))).replace("-", "−")
}

function clock(seconds) {
  const s = Math.round(seconds), two = (n) => String(n).padStart(2, "0")
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}

function ago(seconds) {
  if (seconds < 2) { return "now" }
  for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= 2 * unit) { return `${Math.floor(seconds / unit)} ${name} ago` }
  }
  return `${Math.floor(seconds)} s ago`
}

// A run's colour: filled, or a ring where it shares the colour and its line is dashed.
function swatch(slot) {
  const node = made("i", {class: "swatch", "aria-hidden": "true"})
  node.style.setProperty("--own", `var(--run-${slot % 6})`)
  node.dataset.dashed = slot >= 6
  return node
}

function folded() { return made("details", {}, made("summary"), made("ul")) }

// Fills what is folded away; where there is nothing to say of it, it is not there.
function fold(node, title, texts) {
  node.hidden = !title || !texts.length
  say(node.firstChild, title)
  if (node.told === texts.join("\n")) { return }
  node.told = texts.join("\n")
  node.lastChild.replaceChildren(...texts.map((text) => made("li", {text})))
}

// The day and minute where the browser is.
const MINUTE = {month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23"}
function when(time) { return time === null ? "" : `${new Date(1000 * time).toLocaleString("en", MINUTE)} · ` }

function happened({step, words}) { return `step ${count(step)} · ${words}` }

function runCard(page) {
  const mark = made("span", {class: "mark"}), name = made("b"), state = made("span", {class: "state"})
  const pick = made("button", {class: "pick"}, mark, name)
  const bar = made("span", {class: "bar"}, made("i"))
  const far = made("span", {class: "far"}), left = made("span"), facts = made("span", {class: "facts"}), age = made("span")
  const words = made("p", {class: "words"}), events = folded(), notes = folded()
  const lines = [made("div", {class: "line"}, far, left), made("div", {class: "line"}, facts, age)]
  const root = made("li", {class: "run"}, made("div", {class: "line"}, pick, state), bar, ...lines, words, events, notes)
  const card = {root, told: null}
  pick.onclick = () => page.pick(card.told.key)
  card.tick = () => {
    const {rows} = card.told
    say(age, rows === null ? "no row yet" : `row ${ago(Math.max(0, page.now() - rows))}`)
  }
  card.fill = (told) => {
    card.told = told
    const shown = told.slot !== null
    pick.setAttribute("aria-pressed", String(shown))
    pick.title = `${shown ? "Hide" : "Show"} ${told.name}`
    mark.replaceChildren(...(shown ? [swatch(told.slot)] : [made("i", {class: "swatch hollow", "aria-hidden": "true"})]))
    say(name, told.name)
    const [icon, word] = STATES[told.state]
    if (state.dataset.state !== told.state) {
      state.dataset.state = told.state
      state.replaceChildren(made("span", {class: "icon", "aria-hidden": "true", text: icon}), word)
    }
    const part = told.steps ? Math.min(1, (told.step ?? 0) / told.steps) : 0
    bar.firstChild.style.width = `${100 * part}%`
    say(far, `step ${count(told.step)}${told.steps === null ? "" : ` of ${count(told.steps)}`}`)
    say(left, told.left === null ? "" : `${clock(told.left)} left`)
    const device = told.processes > 1 ? `${told.processes} × ${told.device}` : told.device
    const rate = told.rate === null ? "" : `${count(Math.round(told.rate))} img/s`
    say(facts, [device, rate, told.kimg === null ? "" : `${brief(told.kimg)} kimg`].filter(Boolean).join(" · "))
    say(words, told.words)
    words.hidden = !told.words
    const news = told.events.findLast((event) => !event.plain)
    fold(events, news ? happened(news) : "", told.events.map((event) => `${when(event.time)}${happened(event)}`))
    fold(notes, `${told.notes.length} ${told.notes.length === 1 ? "remark" : "remarks"}`, told.notes)
    card.tick()
  }
  return card
}

function runList(page, parent) {
  const {model} = page
  const cards = new Map()
  const list = made("ul", {class: "list", "aria-label": "Runs"})
  parent.append(list)
  const fill = () => {
    const keys = model.runs.map((told) => told.key)
    for (const [key, card] of cards) {
      if (!keys.includes(key)) { card.root.remove(); cards.delete(key) }
    }
    model.runs.forEach((told, place) => {
      if (!cards.has(told.key)) { cards.set(told.key, runCard(page)) }
      const card = cards.get(told.key)
      card.fill(told)
      if (list.children[place] !== card.root) { list.insertBefore(card.root, list.children[place] ?? null) }
    })
    say(page.summary, Object.keys(STATES).map((state) => [model.runs.filter((r) => r.state === state).length, state])
      .filter(([n]) => n).map(([n, state]) => `${n} ${STATES[state][1]}`).join(" · ") || "no run yet")
  }
  model.on("runs", fill)
  fill()
  setInterval(() => { if (!document.hidden) { cards.forEach((card) => card.tick()) } }, 1000)
}

// What differs between the runs that are compared, or all settings of one.
function settingsTable(page, parent) {
  const {model} = page
  const whole = made("button", {class: "whole", "aria-pressed": "false", text: "all"})
  const title = made("h2")
  const body = made("div", {class: "rows"})
  const root = made("section", {class: "settings"}, made("div", {class: "line"}, title, whole), body)
  parent.append(root)
  const fill = () => {
    const all = whole.getAttribute("aria-pressed") === "true"
    const shown = page.shown()
    const rows = model.settings.filter((row) => all || !row.same)
    const several = shown.length > 1
    root.hidden = !model.settings.length
    say(title, all || !several ? "Settings" : rows.length ? "Different settings" : "The same settings")
    body.replaceChildren(...rows.map((row) => {
      const values = row.same ? [made("dd", {text: Object.values(row.values)[0] ?? ""})]
        : shown.filter((run) => run.key in row.values).map((run) => made("dd", {}, swatch(run.slot), row.values[run.key]))
      const [section, ...rest] = row.name.split(".")
      const name = made("dt", {title: row.name, text: rest.join(".") || section})
      return made("dl", {}, name, ...values)
    }))
  }
  whole.onclick = () => {
    whole.setAttribute("aria-pressed", String(whole.getAttribute("aria-pressed") !== "true"))
    fill()
  }
  model.on("settings", fill)
  model.on("runs", fill)
  fill()
}
