// One field over everything: settings, rows of tables, data sets, layers, charts, actions. Enter
// goes there.

const KINDS = {health: "monitor_heart", setting: "tune", row: "functions", data: "scatter_plot", layer: "layers", chart: "show_chart", action: "touch_app"}
const FOUND = 40 // rows at most
const CONTROL = "input, [role=combobox], select, button"

function search(lab, page, box) {
  const dialog = box.make("search", "Search")
  dialog.innerHTML = `<label class="ask">${lab.icon("search")}<input type="text" role="combobox" aria-expanded="true"
    aria-controls="toylab-found" aria-label="Search everything" placeholder="Settings, penalties, data, layers, charts …" autocomplete="off"></label>
    <div id="toylab-found" role="listbox" aria-label="Found"></div><p class="nothing" hidden>Nothing of that name.</p>`
  const input = dialog.querySelector("input")
  const list = dialog.querySelector("#toylab-found")
  let told = [], all = [], shown = [], at = 0
  const also = new Map() // other words for what stands on the page, by id
  lab.index((entries) => {
    told = entries.filter((entry) => entry.kind !== "also")
    for (const entry of entries) { if (entry.kind === "also") { also.set(entry.id, entry.also) } }
  })

  // What stands on the page itself is found where it stands.
  const standing = () => [...page.querySelectorAll("[id^=toylab-]")].flatMap((element) => {
    const entry = (kind, name, text) => [{kind, element, name, text, formula: "", also: also.get(element.id) ?? ""}]
    if (element.matches(".row[role=switch]")) { return entry("layer", element.querySelector("b").textContent, element.title) }
    if (element.matches("section.card")) { return entry("chart", element.querySelector("h2").firstChild.textContent, "A chart of the whole run.") }
    if (element.matches(".health-lines .line")) { return entry("health", element.querySelector(".text").textContent, "A line of the health of the run.") }
    if (element.matches(".action, .transport button") && element.title) { return entry("action", element.title, "") }
    return []
  })
  const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "")
  const score = (entry, words) => {
    const name = plain(entry.name)
    const also = plain(entry.also)
    const rest = plain(`${entry.text} ${entry.formula} ${entry.of ?? ""} ${entry.source ?? ""}`)
    let sum = entry.kind === "setting" ? 1 : 0
    for (const word of words) {
      if (name.startsWith(word)) { sum += 30 }
      else if (name.split(/[^\p{L}\p{N}₀-₉-]+/u).some((part) => part.startsWith(word))) { sum += 20 }
      else if (also.split(/[^\p{L}\p{N}_-]+/u).some((part) => part.startsWith(word))) { sum += 12 }
      else if (name.includes(word) || also.includes(word)) { sum += 6 }
      else if (rest.includes(word)) { sum += 2 }
      else { return 0 }
    }
    return sum + (also.split(", ").includes(words.join(" ")) ? 25 : 0)
  }
  const mark = () => {
    const rows = list.children
    for (let k = 0; k < rows.length; k++) { rows[k].setAttribute("aria-selected", k === at) }
    input.setAttribute("aria-activedescendant", rows[at]?.id ?? "")
    rows[at]?.scrollIntoView({block: "nearest"})
  }
  const find = () => {
    const words = plain(input.value).split(/\s+/).filter(Boolean)
    shown = words.length
      ? all.map((entry) => [score(entry, words), entry]).filter(([sum]) => sum > 0)
        .sort(([a], [b]) => b - a).map(([, entry]) => entry).slice(0, FOUND)
      : all.filter((entry) => entry.kind === "setting").slice(0, FOUND)
    at = 0
    list.replaceChildren()
    shown.forEach((entry, k) => {
      const row = lab.node("div", "found", list, `${lab.icon(KINDS[entry.kind])}<b></b><span></span><i></i>`)
      row.id = `toylab-found-${k}`
      row.setAttribute("role", "option")
      row.children[1].textContent = entry.name
      row.children[2].textContent = [entry.of, entry.text].filter(Boolean).join(": ")
      row.children[3].textContent = entry.formula
      row.onclick = () => go(entry)
    })
    dialog.querySelector(".nothing").hidden = shown.length > 0
    mark()
  }
  const go = (entry) => {
    dialog.close()
    if (entry.element) { return pointOut(entry.element) }
    lab.send({do: "show", field: entry.field})
    whenStanding(page, `.toylab-${entry.field}`, pointOut)
  }
  const open = () => {
    all = [...told, ...standing()]
    input.value = ""
    box.open(dialog)
    find()
    input.focus()
  }
  input.oninput = find
  input.onkeydown = (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (step) {
      event.preventDefault()
      at = (at + step + shown.length) % Math.max(shown.length, 1)
      mark()
    }
    if (event.key === "Enter" && shown[at]) { go(shown[at]) }
  }
  lab.action("search", "search", "Search everything ( / )", open)
  lab.key("/", "Search everything", open)
}

// The first element that matches in a tree with shadow roots within shadow roots.
function deep(root, selector) {
  const found = root.querySelector(selector)
  if (found) { return found }
  for (const element of root.querySelectorAll("*")) {
    const inner = element.shadowRoot && deep(element.shadowRoot, selector)
    if (inner) { return inner }
  }
  return null
}

// Calls `then` once an element is there, has its control and has come to rest: a section that opens
// fills itself and grows. Whoever presses anything meanwhile no longer waits for it.
function whenStanding(root, selector, then) {
  const until = performance.now() + 60000
  let last = null, waits = true
  const leave = () => { waits = false }
  for (const hand of ["pointerdown", "keydown"]) { addEventListener(hand, leave, {capture: true, once: true}) }
  const look = () => {
    if (!waits) { return }
    const found = deep(root, selector)
    const box = found?.getBoundingClientRect()
    const ready = box?.height > 10 && deep(found.shadowRoot ?? found, CONTROL)
    if (ready && box.top === last) { return then(found) }
    last = ready ? box.top : null
    if (performance.now() < until) { setTimeout(look, 60) }
  }
  look()
}

// Shows where something is: scrolls there, gives it the focus and outlines it for 1.2 s. It keeps
// its mark until something else is pointed out.
let pointedOut = null
function pointOut(element) {
  delete pointedOut?.dataset.found
  pointedOut = element
  element.scrollIntoView({block: "center"})
  const inner = element.matches("button") ? element : deep(element.shadowRoot ?? element, CONTROL)
  inner?.focus({preventScroll: true})
  element.style.outline = "2px solid var(--gold)"
  element.style.outlineOffset = "2px"
  element.dataset.found = "yes"
  setTimeout(() => { element.style.outline = element.style.outlineOffset = "" }, 1200)
}
