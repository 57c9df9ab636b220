// One parcel holds what all cards draw; here it comes into their figures. Without sync, so that
// nothing of it travels back to the server.

function charts(lab) {
  const {doc} = lab
  const parcel = doc.get_model_by_name("chart-parcel")
  const drawn = {marks: [], slots: {}} // what every slot shows, in numbers
  const still = {sync: false}
  const part = (name, slot) => doc.get_model_by_name(`${name}-${slot}`)
  const listeners = []

  const unpack = () => {
    if (!parcel.data.layout.length) { return }
    const bytes = parcel.data.bytes[0]
    const {marks, slots} = JSON.parse(parcel.data.layout[0])
    drawn.marks = marks
    drawn.slots = slots
    for (const slot in slots) {
      const told = slots[slot]
      for (const name of ["raw", "mean"]) {
        for (const column in told[name]) {
          const [offset, count] = told[name][column]
          told[name][column] = new Float32Array(bytes.buffer, bytes.byteOffset + 4 * offset, count)
        }
      }
      fill(slot, told, told.card === "histogram" ? [] : marks.map(([step]) => step))
    }
    listeners.forEach((listen) => listen())
  }

  const fill = (slot, told, marks) => {
    const figure = part("figure", slot)
    figure.x_range.setv({start: told.x[0], end: told.x[1]}, still)
    figure.y_range.setv({start: told.y[0], end: told.y[1]}, still)
    part("ticks", slot).setv({ticks: told.ticks.map(([tick]) => tick)}, still)
    part("yaxis", slot).setv({major_label_overrides: new Map(told.ticks)}, still)
    const give = (name, data) => part(name, slot).setv({data}, still)
    for (const name of ["raw", "mean"]) { give(name, told[name]) }
    for (const curve of ["first", "second"]) {
      part(`glyph-raw-${curve}`, slot).setv({line_alpha: told.alpha}, still)
    }
    const [low, high] = told.floor
    give("floor", {low: told.floor.length ? [low] : [], high: told.floor.length ? [high] : []})
    give("optimum", {y: told.optimum})
    give("marks", {x: marks})
    give("lines", {x: told.lines})
    const [x, y, text, align, baseline] = [0, 1, 2, 3, 4].map((k) => told.names.map((name) => name[k]))
    give("names", {x, y, text, align, baseline})
  }

  drawn.listen = (listen) => listeners.push(listen)
  drawn.start = () => {
    parcel.properties.data.change.connect(unpack)
    unpack()
  }
  return drawn
}
