"""The rail's figures: each has every glyph that any card needs, and shows one card at a time."""

import holoviews as hv
import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker
from bokeh.models.formatters import CustomJSTickFormatter

from toylab.ui import figures, theme

CURVES = ("first", "second")  # at most two a card
DASH = (5, 3)
GUTTER, RIGHT, TOP, BOTTOM = 30, 8, 5, 18  # pixels round the frame
SOURCES = {  # what `charts.js` fills: source -> its columns
    "floor": ("low", "high"),
    "optimum": ("y",),
    "marks": ("x",),
    "lines": ("x",),
    "raw": ("x", *CURVES),
    "mean": ("x", *CURVES),
    "names": ("x", "y", "text", "align", "baseline"),
}


def _compose():
    none = np.zeros(0, np.float32)
    line = [hv.Curve((none, none), "step", "value") for _ in range(2 * len(CURVES))]
    elements = [hv.HSpans([]), hv.HLines([]), hv.VLines([]), hv.VLines([]), *line]
    elements.append(hv.Labels(([], [], [])))
    overlay = hv.Overlay([e.relabel(f"e{k}") for k, e in enumerate(elements)])
    return overlay.opts(hv.opts.Overlay(
        width=240, height=116, toolbar=None, show_legend=False, border=0,
        title="", xlabel="", ylabel="", show_frame=False,
    ))  # fmt: skip


def _finished():
    """The composed figure with each of its parts under a name."""
    figure, handles = figures.plotted(_compose())
    names = ("floor", "optimum", "marks", "lines", *(f"{s}-{c}" for s in ("raw", "mean")
             for c in CURVES), "names")  # fmt: skip
    parts = dict(zip(names, (h["glyph_renderer"] for h in handles), strict=True))
    sources = {
        name: ColumnDataSource({c: [] for c in columns}, name=name)
        for name, columns in SOURCES.items()
    }
    for name, renderer in parts.items():
        renderer.data_source = sources[name.split("-")[0]]
        renderer.nonselection_glyph = renderer.selection_glyph = renderer.muted_glyph = None
        renderer.glyph.name = f"glyph-{name}"
        renderer.level = "glyph"
    parts["floor"].glyph.update(y0="low", y1="high", line_color=None, fill_alpha=0.18)
    parts["optimum"].glyph.update(y="y", line_dash=(3, 3), line_width=1)
    parts["marks"].glyph.update(x="x", line_width=1.2)
    parts["lines"].glyph.update(x="x", line_width=1.2, line_dash=(2, 2))
    for name in parts:
        if "-" in name:
            parts[name].glyph.update(x="x", y=name.split("-")[1], line_width=1.7)
    parts["names"].glyph.update(
        x="x", y="y", text="text", text_align={"field": "align"},
        text_baseline={"field": "baseline"}, text_font_size="11px", background_fill_alpha=0.7,
        text_font={"value": "Roboto, sans-serif"},
    )  # fmt: skip
    _furnish(figure)
    return figure


def _furnish(figure):
    figure.min_border_left, figure.min_border_right = GUTTER, RIGHT
    figure.min_border_top, figure.min_border_bottom = TOP, BOTTOM
    # Not its colour: the theme of the widgets sets that and alpha again with every change.
    figure.update(name="figure", outline_line_width=0, tools=[])
    figure.xgrid.grid_line_color = None
    figure.yaxis.ticker = figure.ygrid.ticker = FixedTicker(ticks=[0, 1], name="ticks")
    (yaxis,) = figure.yaxis
    yaxis.name = "yaxis"
    figure.xaxis.ticker.desired_num_ticks = 4
    figure.xaxis.ticker.num_minor_ticks = 0
    figure.xaxis.formatter = CustomJSTickFormatter(
        code="const value = tick < 10000 ? `${+tick.toPrecision(6)}` : `${tick / 1000}k`;"
        " return value.replace('-', '\u2212')"
    )
    for axis in (*figure.xaxis, *figure.yaxis):
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.major_tick_in = axis.major_tick_out = axis.minor_tick_out = 0
        axis.major_label_text_font_size = "11px"
        axis.major_label_text_font = "Roboto, sans-serif"
        axis.major_label_standoff = 3
        axis.axis_label = ""


class Slot:
    """One of the rail's figures, and the looks of the card that it shows."""

    def __init__(self, number):
        self.figure, self.parts = figures.copy("chart", _finished)
        self.figure.visible = False
        for name, model in self.parts.items():
            model.name = f"{name}-{number}"

    @property
    def size(self):
        """(width, height) of the frame within its borders, in pixels."""
        return (
            max(int(self.figure.width) - GUTTER - RIGHT, 40),
            max(int(self.figure.height) - TOP - BOTTOM, 20),
        )

    def style(self, card, dark):
        """Every colour and dash of a card."""

        def ink(token):
            return theme.colour(token, dark)

        figure, parts = self.figure, self.parts
        figure.background_fill_color = figure.border_fill_color = ink("panel")
        figure.ygrid.grid_line_color = ink("line")
        for axis in (*figure.xaxis, *figure.yaxis):
            axis.major_label_text_color = ink("ink2")
        parts["glyph-floor"].fill_color = ink("ink3")
        parts["glyph-optimum"].line_color = parts["glyph-lines"].line_color = ink("ink2")
        parts["glyph-marks"].line_color = ink("gold")
        parts["glyph-names"].update(text_color=ink("ink2"), background_fill_color=ink("panel"))
        for name, curve in zip(CURVES, card.curves, strict=False):
            dash = DASH if curve.dashed else "solid"
            for part in (f"glyph-raw-{name}", f"glyph-mean-{name}"):
                parts[part].update(line_color=ink(curve.token), line_dash=dash)
