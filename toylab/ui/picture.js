// What is on the screen, painted once more: sharper, in vectors, or on paper. Bokeh paints its
// figures itself, on a layer of pixels or of SVG; the overlay and the views in space follow on it.

// Waits until the numbers on the page and the marks in the arena belong to one step.
async function settled(lab) {
  const frame = () => new Promise((done) => requestAnimationFrame(done))
  do { await frame() } while (JSON.parse(lab.beat.words).step !== window.toylab.step)
}

// A figure on a layer of its own. Bokeh paints pixels at the density of the screen, which is
// therefore another one for the length of this call.
function painted(figure, kind, scale) {
  const own = Object.getOwnPropertyDescriptor(window, "devicePixelRatio")
  const dense = scale * window.devicePixelRatio
  Object.defineProperty(window, "devicePixelRatio", {value: dense, configurable: true})
  try {
    return window.Bokeh.index.find_one(figure).export(kind === "svg" ? "svg" : "png", true)
  } finally {
    Object.defineProperty(window, "devicePixelRatio", own)
  }
}

// The arena on a layer of `kind` "canvas" or "svg"; in space with the two views beside it.
function arenaLayer(lab, square, kind, scale) {
  const {CanvasLayer} = window.Bokeh.require("core/util/canvas")
  const dense = kind === "svg" ? 1 : scale * window.devicePixelRatio
  const made = ({width, height}) => {
    const layer = new CanvasLayer(kind, false)
    layer.resize(Math.round(width * dense), Math.round(height * dense))
    layer.ctx.scale(dense, dense)
    return layer
  }
  const arena = {title: lab.views.title, element: square, layer: painted(lab.over.figure, kind, scale)}
  arena.layer.ctx.setTransform(dense, 0, 0, dense, 0, 0)
  lab.over.paintOn(arena.layer.ctx)
  const others = lab.views.others()
  if (!others.length) { return arena.layer }

  const box = ({element}) => element.getBoundingClientRect()
  const views = [arena, ...others].sort((one, other) => box(other).width * box(other).height - box(one).width * box(one).height)
  const whole = square.closest(".cell").getBoundingClientRect()
  const all = made(whole)
  const {ctx} = all
  ctx.fillStyle = lab.over.colour("page")
  ctx.fillRect(0, 0, whole.width, whole.height)
  for (const {title, element, layer, paint} of views) {
    const {left, top, width, height} = element.getBoundingClientRect()
    const [x, y] = [left - whole.left, top - whole.top]
    const name = title.getBoundingClientRect()
    const view = layer ?? made({width, height})
    paint?.([view.ctx, width, height])
    ctx.fillStyle = lab.over.colour("panel")
    ctx.fillRect(x, name.top - whole.top, width, height + top - name.top)
    ctx.save()
    ctx.beginPath()
    ctx.rect(x, y, width, height)
    ctx.clip()
    ctx.drawImage(view.canvas, x, y, width, height)
    ctx.restore()
    ctx.font = "700 13px Roboto, sans-serif"
    ctx.fillStyle = lab.over.colour("ink")
    ctx.textBaseline = "middle"
    ctx.fillText(title.firstChild.textContent, x + 6, (name.top + name.bottom) / 2 - whole.top)
  }
  return all
}

// SVG as text. Programs that draw do not know CSS's mixed colours: each becomes a plain one.
function vectors(layer) {
  const spot = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
  const plain = new Map()
  return layer.ctx.get_serialized_svg(true).replace(/color-mix\([^"]*\)/g, (mixed) => {
    if (!plain.has(mixed)) {
      spot.fillStyle = mixed
      spot.fillRect(0, 0, 1, 1)
      plain.set(mixed, `rgb(${spot.getImageData(0, 0, 1, 1).data.slice(0, 3).join()})`)
    }
    return plain.get(mixed)
  })
}
