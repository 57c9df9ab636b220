// The top bar's buttons. Each one writes one command into the beat; what they show comes from it.

const BUTTONS = [
  ["reset", "replay", "Start again with the same seed: the same run"],
  ["seed", "casino", "Start again with a new seed"],
  ["toggle", "play_arrow", "Play or pause (space)"],
  ["step", "skip_next", "One step ( . )"],
]
const HOLD = 500 // ms of a long press

function transport(lab, parent) {
  const {send} = lab
  const root = lab.node("div", "transport", parent)
  root.setAttribute("role", "toolbar")
  root.setAttribute("aria-label", "Training")

  let playing = false // what the button shows: a press means the other, however late it is heard
  const toggle = () => send({do: "toggle", play: !playing})
  lab.key(" ", "Play or pause", toggle)
  lab.key(".", "One step; in slow motion one phase; in the past one moment forth", () => send({do: "step"}))
  lab.key(",", "Back to the last recorded moment", () => send({do: "back"}))
  const buttons = {}
  for (const [name, icon, label] of BUTTONS) {
    const button = lab.node("button", name, root, lab.icon(icon))
    button.id = `toylab-${name === "step" ? "step-once" : name}`
    button.title = label
    button.setAttribute("aria-label", label)
    button.onclick = () => send({do: name})
    buttons[name] = button
  }
  buttons.toggle.onclick = toggle
  const steps = stepMenu(lab, root)
  let held = null
  let long = false
  buttons.step.onpointerdown = () => {
    long = false
    held = setTimeout(() => {
      long = true
      steps.showPopover()
    }, HOLD)
  }
  buttons.step.onpointerup = buttons.step.onpointerleave = () => clearTimeout(held)
  buttons.step.onclick = () => { if (!long) { send({do: "step"}) } }
  for (const [who, key, word, full] of [["critic", "d", "Critic", "critic (discriminator)"], ["generator", "g", "Gen.", "generator"]]) {
    const button = lab.node("button", "only", root, `${word} <b>${key.toUpperCase()}</b>`)
    button.id = `toylab-only-${who}`
    button.title = `One step of the ${full} alone (${key})`
    button.setAttribute("aria-label", button.title)
    button.onclick = () => send({do: "step", who})
    lab.key(key, `One step of the ${full} alone`, button.onclick)
  }

  const dial = lab.node("label", "dial", root, `<span>Pace <output id="toylab-pace-words"></output></span>
    <input id="toylab-pace" type="range" min="0" step="1" aria-label="Pace">`)
  dial.title = "Steps a second ( [ and ] ). Up to 5 every single step is drawn, up to 1 in its phases"
  const range = dial.querySelector("input")
  range.oninput = () => send({do: "pace", at: +range.value})
  stopMenu(lab, root)

  const counter = lab.node("div", "counter", root, `<b id="toylab-step">0</b><span>step</span>`)
  const rates = lab.node("div", "rates", root, `<span id="toylab-steps-rate"></span><span id="toylab-pictures-rate"></span>`)
  const speed = lab.node("span", "speed", rates)
  speed.id = "toylab-speed"

  lab.words((said) => {
    counter.firstChild.textContent = said.step.toLocaleString("en-US")
    counter.dataset.recorded = said.recorded
    rates.firstChild.textContent = said.steps_rate
    rates.children[1].textContent = said.pictures_rate
  })
  let stopped = null
  let outlined = false
  lab.state((now) => {
    playing = now.playing
    const name = playing ? "Pause (space)" : "Play (space)"
    buttons.toggle.firstChild.textContent = playing ? "pause" : "play_arrow"
    buttons.toggle.title = name
    buttons.toggle.setAttribute("aria-label", name)
    buttons.toggle.dataset.playing = playing
    buttons.toggle.dataset.invite = !!now.invite
    if (now.stopped && !stopped && !outlined) {
      outlined = true // once: it says where to go on
      buttons.toggle.dataset.outlined = "yes"
    }
    stopped = now.stopped
    speed.textContent = now.speed.label
    speed.title = now.speed.words
    range.max = now.notches
    if (lab.focused() !== range) { range.value = now.notch }
    range.setAttribute("aria-valuetext", now.pace_words)
    dial.style.setProperty("--at", `${range.value / now.notches * 100}%`)
    dial.querySelector("output").textContent = now.pace_words
  })
  lab.key("[", "Slower", () => send({do: "faster", by: -1}))
  lab.key("]", "Faster", () => send({do: "faster", by: 1}))
  lab.key("Ctrl+z", "Take back the last change, with the state before it", () => send({do: "undo"}))
  lab.key("Ctrl+Shift+z", "Bring the newer run back", () => send({do: "redo"}))
  lab.transport = {recall: (step) => send({do: "recall", step}), live: () => send({do: "live"})}
}

// Undo stands with the icons at the right end, which are there after the bar.
function undoing(lab) {
  const button = lab.action("undo", "undo", "Take back the last change (Ctrl+Z)", () => lab.send({do: "undo"}))
  lab.state((now) => { button.disabled = !now.undo })
}

function stepMenu(lab, root) {
  const {send} = lab
  const more = lab.node("button", "more", root, lab.icon("expand_more"))
  more.id = "toylab-step-more"
  more.title = "More steps at once"
  more.setAttribute("aria-label", more.title)
  const sheet = menu(lab, more, "steps", `<h2>Steps at once</h2>
    <p><button data-count="1">1</button><button data-count="10">10</button><button data-count="100">100</button></p>
    <form><input type="number" min="1" max="1000000" step="1" value="1000" aria-label="How many steps"><button>Step</button></form>
    <p class="narrow"><button data-who="critic">Critic alone</button><button data-who="generator">Generator alone</button>
    <button data-new="seed">New seed</button></p>`)
  sheet.setAttribute("aria-label", "Steps at once")
  const close = () => sheet.hidePopover()
  for (const button of sheet.querySelectorAll("p button")) {
    const {count, who} = button.dataset
    button.onclick = () => {
      send(button.dataset.new ? {do: "seed"} : {do: "step", count: +(count ?? 1), who: who ?? "both"})
      close()
    }
  }
  sheet.querySelector("form").onsubmit = (event) => {
    event.preventDefault()
    send({do: "step", count: +sheet.querySelector("input").value})
    close()
  }
  return sheet
}
