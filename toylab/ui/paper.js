// The run on one sheet of paper, laid out when the browser is about to print: canvases, because a
// picture that would have to be loaded first may come after the page was printed.

function paper(lab, root, square, caption) {
  const {doc, node} = lab
  const sheet = node("article", "paper", root)
  const fill = () => {
    const run = lab.sheet()
    sheet.replaceChildren()
    if (!run) { return }
    const title = node("h1", "", sheet)
    title.textContent = `${run.data}, step ${window.toylab.step.toLocaleString("en-US")}`
    const picture = arenaLayer(lab, square, "canvas", 2).canvas
    picture.removeAttribute("style")
    sheet.append(picture)
    node("p", "", sheet, caption.innerHTML)
    const charts = node("div", "charts", sheet)
    for (const card of root.querySelectorAll(".rail .card")) {
      if (!card.offsetParent) { continue }
      const cell = node("section", "", charts)
      const head = node("header", "", cell)
      head.append(...[...card.querySelectorAll("h2, output")].map((part) => part.cloneNode(true)))
      cell.append(card.querySelector(".keys").cloneNode(true))
      const curves = painted(doc.get_model_by_name(card.dataset.figure), "canvas", 2).canvas
      curves.removeAttribute("style")
      cell.append(curves)
    }
    const settings = node("dl", "", sheet)
    for (const [label, value] of run.settings) {
      node("dt", "", settings).textContent = label
      node("dd", "", settings).textContent = value
    }
    const foot = node("p", "foot", sheet)
    foot.textContent = new URL(run.address, location.href).href
    if (run.changes.length) { foot.textContent += ` · by hand: ${run.changes.join("; ")}` }
  }
  // Paper is white: its words are dark, whatever the theme.
  const {dataset} = document.documentElement
  let theme = dataset.theme
  window.addEventListener("beforeprint", () => {
    theme = dataset.theme
    dataset.theme = "light"
    fill()
  })
  window.addEventListener("afterprint", () => {
    dataset.theme = theme
    sheet.replaceChildren()
  })
}
