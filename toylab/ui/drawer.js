// What the drawer does beyond its widgets: the bar of what waits, tooltips, links in notes,
// double-click for the default, the wheel, and what a dragged slider leads to.

function drawer(lab, parent) {
  staging(lab, parent)
  const fields = new Map()
  lab.index((entries) => {
    for (const entry of entries) {
      if (entry.kind === "setting") { fields.set(entry.field, entry) }
      if (entry.kind === "row") { fields.set(`${entry.field}=${entry.value}`, entry) }
    }
  })
  // The control under an event, as its element and its field.
  const control = (event) => {
    for (const host of event.composedPath()) {
      for (const name of host.classList ?? []) {
        if (name.startsWith("toylab-") && fields.has(name.slice(7))) { return {host, field: name.slice(7)} }
      }
    }
    return {}
  }
  const slides = (event) => event.composedPath().some((one) => one.classList?.contains("MuiSlider-root"))
  const holder = () => {
    let at = document.activeElement
    while (at?.shadowRoot?.activeElement) { at = at.shadowRoot.activeElement }
    return at
  }

  document.addEventListener("click", (event) => {
    const told = event.composedPath()[0].closest?.("[data-do]")?.dataset.do
    if (told) { lab.send(JSON.parse(told)) }
  })
  parent.addEventListener("dblclick", (event) => {
    const {field} = control(event)
    // After what the two clicks themselves have set, which may still be on its way into the beat.
    if (field && slides(event)) { setTimeout(lab.send, 50, {do: "default", field}) }
  })
  parent.addEventListener("wheel", (event) => {
    const {field, host} = control(event)
    const at = holder()
    if (field && at?.type === "range" && host.shadowRoot?.contains(at)) {
      event.preventDefault()
      lab.send({do: "nudge", field, notches: event.deltaY < 0 ? 1 : -1})
    }
  }, {passive: false})
  // The menus' own opening knows clicks only.
  parent.addEventListener("keydown", (event) => {
    const at = event.composedPath()[0]
    if (at.getAttribute?.("role") === "combobox" && ["Enter", " ", "ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault()
      at.click()
    }
  })
  touched(lab, control)
  consequence(lab, parent, control, slides)
  tooltip(lab, parent, control, fields)
}

// Which control a hand is on. Only that one's values are written into the beat: the others change
// because the page shows what holds, after an undo or when one rate takes the other along.
function touched(lab, control) {
  const MOVES = /^(Arrow|Page|Home|End|Enter$| $|[-.\deE]$|Backspace|Delete)/
  const at = (event) => {
    const listed = event.composedPath().some((one) => /^(menu|listbox)$/.test(one.role ?? ""))
    if (listed) { return } // the list of the menu that was touched before
    const moves = event.type === "pointerdown" || MOVES.test(event.key)
    lab.beat.hand = moves ? control(event).field ?? null : null
  }
  addEventListener("pointerdown", at, true)
  addEventListener("keydown", at, true)
  addEventListener("wheel", () => { lab.beat.hand = null }, {capture: true, passive: true})
}

// Changes that need a new run wait at the drawer's foot; Enter starts it, Escape takes them back.
function staging(lab, parent) {
  const bar = lab.node("div", "staged", parent, `<p></p>
    <button class="go" title="Restart with these changes (Enter)">Restart, same seed</button>
    <button class="undo" title="Take them back (Esc)">Undo</button>`)
  bar.setAttribute("role", "group")
  bar.setAttribute("aria-label", "Changes that wait")
  bar.hidden = true
  const restart = () => { if (!bar.hidden) { lab.send({do: "restart"}) } }
  const undo = () => { if (!bar.hidden) { lab.send({do: "unstage"}) } }
  bar.querySelector(".go").onclick = restart
  bar.querySelector(".undo").onclick = undo
  lab.state((now) => {
    bar.hidden = !now.staged
    bar.firstChild.textContent = bar.firstChild.title = now.staged ?? ""
  })
  lab.key("Enter", "Restart with what waits", restart)
  lab.key("Escape", "Take back what waits", undo)
  parent.addEventListener("keydown", (event) => {
    if (event.composedPath()[0].type !== "range") { return }
    if (event.key === "Enter") { restart() }
    if (event.key === "Escape") { undo() }
  })
}

// While a slider is dragged, what the critic does about it stands beside its value.
function consequence(lab, parent, control, slides) {
  const bubble = lab.node("p", "consequence", parent)
  bubble.hidden = true
  let dragged = null
  const show = (said) => {
    const words = dragged && said.consequence?.[dragged.field]
    bubble.hidden = !words
    if (!words) { return }
    bubble.textContent = words
    const box = dragged.host.getBoundingClientRect()
    const value = dragged.host.shadowRoot.querySelector("strong")?.getBoundingClientRect()
    bubble.style.top = `${box.top}px`
    bubble.style.right = `${innerWidth - (value?.left ?? box.right) + 8}px`
  }
  parent.addEventListener("pointerdown", (event) => {
    const found = control(event)
    dragged = found.field && slides(event) ? found : null
  })
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, () => { dragged = null; bubble.hidden = true })
  }
  lab.words(show)
}

// The sentence of a control, then the formula: beside the drawer, on hover and on focus.
function tooltip(lab, parent, control, fields) {
  const box = lab.node("div", "advice", parent)
  box.setAttribute("role", "tooltip")
  box.hidden = true
  let waits = 0
  const hide = () => { clearTimeout(waits); box.hidden = true }
  const words = (field) => {
    const entry = fields.get(field)
    const table = field === "penalty_weight" ? "penalty" : field
    const row = fields.get(`${table}=${JSON.parse(lab.beat.state).chosen?.[table]}`)
    const lines = [["", entry.text], ["formula", entry.formula]]
    if (row) { lines.push(["row", row.name], ["", row.text], ["formula", row.formula]) }
    if (entry.change === "restart") { lines.push(["gold", "Starts a new run."]) }
    return lines.filter(([, text]) => text)
  }
  const show = ({host, field}) => {
    box.replaceChildren()
    for (const [name, text] of words(field)) { lab.node("p", name, box).textContent = text }
    box.hidden = false
    const at = host.getBoundingClientRect()
    const column = parent.getBoundingClientRect()
    box.style.left = `${Math.min(column.right + 6, innerWidth - box.offsetWidth - 6)}px`
    box.style.top = `${Math.max(6, Math.min(at.top, innerHeight - box.offsetHeight - 6))}px`
  }
  let over = null
  parent.addEventListener("pointerover", (event) => {
    const found = event.pointerType === "mouse" && event.buttons === 0 ? control(event) : {}
    if (found.host === over) { return }
    over = found.host
    hide()
    if (found.field) { waits = setTimeout(show, 450, found) }
  })
  parent.addEventListener("pointerleave", () => { over = null; hide() })
  parent.addEventListener("pointerdown", hide)
  parent.addEventListener("focusin", (event) => {
    const found = control(event)
    const at = event.composedPath()[0]
    if (!found.field || at.ariaDescription) { return }
    at.setAttribute("aria-description", words(found.field).map(([, text]) => text).join(" "))
  })
  parent.addEventListener("keydown", hide)
}
