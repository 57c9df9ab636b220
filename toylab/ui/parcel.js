// One parcel holds every array of a picture; here each one comes into the source of its glyph.
// Without sync, so that nothing of it travels back to the server.

function unpacker(lab) {
  const {doc} = lab
  const parcel = doc.get_model_by_name("parcel")
  const {ndarray} = window.Bokeh.require("core/util/ndarray")
  const sources = {}
  const unpack = () => {
    if (!parcel.data.layout.length) { return }
    const bytes = parcel.data.bytes[0]
    const {shades, ...columns} = JSON.parse(parcel.data.layout[0])
    for (const name in columns) {
      const data = {}
      for (const column in columns[name]) {
        const [offset, count] = columns[name][column]
        data[column] = new Float32Array(bytes.buffer, bytes.byteOffset + 4 * offset, count)
      }
      if (name === "surface") {
        const [offset, ...shape] = shades.surface
        const values = new Uint8Array(bytes.buffer, bytes.byteOffset + offset, shape[0] * shape[1])
        data.image = [ndarray(values, {dtype: "uint8", shape})]
      }
      lab.picture[name] = data
      sources[name] ??= doc.get_model_by_name(`source-${name}`) ?? "none"
      if (sources[name] !== "none") { sources[name].setv({data}, {sync: false}) }
    }
    for (const name in shades) {
      const [offset, rows, columns] = shades[name]
      const values = new Uint8Array(bytes.buffer, bytes.byteOffset + offset, rows * columns)
      lab.shades[name] = {values, rows, columns}
    }
  }
  parcel.properties.data.change.connect(unpack)
  unpack() // a quick engine's first picture may be there before this page was laid out
}

