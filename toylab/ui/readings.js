// The charts: a card round each figure, one cursor through all of them. Pressed, it takes the
// sample grids to that step; with Shift it chooses a part of the x axis.
const GUTTER = 40, RIGHT = 10 // pixels beside a figure's frame

function readings(page, parent) {
  const {model, view} = page
  const root = made("div", {class: "charts"})
  const tip = made("div", {class: "tip", hidden: ""})
  const hint = "Drag over a chart: the grids of that step. With Shift: a part of the run; double click: all of it again."
  parent.append(root, made("p", {class: "hint", text: hint}))
  root.append(tip)
  let logs = {}
  const figure = (card) => view.model.document.get_model_by_name(`curve-${card.number}`)

  const frame = (card) => {
    const {start, end} = figure(card).x_range
    const width = card.over.clientWidth - GUTTER - RIGHT
    return {
      pixel: (x) => GUTTER + (x - start) / (end - start) * width,
      x: (pixel) => start + Math.min(Math.max((pixel - GUTTER) / width, 0), 1) * (end - start),
    }
  }
  // {run: value} of a chart at x, or its newest ones; the raw numbers, where they are drawn.
  const valuesAt = (card, x) => {
    const {xs, ys} = figure(card).renderers[0].data_source.data
    const found = []
    card.told.lines.forEach((line, k) => {
      if (line.faint || !xs[k]?.length) { return }
      let best = xs[k].length - 1
      if (x !== null) {
        for (let i = best; i >= 0; i--) { if (Math.abs(xs[k][i] - x) < Math.abs(xs[k][best] - x)) { best = i } }
      }
      const y = ys[k][best]
      found.push({run: line.run, made: line.made, x: xs[k][best], y: card.told.log ? 10 ** y : y})
    })
    return found
  }
  const words = (x) => model.choice.axis === "time" ? clock(x) : model.choice.axis === "kimg" ? `${brief(x)} kimg` : `step ${count(Math.round(x))}`

  const summary = (card) => {
    const newest = valuesAt(card, null), shown = page.shown()
    const some = newest.slice(0, 4).map(({run, y}) => {
      const told = shown.find((other) => other.key === run)
      return told ? made("span", {}, swatch(told.slot), brief(y)) : ""
    })
    card.now.replaceChildren(...some)
    const said = newest.map(({run, y}) => `${shown.find((other) => other.key === run)?.name}: ${brief(y)}`).join(", ")
    card.over.setAttribute("aria-label", `${card.told.title}, newest values. ${said}`)
  }
  const hairs = (x) => {
    for (const card of drawn()) {
      card.hair.hidden = x === null
      if (x !== null) { card.hair.style.left = `${Math.round(frame(card).pixel(x))}px` }
    }
  }
  page.marked = (step) => {
    const on = step !== null && (model.choice.axis ?? "step") === "step"
    for (const card of drawn()) {
      const left = on ? frame(card).pixel(step) : 0
      card.stand.hidden = !on || left < GUTTER - 1 || left > card.over.clientWidth - RIGHT + 1
      card.stand.style.left = `${Math.round(left)}px`
    }
  }
  const explain = (card, event, x) => {
    const shown = page.shown()
    const rows = valuesAt(card, x).map(({run, made: how, x: at, y}) => {
      const told = shown.find((other) => other.key === run)
      return made("div", {class: "value"}, ...(told ? [swatch(told.slot)] : []), made("b", {text: brief(y)}),
        made("span", {text: ` ${told?.name ?? ""} · ${words(at)}`}), ...(how ? [made("small", {text: how})] : []))
    })
    tip.replaceChildren(made("div", {class: "at", text: words(x)}), ...rows)
    tip.hidden = false
    const bounds = root.getBoundingClientRect()
    const left = event.clientX - bounds.left, top = event.clientY - bounds.top
    const free = root.clientWidth - tip.offsetWidth - 4
    const beside = left + 16 > free ? left - tip.offsetWidth - 16 : left + 16
    tip.style.left = `${Math.max(0, Math.min(beside, free))}px`
    tip.style.top = `${Math.max(0, top - tip.offsetHeight / 2)}px`
  }
  const quiet = () => { hairs(null); tip.hidden = true }

  const hand = (card) => {
    const {over, band} = card
    let from = null, zooming = false
    const x = (event) => frame(card).x(event.offsetX)
    over.onpointermove = (event) => {
      hairs(x(event))
      if (from !== null && zooming) {
        const [a, b] = [from, event.offsetX].sort((p, q) => p - q)
        Object.assign(band.style, {left: `${a}px`, width: `${b - a}px`})
        band.hidden = false
        tip.hidden = true
        return
      }
      explain(card, event, x(event))
      if (from !== null) { scrub(x(event)) }
    }
    over.onpointerdown = (event) => {
      if (event.button !== 0) { return }
      over.setPointerCapture(event.pointerId)
      from = event.offsetX
      zooming = event.shiftKey
      if (!zooming) { scrub(x(event)) }
    }
    over.onpointerup = (event) => {
      if (zooming && Math.abs(event.offsetX - from) > 4) {
        page.choose({window: [frame(card).x(from), x(event)].sort((a, b) => a - b)})
      }
      from = null
      band.hidden = true
    }
    over.onpointerleave = quiet
    over.ondblclick = () => page.choose({window: null})
  }
  const scrub = (to) => { if ((model.choice.axis ?? "step") === "step") { page.look(Math.round(to)) } }

  const cards = model.get_child("plots").map((child, number) => {
    const title = made("h2"), now = made("span", {class: "now"}), beyond = made("span", {class: "beyond"})
    const log = made("button", {class: "log", text: "log", title: "Logarithmic axis"})
    const warning = made("p", {class: "warning"})
    const hair = made("i", {class: "hair", hidden: ""}), stand = made("i", {class: "stand", hidden: ""})
    const band = made("i", {class: "band", hidden: ""})
    const over = made("div", {class: "over", role: "img"}, hair, stand, band)
    child.inert = true // the hand is the page's own
    const node = made("section", {class: "card", hidden: ""}, made("header", {}, title, beyond, now, log), warning, made("div", {class: "plot"}, child, over))
    const one = {number, root: node, title, now, beyond, log, warning, hair, stand, band, over, told: null}
    log.onclick = () => {
      logs = {...logs, [one.told.name]: !one.told.log}
      page.choose({logs})
    }
    hand(one)
    root.append(node)
    return one
  })
  const drawn = () => cards.filter((card) => card.told !== null)
  const fill = () => {
    cards.forEach((one, place) => {
      const told = one.told = model.charts[place] ?? null
      one.root.hidden = told === null
      if (told === null) { return }
      say(one.title, told.title)
      one.title.title = told.means
      say(one.beyond, told.beyond ? `▲ ${count(told.beyond)}` : "")
      one.beyond.title = told.beyond ? `${count(told.beyond)} drawn points lie outside of the axis` : ""
      one.log.setAttribute("aria-pressed", String(told.log))
      one.log.setAttribute("aria-label", `Logarithmic axis of ${told.title}`)
      say(one.warning, told.warning)
      one.warning.hidden = !told.warning
      summary(one)
    })
    page.marked(page.sheetAt?.() ?? null)
  }
  model.on("charts", fill)
  model.on("runs", fill)
  fill()
}
