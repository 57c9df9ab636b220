// The latents of the shown fakes, small: where each fake comes from. It opens by itself in slow
// motion and with a lasso, and with its key; a drag in it is a lasso.

function inset(lab, parent) {
  const {over, individuals: them} = lab
  const SIDE = 132
  const box = lab.node("figure", "inset", parent, `<figcaption>Latents <span></span></figcaption><canvas></canvas>`)
  box.id = "toylab-inset"
  const canvas = box.querySelector("canvas")
  canvas.setAttribute("role", "img")
  canvas.setAttribute("aria-label", "The latents of the 500 shown fakes")
  const source = lab.doc.get_model_by_name("latent")
  let wanted = null, automatic = false, slow = false, path = null, asked = false
  const watching = []

  const points = () => {
    const {x, y} = source.data
    let reach = 1
    for (let k = 0; k < x.length; k++) { reach = Math.max(reach, Math.abs(x[k]), Math.abs(y[k])) }
    const scale = (SIDE / 2 - 6) / reach
    // Latents of one number lie on a line: spread a little, so that each can be seen.
    const flat = !y.some((value) => value !== 0)
    return Array.from(x, (at, k) => [SIDE / 2 + scale * at, SIDE / 2 - (flat ? 24 * (k * 0.618 % 1 - 0.5) : scale * y[k])])
  }
  const paint = () => {
    asked = false
    if (box.hidden) { return }
    const dense = window.devicePixelRatio || 1
    canvas.width = canvas.height = SIDE * dense
    const context = canvas.getContext("2d")
    context.setTransform(dense, 0, 0, dense, 0, 0)
    const places = points()
    const some = them.chosen.size > 0
    const mark = (k, size, alpha, ring) => {
      context.globalAlpha = alpha
      context.fillStyle = over.colour("fake")
      over.triangle(context, ...places[k], size)
      context.fill()
      if (ring) {
        context.strokeStyle = over.colour("ink")
        context.lineWidth = 1.2
        context.stroke()
      }
    }
    context.strokeStyle = over.colour("line")
    context.beginPath()
    context.moveTo(SIDE / 2, 6)
    context.lineTo(SIDE / 2, SIDE - 6)
    context.moveTo(6, SIDE / 2)
    context.lineTo(SIDE - 6, SIDE / 2)
    context.stroke()
    places.forEach((at, k) => { if (!them.chosen.has(k)) { mark(k, 5, some ? 0.25 : 0.85) } })
    them.chosen.forEach((k) => { if (k < places.length) { mark(k, 6, 1) } })
    if (them.trails && !some) { TRAILED.forEach((k) => { if (k < places.length) { mark(k, 7, 1, true) } }) }
    if (them.pointed >= 0 && them.pointed < places.length) { mark(them.pointed, 11, 1, true) }
    if (path) {
      over.dress(context, "lasso")
      outline(context, path)
    }
  }
  const show = () => {
    const now = slow || them.lassoing || them.chosen.size > 0
    if (now !== automatic) { automatic = now; wanted = null } // what was said by key holds until then
    box.hidden = !(wanted ?? automatic)
    watching.forEach((hear) => hear())
    box.querySelector("span").textContent = them.chosen.size ? `${them.chosen.size} chosen` : "drag to choose"
    if (!asked) { asked = true; requestAnimationFrame(paint) }
  }

  const at = (event) => {
    const frame = canvas.getBoundingClientRect()
    return [(event.clientX - frame.left) / frame.width * SIDE, (event.clientY - frame.top) / frame.height * SIDE]
  }
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId)
    path = [at(event)]
    event.preventDefault()
  }
  canvas.onpointermove = (event) => {
    if (path) { path.push(at(event)); show(); return }
    const [x, y] = at(event)
    let best = -1, least = 64
    points().forEach(([left, top], k) => {
      const far = (left - x) ** 2 + (top - y) ** 2
      if (far < least) { best = k; least = far }
    })
    them.point(best)
  }
  canvas.onpointerup = () => {
    if (!path) { return }
    const drawn = path
    path = null
    const inside = points().flatMap(([x, y], k) => within(drawn, x, y) ? [k] : [])
    them.choose(drawn.length < 4 ? [] : inside)
  }
  canvas.onpointercancel = () => { path = null; show() }
  canvas.onpointerleave = () => { if (!path) { them.point(-1) } }

  them.listen(show)
  source.properties.data.change.connect(() => { them.choose([]); show() })
  lab.state((now) => { slow = now.pace > 0 && now.pace <= 1; show() })
  new MutationObserver(show).observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]})
  const toggle = () => { wanted = box.hidden; show() }
  lab.key("z", "Latents of the fakes", toggle)
  return {toggle, watch: (hear) => { watching.push(hear); hear() }, shown: () => !box.hidden}
}
