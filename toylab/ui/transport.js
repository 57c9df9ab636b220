// The top bar's buttons. Each one writes one command into the beat; what they show comes from it.

const BUTTONS = [
  ["reset", "replay", "Start again with the same seed (same run)"],
  ["seed", "casino", "Start again with a new seed"],
  ["toggle", "play_arrow", "Play or pause (space)"],
  ["step", "skip_next", "One step ( . )"],
]

export function render({model, view, el}) {
  const beat = view.model.document.get_model_by_name("beat")
  const send = (message) => { beat.command = JSON.stringify({...message, n: performance.now()}) }
  const root = document.createElement("div")
  root.className = "transport"
  root.setAttribute("role", "toolbar")
  root.setAttribute("aria-label", "Training")

  const buttons = {}
  for (const [name, icon, label] of BUTTONS) {
    const button = document.createElement("button")
    button.id = `toylab-${name === "step" ? "step-once" : name}`
    button.className = name
    button.title = label
    button.setAttribute("aria-label", label)
    button.innerHTML = `<span class="icon" aria-hidden="true">${icon}</span>`
    button.onclick = () => send({do: name})
    buttons[name] = button
    root.append(button)
  }

  const dial = document.createElement("label")
  dial.className = "dial"
  dial.title = "Steps a second; up to 5 every single step is drawn"
  dial.innerHTML = `<span>Pace <output id="toylab-pace-words"></output></span>
    <input id="toylab-pace" type="range" min="0" max="100" step="1" aria-label="Pace">`
  const range = dial.querySelector("input")
  range.oninput = () => send({do: "pace", at: +range.value})
  root.append(dial)

  const counter = document.createElement("div")
  counter.className = "counter"
  counter.innerHTML = `<b id="toylab-step">0</b><span>step</span>`
  const rates = document.createElement("div")
  rates.className = "rates"
  rates.innerHTML = `<span id="toylab-steps-rate"></span><span id="toylab-pictures-rate"></span>`
  root.append(counter, rates)

  const words = () => {
    const said = JSON.parse(beat.words)
    if (said.step == null) { return }
    counter.firstChild.textContent = said.step.toLocaleString("en-US")
    rates.firstChild.textContent = said.steps_rate
    rates.lastChild.textContent = said.pictures_rate
  }
  const state = () => {
    const now = JSON.parse(beat.state)
    if (now.playing == null) { return }
    const name = now.playing ? "Pause (space)" : "Play (space)"
    buttons.toggle.firstChild.textContent = now.playing ? "pause" : "play_arrow"
    buttons.toggle.title = name
    buttons.toggle.setAttribute("aria-label", name)
    buttons.toggle.dataset.playing = now.playing
    if (view.shadow_el?.activeElement !== range) { range.value = now.notch }
    range.setAttribute("aria-valuetext", now.pace_words)
    dial.style.setProperty("--at", `${range.value}%`)
    dial.querySelector("output").textContent = now.pace_words
  }
  beat.properties.words.change.connect(words)
  beat.properties.state.change.connect(state)
  words()
  state()
  return root
}
