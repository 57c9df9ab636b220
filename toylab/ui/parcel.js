// One parcel holds every array of a picture; here each one comes into the source of its glyph.
// Without sync, so that nothing of it travels back to the server.

function unpacker(doc) {
  const parcel = doc.get_model_by_name("parcel")
  const {ndarray} = window.Bokeh.require("core/util/ndarray")
  const sources = {}
  const unpack = () => {
    if (!parcel.data.layout.length) { return }
    const numbers = parcel.data.numbers[0]
    const layout = JSON.parse(parcel.data.layout[0])
    for (const name in layout) {
      const data = {}
      for (const column in layout[name]) {
        const [offset, ...shape] = layout[name][column]
        const count = shape.reduce((one, other) => one * other, 1)
        const values = new Float32Array(numbers.buffer, numbers.byteOffset + 4 * offset, count)
        data[column] = shape.length === 2 ? [ndarray(values, {dtype: "float32", shape})] : values
      }
      sources[name] ??= doc.get_model_by_name(`source-${name}`)
      sources[name].setv({data}, {sync: false})
    }
  }
  parcel.properties.data.change.connect(unpack)
  unpack() // a quick engine's first picture may be there before this page was laid out
}

