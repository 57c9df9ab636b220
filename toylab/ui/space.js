// Data in space, in three linked views: the cloud, turned by dragging; the arena, which looks
// straight at the data's sheet; and the sheet unrolled, seen from its edge. All three show the same
// fakes: the one under the pointer is enlarged everywhere.

const START = {turn: 35, tilt: 38} // degrees: around the sheet's normal, and up from its edge
const PATCHES = 16
const TITLES = {
  cloud: ["The cloud", "drag to turn"],
  sheet: ["Looking straight at the sheet", ""],
  edge: ["Unrolled, seen from the edge", "0° to 360°; up and down: off the sheet"],
}

function space(lab, cell, square) {
  const panes = {}
  for (const name in TITLES) {
    const pane = lab.node("section", `view ${name}`, cell)
    const title = lab.node("button", "title", pane, `<b></b><span></span>`)
    title.title = "Large, and small again"
    title.onclick = () => { big = big === name ? "" : name; lab.fitted() }
    panes[name] = {pane, title, body: lab.node("div", "body", pane)}
  }
  const scale = lab.node("p", "heights", panes.edge.pane, `<span>on the sheet</span><i></i><span></span>`)
  const turns = lab.node("p", "turns", panes.cloud.pane, `<button>Face it</button><button>Edge on</button>`)
  const hint = lab.node("p", "hint", panes.cloud.pane, `<span></span><button aria-label="Dismiss">${lab.icon("close")}</button>`)
  const canvas = {
    cloud: lab.node("canvas", "drawn", panes.cloud.body),
    edge: lab.node("canvas", "drawn", panes.edge.body),
  }
  for (const name in canvas) {
    canvas[name].setAttribute("role", "img")
    canvas[name].setAttribute("aria-label", TITLES[name][0])
  }
  canvas.cloud.tabIndex = 0
  let about = null, big = "", eye = {...START}, over = -1

  // ------------------------------------------------------------------ geometry

  const radians = (degrees) => degrees * Math.PI / 180
  // (a, b, h) -> (right, up, near) as the eye sees it, in data units about the sheet's middle.
  const seen = (a, b, h) => {
    const {turn, tilt} = eye
    const [cos, sin] = [Math.cos(radians(turn)), Math.sin(radians(turn))]
    const [rise, lie] = [Math.sin(radians(tilt)), Math.cos(radians(tilt))]
    const right = a * cos - b * sin, back = a * sin + b * cos
    return [right, back * rise + h * lie, h * rise - back * lie]
  }
  // (a, b, h) -> (along, h): the angle around the ring in 0..1, or the place along the axis.
  const unrolled = (a, b) => {
    const [x, y] = [a - about.centre[0], b - about.centre[1]]
    const [p, q] = about.along
    const along = x * p + y * q
    if (!about.ring) { return (along / about.reach + 1) / 2 }
    const angle = Math.atan2(y * p - x * q, along) / (2 * Math.PI)
    return angle < 0 ? angle + 1 : angle
  }

  // ------------------------------------------------------------------ drawing

  const context = (element) => {
    const dense = window.devicePixelRatio || 1
    const {clientWidth: width, clientHeight: height} = element
    if (element.width !== Math.round(width * dense) || element.height !== Math.round(height * dense)) {
      element.width = Math.round(width * dense)
      element.height = Math.round(height * dense)
    }
    const made = element.getContext("2d")
    made.setTransform(dense, 0, 0, dense, 0, 0)
    made.clearRect(0, 0, width, height)
    return [made, width, height]
  }
  const hex = (code) => typeof code === "number" ? `#${(code >>> 8).toString(16).padStart(6, "0")}` : code
  const shadeOf = () => Array.from(lab.doc.get_model_by_name("shades").palette, hex)
  const tint = (near, far, part) => `color-mix(in oklab, ${far} ${Math.round(100 * Math.min(part, 1))}%, ${near})`
  // 33 tints from on the sheet to far off it; the browser mixes, `colours` remembers.
  let mixed = {key: "", tints: []}
  const tints = () => {
    const [near, far] = [lab.over.colour("fake"), lab.over.colour("sheet")]
    if (mixed.key !== near + far) {
      mixed = {key: near + far, tints: Array.from({length: 33}, (_, k) => tint(near, far, k / 32))}
    }
    return mixed.tints
  }
  const tintOf = (height) => tints()[Math.round(32 * Math.min(Math.abs(height) / (about.height / 2), 1))]
  const mark = (to, real, x, y, size, fill, halo) => {
    to.beginPath()
    if (real) {
      to.arc(x, y, size / 2, 0, 2 * Math.PI)
    } else {
      const r = size / 1.6
      to.moveTo(x, y - r)
      to.lineTo(x + 0.87 * r, y + r / 2)
      to.lineTo(x - 0.87 * r, y + r / 2)
      to.closePath()
    }
    to.fillStyle = fill
    to.fill()
    to.strokeStyle = halo
    to.lineWidth = 0.8
    to.stroke()
  }
  const stem = (to, x, y, footX, footY, colour, strong) => {
    to.beginPath()
    to.moveTo(x, y)
    to.lineTo(footX, footY)
    to.strokeStyle = colour
    to.lineWidth = strong ? 2 : 0.8
    to.stroke()
  }

  const floor = (to, place) => {
    const surface = lab.shades.surface
    if (!surface) { return }
    const colours = shadeOf()
    const [x0, x1, y0, y1] = lab.over.extent()
    const at = (i, j) => place(x0 + (x1 - x0) * i / PATCHES, y0 + (y1 - y0) * j / PATCHES, 0)
    for (let j = 0; j < PATCHES; j++) {
      for (let i = 0; i < PATCHES; i++) {
        const row = Math.floor((j + 0.5) / PATCHES * surface.rows)
        const column = Math.floor((i + 0.5) / PATCHES * surface.columns)
        to.fillStyle = to.strokeStyle = colours[surface.values[row * surface.columns + column]]
        to.beginPath()
        for (const [di, dj] of [[0, 0], [1, 0], [1, 1], [0, 1]]) { to.lineTo(...at(i + di, j + dj)) }
        to.closePath()
        to.fill()
        to.lineWidth = 0.5
        to.stroke() // no seams between neighbours
      }
    }
    to.beginPath()
    for (const [i, j] of [[0, 0], [PATCHES, 0], [PATCHES, PATCHES], [0, PATCHES]]) { to.lineTo(...at(i, j)) }
    to.closePath()
    to.strokeStyle = lab.over.colour("ink3")
    to.lineWidth = 1.2
    to.stroke()
  }

  let shown = {cloud: [], edge: []} // places of the fakes in each view, for the pointer
  const cloud = ([to, width, height] = context(canvas.cloud)) => {
    const [x0, x1, y0, y1] = lab.over.extent()
    const [middleX, middleY] = [(x0 + x1) / 2, (y0 + y1) / 2]
    const unit = Math.min(width, height) / ((x1 - x0) * 1.22)
    const place = (a, b, h) => {
      const [right, up] = seen(a - middleX, b - middleY, h)
      return [width / 2 + right * unit, height / 2 - up * unit]
    }
    const halo = lab.over.colour("halo"), ink = lab.over.colour("ink"), blue = lab.over.colour("real")
    const points = []
    const collect = (columns, real) => {
      for (let k = 0; k < (columns?.a?.length ?? 0); k++) {
        const [a, b, h] = [columns.a[k], columns.b[k], columns.height[k]]
        const near = seen(a - middleX, b - middleY, h)[2]
        points.push({real, k, a, b, h, near})
      }
    }
    const on = JSON.parse(lab.beat.state).layers ?? []
    if (on.includes("real")) { collect(lab.picture.real3, true) }
    if (on.includes("fake")) { collect(lab.picture.fake3, false) }
    points.sort((one, other) => one.near - other.near)
    const reach = Math.max(x1 - x0, y1 - y0)
    const draw = ({real, k, a, b, h, near}) => {
      const [x, y] = place(a, b, h)
      const size = 6 + 2 * near / reach
      const chosen = !real && k === over
      if (!real && (Math.abs(h) > 3 * (about.std ?? 0) || chosen)) {
        stem(to, x, y, ...place(a, b, 0), chosen ? ink : tintOf(h), chosen)
      }
      mark(to, real, x, y, chosen ? 12 : size, real ? blue : tintOf(h), halo)
      if (!real) { shown.cloud[k] = [x, y] }
    }
    shown.cloud = []
    const above = eye.tilt >= 0 ? 1 : -1 // which side of the sheet the eye is on
    if (on.includes("surface")) { floor(to, place) }
    to.globalAlpha = 0.45 // beyond the sheet: as through glass
    points.filter(({h}) => h * above < 0).forEach(draw)
    to.globalAlpha = 0.92
    points.filter(({h}) => h * above >= 0).forEach(draw)
  }

  const picture = document.createElement("canvas")
  const edge = ([to, width, height] = context(canvas.edge)) => {
    const {values, rows, columns} = lab.shades.edge ?? {}
    const on = JSON.parse(lab.beat.state).layers ?? []
    if (values && on.includes("surface")) {
      const colours = shadeOf().map((code) => [1, 3, 5].map((from) => parseInt(code.slice(from, from + 2), 16)))
      picture.width = columns
      picture.height = rows
      const pixels = new ImageData(columns, rows)
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          pixels.data.set([...colours[values[(rows - 1 - row) * columns + column]], 255], 4 * (row * columns + column))
        }
      }
      picture.getContext("2d").putImageData(pixels, 0, 0)
      to.imageSmoothingEnabled = true
      to.drawImage(picture, 0, 0, width, height)
    }
    const place = (a, b, h) => [unrolled(a, b) * width, height / 2 * (1 - h / about.height)]
    to.strokeStyle = lab.over.colour("ink2")
    to.setLineDash([5, 4])
    to.lineWidth = 1.2
    to.beginPath()
    to.moveTo(0, height / 2)
    to.lineTo(width, height / 2)
    to.stroke()
    to.setLineDash([])
    const halo = lab.over.colour("halo"), ink = lab.over.colour("ink"), blue = lab.over.colour("real")
    shown.edge = []
    if (on.includes("real")) {
      const {a, b, height: h} = lab.picture.real3 ?? {a: []}
      for (let k = 0; k < a.length; k++) { mark(to, true, ...place(a[k], b[k], h[k]), 6, blue, halo) }
    }
    if (on.includes("fake")) {
      const {a, b, height: h} = lab.picture.fake3 ?? {a: []}
      for (let k = 0; k < a.length; k++) {
        const [x, y] = place(a[k], b[k], h[k])
        const inside = Math.min(Math.max(y, 5), height - 5) // beyond the view: at its border
        const chosen = k === over
        if (Math.abs(h[k]) > 3 * (about.std ?? 0) || chosen) {
          stem(to, x, inside, x, height / 2, chosen ? ink : tintOf(h[k]), chosen)
        }
        mark(to, false, x, inside, chosen ? 12 : 7, tintOf(h[k]), halo)
        shown.edge[k] = [x, inside]
      }
    }
  }

  let asked = false
  const draw = () => {
    if (!about || asked) { return }
    asked = true
    requestAnimationFrame(() => {
      asked = false
      if (!about || !lab.picture.fake3) { return }
      if (canvas.cloud.clientWidth > 20) { cloud() }
      if (canvas.edge.clientWidth > 20) { edge() }
    })
  }
  // In the arena itself the one under the pointer is enlarged on the overlay.
  lab.over.painters.push((to, place) => {
    draw()
    const {fake} = lab.picture
    if (!about || over < 0 || !fake || over >= fake.x.length) { return }
    mark(to, false, ...place(fake.x[over], fake.y[over]), 12, tintOf(fake.height[over]), lab.over.colour("ink"))
  })

  // ------------------------------------------------------------------ hands

  const pick = (name, x, y) => {
    const places = name === "sheet"
      ? Array.from(lab.picture.fake?.x ?? [], (at, k) => lab.over.place(at, lab.picture.fake.y[k]))
      : shown[name]
    let best = -1, least = 10 * 10
    places.forEach((at, k) => {
      const far = (at[0] - x) ** 2 + (at[1] - y) ** 2
      if (far < least) { best = k; least = far }
    })
    if (best !== over) {
      over = best
      lab.over.repaint()
    }
  }
  const follow = (name, element) => {
    element.addEventListener("pointermove", (event) => {
      const box = element.getBoundingClientRect()
      if (about && !event.buttons) { pick(name, event.clientX - box.left, event.clientY - box.top) }
    })
    element.addEventListener("pointerleave", () => {
      if (over >= 0) { over = -1; lab.over.repaint() }
    })
  }
  follow("cloud", canvas.cloud)
  follow("edge", canvas.edge)
  follow("sheet", square)
  canvas.cloud.addEventListener("pointerdown", (event) => {
    canvas.cloud.setPointerCapture(event.pointerId)
    event.preventDefault()
  })
  const turned = (turn, tilt) => {
    eye = {turn: ((turn % 360) + 360) % 360, tilt: Math.min(Math.max(tilt, -90), 90)}
    canvas.cloud.dataset.turn = Math.round(eye.turn)
    canvas.cloud.dataset.tilt = Math.round(eye.tilt)
    draw()
  }
  canvas.cloud.addEventListener("pointermove", (event) => {
    if (event.buttons) { turned(eye.turn - 0.5 * event.movementX, eye.tilt + 0.5 * event.movementY) }
  })
  canvas.cloud.addEventListener("dblclick", () => turned(START.turn, START.tilt))
  canvas.cloud.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: [5, 0], ArrowRight: [-5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5]}[event.key]
    if (!step) { return }
    turned(eye.turn + step[0], eye.tilt + step[1])
    event.preventDefault()
  })
  const calm = matchMedia("(prefers-reduced-motion: reduce)")
  const glide = (turn, tilt) => {
    const from = {...eye}, began = performance.now()
    // The shorter way round.
    const round = ((turn - from.turn + 540) % 360) - 180
    const move = () => {
      const part = calm.matches ? 1 : Math.min((performance.now() - began) / 400, 1)
      const eased = part * part * (3 - 2 * part)
      turned(from.turn + round * eased, from.tilt + (tilt - from.tilt) * eased)
      if (part < 1) { requestAnimationFrame(move) }
    }
    move()
  }
  const [face, side] = turns.querySelectorAll("button")
  face.onclick = () => glide(0, 90)
  side.onclick = () => glide(START.turn, 0)
  hint.querySelector("button").onclick = () => {
    localStorage.setItem("toylab-space-hint", "seen")
    hint.hidden = true
  }

  let was = ""
  lab.state((now) => {
    about = now.space ?? null
    cell.dataset.space = about ? "yes" : "no"
    hint.hidden = !now.hint || localStorage.getItem("toylab-space-hint") === "seen"
    hint.firstChild.textContent = now.hint ?? ""
    const key = JSON.stringify(about)
    if (key !== was) {
      was = key
      if (!about) { big = "" }
      for (const name in TITLES) {
        const [title, small] = TITLES[name]
        const plain = name === "edge" && about && !about.ring
        panes[name].title.firstChild.textContent = plain ? "Seen from the edge" : title
        panes[name].title.lastChild.textContent = plain ? "along the longest axis; up, down: off the sheet" : small
      }
      if (about) { scale.lastChild.textContent = `${+(about.height / 2).toPrecision(2)} off` }
      turned(eye.turn, eye.tilt)
      lab.fitted()
    }
    draw()
  })

  // The side of the arena's square within the whole one; in space the views share it.
  const place = (whole) => {
    cell.style.setProperty("--whole", `${whole}px`)
    cell.dataset.big = about ? big : ""
    if (!about) {
      if (square.parentNode !== cell) { cell.prepend(square) }
      return whole
    }
    const {body} = panes.sheet
    if (square.parentNode !== body) { body.append(square) }
    draw()
    const bar = panes.sheet.title.offsetHeight
    if (big === "sheet") { return whole - bar }
    return Math.floor(big ? 140 : (whole - 8) / 2)
  }
  // The views beside the arena as they are on the screen: title, element, and what paints it.
  const others = () => about ? [
    {title: panes.cloud.title, element: canvas.cloud, paint: cloud},
    {title: panes.edge.title, element: canvas.edge, paint: edge},
  ].filter(({element}) => element.clientWidth > 20) : []
  return {place, others, title: panes.sheet.title}
}
