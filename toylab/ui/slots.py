"""The rail's figures: each has every glyph that any card needs, and shows one card at a time."""

import holoviews as hv
from bokeh.models import ColumnDataSource, FixedTicker
from bokeh.models.formatters import CustomJSTickFormatter

from toylab.ui import figures, theme

CURVES = ("first", "second")  # at most two a card
DASHED, DOTTED, SOLID = [5, 3], [2, 2], []
GUTTER, RIGHT, TOP, BOTTOM = 30, 8, 5, 18  # pixels round the frame
SOURCES = {  # what `charts.js` fills, bottom to top: glyph -> the columns of its source
    "floor": ("low", "high"),
    "optimum": ("y",),
    "upright": ("x", "color", "dash"),
    "curves": ("x", "y", "color", "alpha", "dash"),
    "names": ("x", "y", "text", "align", "baseline"),
}


def _compose():
    """One element a glyph: every model more costs each message of the page (`figures.lean`)."""
    elements = [hv.HSpans([]), hv.HLines([]), hv.VLines([]), hv.Path([]), hv.Labels(([], [], []))]
    overlay = hv.Overlay([e.relabel(f"e{k}") for k, e in enumerate(elements)])
    return overlay.opts(hv.opts.Overlay(
        width=240, height=116, toolbar=None, show_legend=False, border=0,
        title="", xlabel="", ylabel="", show_frame=False,
    ))  # fmt: skip


def _finished():
    """The composed figure with each of its parts under a name."""
    figure, handles = figures.plotted(_compose())
    glyphs = {}
    for (name, columns), handle in zip(SOURCES.items(), handles, strict=True):
        renderer = handle["glyph_renderer"]
        renderer.data_source = ColumnDataSource({c: [] for c in columns}, name=name)
        renderer.nonselection_glyph = renderer.selection_glyph = renderer.muted_glyph = None
        renderer.glyph.name = f"glyph-{name}"
        renderer.level = "glyph"
        glyphs[name] = renderer.glyph
    glyphs["floor"].update(y0="low", y1="high", line_color=None, fill_alpha=0.18)
    glyphs["optimum"].update(y="y", line_dash=(3, 3), line_width=1)
    glyphs["upright"].update(
        x="x", line_color={"field": "color"}, line_dash={"field": "dash"}, line_width=1.2
    )
    glyphs["curves"].update(
        xs="x", ys="y", line_color={"field": "color"}, line_alpha={"field": "alpha"},
        line_dash={"field": "dash"}, line_width=1.7,
    )  # fmt: skip
    glyphs["names"].update(
        x="x", y="y", text="text", text_align={"field": "align"},
        text_baseline={"field": "baseline"}, text_font_size="11px", background_fill_alpha=0.7,
        text_font={"value": "Roboto, sans-serif"},
    )  # fmt: skip
    _furnish(figure)
    return figure


def _furnish(figure):
    figure.min_border_left, figure.min_border_right = GUTTER, RIGHT
    figure.min_border_top, figure.min_border_bottom = TOP, BOTTOM
    figure.update(name="figure", outline_line_width=0, tools=[])
    figure.center = [figure.ygrid[0]]
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
        self.inks = {}  # what is drawn by colour and dash -> both, for `charts.js`
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
        parts["glyph-optimum"].line_color = ink("ink2")
        parts["glyph-names"].update(text_color=ink("ink2"), background_fill_color=ink("panel"))
        self.inks = {"marks": [ink("gold"), SOLID], "lines": [ink("ink2"), DOTTED]}
        for name, curve in zip(CURVES, card.curves, strict=False):
            self.inks[name] = [ink(curve.token), DASHED if curve.dashed else SOLID]
