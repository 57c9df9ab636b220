// Share: the arena as a picture, files the server makes, a link, a script. A sheet under its
// button, over the charts; nothing here pauses or changes the run.

const SHARED = [
  ["png", "image", "Picture (PNG)", "the arena, twice as sharp as the screen"],
  ["svg", "timeline", "Picture (SVG)", "the arena in vectors, to print or to edit"],
  ["csv", "table_chart", "Charts (CSV)", "every curve, the whole run"],
  ["npz", "scatter_plot", "Samples (NPZ)", "4,096 real points, fakes, latents"],
  ["link", "link", "Copy link <kbd>S</kbd>", ""],
  ["script", "code", "Python script", "the same run, bit for bit"],
  ["print", "print", "Print", "arena, charts and settings on one page"],
]

function save(title, content, type) {
  const at = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type}))
  const link = document.createElement("a")
  link.href = at
  link.download = title
  link.click()
  setTimeout(() => URL.revokeObjectURL(at), 10000)
}

// Whether it could be copied: outside a secure context, or in a frame, a browser may refuse.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement("textarea")
    field.value = text
    document.body.append(field)
    field.select()
    const done = document.execCommand("copy")
    field.remove()
    return done
  }
}

function share(lab, root, square) {
  const {doc, node} = lab
  const handout = doc.get_model_by_name("handout")
  let shown = null // of the state: address, unsaid, title

  const button = lab.action("share", "share", "Share: pictures, numbers, link, script", () => toggle())
  button.setAttribute("aria-haspopup", "dialog")
  button.setAttribute("aria-expanded", "false")
  const sheet = node("div", "share", root, "<h2>Share</h2>")
  sheet.id = "toylab-share-sheet"
  sheet.hidden = true
  sheet.setAttribute("role", "dialog")
  sheet.setAttribute("aria-label", "Share")
  const rows = {}
  for (const [kind, icon, label, words] of SHARED) {
    const row = node("button", "row", sheet, `${lab.icon(icon)}<span>${label}<small>${words}</small></span>`)
    row.id = `toylab-share-${kind}`
    row.onclick = () => acts[kind]()
    rows[kind] = row
  }
  const code = node("section", "code", sheet, `<pre tabindex="0" aria-label="Python script"></pre>
    <button class="copy">Copy</button><button class="download">Download</button>`)
  code.hidden = true
  const said = node("p", "said", root) // beside the sheet: the key S has no sheet
  said.setAttribute("role", "status")
  said.hidden = true
  let calm = null
  const say = (text) => {
    said.textContent = text
    said.hidden = false
    clearTimeout(calm)
    calm = setTimeout(() => { said.hidden = true }, 5000)
  }

  const away = (event) => {
    const path = event.composedPath()
    if (!path.includes(sheet) && !path.includes(button)) { close(false) }
  }
  const close = (focus) => {
    sheet.hidden = code.hidden = true
    sheet.classList.remove("wide")
    button.setAttribute("aria-expanded", "false")
    document.removeEventListener("pointerdown", away)
    if (focus) { button.focus() }
  }
  const toggle = () => {
    if (!sheet.hidden) { return close(true) }
    sheet.hidden = false
    button.setAttribute("aria-expanded", "true")
    document.addEventListener("pointerdown", away)
    rows.png.focus()
  }
  sheet.addEventListener("keydown", (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key]
    const all = Object.values(rows)
    const at = all.indexOf(lab.focused())
    if (event.key === "Escape") { close(true) } else if (!step || at < 0) { return }
    if (step) { all.at((at + step) % all.length).focus() }
    event.preventDefault()
    event.stopPropagation()
  })

  const name = (ending) => shown.title.replace("STEP", window.toylab.step).replace("ENDING", ending)
  const link = async () => {
    const address = new URL(shown.address, location.href).href
    if (!await copied(address)) {
      say(`This browser lets nothing be copied. The link: ${address}`)
    } else if (shown.unsaid) {
      say("Link copied: these settings, same seed. What you changed on the way is only in the script")
    } else {
      say("Link copied: same seed, same run")
    }
  }
  const ask = (kind) => () => lab.send({do: "export", kind})
  const acts = {
    png: async () => {
      await settled(lab)
      const title = name("png")
      save(title, await arenaLayer(lab, square, "canvas", 2).to_blob())
      say(`Saved ${title}`)
    },
    svg: async () => {
      await settled(lab)
      const title = name("svg")
      save(title, vectors(arenaLayer(lab, square, "svg", 1)), "image/svg+xml")
      say(`Saved ${title}`)
    },
    csv: ask("csv"),
    npz: ask("npz"),
    script: ask("script"),
    link,
    print: () => {
      close(true)
      window.print()
    },
  }
  lab.key("s", "Copy the link of this run", link)

  handout.properties.data.change.connect(() => {
    const {title, kind, note} = JSON.parse(handout.data.told[0])
    const content = handout.data.bytes[0]
    if (kind !== "script") {
      save(title, content, "application/octet-stream")
      return say(`Saved ${title}${note}`)
    }
    const text = new TextDecoder().decode(content)
    code.hidden = false
    sheet.classList.add("wide")
    code.firstChild.textContent = text
    code.firstChild.focus()
    code.querySelector(".copy").onclick = async () => {
      say(await copied(text) ? `Script copied${note}` : "This browser lets nothing be copied: mark the text")
    }
    code.querySelector(".download").onclick = () => {
      save(title, text, "text/x-python")
      say(`Saved ${title}${note}`)
    }
  })

  lab.state((now) => {
    shown = now.share
    for (const row of Object.values(rows)) { row.disabled = !shown }
    if (!shown) { return }
    const words = shown.unsaid ? "without what you changed on the way" : "same seed, same run"
    rows.link.querySelector("small").textContent = words
  })
  lab.sheet = () => shown
}
