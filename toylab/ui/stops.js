// When the run is to pause by itself: three rules with a number each; one more holds always.

const RULES = [
  ["step", "at step", 1, 4000, 1],
  ["found", "when all clusters were found for", 1, 300, 1, "steps"],
  ["idle", "after", 60, 10, 0.5, "minutes without a hand"],
]

function stopMenu(lab, root) {
  const button = lab.node("button", "stops", root, lab.icon("timer"))
  button.id = "toylab-stops"
  const sheet = menu(lab, button, "stop", `<h2>Stop by itself</h2>
    ${RULES.map(([name, words,, usual, step, unit]) => `<div class="rule"><label><input type="checkbox" name="${name}">${words}</label>
      <input type="number" min="${step}" step="${step}" value="${usual}" name="${name}-number" aria-label="${words} … ${unit ?? ""}">
      <span>${unit ?? ""}</span></div>`).join("")}
    <p>always when a number is no longer finite</p>`)
  sheet.setAttribute("aria-label", "Stop by itself")
  const field = (name) => sheet.querySelector(`[name="${name}"]`)
  sheet.onchange = (event) => {
    if (event.target.name.endsWith("-number")) { field(event.target.name.replace("-number", "")).checked = true }
    const told = {do: "stops"}
    for (const [name,, scale] of RULES) {
      const number = +field(`${name}-number`).value * scale
      told[name] = field(name).checked && number > 0 ? number : null
    }
    lab.send(told)
  }
  lab.state((now) => {
    const set = []
    for (const [name, words, scale,,, unit] of RULES) {
      const value = now.stops[name] ?? null
      if (value !== null) { set.push(`${words} ${value / scale}${unit ? ` ${unit}` : ""}`) }
      if (sheet.matches(":popover-open")) { continue } // the hand's
      field(name).checked = value !== null
      if (value !== null) { field(`${name}-number`).value = value / scale }
    }
    const lacking = !now.clusters
    field("found").disabled = field("found-number").disabled = lacking
    field("found").closest("div").title = lacking ? "These data have no clusters" : ""
    button.dataset.set = ["step", "found"].some((name) => now.stops[name] != null)
    button.title = set.length ? `Stops by itself ${set.join(", ")}` : "Stop by itself"
    button.setAttribute("aria-label", button.title)
  })
}
