// What belongs to the window and moves with it: the window itself, which eases where it is asked to
// and never moves by itself, the numbers at its edges, the target rings, and ticks for the fakes
// that are outside.

function rings(lab) {
  const {over} = lab
  let stop = () => {}, target = null

  const reach = ([x0, x1, y0, y1]) => {
    over.figure.x_range.setv({start: x0, end: x1}, {sync: false})
    over.figure.y_range.setv({start: y0, end: y1}, {sync: false})
    over.repaint()
  }
  lab.state(({view}) => {
    const key = JSON.stringify(view.extent)
    if (target === key) { return }
    stop()
    const from = over.extent(), first = target === null
    target = key
    if (first || !view.eased) { reach(view.extent); return }
    stop = ease(300, (part) => reach(view.extent.map((to, k) => from[k] + part * (to - from[k]))))
  })

  // ---------------------------------------------------------------- rings that close

  let targets = [], found = [], closed = [], stops = []
  lab.state((now) => {
    if (JSON.stringify(now.targets) === JSON.stringify(targets)) { return }
    targets = now.targets
    stops.forEach((stop) => stop())
    found = []
    closed = targets.map(() => 0)
    stops = targets.map(() => () => {})
    over.repaint()
  })
  lab.words((said) => {
    if (said.found.length !== targets.length) { return }
    const first = found.length === 0
    said.found.forEach((now, k) => {
      if (found[k] === now) { return }
      const from = closed[k]
      stops[k]()
      if (first) { closed[k] = now; return }
      stops[k] = ease(180, (part) => { closed[k] = from + part * (now - from); over.repaint() }, 60)
    })
    found = [...said.found]
  })
  const each = (draw) => (context, place) => {
    if (over.seen.alone && over.seen.alone !== "real") { return }
    const [x0, x1] = over.extent()
    const pixel = (x1 - x0) / over.side()
    targets.forEach(([x, y, radius], k) => {
      context.beginPath()
      // A ring smaller than its points would hide them.
      context.arc(...place(x, y), Math.max(radius / pixel, 9), 0, 2 * Math.PI)
      draw(context, closed[k])
    })
  }
  over.add("ring_halo", each((context) => { over.dress(context, "ring_halo"); context.stroke() }))
  over.add("missing", each((context, part) => {
    if (part >= 1) { return }
    const {dash} = over.dress(context, "missing")
    context.setLineDash([dash * (1 + part), dash * (1 - part)]) // the gaps close
    context.stroke()
  }))
  over.add("found", each((context, part) => {
    if (part <= 0) { return }
    over.dress(context, "found", part)
    context.stroke()
  }))

  // ---------------------------------------------------------------- fakes outside

  const MOST = 40
  over.add("edge", (context) => {
    const {fake} = lab.picture
    if (!fake || !over.shows("fake")) { return }
    const [x0, x1, y0, y1] = over.extent(), side = over.side()
    const margin = 4 * (x1 - x0) / side
    let count = 0
    const {size} = over.dress(context, "edge")
    for (let k = 0; k < fake.x.length && count < MOST; k++) {
      const [x, y] = [fake.x[k], fake.y[k]]
      if (x >= x0 && x <= x1 && y >= y0 && y <= y1) { continue }
      count += 1
      const [at, up] = [Math.min(Math.max(x, x0 + margin), x1 - margin), Math.min(Math.max(y, y0 + margin), y1 - margin)]
      over.triangle(context, ...over.place(at, up), size, Math.PI / 2 - Math.atan2(y - up, x - at))
      context.fill()
      context.strokeStyle = over.colour("halo")
      context.stroke()
    }
  })

  // ---------------------------------------------------------------- numbers at the edges

  const nice = (value) => {
    const power = 10 ** Math.floor(Math.log10(value))
    return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999)
  }
  over.add("tick", (context, place) => {
    const [x0, x1, y0, y1] = over.extent(), side = over.side()
    const step = nice((x1 - x0) / 5), clear = 2.5 * 10 * (x1 - x0) / side
    const {size} = over.dress(context, "tick")
    context.font = `${size}px Roboto, sans-serif`
    const text = (value) => `${+value.toPrecision(6)}`.replace("-", "−")
    context.textAlign = "center"
    context.textBaseline = "bottom"
    for (let k = Math.ceil((x0 + clear) / step); k * step < x1 - clear; k++) {
      context.fillText(text(k * step), place(k * step, y0)[0], side - 4)
    }
    context.textAlign = "left"
    context.textBaseline = "middle"
    for (let k = Math.ceil((y0 + clear) / step); k * step < y1 - clear; k++) {
      context.fillText(text(k * step), 6, place(x0, k * step)[1])
    }
  })
  return {closed: () => closed, extent: over.extent}
}
