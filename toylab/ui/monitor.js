// The monitor's page: runs at the left, their grids and charts beside them.
const AXES = [["step", "Step"], ["kimg", "kimg"], ["time", "Time"]]
const PARTS = [[null, "All"], [0.5, "Last half"], [0.1, "Last tenth"]]
const SMOOTH = [[0, "Raw"], [0.02, "Smooth"], [0.1, "Smoother"]]

function segments(label, rows, chosen, choose) {
  const root = made("div", {class: "segments", role: "group", "aria-label": label})
  const buttons = rows.map(([value, text]) => {
    const button = made("button", {text})
    button.onclick = () => choose(value)
    root.append(button)
    return [value, button]
  })
  root.show = () => { for (const [value, button] of buttons) { button.setAttribute("aria-pressed", String(value === chosen())) } }
  root.show()
  return root
}

export function render({model, view}) {
  document.head.append(made("style", {text: model.css}))
  document.documentElement.lang = "en"
  const doc = view.model.document
  const heard = performance.now()
  let since = heard
  const page = {
    model, view,
    // What is said before the server has heard that the page is ready never gets there.
    ready: (tell) => { if (doc.is_idle) { tell() } else { doc.idle.connect(() => setTimeout(tell)) } },
    now: () => model.clock + (performance.now() - since) / 1000,
    shown: () => model.runs.filter((run) => run.slot !== null),
    summary: made("p", {class: "summary", role: "status"}),
    marked: () => {},
  }
  model.on("clock", () => { since = performance.now() })
  page.choose = (some) => page.ready(() => {
    model.choice = {...model.choice, ...some}
    groups.forEach((group) => group.show())
    page.marked(page.sheetAt())
  })
  page.pick = (key) => {
    const keys = page.shown().map((run) => run.key)
    const shown = keys.includes(key) ? keys.filter((other) => other !== key) : [...keys, key]
    if (shown.length > MOST_SHOWN) {
      page.told.textContent = `${MOST_SHOWN} runs at most stand side by side: hide one first.`
      return
    }
    const address = new URL(location)
    address.searchParams.set("shown", model.runs.filter((run) => shown.includes(run.key)).map((run) => run.name).join(","))
    history.replaceState(null, "", address)
    page.choose({shown})
  }
  const groups = [
    segments("Horizontal axis", AXES, () => model.choice.axis ?? "step", (axis) => page.choose({axis, window: null})),
    segments("Part of the run", PARTS, () => model.choice.window ?? null, (part) => page.choose({window: part})),
    segments("Smoothing", SMOOTH, () => model.choice.smooth ?? 0, (smooth) => page.choose({smooth})),
  ]
  const theme = made("button", {class: "action"}, made("span", {class: "icon"}))
  const top = made("header", {class: "top"}, made("h1", {}, "toy", made("b", {text: "lab"}), made("span", {text: "runs"})), page.summary, ...groups, theme)
  page.told = made("p", {class: "trouble", role: "status"})
  const side = made("aside", {class: "side", "aria-label": "Runs and their settings"})
  const work = made("div", {class: "work"})
  const large = made("dialog", {class: "large", "aria-label": "Sample grid"})
  const body = made("div", {class: "body"}, side, work)
  const root = made("div", {class: "overview"}, top, page.told, body, large)
  page.enlarge = (image, words) => {
    const copy = made("img", {src: image.src, alt: words})
    const close = made("button", {class: "action", "aria-label": "Close"}, made("span", {class: "icon", text: "close"}))
    close.onclick = () => large.close()
    large.replaceChildren(made("header", {}, made("span", {text: words}), close), copy)
    const room = Math.min(innerWidth - 60, innerHeight - 110), factor = room / Math.max(image.naturalWidth, image.naturalHeight)
    const by = factor >= 1 ? Math.floor(factor) : factor
    copy.style.width = `${Math.round(image.naturalWidth * by)}px`
    copy.style.imageRendering = factor >= 1 ? "pixelated" : "auto"
    large.showModal()
  }
  large.addEventListener("click", (event) => { if (event.target === large) { large.close() } })
  const named = new URLSearchParams(location.search).get("shown")
  runList(page, side)
  settingsTable(page, side)
  sheets(page, work)
  readings(page, work)
  const trouble = () => {
    say(page.told, model.trouble.join("\n"))
    page.told.hidden = !model.trouble.length
  }
  model.on("trouble", trouble)
  trouble()
  const empty = () => { body.hidden = !model.runs.length } // nothing to slide or to drag over
  model.on("runs", empty)
  empty()
  wipes(doc)
  themes({beat: {set dark(dark) { page.ready(() => { model.dark = dark }) }}}, theme)
  if (named !== null) { page.choose({shown: named.split(",").filter(Boolean)}) }
  const seen = () => page.ready(() => { model.awake = !document.hidden })
  document.addEventListener("visibilitychange", seen)
  seen()
  return root
}
