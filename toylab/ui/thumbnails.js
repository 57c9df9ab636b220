// Data sets as buttons that show their own points.

export function render({model, view}) {
  const beat = view.model.document.get_model_by_name("beat")
  const root = document.createElement("div")
  root.className = "thumbnails"
  root.setAttribute("role", "radiogroup")
  root.setAttribute("aria-label", "Data set")
  const buttons = {}
  for (const card of model.cards) {
    const button = document.createElement("button")
    button.id = `toylab-data-${card.name}`
    button.title = `${card.title}. ${card.doc}`
    button.setAttribute("role", "radio")
    button.setAttribute("aria-label", card.title)
    const dots = card.thumbnail.map(([x, y]) => `<circle cx="${18 + 13 * x}" cy="${18 - 13 * y}" r="1.1"/>`)
    button.innerHTML = `<svg viewBox="0 0 36 36" aria-hidden="true">${dots.join("")}</svg>`
    button.onclick = () => {
      beat.command = JSON.stringify({do: "set", field: "data", raw: card.name, n: performance.now()})
    }
    buttons[card.name] = button
    root.append(button)
  }
  const name = document.createElement("p")
  root.append(name)
  const mark = () => {
    for (const key in buttons) { buttons[key].setAttribute("aria-checked", key === model.value) }
    name.textContent = model.cards.find((card) => card.name === model.value)?.title ?? ""
  }
  model.on("value", mark)
  mark()
  return root
}
