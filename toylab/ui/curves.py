"""The monitor's charts: one for each number that runs have, a line for each run, one x axis."""

import time
from typing import NamedTuple

import numpy as np
from bokeh.models import AdaptiveTicker, ColumnDataSource, FixedTicker, Range1d
from bokeh.models.formatters import CustomJSTickFormatter
from bokeh.plotting import figure

from toylab.monitor.thinning import smoothed, thinned
from toylab.ui import theme
from toylab.ui.axes import Limits, decades, label, thirds

HEIGHT, GUTTER, RIGHT, TOP, BOTTOM = 124, 40, 10, 5, 18  # pixels
MOST_CHARTS = 16
DASHES = ("solid", (6, 3))  # of the runs that share a colour
FAINT = 0.3  # raw numbers under their mean
WIDE = 20  # times: from such a ratio of greatest to least a logarithm shows more
AXES = {"step": "step", "kimg": "images", "time": "seconds"}
TITLES = {
    "critic": "Critic loss",
    "generator": "Generator loss",
    "penalty": "Penalty",
    "penalty_2": "Second penalty",
    "penalty_3": "Third penalty",
    "critic_gradient": "Critic gradient",
    "generator_gradient": "Generator gradient",
    "score:fid": "FID",
    "score:kid": "KID",
    "score:is": "Inception score",
    "score:precision": "Precision",
    "score:recall": "Recall",
    "score:density": "Density",
    "score:coverage": "Coverage",
    "images_per_second": "Images per second",
    "penalty_weight": "Penalty weight",
}
MEANINGS = {
    "critic": "on the next minibatch, without penalties",
    "generator": "on the next minibatch, without penalties",
    "penalty": "on the next minibatch, without its weight",
    "critic_gradient": "|∂L/∂θ| of the critic's own loss, every penalty at its weight",
    "generator_gradient": "|∂L/∂θ| of the generator's own loss",
    "images_per_second": "real images a second, with scores, grids and checkpoints in the time",
}
LOGARITHMS = ("critic_gradient", "generator_gradient", "penalty", "penalty_weight", "score:fid")
WHOLE = "score:"  # never cut at the inner 98 % of their numbers
SAY = "const value = Math.abs(tick) < 10000 ? `${+tick.toPrecision(6)}` : `${tick / 1000}k`; "
CLOCK = (
    "const s = Math.round(tick), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60; "
    "const two = (n) => String(n).padStart(2, '0'); "
    "return h ? `${h}:${two(m)} h` : `${m}:${two(s % 60)}`"
)
TICKS = {
    "step": (SAY + "return value.replace('-', '\u2212')", {"base": 10, "mantissas": [1, 2, 5]}),
    "kimg": (SAY + "return value.replace('-', '\u2212')", {"base": 10, "mantissas": [1, 2, 5]}),
    "time": (CLOCK, {"base": 60, "mantissas": [1, 2, 5, 10, 15, 30]}),
}


class Choice(NamedTuple):
    """What a hand has chosen: x axis, share that is smoothed over, part of x, charts' scales.

    window -- (from, to) in the axis's unit, or the share of the run that is seen, at its end
    """

    axis: str = "step"
    smooth: float = 0.0
    window: tuple | float = 1.0
    logs: dict = {}

    @classmethod
    def read(cls, told):
        """From what the browser says, of which nothing is believed."""
        axis, smooth, window = told.get("axis"), told.get("smooth"), told.get("window")
        part = isinstance(window, list) and len(window) == 2
        part = part and all(type(x) in (int, float) and abs(x) < 1e15 for x in window)
        part = part and window[0] < window[1]
        logs = told.get("logs") if isinstance(told.get("logs"), dict) else {}
        return cls(
            axis if axis in AXES else "step",
            float(smooth) if smooth in (0, 0.02, 0.1) else 0.0,
            tuple(window) if part else window if window in (0.5, 0.1) else 1.0,
            {str(k): bool(v) for k, v in list(logs.items())[:200]},
        )


class Line(NamedTuple):
    """One run's line of a chart: numbers over x, and for scores what each hangs on."""

    key: str
    slot: int
    x: np.ndarray
    y: np.ndarray
    made: str = ""


def names(records):
    """Names of the charts for these runs: the known ones in their order, then what else is there."""
    found = {}
    for record in records:
        found |= dict.fromkeys(record.table.columns)
        for score in record.scores.values():
            if score is not None:
                found |= {f"score:{n}": None for n in score.values if not n.endswith("_std")}
    for name in ("images", "seconds"):
        found.pop(name, None)
    weights = [set(r.table.columns.get("penalty_weight", ())) for r in records]
    if all(len(values) <= 1 for values in weights):
        found.pop("penalty_weight", None)  # it stands in the settings
    known = [name for name in TITLES if name in found]
    return [*known, *(name for name in found if name not in TITLES)]


def title(name):
    """What stands over a chart."""
    return TITLES.get(name) or name.removeprefix("score:").replace("_", " ")


def across(table, axis, steps=None):
    """x of a table's rows on an axis, or of other steps among them; None where it has none."""
    if axis == "step":
        return table.values("step") if steps is None else steps
    if AXES[axis] not in table.columns:
        return None
    x = table.values(AXES[axis]) / (1000 if axis == "kimg" else 1)
    fine = np.isfinite(x)
    x, at = x[fine], table.values("step")[fine]
    if not len(x) or (np.diff(x) < 0).any():
        return None
    return np.interp(table.values("step") if steps is None else steps, at, x)


def lines(name, records, slots, axis):
    """The `Line`s of a chart, and why its numbers must not be compared ("" where they may be)."""
    found, made = [], {}
    for key, record in records.items():
        if not name.startswith("score:"):
            if name in record.table.columns:
                x = across(record.table, axis)
                if x is not None:
                    found.append(Line(key, slots[key], x, record.table.values(name)))
            continue
        groups, wanted = {}, name.removeprefix("score:")
        for score in record.scores.values():
            if score is not None and wanted in score.values:
                groups.setdefault(tuple(score.made.items()), {})[score.step] = score.values[wanted]
        for group, values in groups.items():
            steps = np.array(sorted(values), float)
            x = across(record.table, axis, steps)
            if x is not None:
                y = np.array([values[int(step)] for step in steps])
                text = ", ".join(f"{words} {value}" for words, value in group)
                found.append(Line(key, slots[key], x, y, text))
                made[group] = None
    rows = [dict(group) for group in made]
    apart = [words for words in rows[0] if len({row[words] for row in rows}) > 1] if rows else []
    return found, f"not comparable: other {', '.join(apart)}" if apart else ""


class Curve:
    """A figure, which shows one chart at a time; that of another name may follow in its place."""

    def __init__(self, number, x_range):
        self.limits = {}  # (chart, logarithmic) -> its axis, which keeps calm
        self.source = ColumnDataSource({c: [] for c in ("xs", "ys", "colour", "dash", "alpha")})
        self.points = ColumnDataSource({c: [] for c in ("x", "y", "colour")})
        self.figure = plot = figure(
            name=f"curve-{number}", height=HEIGHT, visible=False, sizing_mode="stretch_width", x_range=x_range, y_range=Range1d(0, 1),
            toolbar_location=None, tools="", min_border_left=GUTTER, min_border_right=RIGHT,
            min_border_top=TOP, min_border_bottom=BOTTOM, outline_line_width=0, min_width=100,
            output_backend="canvas",
        )  # fmt: skip
        line = plot.multi_line(
            "xs", "ys", source=self.source, line_color="colour", line_dash="dash",
            line_alpha="alpha", line_width=1.6,
        )  # fmt: skip
        dots = plot.scatter("x", "y", source=self.points, size=5, color="colour", line_width=0)
        for made in (line, dots):
            made.nonselection_glyph = made.selection_glyph = made.muted_glyph = None
        plot.xgrid.grid_line_color = None
        self.ticks = FixedTicker(ticks=[0, 1])
        plot.yaxis.ticker = plot.ygrid.ticker = self.ticks
        for axis in (*plot.xaxis, *plot.yaxis):
            axis.update(
                axis_line_color=None, major_tick_line_color=None, minor_tick_line_color=None,
                major_tick_in=0, major_tick_out=0, minor_tick_out=0, major_label_standoff=3,
                major_label_text_font_size="11px", major_label_text_font="Roboto, sans-serif",
            )  # fmt: skip

    def clothe(self, dark, axis):
        """Colours and the x axis's ticks."""
        plot = self.figure
        panel = theme.colour("panel", dark)
        plot.update(background_fill_color=panel, border_fill_color=panel)
        plot.ygrid.grid_line_color = theme.colour("line", dark)
        code, how = TICKS[axis]
        plot.xaxis.formatter = CustomJSTickFormatter(code=code)
        plot.xaxis.ticker = AdaptiveTicker(**how, desired_num_ticks=4, num_minor_ticks=0)
        for one in (*plot.xaxis, *plot.yaxis):
            one.major_label_text_color = theme.colour("ink2", dark)

    def draw(self, name, found, choice, window, dark):
        """Draws the lines of a chart; returns what the page says beside them."""
        low, high = window
        everything = [line.y[np.isfinite(line.y)] for line in found]
        values = np.concatenate([*everything, np.zeros(0)])
        wide = len(values) and values.min() > 0 and values.max() > WIDE * values.min()
        log = choice.logs.get(name, bool(name in LOGARITHMS and wide))
        kept = {"xs": [], "ys": [], "colour": [], "dash": [], "alpha": []}
        dots, heights, shown = {"x": [], "y": [], "colour": []}, [], []
        for line in found:
            colour = theme.RUNS[line.slot % len(theme.RUNS)][int(dark)]
            dash = DASHES[line.slot // len(theme.RUNS) % len(DASHES)]
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.log10(line.y) if log else line.y
            y = np.where(np.isfinite(y), y, np.nan)
            smooth = smoothed(y, choice.smooth) if not line.made else y
            layers = [(y, FAINT), (smooth, 1.0)] if smooth is not y else [(y, 1.0)]
            for curve, alpha in layers:
                at, height = thinned(line.x, curve, low, high)
                kept["xs"].append(at)
                kept["ys"].append(height)
                kept["colour"].append(colour)
                kept["dash"].append(list(dash) if dash != "solid" else [])
                kept["alpha"].append(alpha)
                shown.append({"run": line.key, "faint": alpha < 1, "made": line.made})
            heights.append(height)
            if line.made:
                dots["x"] += at.tolist()
                dots["y"] += height.tolist()
                dots["colour"] += [colour] * len(at)
        beyond = self._axis(name, log, np.concatenate([*heights, np.zeros(0)]))
        self.source.data, self.points.data = kept, dots
        self.figure.visible = True
        told = {"name": name, "title": title(name), "means": MEANINGS.get(name, ""), "log": log}
        return told | {"beyond": beyond, "lines": shown}

    def _axis(self, name, log, heights):
        """Sets the y axis to hold the numbers, or their inner 98 %; returns how many it does not."""
        if not len(heights):
            return 0
        least, most = heights.min(), heights.max()
        if not name.startswith(WHOLE) and not log:
            least, most = np.percentile(heights, [1, 99])
        if name == "images_per_second" and not log:
            least = 0.0
        limits = self.limits.setdefault((name, log), Limits(decades if log else thirds))
        axis = limits.of(float(least), float(most), time.monotonic())
        pad = 0.06 * (axis.high - axis.low)
        self.figure.y_range.update(start=axis.low - pad, end=axis.high + pad)
        self.ticks.ticks = list(axis.ticks)
        texts = {tick: label(tick, log) for tick in axis.ticks}
        self.figure.yaxis.major_label_overrides = texts
        return int((heights > axis.high + pad).sum() + (heights < axis.low - pad).sum())


class Curves:
    """All charts of a page: as many figures as there can be, of which the first ones are seen."""

    def __init__(self):
        self.x_range, self.looks = Range1d(0, 1), None
        self.curves = [Curve(number, self.x_range) for number in range(MOST_CHARTS)]
        self.figures = [curve.figure for curve in self.curves]

    def draw(self, records, slots, choice, dark):
        """Draws {key: record}; returns [{name, title, …}] of the charts, in order."""
        if self.looks != (dark, choice.axis):
            self.looks = dark, choice.axis
            for curve in self.curves:
                curve.clothe(dark, choice.axis)
        wanted = names(records.values())[:MOST_CHARTS]
        drawn = [(name, *lines(name, records, slots, choice.axis)) for name in wanted]
        ends = [line.x[-1] for _, found, _ in drawn for line in found if len(line.x)]
        window, end = choice.window, float(max([*ends, 1]))
        if not isinstance(window, tuple):
            window = (end * (1 - window), end)
        self.x_range.update(start=window[0], end=window[1])
        for figure_ in self.figures[len(wanted) :]:
            figure_.visible = False
        return [
            curve.draw(name, found, choice, window, dark) | {"warning": warning}
            for curve, (name, found, warning) in zip(self.curves, drawn, strict=False)
        ]
