// The last step's ghosts: where each fake was, and the way it went. Only where every step is drawn,
// and only of one step: the way of thirty would be no step's.

function ghosts(lab) {
  const still = matchMedia("(prefers-reduced-motion: reduce)")
  let now = {step: null}
  let before = null
  let said = {}
  let slow = false
  let shown = false
  lab.words((told) => { said = told })
  lab.state((told) => {
    slow = told.slow
    shown = told.shown.includes("fake")
    lab.over.repaint()
  })
  const triangle = (context, x, y) => {
    context.moveTo(x, y - 4)
    context.lineTo(x + 3.5, y + 2.5)
    context.lineTo(x - 3.5, y + 2.5)
    context.closePath()
  }
  lab.over.painters.push((context, place) => {
    const fake = lab.picture.fake
    if (said.step !== now.step || said.recorded !== now.recorded) {
      // A fast run that is paused has no step that somebody watched.
      const follows = said.watched && said.step === now.step + 1 && !said.recorded && fake !== now.fake
      before = follows ? now.fake : null
      now = {step: said.step, fake, recorded: said.recorded}
    }
    if (!before || !slow || !shown || still.matches || lab.phased()) { return }
    context.strokeStyle = lab.over.colour("push")
    context.fillStyle = lab.over.colour("fake")
    context.lineWidth = 1.2
    const ways = new Path2D()
    const marks = new Path2D()
    for (let k = 0; k < before.x.length; k += 1) {
      const [x0, y0] = place(before.x[k], before.y[k])
      const [x1, y1] = place(fake.x[k], fake.y[k])
      triangle(marks, x0, y0)
      if (Math.hypot(x1 - x0, y1 - y0) > 1) {
        ways.moveTo(x0, y0)
        ways.lineTo(x1, y1)
      }
    }
    context.globalAlpha = 0.4
    context.fill(marks)
    context.globalAlpha = 0.7
    context.stroke(ways)
  })
}
