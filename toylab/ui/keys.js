// Keys of the page and the sheet that lists them. A key acts only where nobody types, and the
// single letters can be switched off, as WCAG 2.1.4 wants it.

const SINGLE = "toylab-single-keys"

function keyboard() {
  const keys = new Map()
  const off = () => localStorage.getItem(SINGLE) === "off"
  const open = (root) => root.querySelector("dialog[open], :popover-open")
  const name = (event) => {
    const held = event.ctrlKey || event.metaKey
    return held ? `Ctrl+${event.shiftKey ? "Shift+" : ""}${event.key.toLowerCase()}` : event.key
  }
  document.addEventListener("keydown", (event) => {
    const at = event.composedPath()[0]
    const key = name(event)
    const act = keys.get(key)?.act
    const combined = key.startsWith("Ctrl+")
    if (!act || event.altKey || at.getRootNode && open(at.getRootNode())) { return }
    // A slider has no text that Ctrl+Z could mean.
    const typing = combined
      ? at.matches?.("input:not([type=range]), textarea, [contenteditable]")
      : at.matches?.("input, textarea, select, [contenteditable], [role=slider], [role=combobox], [role=option], [role=menuitem], [role=menu], [role=listbox]")
    const pressed = (key === " " || key === "Enter") && at.matches?.("button, a")
    if (typing || pressed || key.length === 1 && key !== " " && off()) { return }
    act(event)
    event.preventDefault()
  })
  return {keys, off, key: (key, label, act) => keys.set(key, {label, act})}
}

function keySheet(lab, root) {
  const sheet = lab.node("dialog", "keysheet", root, `<form method="dialog">
    <h2>Keys<button class="close" aria-label="Close">${lab.icon("close")}</button></h2>
    <label><input type="checkbox"><span>Keys of a single letter or sign</span></label><dl></dl></form>`)
  sheet.id = "toylab-keys-sheet"
  sheet.setAttribute("aria-label", "Keys")
  const single = sheet.querySelector("input")
  single.onchange = () => {
    localStorage.setItem(SINGLE, single.checked ? "on" : "off")
    sheet.dataset.off = !single.checked
  }
  const signs = {" ": "space", Escape: "Esc"}
  const show = () => {
    single.checked = !lab.keysOff()
    sheet.dataset.off = !single.checked
    const list = sheet.querySelector("dl")
    list.replaceChildren()
    for (const [key, {label}] of lab.keys) {
      const words = (signs[key] ?? key).split("+").map((part) => `<kbd></kbd>`).join("")
      const term = lab.node("dt", key.length === 1 && key !== " " ? "single" : "", list, words)
      term.querySelectorAll("kbd").forEach((kbd, k) => {
        const part = (signs[key] ?? key).split("+")[k]
        kbd.textContent = part.length === 1 && part >= "a" && part <= "z" ? part.toUpperCase() : part
      })
      lab.node("dd", "", list).textContent = label
    }
    sheet.showModal()
  }
  sheet.addEventListener("click", (event) => { if (event.target === sheet) { sheet.close() } })
  lab.action("keys", "help_outline", "Keys ( ? )", show)
  lab.key("?", "Keys", show)
}
