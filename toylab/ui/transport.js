// The top bar's buttons. Each one writes one command into the beat; what they show comes from it.

const BUTTONS = [
  ["reset", "replay", "Start again with the same seed (same run)"],
  ["seed", "casino", "Start again with a new seed"],
  ["toggle", "play_arrow", "Play or pause (space)"],
  ["step", "skip_next", "One step ( . )"],
]

function transport(lab, parent) {
  const {send} = lab
  const root = lab.node("div", "transport", parent)
  root.setAttribute("role", "toolbar")
  root.setAttribute("aria-label", "Training")

  const buttons = {}
  for (const [name, icon, label] of BUTTONS) {
    const button = lab.node("button", name, root, lab.icon(icon))
    button.id = `toylab-${name === "step" ? "step-once" : name}`
    button.title = label
    button.setAttribute("aria-label", label)
    button.onclick = () => send({do: name})
    buttons[name] = button
  }

  const dial = lab.node("label", "dial", root, `<span>Pace <output id="toylab-pace-words"></output></span>
    <input id="toylab-pace" type="range" min="0" max="100" step="1" aria-label="Pace">`)
  dial.title = "Steps a second; up to 5 every single step is drawn"
  const range = dial.querySelector("input")
  range.oninput = () => send({do: "pace", at: +range.value})

  const counter = lab.node("div", "counter", root, `<b id="toylab-step">0</b><span>step</span>`)
  const rates = lab.node("div", "rates", root, `<span id="toylab-steps-rate"></span><span id="toylab-pictures-rate"></span>`)

  lab.words((said) => {
    counter.firstChild.textContent = said.step.toLocaleString("en-US")
    rates.firstChild.textContent = said.steps_rate
    rates.lastChild.textContent = said.pictures_rate
  })
  lab.state((now) => {
    const name = now.playing ? "Pause (space)" : "Play (space)"
    buttons.toggle.firstChild.textContent = now.playing ? "pause" : "play_arrow"
    buttons.toggle.title = name
    buttons.toggle.setAttribute("aria-label", name)
    buttons.toggle.dataset.playing = now.playing
    if (lab.focused() !== range) { range.value = now.notch }
    range.setAttribute("aria-valuetext", now.pace_words)
    dial.style.setProperty("--at", `${range.value}%`)
    dial.querySelector("output").textContent = now.pace_words
  })
  lab.key(" ", "Play or pause", () => send({do: "toggle"}))
  lab.key(".", "One step", () => send({do: "step"}))
}
