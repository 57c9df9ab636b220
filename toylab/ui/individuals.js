// Every fake is an individual: always from the same latent. Pointed at, it is enlarged, with its
// trail and its push; a lasso chooses some, here or among the latents, and both sides show the same.

const KEPT = 64 // positions of a trail
const TRAILED = [0, 71, 142, 213, 284, 355, 426, 497] // eight of the five hundred

function individuals(lab, square) {
  const {over, hand, send} = lab
  const listeners = []
  const it = {
    pointed: -1, chosen: new Set(), trails: false, lassoing: false,
    listen: (hear) => listeners.push(hear),
    point: (index) => { if (index !== it.pointed) { it.pointed = index; told() } },
    choose: (indices) => {
      const some = it.chosen.size > 0
      it.chosen = new Set(indices)
      if (some !== it.chosen.size > 0) { send({do: "lasso", on: !some}) }
      told()
    },
    set: (name, value) => {
      it[name] = value
      square.dataset.lasso = it.lassoing ? "yes" : "no"
      told()
    },
    clear: () => {
      it.set("lassoing", false)
      it.point(-1)
      it.choose([])
    },
  }
  const told = () => { listeners.forEach((hear) => hear(it)); over.repaint() }

  // ---------------------------------------------------------------- where they were

  let past = [], newest = null, step = -1
  lab.words((said) => {
    const {fake} = lab.picture
    if (!fake || fake === newest || said.recorded) { return }
    newest = fake
    if (said.step < step || (said.step === 0 && step === 0)) { past = [] }
    if (said.step === step) { past.pop() }
    step = said.step
    past.push([fake.x.slice(), fake.y.slice()])
    if (past.length > KEPT) { past.shift() }
  })
  it.past = () => past
  const trail = (context, place, index) => {
    const pieces = 8 // of one alpha each: older is fainter
    for (let piece = 0; piece < pieces; piece++) {
      const from = Math.floor(piece * (past.length - 1) / pieces), to = Math.floor((piece + 1) * (past.length - 1) / pieces)
      if (to <= from) { continue }
      over.dress(context, "trail", (piece + 1) / pieces)
      context.beginPath()
      for (let k = from; k <= to; k++) {
        const at = place(past[k][0][index], past[k][1][index])
        if (k === from) { context.moveTo(...at) } else { context.lineTo(...at) }
      }
      context.stroke()
    }
  }
  const there = () => lab.picture.fake && over.shows("fake")
  over.add("trail", (context, place) => {
    if (!there() || past.length < 2) { return }
    const whose = new Set(it.trails ? TRAILED : [])
    if (it.pointed >= 0) { whose.add(it.pointed) }
    for (const index of whose) { if (index < past[0][0].length) { trail(context, place, index) } }
  })

  // ---------------------------------------------------------------- those that stand out

  const big = (context, place, name, index) => {
    const {fake} = lab.picture
    const {size, width} = over.dress(context, name)
    over.triangle(context, ...place(fake.x[index], fake.y[index]), size)
    context.fill()
    context.strokeStyle = over.colour("ink")
    context.lineWidth = width
    context.stroke()
  }
  over.add("chosen", (context, place) => {
    if (!there()) { return }
    for (const index of it.chosen) { big(context, place, "chosen", index) }
  })
  over.add("pointed", (context, place) => {
    if (!there() || it.pointed < 0 || it.pointed >= lab.picture.fake.x.length) { return }
    const {push} = lab.picture
    if (push && over.shows("force") && it.pointed < push.x0.length) {
      const {width} = over.dress(context, "pointed")
      const [x0, y0] = place(push.x0[it.pointed], push.y0[it.pointed])
      const [x1, y1] = place(push.x1[it.pointed], push.y1[it.pointed])
      context.strokeStyle = context.fillStyle = over.colour("push")
      context.lineWidth = 1.4 * width
      context.beginPath()
      context.moveTo(x0, y0)
      context.lineTo(x1, y1)
      context.stroke()
      over.triangle(context, x1, y1, 10, Math.atan2(x1 - x0, y0 - y1))
      context.fill()
    }
    big(context, place, "pointed", it.pointed)
  })

  // ---------------------------------------------------------------- the hand

  const nearest = ({x, y}, reach) => {
    if (!there()) { return -1 }
    const {fake} = lab.picture
    let best = -1, least = reach * reach
    for (let k = 0; k < fake.x.length; k++) {
      const [left, top] = over.place(fake.x[k], fake.y[k])
      const far = (left - x) ** 2 + (top - y) ** 2
      if (far < least) { best = k; least = far }
    }
    return best
  }
  const inSpace = () => square.parentNode.matches(".body") // there the three views point together
  hand.hovers.push((at) => { if (!inSpace()) { it.point(at ? nearest(at, 9) : -1) } })
  hand.taps.push((at) => {
    if (at.mouse) { return false } // hovering does it: a click is for a probe
    const index = nearest(at, 14)
    it.point(index === it.pointed ? -1 : index)
    return index >= 0
  })

  let path = null
  hand.drags.push((at) => {
    if (!there() || !(it.lassoing || at.event.shiftKey)) { return null }
    path = [[at.x, at.y]]
    return {
      move: ({x, y}) => { path.push([x, y]); over.repaint() },
      end: (now, still) => {
        const {fake} = lab.picture, drawn = path
        path = null
        it.choose(still ? [] : Array.from(fake.x.keys()).filter((k) => within(drawn, ...over.place(fake.x[k], fake.y[k]))))
      },
    }
  })
  over.add("lasso", (context) => { if (path) { over.dress(context, "lasso"); outline(context, path) } })

  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { it.clear() } })
  lab.key("t", "Trails of eight fakes", () => it.set("trails", !it.trails))
  return it
}

function outline(context, path) {
  context.beginPath()
  path.forEach((at) => context.lineTo(...at))
  context.closePath()
  context.stroke()
}

// Whether a point lies within a closed path: how often a ray from it crosses the path.
function within(path, x, y) {
  let inside = false
  for (let k = 0, last = path.length - 1; k < path.length; last = k++) {
    const [[x0, y0], [x1, y1]] = [path[last], path[k]]
    if ((y0 > y) !== (y1 > y) && x < x0 + (y - y0) / (y1 - y0) * (x1 - x0)) { inside = !inside }
  }
  return inside
}
