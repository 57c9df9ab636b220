// The right rail: a card a chart, its title, the values of now, and a key of its curves.

const CHARTS = [
  ["clusters", "Clusters found", []],
  ["losses", "Losses", [["ink", "critic"], ["fake dashed", "generator"]]],
  ["says", "Critic says “real” to", [["real", "real"], ["fake dashed", "fakes"]]],
]

function rail(lab, parent, child) {
  const cards = {}
  for (const [name, title, keys] of CHARTS) {
    const card = lab.node("section", "card", parent)
    card.id = `toylab-chart-${name}`
    lab.node("h2", "", card, `${title}<output></output>`)
    const key = keys.map(([look, word]) => `<span class="key ${look}">${word}</span>`).join("")
    if (key) { lab.node("p", "keys", card, key) }
    const plot = lab.node("div", "plot", card)
    plot.append(child(name))
    cards[name] = {card, plot, value: card.querySelector("output")}
  }
  lab.words((said) => {
    for (const name in cards) { cards[name].value.textContent = said[name] ?? "" }
    cards.says.card.querySelector("h2").firstChild.textContent = said.says_title
  })
  lab.state((now) => { parent.dataset.clusters = now.clusters ? "yes" : "no" })
  lab.fit(parent, () => {
    for (const name in cards) {
      const figure = lab.doc.get_model_by_name(`chart-${name}`)
      const {clientWidth: width, clientHeight: height} = cards[name].plot
      if (width > 60 && height > 40) { figure.setv({width, height}) }
    }
  })
}
