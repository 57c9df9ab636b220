// A canvas over the arena, for what only the browser knows: ghosts, trails, probes, phases. Each
// painter is a function (context, place), called bottom to top whenever a picture was painted or
// `repaint` was called; `place(x, y)` turns data coordinates into pixels.

function overlay(lab, square) {
  const canvas = lab.node("canvas", "overlay", square)
  canvas.setAttribute("aria-hidden", "true")
  const painters = []
  let asked = false
  const figure = lab.doc.get_model_by_name("arena")
  const extent = () => [figure.x_range.start, figure.x_range.end, figure.y_range.start, figure.y_range.end]
  const place = (x, y) => {
    const [x0, x1, y0, y1] = extent()
    const side = square.clientWidth
    return [(x - x0) / (x1 - x0) * side, (y1 - y) / (y1 - y0) * side]
  }
  // The other way round: the data coordinates under a mouse event.
  const under = (event) => {
    const [x0, x1, y0, y1] = extent()
    const box = square.getBoundingClientRect()
    return [x0 + (event.clientX - box.left) / box.width * (x1 - x0), y1 - (event.clientY - box.top) / box.height * (y1 - y0)]
  }
  const paintOn = (context) => {
    for (const painter of painters) {
      context.save()
      painter(context, place)
      context.restore()
    }
  }
  const paint = () => {
    asked = false
    const side = square.clientWidth
    const dense = window.devicePixelRatio || 1
    if (canvas.width !== Math.round(side * dense)) {
      canvas.width = canvas.height = Math.round(side * dense)
    }
    const context = canvas.getContext("2d")
    context.setTransform(dense, 0, 0, dense, 0, 0)
    context.clearRect(0, 0, side, side)
    paintOn(context)
  }
  const repaint = () => {
    if (!asked && painters.length) {
      asked = true
      requestAnimationFrame(paint)
    }
  }
  const colour = (token) => getComputedStyle(document.documentElement).getPropertyValue(`--${token}`)
  return {canvas, figure, painters, paintOn, repaint, place, under, extent, colour}
}
