"""The arena: HoloViews composes its layers once, pictures then go straight into Bokeh's sources.

Composing anew for every picture (a `DynamicMap`) costs the server 10 to 50 times as much, and the
arena has to show the same eighteen glyphs in the same order anyway. All arrays of a picture travel
as one parcel that `parcel.js` lays out in the sources: Bokeh would send two messages for each. The
surface comes as the 256 shades of its palette, in a quarter of the bytes.
"""

import json
from typing import NamedTuple

import holoviews as hv
import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper

from toylab.ui import figures, theme
from toylab.ui.arrows import PUSH, SMALLEST, arrows, nice

SLOPES = 17  # nodes of the slope field along one side
CROWD = 5  # from so many layers on, marks get thinner
EDGE = 40  # at most so many ticks for fakes outside


class Glyph(NamedTuple):
    """One row of the table: what is drawn, with which layer, and how it looks.

    A look is a value, or a pair (with few layers on, in a crowd of five or more)."""

    name: str
    kind: str  # image, line, segment, mark, text
    layer: str
    looks: dict  # property of the Bokeh glyph -> look
    colours: dict  # property of the Bokeh glyph -> token of the theme


def _line(name, layer, token, width, alpha=1.0, dash="solid", kind="line"):
    looks = {"line_width": width, "line_alpha": alpha, "line_dash": dash}
    return Glyph(name, kind, layer, looks, {"line_color": token})


def _mark(name, layer, fill, halo=0.0, **looks):
    colours = {"fill_color": fill, **({"line_color": "halo"} if halo else {})}
    return Glyph(name, "mark", layer, {"line_width": halo, **looks}, colours)


GLYPHS = (  # bottom to top
    Glyph("surface", "image", "surface", {}, {}),
    _line("half", "surface", "ink2", 1.5, 0.9, (5, 4)),
    _line("slope", "field", "ink", (1.2, 1.1), (0.55, 0.4), kind="segment"),
    _mark("slope_head", "field", "ink", fill_alpha=(0.6, 0.45)),
    _line("grid", "grid", "fake", (1.1, 0.9), (0.55, 0.32)),
    _line("most", "density", "fake", 1.2, 0.75),
    _line("core", "density", "fake", 2.2, 0.9),
    _mark("real", "real", "real", 0.8, size=6, fill_alpha=0.9),
    _line("push_halo", "force", "halo", (3.4, 3.0), 0.7, kind="segment"),
    _line("push", "force", "push", (1.7, 1.5), kind="segment"),
    _mark("push_head", "force", "push", 0.6, line_alpha=0.7),
    _mark("fake", "fake", "fake", (0.8, 0.6), size=(7, 6), fill_alpha=(0.9, 0.85)),
    _line("missing_halo", "rings", "halo", 4, 0.75),
    _line("found_halo", "rings", "halo", 4, 0.75),
    _line("missing", "rings", "real", 1.6, dash=(3, 3)),
    _line("found", "rings", "real", 2.0),
    _mark("edge", "fake", "fake", 0.8, size=8),
    Glyph("tick", "text", "axes", {"text_alpha": 0.95}, {"text_color": "ink2"}),
)
# Two glyphs of one shape read one source: every array costs two messages a picture.
SHARED = {
    "push_halo": "push", "push_head": "push", "slope_head": "slope",
    "missing_halo": "missing", "found_halo": "found",
}  # fmt: skip
PACKED = ("surface", "half", "slope", "grid", "most", "core", "push", "fake")  # with every picture
MARKERS = {"real": "circle"}


def _compose():
    """The overlay: one empty element a row of `GLYPHS`, with the columns that its glyph reads."""
    none = np.zeros(0, np.float32)
    make = {
        "image": lambda: hv.Image(np.zeros((2, 2), np.float32), bounds=(-1, -1, 1, 1)),
        "line": lambda: hv.Curve((none, none), "x", "y"),
        "segment": lambda: hv.Segments((none,) * 4, ["x0", "y0", "x1", "y1"]),
        "mark": lambda: hv.Points((none,) * 4, ["x", "y"], ["angle", "size"]),
        "text": lambda: hv.Labels((none, none, []), ["x", "y"], "text"),
    }
    overlay = hv.Overlay([make[row.kind]().relabel(row.name) for row in GLYPHS])
    return overlay.opts(hv.opts.Overlay(
        width=572, height=572, xaxis=None, yaxis=None, toolbar=None, show_legend=False,
        show_frame=False, border=0, title="",
    ))  # fmt: skip


def _finished():
    """The composed figure with every glyph as the table wants it, and each part under a name."""
    figure, handles = figures.plotted(_compose())
    figure.update(name="arena", min_border=0, tools=[])
    glyphs = {row.name: h["glyph_renderer"] for row, h in zip(GLYPHS, handles, strict=True)}
    for row in GLYPHS:
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
    if kind == "text":
        glyph.text_font_size, glyph.text_font = "11px", {"value": "Roboto, sans-serif"}
        glyph.text_align, glyph.text_baseline = {"field": "align"}, {"field": "baseline"}


def _empty(kind):
    none = np.zeros(0, np.float32)
    columns = {
        "image": ("image", "x", "y", "dw", "dh"),
        "line": ("x", "y"),
        "segment": ("x0", "y0", "x1", "y1", "angle", "size"),
        "mark": ("x", "y", "angle", "size", "height"),
        "text": ("x", "y", "text", "align", "baseline"),
    }[kind]
    return {column: [] if kind in ("text", "image") else none for column in columns}


class Arena:
    """A square figure, its glyphs by name, and the way of a picture into their sources."""

    def __init__(self):
        self.figure, named = figures.copy("arena", _finished)
        self.glyphs = {row.name: named[f"glyph-{row.name}"] for row in GLYPHS}
        self.parcel = ColumnDataSource({"bytes": [], "layout": []}, name="parcel")
        self.shades = {}  # name of a raster -> its shades, until they are sent
        self.packed = {}  # name of a glyph -> its columns, until they are sent
        self.mapper = named["shades"]
        self.window = (-1.0, 1.0, -1.0, 1.0)
        self.pixels = 572
        self.on = set()
        self.sheet, self.heights = None, LinearColorMapper()
        self.found = None
        self.scales = {"force": None, "field": None}

    def _set(self, name, **columns):
        self.glyphs[name].data_source.data = {
            key: np.ascontiguousarray(value, np.float32) for key, value in columns.items()
        }

    def pack(self, name, **columns):
        """Puts columns into the next parcel; where no glyph has that name, scripts read them."""
        self.packed[name] = columns

    def shade(self, name, values):
        """Puts a raster of the palette's 256 shades into the next parcel."""
        self.shades[name] = values

    def _send(self):
        """Sends what was packed: one array of all bytes, and where each column lies in it."""
        numbers, layout, offset = [], {}, 0
        for name, columns in self.packed.items():
            for column, values in columns.items():
                values = np.asarray(values, np.float32)
                layout.setdefault(name, {})[column] = [offset, *values.shape]
                numbers.append(values.ravel())
                offset += values.size
        self.packed = {}
        if layout:
            # One array for both kinds: every array is two more messages on the socket.
            parts, offset = [np.concatenate(numbers).view(np.uint8)], 4 * offset
            layout["shades"] = {}
            for name, values in self.shades.items():
                layout["shades"][name] = [offset, *values.shape]
                parts.append(values.ravel())
                offset += values.size
            whole, self.shades = np.concatenate(parts), {}
            self.parcel.data = {"bytes": [whole], "layout": [json.dumps(layout)]}

    def style(self, dark):
        """Sets every colour, width and alpha: after a change of theme or of the layers shown."""
        crowd = len(self.on) >= CROWD
        for row in GLYPHS:
            renderer = self.glyphs[row.name]
            for prop, look in row.looks.items():
                pair = isinstance(look, tuple) and prop != "line_dash"
                setattr(renderer.glyph, prop, look[crowd] if pair else look)
            for prop, token in row.colours.items():
                setattr(renderer.glyph, prop, theme.colour(token, dark))
            renderer.visible = row.layer in self.on or row.layer in ("rings", "axes")
        self.mapper.update(palette=theme.surface_map(dark), low=0, high=255)
        if self.sheet:  # data in space: the farther off the sheet, the more purple
            self.heights.update(palette=theme.heights(dark), low=0, high=self.sheet)
            by_height = {"field": "height", "transform": self.heights}
            self.glyphs["fake"].glyph.fill_color = by_height
        # The ground that panel-material-ui, too, gives to every figure when the theme changes.
        ground = theme.colour("panel", dark)
        self.figure.update(background_fill_color=ground, border_fill_color=ground)
        self.figure.outline_line_color = None

    def open(self, header, real):
        """A new run: its window, its data, and nothing left of the run before."""
        for row in GLYPHS:
            if row.name in PACKED and row.kind != "image":
                self.pack(row.name, **_empty(row.kind))
        self._send()
        self.scales = {"force": None, "field": None}
        self.data(header, real)

    def data(self, header, real):
        """Another data set, or the same one with another number: window, points, rings, ticks."""
        data = header["data"]
        self.window = tuple(data["window"]["extent"])
        x0, x1, y0, y1 = self.window
        ranges = self.figure.x_range, self.figure.y_range
        for span, low, high in zip(ranges, (x0, y0), (x1, y1), strict=True):
            span.update(start=low, end=high, reset_start=low, reset_end=high)
        self._set("real", x=real[:, 0], y=real[:, 1])
        self.centres = np.array(data["centres"], np.float32).reshape(-1, 2)
        self.radii = np.array(data["radii"], np.float32).reshape(-1)
        self.found = None
        self.rings([0] * len(self.centres))
        self._ticks()

    @property
    def pixel(self):
        """Width of one CSS pixel in window coordinates."""
        return (self.window[1] - self.window[0]) / self.pixels

    def _ticks(self):
        x0, x1, y0, y1 = self.window
        span = x1 - x0
        step = nice(span / 5)
        inset = 10 * self.pixel
        columns = {"x": [], "y": [], "text": [], "align": [], "baseline": []}

        def put(x, y, value, align, baseline):
            text = f"{value:g}".replace("-", "−")
            for key, item in zip(columns, (x, y, text, align, baseline), strict=True):
                columns[key].append(item)

        for k in range(int(np.ceil(x0 / step)), int(np.floor(x1 / step)) + 1):
            if x0 + 2.5 * inset < k * step < x1 - inset:
                put(k * step, y0 + 0.5 * inset, k * step, "center", "bottom")
        for k in range(int(np.ceil(y0 / step)), int(np.floor(y1 / step)) + 1):
            if y0 + 2.5 * inset < k * step < y1 - inset:
                put(x0 + 0.6 * inset, k * step, k * step, "left", "middle")
        self.glyphs["tick"].data_source.data = columns

    def resized(self):
        """Another number of pixels a side: what is measured in pixels is drawn anew."""
        self._ticks()
        found, self.found = self.found, None
        self.rings(found)

    def rings(self, found):
        """Target rings: solid where a cluster is found, dashed where it is missing."""
        if found is None or found == self.found or len(found) != len(self.centres):
            return
        self.found = list(found)
        turn = np.linspace(0, 2 * np.pi, 49)
        circle = np.stack([np.cos(turn), np.sin(turn)], -1)
        circle = np.vstack([circle, [[np.nan, np.nan]]])
        radii = np.maximum(self.radii, 9 * self.pixel)  # a ring smaller than its points hides them
        for name, wanted in (("found", True), ("missing", False)):
            index = [k for k, is_found in enumerate(found) if bool(is_found) == wanted]
            paths = self.centres[index][:, None] + radii[index][:, None, None] * circle
            paths = paths.reshape(-1, 2)
            self._set(name, x=paths[:, 0], y=paths[:, 1])

    def show(self, scalars, arrays):
        """One picture: every array that came goes into its source."""
        if "surface" in arrays:
            x0, x1, y0, y1 = self.window
            corner = {"x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}
            self.shade("surface", arrays["surface"])
            self.pack("surface", **corner)
        lines = {"half": "half", "grid": "grid", "density_half": "core", "density_most": "most"}
        for array, name in lines.items():
            if array in arrays:
                self.pack(name, x=arrays[array][:, 0], y=arrays[array][:, 1])
        if "fake" in arrays:
            x, y = arrays["fake"].T
            height = np.abs(arrays["fake3"][:, 2]) if "fake3" in arrays else np.zeros_like(x)
            self.pack("fake", x=x, y=y, height=height)
            self._edge(arrays["fake"])
        if "force" in arrays:
            self._arrows("push", arrays["force"], scalars["force_scale"], PUSH, 7, 0)
        if "field" in arrays:
            longest = 0.62 * self.pixels / SLOPES
            self._arrows("slope", arrays["field"], scalars["field_scale"], longest, 5, 0.5)
        self._send()
        self.rings(scalars.get("found"))

    def _arrows(self, name, table, scale, longest, head, centred):
        start, vectors = table[:, :2], table[:, 2:]
        key = "force" if name == "push" else "field"
        self.scales[key] = scale = nice(scale) if scale and scale > 0 else 1.0
        shift, angle, dot = arrows(vectors, scale, longest, self.pixel)
        start = start - centred * shift
        end = start + shift
        (x0, y0), (x1, y1) = start.T, end.T
        size = np.where(dot, SMALLEST, head)
        self.pack(name, x0=x0, y0=y0, x1=x1, y1=y1, angle=angle, size=size)

    def _edge(self, fake):
        """Fakes outside the window stay visible as ticks on the nearest edge."""
        x0, x1, y0, y1 = self.window
        low, high = np.array([x0, y0]), np.array([x1, y1])
        outside = fake[((fake < low) | (fake > high)).any(-1)][:EDGE]
        source = self.glyphs["edge"].data_source
        if not len(outside):
            if len(source.data["x"]):
                source.data = _empty("mark")
            return
        margin = 4 * self.pixel
        place = np.clip(outside, low + margin, high - margin)
        away = outside - place
        angle = np.arctan2(away[:, 1], away[:, 0]) - np.pi / 2
        # A handful of numbers travels inside the message itself.
        source.data = {
            "x": place[:, 0].tolist(), "y": place[:, 1].tolist(),
            "angle": angle.tolist(), "size": [8.0] * len(place),
        }  # fmt: skip
