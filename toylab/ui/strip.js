// The strip under the caption: the past and the way back from it, why the run has stopped, what to
// try next, or the invitation to press Play. In slow motion it belongs to the phases.

function strip(lab) {
  const root = lab.node("div", "says", lab.strip)
  const line = lab.node("p", "", root)
  const buttons = lab.node("div", "chips", root)
  const chip = (name, label, icon, command) => {
    const button = lab.node("button", `chip ${name}`, buttons, `${icon ? lab.icon(icon) : ""}<span>${label}</span>`)
    button.id = `toylab-${name}`
    button.onclick = () => lab.send(command)
  }
  let shown = null
  lab.state((now) => {
    const past = now.recalled !== null
    const told = past
      ? {line: now.playing ? "The run goes on meanwhile." : "The run waits where it was.", past}
      : {line: now.tried ?? now.stopped ?? now.invite, chips: now.chips, tried: now.tried}
    root.hidden = !past && (!!now.phase || !told.line && !now.chips.length)
    const key = JSON.stringify(told)
    if (key === shown) { return }
    shown = key
    line.textContent = told.line ?? ""
    line.hidden = !told.line
    root.dataset.invite = !!now.invite && !past
    buttons.replaceChildren()
    if (past) {
      chip("earlier", "Earlier", "chevron_left", {do: "back"})
      chip("later", "Later", "chevron_right", {do: "step"})
      chip("live", "LIVE", "", {do: "live"})
    } else if (told.tried) {
      chip("put-back", "Put it back", "undo", {do: "put_back"})
    } else {
      for (const [name, label] of now.chips) { chip(`try-${name}`, label, "", {do: "try", chip: name}) }
    }
  })
}

// What the server cannot know: that nothing may move by itself, or that somebody was here before.
function arrival(lab) {
  const asked = new URLSearchParams(location.search)
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches || navigator.connection?.saveData
  const left = localStorage.getItem("toylab-visit")
  if (left !== null && !location.search) {
    lab.send({do: "visit", address: left})
  } else if (still && !asked.has("play")) {
    lab.send({do: "still"})
  }
  lab.state((now) => {
    if (now.met) { localStorage.setItem("toylab-visit", now.share?.address ?? "") }
  })
}
