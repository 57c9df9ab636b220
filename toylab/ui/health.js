// Health: a line each, with an icon, a sentence and a number; pressed it says why, and takes the
// page to the step since when.

const LEVELS = {ok: ["check_circle", "fine"], warn: ["warning", "warning"], bad: ["error", "bad"]}

function health(lab, parent) {
  const list = lab.node("div", "health-lines", parent)
  const rows = new Map()
  const lines = new Map()
  let layers = []
  lab.state((now) => { layers = now.layers })
  // To the step since when; where clusters are missing the arrows say whether a push leads there.
  const visit = (line) => {
    if (line.name === "clusters" && !layers.includes("force")) { lab.send({do: "layer", name: "force"}) }
    if (line.level !== "ok" && line.since !== null) { lab.send({do: "recall", step: line.since}) }
  }
  const row = (name) => {
    const button = lab.node("button", "line", list,
      `<span class="icon" aria-hidden="true"></span><span class="spoken"></span><span class="text"></span><span class="value"></span>`)
    const reason = lab.node("p", "reason", list)
    reason.hidden = true
    reason.id = `toylab-reason-${name}`
    button.id = `toylab-health-${name}`
    button.setAttribute("aria-controls", reason.id)
    const open = (is) => {
      for (const other of rows.values()) {
        other.reason.hidden = other.button !== button || !is
        other.button.setAttribute("aria-expanded", !other.reason.hidden)
      }
    }
    button.onclick = () => {
      const opens = reason.hidden
      open(opens)
      if (opens) { visit(lines.get(name)) }
    }
    button.setAttribute("aria-expanded", false)
    return {button, reason}
  }
  lab.words((said) => {
    parent.hidden = !said.health?.length
    for (const line of said.health ?? []) {
      if (!rows.has(line.name)) { rows.set(line.name, row(line.name)) }
      lines.set(line.name, line)
      const {button, reason} = rows.get(line.name)
      const key = JSON.stringify(line)
      if (button.dataset.key === key) { continue }
      button.dataset.key = key
      button.dataset.level = line.level
      const [icon, word] = LEVELS[line.level]
      const fine = line.level === "ok"
      const why = line.reason && `${line.reason[0].toUpperCase()}${line.reason.slice(1)}. `
      const since = line.since === null ? "" : `${fine ? "Fine since" : "Since"} step ${line.since.toLocaleString("en-US")}.`
      button.children[0].textContent = icon
      button.children[1].textContent = `${word}: `
      button.children[2].textContent = line.text
      button.children[3].textContent = line.value
      reason.textContent = `${why}${since}`
      button.title = fine ? reason.textContent : `${reason.textContent} Press to see it there.`
    }
    for (const [name, {button, reason}] of rows) {
      const stays = (said.health ?? []).some((line) => line.name === name)
      button.hidden = !stays
      if (!stays) { reason.hidden = true }
    }
  })
}
