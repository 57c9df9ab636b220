// Probes: at most three places of the arena, each with a card that is followed live. A tap sets one,
// dragging moves it, its cross takes it away. With the keyboard: P sets one in the middle, the arrow
// keys move the one whose card has the focus, Delete takes it away.

function probes(lab) {
  const {over, hand, send} = lab
  let shown = [], moved = null // the newest numbers; a place that a hand has just chosen
  const cards = {}

  const made = (letter) => {
    const card = lab.node("div", "probe", hand.cards, `<b>${letter}</b><p><span></span><span></span></p>
      <p><span></span><span></span></p><button>${lab.icon("close")}</button>`)
    card.id = `toylab-probe-${letter}`
    card.tabIndex = 0
    card.setAttribute("role", "group")
    card.setAttribute("aria-label", `Probe ${letter}`)
    card.title = "D: how real the critic finds this place; slope: |∇φ| there; p_data, p_G: densities of real points and fakes, both blurred by one h. Arrow keys move it."
    const close = card.querySelector("button")
    close.title = `Remove probe ${letter}`
    close.setAttribute("aria-label", close.title)
    close.onclick = () => send({do: "probe", letter, at: null})
    card.onkeydown = (event) => {
      const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key]
      const [x0, x1, y0, y1] = over.extent()
      if (way) {
        const {x, y} = where(letter), step = (x1 - x0) / 50
        const near = (value, low, high) => Math.min(Math.max(value, low), high)
        put(letter, [near(x + way[0] * step, x0, x1), near(y + way[1] * step, y0, y1)])
      } else if (event.key === "Delete" || event.key === "Backspace") {
        close.click()
      } else {
        return
      }
      event.preventDefault()
      event.stopPropagation()
    }
    return card
  }
  const where = (letter) => {
    if (moved?.letter === letter) { return {x: moved.at[0], y: moved.at[1]} }
    return shown.find((probe) => probe.letter === letter)
  }
  const put = (letter, at) => {
    moved = {letter, at}
    send({do: "probe", letter, at})
    over.repaint()
  }
  // Places in pixels, never outside the arena.
  const spots = () => shown.map(({letter}) => {
    const {x, y} = where(letter)
    const side = over.side()
    const [left, top] = over.place(x, y)
    return {letter, left: Math.min(Math.max(left, 0), side), top: Math.min(Math.max(top, 0), side)}
  })

  // Cards stand beside their places: in the first corner that is free.
  const arrange = () => {
    hand.keep()
    const taken = [], side = over.side()
    for (const {letter, left, top} of spots()) {
      const card = cards[letter]
      const [wide, high] = [card.offsetWidth, card.offsetHeight]
      const inside = (value, size) => Math.min(Math.max(value, 4), side - size - 4)
      const free = [[10, -high - 10], [10, 10], [-wide - 10, -high - 10], [-wide - 10, 10]]
        .map(([dx, dy]) => [inside(left + dx, wide), inside(top + dy, high)])
      const covers = ([x, y]) => taken.some(([u, v, w, h]) => x < u + w && u < x + wide && y < v + h && v < y + high)
        || (x < left && left < x + wide && y < top && top < y + high)
      const [x, y] = free.find((corner) => !covers(corner)) ?? free[0]
      taken.push([x, y, wide, high])
      // The bounds are the browser's to keep: a card whose words grow stays inside before it is arranged anew.
      const kept = (value) => `clamp(4px, ${Math.round(value)}px, ${side - 4}px - 100%)`
      card.style.transform = `translate(${kept(x)}, ${kept(y)})`
    }
  }

  lab.words((said) => {
    shown = said.probes
    if (moved && shown.some((p) => p.letter === moved.letter && p.x === moved.at[0] && p.y === moved.at[1])) { moved = null }
    for (const letter in cards) {
      if (!shown.some((probe) => probe.letter === letter)) {
        cards[letter].remove()
        delete cards[letter]
      }
    }
    for (const {letter, words} of shown) {
      const card = cards[letter] ??= made(letter)
      card.querySelectorAll("span").forEach((span, k) => {
        if (span.textContent !== words[k]) { span.textContent = words[k] }
      })
    }
    over.repaint()
  })
  over.add("probe", (context) => {
    if (shown.length) { arrange() }
    for (const {letter, left, top} of spots()) {
      const {size, width} = over.dress(context, "probe")
      for (const [colour, wide] of [[over.colour("halo"), width + 2.4], [context.strokeStyle, width]]) {
        context.beginPath()
        context.arc(left, top, size, 0, 2 * Math.PI)
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(left + dx * (size - 3), top + dy * (size - 3))
          context.lineTo(left + dx * (size + 4), top + dy * (size + 4))
        }
        context.strokeStyle = colour
        context.lineWidth = wide
        context.stroke()
      }
      context.font = "700 11px Roboto, sans-serif"
      context.textAlign = "center"
      context.textBaseline = "middle"
      context.fillText(letter, left, top)
    }
  })

  hand.drags.push(({x, y}) => {
    const probe = spots().find((spot) => Math.hypot(spot.left - x, spot.top - y) < 12)
    if (!probe) { return null }
    const {letter} = probe
    let sent = 0
    const to = (now, last) => {
      const [x0, x1, y0, y1] = over.extent()
      const at = [Math.min(Math.max(now.place[0], x0), x1), Math.min(Math.max(now.place[1], y0), y1)]
      if (last || performance.now() - sent > 60) { sent = performance.now(); put(letter, at) }
    }
    return {move: (now) => to(now, false), end: (now, still) => { if (!still) { to(now, true) } }}
  })
  hand.taps.push(({place}) => { send({do: "probe", at: place}); return true })
  lab.key("p", "Probe in the middle of the arena", () => {
    const [x0, x1, y0, y1] = over.extent()
    send({do: "probe", at: [(x0 + x1) / 2, (y0 + y1) / 2]})
  })
  return {shown: () => shown}
}
