"""The arena: HoloViews composes its layers once, pictures then go straight into Bokeh's sources.

Composing anew for every picture (a `DynamicMap`) costs the server 10 to 50 times as much, and the
arena has to show the same glyphs in the same order anyway (`toylab.ui.marks`). All arrays of a
picture travel as one parcel that `parcel.js` lays out in the sources: Bokeh would send two messages
for each. The surface comes as the 256 shades of its palette, in a quarter of the bytes.
"""

import json

import holoviews as hv
import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper

from toylab.ui import figures, theme
from toylab.ui.arrows import PUSH, SMALLEST, arrows, nice, references
from toylab.ui.marks import CROWD, FIGURE, PACKED, SHARED, looks

SLOPES = 17  # nodes of the slope field along one side
MARKERS = {"real": "circle"}
LINES = {  # array of a frame -> the line that shows it
    "half": "half", "levels": "levels", "grid": "grid",
    "density_half": "core", "density_most": "most",
}  # fmt: skip
ARROWS = {"force": ("push", 7, 0.0), "field": ("slope", 5, 0.5)}  # (glyph, head px, centred)


def _compose():
    """The overlay: one empty element a row of `FIGURE`, with the columns that its glyph reads."""
    none = np.zeros(0, np.float32)
    make = {
        "image": lambda: hv.Image(np.zeros((2, 2), np.float32), bounds=(-1, -1, 1, 1)),
        "line": lambda: hv.Curve((none, none), "x", "y"),
        "segment": lambda: hv.Segments((none,) * 4, ["x0", "y0", "x1", "y1"]),
        "mark": lambda: hv.Points((none,) * 4, ["x", "y"], ["angle", "size"]),
    }
    overlay = hv.Overlay([make[row.kind]().relabel(row.name) for row in FIGURE])
    return overlay.opts(hv.opts.Overlay(
        width=572, height=572, xaxis=None, yaxis=None, toolbar=None, show_legend=False,
        show_frame=False, border=0, title="",
    ))  # fmt: skip


def _finished():
    """The composed figure with every glyph as the table wants it, and each part under a name."""
    figure, handles = figures.plotted(_compose())
    figure.update(name="arena", min_border=0, tools=[])
    glyphs = {row.name: h["glyph_renderer"] for row, h in zip(FIGURE, handles, strict=True)}
    for row in FIGURE:
        _prepare(row.name, row.kind, glyphs[row.name])
    for name, other in SHARED.items():
        glyphs[name].data_source = glyphs[other].data_source
    glyphs["surface"].glyph.color_mapper.name = "shades"
    return figure


def _prepare(name, kind, renderer):
    renderer.name = f"glyph-{name}"
    renderer.nonselection_glyph = renderer.selection_glyph = renderer.muted_glyph = None
    renderer.data_source = ColumnDataSource(_empty(kind), name=f"source-{name}")
    glyph = renderer.glyph
    if kind == "mark":
        glyph.marker = MARKERS.get(name, "triangle")
        glyph.angle = 0 if name in ("real", "fake") else {"field": "angle"}
        if name in ("push_head", "slope_head"):
            glyph.update(x="x1", y="y1", size={"field": "size"})
        glyph.line_color = None
    if kind == "image":
        glyph.image, glyph.x, glyph.y, glyph.dw, glyph.dh = "image", "x", "y", "dw", "dh"


def _empty(kind):
    none = np.zeros(0, np.float32)
    columns = {
        "image": ("image", "x", "y", "dw", "dh"),
        "line": ("x", "y"),
        "segment": ("x0", "y0", "x1", "y1", "angle", "size"),
        "mark": ("x", "y", "angle", "size", "height"),
    }[kind]
    return {column: [] if kind == "image" else none for column in columns}


class Arena:
    """A square figure, its glyphs by name, and the way of a picture into their sources."""

    def __init__(self):
        self.figure, named = figures.copy("arena", _finished)
        self.glyphs = {row.name: named[f"glyph-{row.name}"] for row in FIGURE}
        self.parcel = ColumnDataSource({"bytes": [], "layout": []}, name="parcel")
        self.latent = ColumnDataSource({"x": [], "y": []}, name="latent")  # comes once a run
        self.shades = {}  # name of a raster -> its shades, until they are sent
        self.packed = {}  # name of a glyph -> its columns, until they are sent
        self.mapper = named["shades"]
        self.window = (-1.0, 1.0, -1.0, 1.0)
        self.pixels = 572
        self.on = set()
        self.lifted = self.alone = None  # the layer that stands out, or that is shown alone
        self.faint = ()  # names of marks that are dimmed
        self.sheet, self.heights = None, LinearColorMapper()
        self.mode = "log"  # what the length of an arrow says
        self.drawn = {}  # layer of arrows -> (its newest table, scale)

    @property
    def shown(self):
        """The layers that can be seen."""
        return {self.alone} if self.alone else self.on

    def pack(self, name, **columns):
        """Puts columns into the next parcel; where no glyph has that name, scripts read them."""
        self.packed[name] = columns

    def shade(self, name, values):
        """Puts a raster of the palette's 256 shades into the next parcel."""
        self.shades[name] = values

    def _send(self):
        """Sends what was packed: one array of all bytes, and where each column lies in it."""
        parts, layout, offset = [], {}, 0
        for name, columns in self.packed.items():
            placed = layout[name] = {}
            for column, values in columns.items():
                placed[column] = [offset, len(values)]
                parts.append(values)
                offset += len(values)
        self.packed = {}
        if layout:
            # One array for both kinds: every array is two more messages on the socket.
            parts, offset = [np.concatenate(parts, dtype=np.float32).view(np.uint8)], 4 * offset
            layout["shades"] = {}
            for name, values in self.shades.items():
                layout["shades"][name] = [offset, *values.shape]
                parts.append(values.ravel())
                offset += values.size
            whole, self.shades = np.concatenate(parts), {}
            self.parcel.data = {"bytes": [whole], "layout": [json.dumps(layout)]}

    def style(self, dark):
        """Sets every colour, width and alpha: after a change of theme or of the layers shown."""
        crowd = len(self.shown) >= CROWD
        for row in FIGURE:
            renderer = self.glyphs[row.name]
            for prop, value in looks(row, crowd, self.lifted, self.faint).items():
                setattr(renderer.glyph, prop, value)
            for prop, token in row.colours.items():
                setattr(renderer.glyph, prop, theme.colour(token, dark))
            renderer.visible = row.layer in self.shown
        self.mapper.update(palette=theme.surface_map(dark), low=0, high=255)
        if self.sheet:  # data in space: the farther off the sheet, the more purple
            self.heights.update(palette=theme.heights(dark), low=0, high=self.sheet)
            by_height = {"field": "height", "transform": self.heights}
            self.glyphs["fake"].glyph.fill_color = by_height
        ground = theme.colour("panel", dark)
        self.figure.update(background_fill_color=ground, border_fill_color=ground)
        self.figure.outline_line_width = 0

    def open(self, header, arrays):
        """A new run: its window, its data, and nothing left of the run before."""
        for row in FIGURE:
            if row.name in PACKED and row.kind != "image":
                self.pack(row.name, **_empty(row.kind))
        self._send()
        self.drawn = {}
        self.data(header, arrays)

    def data(self, header, arrays):
        """Another data set, or the same one with another number: window and points."""
        self.look(header["data"]["window"]["extent"])
        x0, x1, y0, y1 = self.window
        ranges = self.figure.x_range, self.figure.y_range
        for span, low, high in zip(ranges, (x0, y0), (x1, y1), strict=True):
            span.update(start=low, end=high, reset_start=low, reset_end=high)
        self._set(self.glyphs["real"].data_source, arrays["real"])
        if "latent" in arrays:
            self._set(self.latent, arrays["latent"])

    def _set(self, source, points):
        """Points that come once; of one number each they lie on a line."""
        x, y = points[:, 0], points[:, 1] if points.shape[1] > 1 else np.zeros(len(points))
        source.data = {"x": np.ascontiguousarray(x), "y": np.ascontiguousarray(y, np.float32)}

    def look(self, extent):
        """Another window (x0, x1, y0, y1): pictures from now on are drawn in it.

        The figure's ranges follow in the browser, by `view.js`, which eases them there.
        """
        self.window = tuple(extent)

    @property
    def pixel(self):
        """Width of one CSS pixel in window coordinates."""
        return (self.window[1] - self.window[0]) / self.pixels

    def show(self, scalars, arrays):
        """One picture: every array that came goes into its source."""
        if "surface" in arrays:
            x0, x1, y0, y1 = self.window
            corner = {"x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}
            self.shade("surface", arrays["surface"])
            self.pack("surface", **corner)
            self.pack("levels", **_empty("line"))
        for array, name in LINES.items():
            if array in arrays:
                self.pack(name, x=arrays[array][:, 0], y=arrays[array][:, 1])
        if "fake" in arrays:
            x, y = arrays["fake"].T
            height = np.abs(arrays["fake3"][:, 2]) if "fake3" in arrays else np.zeros_like(x)
            self.pack("fake", x=x, y=y, height=height)
        for layer in ARROWS:
            if layer in arrays:
                scale = scalars[f"{layer}_scale"]
                self.drawn[layer] = arrays[layer], nice(scale) if scale and scale > 0 else 1.0
                self._arrows(layer)
        self._send()

    def lengthen(self, mode):
        """What an arrow's length says from now on; those on the screen are drawn anew."""
        self.mode = mode
        for layer in self.drawn:
            self._arrows(layer)
        self._send()

    def longest(self, layer):
        """Pixels of an arrow that is as strong as its layer's scale."""
        return PUSH if layer == "force" else 0.62 * self.pixels / SLOPES

    def references(self, layer):
        """Two arrows with their values, by which the layer's arrows are read."""
        _, scale = self.drawn.get(layer, (None, 1.0))
        return references(scale, self.longest(layer), self.mode)

    def _arrows(self, layer):
        (table, scale), (name, head, centred) = self.drawn[layer], ARROWS[layer]
        start, vectors = table[:, :2], table[:, 2:]
        shift, angle, dot = arrows(vectors, scale, self.longest(layer), self.pixel, self.mode)
        start = start - centred * shift
        (x0, y0), (x1, y1) = start.T, (start + shift).T
        size = np.where(dot, SMALLEST, head)
        self.pack(name, x0=x0, y0=y0, x1=x1, y1=y1, angle=angle, size=size)
