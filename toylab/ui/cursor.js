// One cursor for all charts: over one of them it shows where its step lies in all, and what every
// curve was then. Pressed, it takes the page to that step of the recording.

const NEAR_MARK = 5 // pixels

function cursor(lab, slots) {
  let step = null // under the mouse
  let recorded = null // the step that the page looks at, where that is not the newest
  let pressed = null

  // Where the frame of a slot lies in its plot: pixels of a step, and back.
  const frame = (slot) => {
    const {figure, told} = slot
    const left = figure.min_border_left
    const width = figure.width - left - figure.min_border_right
    const [low, high] = told().x
    return {
      left, width,
      pixel: (at) => left + (at - low) / (high - low) * width,
      step: (pixel) => low + Math.min(Math.max((pixel - left) / width, 0), 1) * (high - low),
    }
  }
  const timed = (slot) => slot.told() && slot.told().card !== "histogram"

  // The row of what is drawn that is nearest to a step.
  const nearest = (x, at) => {
    let best = -1
    for (let k = 0; k < x.length; k++) {
      if (best < 0 || Math.abs(x[k] - at) <= Math.abs(x[best] - at)) { best = k }
    }
    return best
  }
  const valuesAt = (slot, at) => {
    const {raw} = slot.told()
    const row = nearest(raw.x, at)
    const value = (curve) => slot.card.log ? 10 ** raw[curve][row] : raw[curve][row]
    return row < 0 ? null : slot.card.curves.map((_, k) => value(k ? "second" : "first"))
  }

  const show = () => {
    for (const slot of slots) {
      const on = !slot.root.hidden && timed(slot)
      const lines = [[slot.hair, pressed ? null : step], [slot.stand, recorded]]
      for (const [line, at] of lines) {
        line.hidden = !on || at === null
        if (!line.hidden) { line.style.left = `${Math.round(frame(slot).pixel(at))}px` }
      }
      if (on) { slot.value(step === null || pressed ? null : valuesAt(slot, step), (at) => valuesAt(slot, at)) }
      slot.root.dataset.past = step !== null && !pressed
    }
  }

  const tell = (slot, event) => {
    const at = frame(slot).pixel
    const mark = lab.charts.marks.filter(([x]) => Math.abs(at(x) - event.offsetX) < NEAR_MARK).pop()
    slot.tip.hidden = step === null || pressed !== null
    slot.tip.textContent = mark ? mark[1] : `step ${Math.round(step).toLocaleString("en-US")}`
    slot.tip.dataset.mark = Boolean(mark)
    const free = slot.plot.clientWidth - slot.tip.offsetWidth
    slot.tip.style.left = `${Math.min(Math.max(event.offsetX - slot.tip.offsetWidth / 2, 0), free)}px`
  }

  // At most one command a picture of the browser: a drag has hundreds of places.
  let asked = null
  const scrub = (to) => {
    if (asked === null) {
      requestAnimationFrame(() => {
        lab.send({do: "recall", step: asked})
        asked = null
      })
    }
    asked = Math.round(to)
  }

  for (const slot of slots) {
    const over = slot.plot.querySelector(".over")
    const follow = (event) => {
      if (!timed(slot)) { return }
      const {raw} = slot.told()
      const row = nearest(raw.x, frame(slot).step(event.offsetX))
      step = row < 0 ? null : raw.x[row]
      if (pressed === slot && step !== null) { scrub(step) }
      show()
      tell(slot, event)
    }
    const leave = () => {
      step = null
      slot.tip.hidden = true
      show()
    }
    over.addEventListener("pointermove", follow)
    over.addEventListener("pointerleave", leave)
    over.addEventListener("pointerdown", (event) => {
      if (event.button || !timed(slot)) { return }
      over.setPointerCapture(event.pointerId)
      pressed = slot
      follow(event)
    })
    const release = () => {
      pressed = null
      show()
    }
    over.addEventListener("pointerup", release)
    over.addEventListener("pointercancel", release)
  }
  lab.words((said) => {
    recorded = said.recorded ? said.step : null
    show()
  })
  lab.charts.listen(show)
}
