// A menu of choices beside a button. What cannot be taken stays listed, with the reason.

function choices(lab, button, label, groups) {
  let open = null, byKey = false
  button.setAttribute("aria-haspopup", "menu")
  button.setAttribute("aria-expanded", "false")
  const close = (back = true) => {
    if (!open) { return }
    open.remove()
    open = null
    button.setAttribute("aria-expanded", "false")
    document.removeEventListener("pointerdown", away, true)
    // After a mouse the space bar plays again; after a key the focus is where it was.
    if (back && byKey) { button.focus({preventScroll: true}) } else { button.blur() }
  }
  const away = (event) => {
    const path = event.composedPath()
    if (!path.includes(open) && !path.includes(button)) { close(false) }
  }
  const show = () => {
    open = lab.node("div", "choices", button.getRootNode().querySelector(".page"))
    open.setAttribute("role", "menu")
    open.setAttribute("aria-label", label)
    for (const {title, items} of groups()) {
      const group = lab.node("div", "group", open)
      group.setAttribute("role", "group")
      if (title) {
        lab.node("p", "", group).textContent = title
        group.setAttribute("aria-label", title)
      }
      for (const item of items) {
        const line = lab.node("button", "choice", group, `${lab.icon("")}<span><b></b><small></small></span>`)
        line.setAttribute("role", item.check ? "menuitemcheckbox" : "menuitemradio")
        line.setAttribute("aria-checked", Boolean(item.chosen))
        line.setAttribute("aria-disabled", Boolean(item.reason))
        line.dataset.name = item.name
        line.tabIndex = -1
        line.querySelector(".icon").textContent = item.chosen ? "check" : ""
        line.querySelector("b").textContent = item.label
        line.querySelector("small").textContent = item.reason ?? item.note
        line.onclick = () => {
          if (item.reason) { return }
          close()
          item.act()
        }
      }
    }
    // Beside the button, wholly on the screen.
    const at = button.getBoundingClientRect()
    const {offsetWidth: wide, offsetHeight: high} = open
    const beside = at.right + 8 + wide <= innerWidth
    open.style.left = `${Math.max(8, beside ? at.right + 8 : Math.min(at.left, innerWidth - wide - 8))}px`
    open.style.top = `${Math.max(8, Math.min(beside ? at.top : at.bottom + 4, innerHeight - high - 8))}px`
    button.setAttribute("aria-expanded", "true")
    document.addEventListener("pointerdown", away, true)
    const lines = [...open.querySelectorAll(".choice")]
    const focus = (k) => lines[(k + lines.length) % lines.length].focus()
    open.onkeydown = (event) => {
      const now = lines.indexOf(open.getRootNode().activeElement)
      const to = {ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1}[event.key]
      if (to != null) { focus(to) }
      if (event.key === "Escape") { close() }
      if (event.key === "Tab") { close(false) }
      if (!["Enter", " ", "Tab"].includes(event.key)) { event.preventDefault() }
      event.stopPropagation() // its keys are its own
    }
    focus(Math.max(0, lines.findIndex((line) => line.getAttribute("aria-checked") === "true")))
  }
  button.onclick = (event) => {
    byKey = event.detail === 0
    if (open) { close() } else { show() }
  }
}
