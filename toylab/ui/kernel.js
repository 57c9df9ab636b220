// Where, Pull to, Of: three native menus. An option is the penalty that it stands for.

export function render({model, view}) {
  const beat = view.model.document.get_model_by_name("beat")
  const root = document.createElement("div")
  root.className = "kernel"
  const draw = () => {
    root.replaceChildren(...model.menus.map((menu) => {
      const label = document.createElement("label")
      label.className = menu.axis
      label.textContent = menu.label
      label.title = menu.doc
      const select = document.createElement("select")
      select.id = `toylab-${menu.axis}`
      if (!menu.value) { select.append(new Option("—", "", true, true)) }
      for (const {value, label: words} of menu.options) {
        select.append(new Option(words, value, value === menu.value, value === menu.value))
      }
      select.onchange = () => {
        const {penalty} = menu.options.find((option) => option.value === select.value) ?? {}
        if (penalty) { beat.command = JSON.stringify({do: "fix", changes: {penalty}, n: performance.now()}) }
      }
      label.append(select)
      return label
    }))
  }
  model.on("menus", () => {
    const focused = root.getRootNode().activeElement?.id
    draw()
    if (focused) { root.querySelector(`#${focused}`)?.focus() }
  })
  draw()
  return root
}
