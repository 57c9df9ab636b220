// The hand on the arena: one pointer at a time, told apart into taps, hovers and drags. A drag
// belongs to the first that takes it, a tap to the first that answers true.

function hand(lab, square) {
  const {over} = lab
  const taps = [], hovers = [], drags = []
  let down = null
  const at = (event) => {
    const box = square.getBoundingClientRect()
    return {x: event.clientX - box.left, y: event.clientY - box.top, place: over.under(event), event, mouse: event.pointerType === "mouse"}
  }
  square.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) { return }
    down = at(event)
    for (const take of drags) { if ((down.grip = take(down))) { break } }
    if (down.grip) {
      square.setPointerCapture(event.pointerId)
      event.preventDefault()
    }
  })
  square.addEventListener("pointermove", (event) => {
    const now = at(event)
    if (down) { down.far = Math.max(down.far ?? 0, Math.hypot(now.x - down.x, now.y - down.y)) }
    if (down?.grip) {
      down.grip.move(now)
    } else if (event.pointerType === "mouse") {
      hovers.forEach((hover) => hover(now))
    }
  })
  square.addEventListener("pointerup", (event) => {
    if (!down) { return }
    const up = at(event), {grip} = down
    const still = (down.far ?? 0) < 6
    down = null
    if (grip) { grip.end(up, still) } else if (still) { taps.find((tap) => tap(up)) }
  })
  square.addEventListener("pointercancel", (event) => {
    down?.grip?.end(at(event), true)
    down = null
  })
  square.addEventListener("pointerleave", () => hovers.forEach((hover) => hover(null)))
  // Lies over the arena but outside it, for buttons: what has the role of a picture may hold none.
  const cards = lab.node("div", "pinned", square.parentNode)
  const keep = () => {
    if (cards.parentNode !== square.parentNode) { square.parentNode.append(cards) }
    cards.style.left = `${square.offsetLeft}px`
    cards.style.top = `${square.offsetTop}px`
    cards.style.width = cards.style.height = `${square.clientWidth}px`
  }
  return {taps, hovers, drags, cards, keep}
}
