"""The charts of the right rail: the whole run, always, in at most 400 points a curve."""

import time

import holoviews as hv
import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool
from bokeh.models.formatters import CustomJSTickFormatter

from toylab.ui import figures, theme
from toylab.ui.part import Part
from toylab.ui.phrases import change

POINTS = 400  # of a curve on the screen
KEPT = 4000  # of a curve in memory
CALM = 2.0  # seconds before an axis may shrink
DASH = (5, 3)
CURVES = ("first", "second")  # at most two curves a chart
NAMES = {0.5: "½", 0.69: "log 2", 1.39: "2 log 2", -0.69: "−log 2"}  # optima worth a name

# name: its curves as (scalar, colour, dashed)
CHARTS = {
    "clusters": (("modes", "fake", False),),
    "losses": (("loss_critic", "ink", False), ("loss_generator", "fake", True)),
    "says": (("says_real", "real", False), ("says_fake", "fake", True)),
}


def decimate(steps, values, points=POINTS):
    """Smallest and largest value of every curve in each slice; means would hide the spikes.

    steps (n,), values (n, curves) -> the same with at most `points` rows.
    """
    if len(steps) <= points:
        return steps, values
    bounds = np.linspace(0, len(steps), points // (2 * values.shape[1]) + 1).astype(int)
    keep = {len(steps) - 1}
    for low, high in zip(bounds[:-1], bounds[1:], strict=True):
        part = values[low:high]
        keep |= set(low + part.argmin(0)) | set(low + part.argmax(0))
    index = np.array(sorted(keep))[-points:]
    return steps[index], values[index]


class History:
    """A chart's numbers over the whole run; an hour costs as much as the first minute."""

    def __init__(self):
        self.steps, self.rows = [], []

    def add(self, step, row):
        row = [np.nan if value is None else value for value in row]
        if not np.isfinite(row).all() or (self.steps and step <= self.steps[-1]):
            return
        self.steps.append(step)
        self.rows.append(row)
        if len(self.steps) > KEPT:
            steps, rows = decimate(*self.arrays(), points=KEPT // 2)
            self.steps, self.rows = steps.tolist(), rows.tolist()

    def arrays(self):
        return np.array(self.steps, np.float32), np.array(self.rows, np.float32)


def ladder(span):
    """A tick distance of 1, 2, 5 times a power of ten that cuts `span` into at most three parts."""
    power = 10.0 ** np.floor(np.log10(max(span, 1e-9) / 3))
    return next(step * power for step in (1, 2, 5, 10) if span / (step * power) <= 3.0001)


def _finished():
    """A chart of two curves, as HoloViews composes it, with a name on each of its parts."""
    none = np.zeros(0, np.float32)
    elements = [hv.HLines([]), hv.VLines(([], []), vdims=["what"]), hv.Labels(([], [], []))]
    elements += [hv.Curve((none, none), "step", "value") for _ in CURVES]
    overlay = hv.Overlay([e.relabel(f"e{k}") for k, e in enumerate(elements)]).opts(
        hv.opts.Overlay(width=240, height=116, toolbar=None, show_legend=False, border=0,
                        title="", xlabel="", ylabel="", show_frame=False)
    )  # fmt: skip
    figure, handles = figures.plotted(overlay)
    parts = dict(zip(("optimum", "marks", "names", *CURVES), handles, strict=True))
    parts = {name: handles["glyph_renderer"] for name, handles in parts.items()}
    parts["optimum"].data_source = ColumnDataSource({"y": []})
    parts["optimum"].glyph.y = "y"
    parts["marks"].data_source = ColumnDataSource({"x": [], "what": []})
    parts["marks"].glyph.x = "x"
    parts["names"].data_source = ColumnDataSource({"x": [], "y": [], "text": []})
    parts["names"].glyph.update(
        x="x", y="y", text="text", text_align="right", text_baseline="bottom",
        text_font_size="11px", text_font={"value": "Roboto, sans-serif"},
    )  # fmt: skip
    source = ColumnDataSource({"x": none, **{curve: none for curve in CURVES}}, name="source")
    for curve in CURVES:
        parts[curve].data_source = source
        parts[curve].glyph.x, parts[curve].glyph.y = "x", curve
    for name, renderer in parts.items():
        renderer.name = name
        renderer.nonselection_glyph = renderer.selection_glyph = renderer.muted_glyph = None
    _furnish(figure, parts["marks"])
    return figure


def _furnish(figure, marks):
    figure.min_border_left, figure.min_border_right = 34, 8
    figure.min_border_top, figure.min_border_bottom = 5, 18
    figure.outline_line_color = None
    figure.xgrid.grid_line_color = None
    figure.tools = [HoverTool(renderers=[marks], tooltips="@what", line_policy="nearest")]
    figure.toolbar.active_inspect = figure.tools
    figure.yaxis.ticker = figure.ygrid.ticker = FixedTicker(ticks=[0, 1], name="ticks")
    figure.yaxis.axis_line_color = figure.xaxis.axis_line_color = None
    figure.xaxis.ticker.desired_num_ticks = 4
    figure.xaxis.ticker.num_minor_ticks = 0
    # Thousands with a thin gap, and a true minus: as everywhere on the page.
    figure.xaxis.formatter = CustomJSTickFormatter(
        code="return tick < 10000 ? `${+tick.toPrecision(6)}` : `${tick / 1000}k`"
    )
    figure.yaxis.formatter = CustomJSTickFormatter(
        code="return `${+tick.toPrecision(6)}`.replace('-', '\u2212')"
    )
    for axis in (*figure.xaxis, *figure.yaxis):
        axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.major_label_text_font_size = "11px"
        axis.major_label_text_font = "Roboto, sans-serif"
        axis.major_label_standoff = 3
        axis.axis_label = ""


class Chart:
    """One figure; its curves, the optimum, and gold lines where a hand changed something."""

    def __init__(self, name, curves):
        self.name, self.curves = name, curves
        self.figure, parts = figures.copy("chart", _finished)
        self.figure.update(name=f"chart-{name}", visible=False)
        self.optimum, self.marks, self.names = (parts[n] for n in ("optimum", "marks", "names"))
        self.lines = [parts[curve] for curve in CURVES]
        self.source, self.ticks = parts["source"], parts["ticks"]
        self.marks.data_source.name = f"marks-{name}"
        self.clear()

    def clear(self):
        self.history = History()
        self.limits, self.calm = None, 0.0
        self.optimum.data_source.data = {"y": []}
        self.marks.data_source.data = {"x": [], "what": []}
        self.names.data_source.data = {"x": [], "y": [], "text": []}
        self.figure.x_range.update(start=0, end=20)

    def style(self, dark):
        figure = self.figure
        figure.background_fill_color = figure.border_fill_color = theme.colour("panel", dark)
        figure.ygrid.grid_line_color = theme.colour("line", dark)
        for axis in (*figure.xaxis, *figure.yaxis):
            axis.major_label_text_color = theme.colour("ink2", dark)
        self.optimum.glyph.update(
            line_color=theme.colour("ink2", dark), line_dash=(3, 3), line_width=1
        )
        self.names.glyph.text_color = theme.colour("ink2", dark)
        self.marks.glyph.update(line_color=theme.colour("gold", dark), line_width=1.2)
        for line, (_, token, dashed) in zip(self.lines, self.curves, strict=False):
            dash = DASH if dashed else "solid"
            line.glyph.update(line_color=theme.colour(token, dark), line_width=1.7, line_dash=dash)

    def add(self, step, scalars):
        self.history.add(step, [scalars.get(scalar) for scalar, *_ in self.curves])

    def mark(self, step, what):
        data = self.marks.data_source.data
        self.marks.data_source.data = {"x": [*data["x"], step], "what": [*data["what"], what]}

    def draw(self, scalars):
        """The curves anew; axes grow at once and shrink only after two calm seconds."""
        if not self.history.steps:
            return
        steps, values = decimate(*self.history.arrays())
        columns = {curve: np.full(len(steps), np.nan, np.float32) for curve in CURVES}
        columns |= {CURVES[k]: np.ascontiguousarray(v) for k, v in enumerate(values.T)}
        self.source.data = {"x": steps, **columns}
        self.figure.x_range.update(start=0, end=max(float(steps[-1]), 20.0))
        optima = sorted({y for y in self.optima(scalars) if y is not None})
        if list(self.optimum.data_source.data["y"]) != optima:
            self.optimum.data_source.data = {"y": optima}
        names = [NAMES.get(round(y, 2), f"{y:.2g}") for y in optima]
        end = [self.figure.x_range.end] * len(optima)
        if optima or self.names.data_source.data["y"]:
            self.names.data_source.data = {"x": end, "y": optima, "text": names}
        low, high, step = self.bounds(values, optima, scalars)
        now = time.monotonic()
        if self.limits:
            old = self.limits
            if (low > old[0] or high < old[1]) and low >= old[0] and high <= old[1]:
                if now - self.calm < CALM:
                    return
            elif (low, high) == old:
                self.calm = now
                return
        self.limits, self.calm = (low, high), now
        pad = 0.06 * (high - low)
        self.figure.y_range.update(start=low - pad, end=high + pad)
        self.ticks.ticks = np.arange(low, high + step / 2, step).round(9).tolist()

    def optima(self, scalars):
        if self.name == "losses":
            return scalars.get("optimum_critic"), scalars.get("optimum_generator")
        return (0.5,) if self.name == "says" and scalars.get("probability", True) else ()

    def bounds(self, values, optima, scalars):
        if self.name == "clusters":
            total = scalars.get("modes_total") or 1
            step = max(1, -(-total // 4)) if total > 2 else 1
            return 0.0, float(-(-total // step) * step), step
        # One spike must not flatten the rest of the run: the outermost percent is cut off.
        low, high = (
            np.percentile(values, [1, 99])
            if self.name == "losses"
            else (values.min(), values.max())
        )
        low, high = min([low, *optima]), max([high, *optima])
        step = ladder(max(high - low, 0.02))
        return float(np.floor(low / step) * step), float(np.ceil(high / step) * step), step


class Charts(Part):
    """All charts of a lane; they are drawn a few times a second, not with every picture."""

    follows_run = True

    def __init__(self, lab):
        super().__init__(lab)
        self.charts = {name: Chart(name, curves) for name, curves in CHARTS.items()}
        self.drawn = 0.0

    def style(self, dark):
        for chart in self.charts.values():
            chart.style(dark)

    def seen(self):
        """Hidden until then: each figure's layout takes the browser as long as the arena's."""
        for chart in self.charts.values():
            chart.figure.visible = True

    def hear_opened(self, header, arrays):
        if not header.get("continued"):
            for chart in self.charts.values():
                chart.clear()

    def hear_changed(self, header, arrays):
        for chart in self.charts.values():
            chart.mark(header["step"], change(self.lab.settings.fields, header))

    def frame(self, header, arrays):
        """Takes the numbers of a picture; draws at most three times a second (three more canvases
        a picture would halve the pictures)."""
        scalars = header["scalars"]
        for chart in self.charts.values():
            chart.add(header["step"], scalars)
        now = time.monotonic()
        if self.lab.link.slow or now - self.drawn > 0.3:
            self.drawn = now
            for chart in self.charts.values():
                chart.draw(scalars)
        return {}
