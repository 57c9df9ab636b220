// Slow motion: the six phases of a step as pills, and what happens in each, painted over the arena.
// The critic's half and the generator's half are never seen together.

const GENERATOR = ["push", "move"]
const LARGEST = 4 // losses that are shown as numbers

function phases(lab, root) {
  const {send} = lab
  const still = matchMedia("(prefers-reduced-motion: reduce)")
  const bar = lab.node("div", "phases", lab.strip)
  bar.setAttribute("role", "group")
  bar.setAttribute("aria-label", "Phases of a step")
  const line = lab.node("div", "pills", bar)
  const sentence = lab.node("p", "", bar)
  const pills = {}
  let said = {}
  let now = {}
  let phase = null
  let since = 0

  const pill = (name) => {
    const button = lab.node("button", "pill", line, "<span></span>")
    button.id = `toylab-phase-${name}`
    button.dataset.half = GENERATOR.includes(name) ? "generator" : "critic"
    button.onclick = () => {
      if (button.getAttribute("aria-disabled") !== "true") { send({do: "phase", phase: name}) }
    }
    return button
  }
  for (const name of ["sample", "score", "loss", "penalty", "push", "move"]) { pills[name] = pill(name) }

  const shown = () => !!phase?.at && said.anatomy?.step === phase.step && said.step === phase.step
  lab.phased = shown
  const tell = () => {
    bar.hidden = !phase || now.recalled !== null
    root.dataset.slow = !bar.hidden
    if (bar.hidden) { return }
    const {order, says, absent} = said.anatomy ?? {order: Object.keys(pills), says: {}, absent: {}}
    order.forEach((name, k) => {
      const button = pills[name]
      button.style.order = k
      button.firstChild.textContent = `${k + 1} ${name}`
      button.title = absent[name] ?? says[name] ?? ""
      button.setAttribute("aria-disabled", name in absent)
      // While the step is taken its last phase stays lit: it is what has just been done.
      if (name === phase.at) { button.setAttribute("aria-current", "step") } else { button.removeAttribute("aria-current") }
    })
    const done = phase.at && !shown()
    sentence.textContent = now.stopped ?? (shown() ? says[phase.at] : null)
      ?? (done ? `Step ${phase.step + 1} is done.` : "Press . or a phase: one step, slowly.")
  }
  lab.words((told) => {
    said = told
    tell()
  })
  const arrows = ["push", "push_halo", "push_head"].map((name) => lab.doc.get_model_by_name(`glyph-${name}`))
  lab.state((told) => {
    now = told
    const key = (one) => JSON.stringify([one?.at, one?.step])
    if (key(told.phase) !== key(phase)) { since = performance.now() }
    phase = told.phase
    tell()
    // The arena's own arrows are another critic's, or belong to the other half.
    for (const glyph of arrows) {
      const visible = told.shown.includes("force") && !shown()
      if (glyph.visible !== visible) { glyph.setv({visible}, {sync: false}) }
    }
    lab.over.repaint()
  })

  // How far the shown phase has come, 0 to 1; what moves is in place for its last fifth.
  const progress = () => {
    if (still.matches) { return 1 }
    const whole = 800 * phase.seconds
    const part = Math.min((performance.now() - since) / whole, 1)
    if (part < 1) { lab.over.repaint() }
    return 1 - (1 - part) ** 3
  }
  lab.over.painters.push((context, place) => {
    if (!shown() || now.recalled !== null) { return }
    const points = lab.picture.anatomy
    const side = context.canvas.clientWidth
    context.globalAlpha = 0.55
    context.fillStyle = lab.over.colour("page")
    context.fillRect(0, 0, side, side)
    context.globalAlpha = 1
    PAINT[phase.at](brush(lab, context, place), points, progress())
  })
}

// The few marks that the phases are painted with; places are in the window's coordinates.
function brush(lab, context, place) {
  const colour = lab.over.colour
  const circle = (path, x, y, r) => {
    path.moveTo(x + r, y)
    path.arc(x, y, r, 0, 7)
  }
  const triangle = (path, x, y, r) => {
    path.moveTo(x, y - 1.25 * r)
    path.lineTo(x + 1.1 * r, y + 0.75 * r)
    path.lineTo(x - 1.1 * r, y + 0.75 * r)
    path.closePath()
  }
  const mark = (side, x, y, r, fill, alpha = 1) => {
    const path = new Path2D()
    const [left, top] = place(x, y)
    const draw = side === "real" ? circle : triangle
    draw(path, left, top, r)
    context.globalAlpha = alpha
    context.lineJoin = "round"
    context.strokeStyle = colour(fill ? side : "halo")
    context.lineWidth = fill ? 1.8 : 1.6
    context.fillStyle = fill ?? colour(side)
    context.stroke(path)
    context.fill(path)
    if (fill) { context.stroke(path) }
    context.globalAlpha = 1
  }
  const arrow = (x0, y0, x1, y1, token, part, head) => {
    const [left, top] = place(x0, y0)
    const [right, foot] = place(x1, y1)
    const [dx, dy] = [part * (right - left), part * (foot - top)]
    const length = Math.hypot(dx, dy)
    if (length < 1) { return }
    const [ux, uy] = [dx / length, dy / length]
    const line = new Path2D()
    line.moveTo(left, top)
    line.lineTo(left + dx, top + dy)
    context.strokeStyle = colour("halo")
    context.lineWidth = 3.4
    context.stroke(line)
    context.strokeStyle = context.fillStyle = colour(token)
    context.lineWidth = 1.6
    context.stroke(line)
    const tip = new Path2D()
    tip.moveTo(left + dx + ux * 2, top + dy + uy * 2)
    tip.lineTo(left + dx - ux * head - uy * head / 2, top + dy - uy * head + ux * head / 2)
    tip.lineTo(left + dx - ux * head + uy * head / 2, top + dy - uy * head - ux * head / 2)
    tip.closePath()
    context.fill(tip)
  }
  const cross = (x, y, r) => {
    const [left, top] = place(x, y)
    const path = new Path2D()
    path.moveTo(left - r, top - r)
    path.lineTo(left + r, top + r)
    path.moveTo(left - r, top + r)
    path.lineTo(left + r, top - r)
    context.lineWidth = 1.4
    context.strokeStyle = colour("ink")
    context.stroke(path)
  }
  const text = (words, x, y, away) => {
    const [left, top] = place(x, y)
    context.font = "700 12px Roboto, sans-serif"
    context.textBaseline = "middle"
    const right = left + away + 40 > context.canvas.clientWidth
    context.textAlign = right ? "right" : "left"
    const at = right ? left - away : left + away
    context.lineWidth = 3.5
    context.lineJoin = "round"
    context.strokeStyle = colour("halo")
    context.strokeText(words, at, top)
    context.fillStyle = colour("ink")
    context.fillText(words, at, top)
  }
  // The critic's colour of a number between 0 and 1, as the surface has it.
  const ends = ["map-low", "map-middle", "map-high"].map((token) => {
    const code = colour(token).trim()
    return [1, 3, 5].map((k) => parseInt(code.slice(k, k + 2), 16))
  })
  const tint = (score) => {
    const place = 2 * Math.min(Math.max(score, 0), 1)
    const half = place < 1 ? 0 : 1
    const mixed = ends[half].map((low, k) => Math.round(low + (ends[half + 1][k] - low) * (place - half)))
    return `rgb(${mixed})`
  }
  return {mark, arrow, cross, text, tint}
}

const SIDES = ["real", "fake"]

// How each phase looks: (brush, points, how far it has come).
const PAINT = {
  sample: ({mark}, points, part) => {
    for (const side of SIDES) {
      const alpha = side === "fake" ? part : 1
      points[`${side}_x`].forEach((x, k) => mark(side, x, points[`${side}_y`][k], 4.5, null, alpha))
    }
  },
  score: ({mark, tint}, points, part) => {
    for (const side of SIDES) {
      points[`${side}_x`].forEach((x, k) => {
        mark(side, x, points[`${side}_y`][k], 4.5 + 2 * part, tint(0.5 + (points[`${side}_score`][k] - 0.5) * part))
      })
    }
  },
  loss: ({mark, text, tint}, points, part) => {
    const all = SIDES.flatMap((side) => Array.from(points[`${side}_x`], (x, k) => ({
      side, x, y: points[`${side}_y`][k], loss: points[`${side}_loss`][k], score: points[`${side}_score`][k],
    })))
    all.sort((one, other) => one.loss - other.loss)
    all.forEach(({side, x, y, score}, k) => {
      const large = k >= all.length - LARGEST
      mark(side, x, y, large ? 6.5 + 6 * part : 6.5 - 2 * part, tint(score), large ? 1 : 1 - 0.4 * part)
    })
    for (const {x, y, loss} of all.slice(-LARGEST)) {
      text(loss.toFixed(2).replace("-", "−"), x, y, 18)
    }
  },
  penalty: ({mark, cross, arrow}, points, part) => {
    for (const side of SIDES) {
      points[`${side}_x`].forEach((x, k) => mark(side, x, points[`${side}_y`][k], 3, null, 0.45))
    }
    points.point_x.forEach((x, k) => {
      const y = points.point_y[k]
      arrow(x, y, points.slope_x[k], points.slope_y[k], "ink", part, 5)
      cross(x, y, 3.5)
    })
  },
  push: ({mark, arrow}, points, part) => {
    points.from_x.forEach((x, k) => arrow(x, points.from_y[k], points.tip_x[k], points.tip_y[k], "push", part, 7))
    points.from_x.forEach((x, k) => mark("fake", x, points.from_y[k], 5))
  },
  move: ({mark, arrow}, points, part) => {
    points.from_x.forEach((x, k) => {
      const y = points.from_y[k]
      mark("fake", x, y, 4, null, 0.4)
      arrow(x, y, points.to_x[k], points.to_y[k], "push", part, 4)
    })
    points.from_x.forEach((x, k) => {
      const y = points.from_y[k]
      mark("fake", x + (points.to_x[k] - x) * part, y + (points.to_y[k] - y) * part, 5)
    })
  },
}
