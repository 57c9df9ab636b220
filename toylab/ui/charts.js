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
    const rows = (name, columns, table) => {
      const data = Object.fromEntries(columns.map((column, k) => [column, table.map((row) => row[k])]))
      part(name, slot).setv({data}, still)
    }
    const {raw, mean, alpha, inks} = told
    rows("curves", ["x", "y", "alpha", "color", "dash"], ["first", "second"].filter((name) => inks[name])
      .flatMap((name) => [[raw.x, raw[name], alpha, ...inks[name]], [mean.x, mean[name], 1, ...inks[name]]]))
    rows("upright", ["x", "color", "dash"], [
      ...marks.map((x) => [x, ...inks.marks]), ...told.lines.map((x) => [x, ...inks.lines]),
    ])
    rows("floor", ["low", "high"], told.floor.length ? [told.floor] : [])
    rows("optimum", ["y"], told.optimum.map((y) => [y]))
    rows("names", ["x", "y", "text", "align", "baseline"], told.names)
  }

  drawn.listen = (listen) => listeners.push(listen)
  drawn.start = () => {
    parcel.properties.data.change.connect(unpack)
    unpack()
  }
  return drawn
}
