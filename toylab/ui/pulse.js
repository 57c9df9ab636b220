// The rhythm of pictures. One counts as painted one animation frame after it came; only then comes
// the next one. Where motion is to be reduced it comes a quarter of a second later.

const CALM = 250 // ms

function pulse(lab, paint) {
  const {beat, doc} = lab
  // What tests and measurements read: steps drawn in order, pictures painted, the step shown.
  const told = window.toylab = {
    drawn: [], painted: 0, step: null,
    state: () => JSON.parse(beat.state),
    words: () => JSON.parse(beat.words),
    seed: () => JSON.parse(beat.state).seed,
    figure: () => doc.get_model_by_name("arena"),
    picture: () => lab.picture,
    recall: (step) => lab.transport.recall(step),
    marks: () => lab.charts.marks,
    charts: () => lab.charts,
  }
  const still = matchMedia("(prefers-reduced-motion: reduce)")
  lab.words((said) => {
    lab.over.repaint() // in the same animation frame: a second one would cost half as much again
    requestAnimationFrame(() => {
      paint(said)
      if (told.step !== said.step) {
        told.drawn.push(said.step)
        if (told.drawn.length > 200) { told.drawn.shift() }
      }
      told.step = said.step
      told.painted += 1
      const acknowledge = () => { beat.ack = Math.max(said.picture, beat.ack) }
      if (still.matches) { setTimeout(acknowledge, CALM) } else { acknowledge() }
    })
  })
  const seen = () => { beat.visible = !document.hidden }
  document.addEventListener("visibilitychange", seen)
  seen()
}

// Theme: the system's, unless someone chose; what was chosen is remembered on this machine.
function themes(lab, button) {
  const {beat} = lab
  const system = matchMedia("(prefers-color-scheme: dark)")
  const chosen = () => localStorage.getItem("toylab-theme")
  const apply = () => {
    const dark = chosen() ? chosen() === "dark" : system.matches
    document.documentElement.dataset.theme = dark ? "dark" : "light"
    beat.dark = dark
    const words = dark ? "Light colours" : "Dark colours"
    button.title = words
    button.setAttribute("aria-label", words)
    button.firstChild.textContent = dark ? "light_mode" : "dark_mode"
  }
  system.addEventListener("change", apply)
  button.onclick = () => {
    const dark = document.documentElement.dataset.theme === "dark"
    localStorage.setItem("toylab-theme", dark ? "light" : "dark")
    apply()
  }
  apply()
}

// Bokeh clears its canvas half a pixel beside it: the outermost row and column would keep the
// colours of the theme before.
function wipes(doc) {
  doc.on_change(({attr, model}) => {
    if (attr !== "border_fill_color") { return }
    const layer = window.Bokeh.index.find_one(model)?.canvas_view.primary
    layer?.undo_transform((context) => context.clearRect(0, 0, layer.canvas.width, layer.canvas.height))
  })
}
