// A small menu that stands under its button and closes by Escape or a press beside it.

function menu(lab, button, name, html) {
  const sheet = lab.node("div", `menu ${name}`, button.parentNode, html)
  sheet.id = `toylab-${name}-menu`
  sheet.popover = "auto"
  button.setAttribute("aria-haspopup", "dialog")
  button.setAttribute("aria-expanded", "false")
  sheet.setAttribute("role", "dialog")
  const place = () => {
    const box = button.getBoundingClientRect()
    const left = Math.min(box.left, innerWidth - sheet.offsetWidth - 8)
    sheet.style.left = `${Math.max(left, 8)}px`
    const below = box.bottom + 6
    sheet.style.top = `${Math.max(Math.min(below, innerHeight - sheet.offsetHeight - 8), 8)}px`
  }
  sheet.addEventListener("toggle", (event) => {
    const open = event.newState === "open"
    button.setAttribute("aria-expanded", `${open}`)
    if (open) {
      place()
      sheet.querySelector("button, input")?.focus()
    }
  })
  button.onclick = () => sheet.togglePopover({source: button})
  return sheet
}
