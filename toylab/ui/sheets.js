// Sample grids side by side, at one step: the newest, until the slider is moved.
const REAL = -1
const HELD = 240 // pictures that the page keeps

function sheets(page, parent) {
  const {model} = page
  const row = made("div", {class: "sheets", role: "group", "aria-label": "Sample grids"})
  const slider = made("input", {type: "range", min: 0, max: 0, value: 0, "aria-label": "Step of the sample grids"})
  const where = made("output", {class: "where"})
  const live = made("button", {class: "live", title: "Follow the newest grids", "aria-pressed": "true", text: "newest"})
  const reals = made("button", {class: "reals", "aria-pressed": "false", text: "real images"})
  parent.append(row, made("div", {class: "steps"}, slider, where, live, reals))

  let at = null // the step that is looked at; null: the newest
  let steps = [] // at which any of the runs has a grid
  let asked = 0, open = null // number of the last request, and of the one without an answer
  const held = new Map() // "run|step" -> {address} or {problem}, the oldest first
  const boxes = new Map() // run, or "real " and the set -> its box
  const generations = {}

  const nearest = (key) => {
    const own = model.grids[key]?.steps ?? []
    if (at === null) { return own.at(-1) ?? null }
    return own.findLast((step) => step <= at) ?? own[0] ?? null
  }
  const side = (n) => { // beside each other, with 12 between and a frame of 1 around
    const room = Math.floor((row.clientWidth + 12) / Math.max(n, 1)) - 14
    return Math.max(132, Math.min(n > 6 ? 184 : 288, room))
  }
  // Whole pixels: enlarged by a whole factor, or made smaller smoothly.
  const scaled = (image, room) => {
    const {naturalWidth: width, naturalHeight: height} = image
    const factor = room / Math.max(width, height, 1)
    const by = factor >= 1 ? Math.floor(factor) : factor
    image.style.width = `${Math.round(width * by)}px`
    image.style.height = `${Math.round(height * by)}px`
    image.style.imageRendering = factor >= 1 ? "pixelated" : "auto"
  }
  const box = (name, head) => {
    if (!boxes.has(name)) {
      const image = made("img", {alt: "", decoding: "sync"}), told = made("figcaption")
      const frame = made("button", {class: "frame", title: "Larger"}, image)
      const none = made("p", {class: "none"})
      const root = made("figure", {class: "sheet"}, told, frame, none)
      const one = {root, image, told, frame, none, key: null}
      image.onload = () => scaled(image, one.room)
      frame.onclick = () => page.enlarge(image, told.textContent)
      boxes.set(name, one)
    }
    const one = boxes.get(name)
    one.head = head
    return one
  }
  const paint = (one, key, words, room) => {
    one.room = room
    one.frame.style.width = one.frame.style.height = `${room + 2}px`
    one.root.style.width = `${room + 2}px`
    const got = key === null ? {problem: "no grid yet"} : held.get(key)
    if (!got) { return } // what is there stays until the new one has come
    if (key !== one.key || got.problem) {
      one.key = key
      one.frame.hidden = Boolean(got.problem)
      one.none.hidden = !got.problem
      one.none.style.height = `${room + 2}px`
      say(one.none, got.problem ?? "")
      if (got.address) { one.image.src = got.address }
      one.image.alt = words
      one.told.replaceChildren(...one.head(), made("span", {text: words}))
    } else if (one.image.complete) { scaled(one.image, room) }
  }
  const needed = () => {
    const list = page.shown().map((run) => [run.key, nearest(run.key)])
    if (reals.getAttribute("aria-pressed") === "true") {
      const sets = new Map(page.shown().map((run) => [model.grids[run.key]?.data ?? "", run.key]))
      list.unshift(...[...sets.values()].map((key) => [key, REAL]))
    }
    return list
  }
  const draw = () => {
    const list = needed(), room = side(list.length), runs = page.shown()
    row.style.setProperty("--side", `${room + 2}px`)
    const names = []
    for (const [key, step] of list) {
      const run = runs.find((other) => other.key === key)
      const name = step === REAL ? `real ${key}` : key
      const head = step === REAL ? () => [made("b", {text: "real images"})] : () => [swatch(run.slot), made("b", {text: run.name, title: run.name})]
      const one = box(name, head)
      names.push(name)
      if (one.slot !== run.slot) { one.key = null; one.slot = run.slot }
      paint(one, step === null ? null : `${key}|${step}`, step === REAL ? "" : `step ${count(step)}`, room)
    }
    for (const [name, one] of boxes) {
      if (!names.includes(name)) { one.root.remove(); boxes.delete(name) }
    }
    names.forEach((name, place) => {
      const {root} = boxes.get(name)
      if (row.children[place] !== root) { row.insertBefore(root, row.children[place] ?? null) }
    })
    ask(list)
  }
  // One request at a time: while a hand drags, only the newest wish is waiting.
  const ask = (list) => {
    const which = list.filter(([key, step]) => step !== null && !held.has(`${key}|${step}`))
    if (!which.length || open !== null || document.hidden) { return }
    open = asked += 1
    page.ready(() => { model.wanted = {n: open, which} })
  }
  const came = () => {
    const {n, got} = model.pictures
    if (n !== open) { return }
    open = null
    for (const [key, told] of Object.entries(got)) {
      held.delete(key)
      held.set(key, told)
    }
    while (held.size > HELD) { held.delete(held.keys().next().value) }
    draw()
  }
  const range = () => {
    for (const [key, told] of Object.entries(model.grids)) {
      if (generations[key] !== undefined && generations[key] !== told.generation) {
        for (const name of [...held.keys()].filter((name) => name.startsWith(`${key}|`))) { held.delete(name) }
        for (const name of [key, `real ${key}`]) { if (boxes.has(name)) { boxes.get(name).key = null } }
      }
      generations[key] = told.generation
    }
    steps = [...new Set(Object.values(model.grids).flatMap((told) => told.steps))].sort((a, b) => a - b)
    slider.max = Math.max(steps.length - 1, 0)
    slider.disabled = steps.length < 2
    place()
    draw()
  }
  const place = () => {
    const last = steps.length - 1
    const index = at === null ? last : Math.max(steps.findLastIndex((step) => step <= at), 0)
    slider.value = Math.max(index, 0)
    live.setAttribute("aria-pressed", String(at === null))
    const words = last < 0 ? "no grid yet" : `${at === null ? "newest, " : ""}step ${count(steps[index])}`
    say(where, words)
    slider.setAttribute("aria-valuetext", words)
    page.marked(at)
  }
  page.look = (step) => {
    at = step
    place()
    draw()
  }
  slider.oninput = () => page.look(steps[Number(slider.value)])
  live.onclick = () => page.look(null)
  reals.onclick = () => {
    reals.setAttribute("aria-pressed", String(reals.getAttribute("aria-pressed") !== "true"))
    draw()
  }
  new ResizeObserver(draw).observe(row)
  document.addEventListener("visibilitychange", draw)
  model.on("grids", range)
  model.on("runs", draw)
  model.on("pictures", came)
  page.sheetAt = () => at
  range()
}
