// A canvas over the arena, for what only the browser knows: rings that close, trails, probes,
// ghosts, phases. A painter is a function (context, place), called whenever a picture was painted or
// `repaint` was called; `place(x, y)` turns data coordinates into pixels. A painter with a name has
// its place in the order, and its looks, from the table of marks; others lie under them.

function overlay(lab, square, marks) {
  const canvas = lab.node("canvas", "overlay", square)
  canvas.setAttribute("aria-hidden", "true")
  const painters = [], named = []
  let asked = false
  const figure = lab.doc.get_model_by_name("arena")
  const extent = () => [figure.x_range.start, figure.x_range.end, figure.y_range.start, figure.y_range.end]
  const side = () => figure.width // what the page gave it: asking the element would lay the page out
  const place = (x, y) => {
    const [x0, x1, y0, y1] = extent()
    return [(x - x0) / (x1 - x0) * side(), (y1 - y) / (y1 - y0) * side()]
  }
  // The other way round: the data coordinates under a mouse event.
  const under = (event) => {
    const [x0, x1, y0, y1] = extent()
    const box = square.getBoundingClientRect()
    return [x0 + (event.clientX - box.left) / box.width * (x1 - x0), y1 - (event.clientY - box.top) / box.height * (y1 - y0)]
  }
  const add = (name, painter) => {
    const {level} = marks[name]
    const at = named.findIndex((other) => other.level > level)
    named.splice(at < 0 ? named.length : at, 0, {name, level, painter})
  }
  const paintOn = (context) => {
    for (const painter of [...painters, ...named.map((each) => each.painter)]) {
      context.save()
      painter(context, place)
      context.restore()
    }
  }
  const paint = () => {
    asked = false
    const dense = window.devicePixelRatio || 1
    if (canvas.width !== Math.round(side() * dense)) {
      canvas.width = canvas.height = Math.round(side() * dense)
    }
    const context = canvas.getContext("2d")
    context.setTransform(dense, 0, 0, dense, 0, 0)
    context.clearRect(0, 0, side(), side())
    paintOn(context)
  }
  const repaint = () => {
    if (!asked) {
      asked = true
      requestAnimationFrame(paint)
    }
  }
  let theme = null, colours = {}
  const colour = (token) => {
    const now = document.documentElement.dataset.theme
    if (theme !== now) { theme = now; colours = {} }
    return colours[token] ||= getComputedStyle(document.documentElement).getPropertyValue(`--${token}`)
  }

  // ---------------------------------------------------------------- layers as they are shown

  const seen = {shown: [], lifted: null, alone: null}
  lab.state(({shown, lifted, alone}) => { Object.assign(seen, {shown, lifted, alone}); repaint() })
  const shows = (layer) => seen.shown.includes(layer)
  // A row of the table for a context: colour, width, dash, and an alpha that knows what is lifted.
  const dress = (context, name, part = 1) => {
    const {layer, token, width, alpha, dash} = marks[name]
    const dim = seen.lifted && layer !== seen.lifted && layer !== "axes" && layer !== "probe" ? 0.25 : 1
    context.strokeStyle = context.fillStyle = colour(token)
    context.lineWidth = width ?? 1
    context.globalAlpha = alpha * dim * part
    context.setLineDash(dash ? [dash, dash] : [])
    return marks[name]
  }
  // A triangle as Bokeh draws it; `turn` 0 points up.
  const triangle = (context, x, y, size, turn = 0) => {
    const h = size * Math.sqrt(3) / 2
    context.save()
    context.translate(x, y)
    context.rotate(turn)
    context.beginPath()
    context.moveTo(-size / 2, h / 3)
    context.lineTo(size / 2, h / 3)
    context.lineTo(0, -2 * h / 3)
    context.closePath()
    context.restore()
  }
  return {canvas, figure, painters, marks, add, named, paintOn, repaint, place, under, extent, side, colour, shows, seen, dress, triangle}
}

const calm = matchMedia("(prefers-reduced-motion: reduce)")

// Calls move(0 … 1) until it has been called with 1; at once where motion is to be reduced. What
// moves while pictures come is moved `every` so many milliseconds: every frame costs the training.
function ease(milliseconds, move, every = 0) {
  const began = performance.now()
  let stopped = false
  const go = () => {
    if (stopped) { return }
    const part = calm.matches ? 1 : Math.min((performance.now() - began) / milliseconds, 1)
    move(part * part * (3 - 2 * part))
    if (part < 1) { every ? setTimeout(go, every) : requestAnimationFrame(go) }
  }
  go()
  return () => { stopped = true }
}
