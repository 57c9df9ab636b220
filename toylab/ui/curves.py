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
DASHES = ([], [6, 3])  # of the runs that share a colour
FAINT = 0.3  # raw numbers under their mean
MOST_DECADES = 4  # between the ticks of a logarithm
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
SCORE = "score:"  # before the names of scores, which are never cut at their inner 98 %
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
            axis if axis in [*AXES] else "step",
            float(smooth) if smooth in (0, 0.02, 0.1) else 0.0,
            tuple(window) if part else window if window in (0.5, 0.1) else 1.0,
            {str(k): bool(v) for k, v in list(logs.items())[:200]},
        )


class Line(NamedTuple):
    """One run's line of a chart: numbers over x, and for scores what each hangs on.

    span -- the least and the greatest of the numbers, () where there is none
    made -- what must be alike for scores to be compared, (words, value) each; `also` is the rest
    """

    key: str
    slot: int
    x: np.ndarray
    y: np.ndarray
    span: tuple
    made: tuple = ()
    also: tuple = ()


def names(records):
    """Names of the charts for these runs: the known ones in their order, then all others."""
    found = {}
    for record in records:
        found |= dict.fromkeys(record.table.columns)
        for score in record.scores.values():
            if score is not None:
                found |= {f"score:{n}": None for n in score.values if not n.endswith("_std")}
    for name in ("images", "seconds"):
        found.pop(name, None)
    weights = [np.array(r.table.columns.get("penalty_weight", ())) for r in records]
    if all((values == values[:1]).all() for values in weights):
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


def lines(name, key, record, slot, axis):
    """The `Line`s of one run in a chart: of scores one for each way in which they were measured."""

    def line(x, y, *made):
        fine = y[np.isfinite(y)]
        span = (fine.min(), fine.max()) if len(fine) else ()
        return [] if x is None else [Line(key, slot, x, y, span, *made)]

    if not name.startswith(SCORE):
        if name not in record.table.columns:
            return []
        return line(across(record.table, axis), record.table.values(name))
    groups, wanted = {}, name.removeprefix(SCORE)
    for score in record.scores.values():
        if score is not None and wanted in score.values:
            groups.setdefault(tuple(score.made.items()), {})[score.step] = score
    found = []
    for made, scores in groups.items():
        steps = np.array(sorted(scores), float)
        y = np.array([scores[int(step)].values[wanted] for step in steps])
        last = scores[int(steps[-1])]
        also = dict(last.also)
        if wanted in last.baseline:
            also["real against real"] = f"{last.baseline[wanted]:.4g}"
        found += line(across(record.table, axis, steps), y, made, tuple(also.items()))
    return found


def apart(found):
    """Why the numbers of a chart's lines must not be compared, "" where they may be."""
    rows = [dict(made) for made in {line.made: None for line in found}]
    other = [words for words in rows[0] if len({row[words] for row in rows}) > 1] if rows else []
    return f"not comparable: other {', '.join(other)}" if other else ""


class Curve:
    """A figure, which shows one chart at a time; that of another name may follow in its place."""

    def __init__(self, number, x_range):
        self.limits = {}  # (chart, logarithmic) -> its axis, which keeps calm
        self.kept = {}  # (chart, run, how measured) -> what was drawn of a line, and of which
        self.source = ColumnDataSource({c: [] for c in ("xs", "ys", "colour", "dash", "alpha")})
        self.points = ColumnDataSource({c: [] for c in ("x", "y", "colour")})
        self.figure = plot = figure(
            name=f"curve-{number}", height=HEIGHT, sizing_mode="stretch_width", visible=False,
            x_range=x_range, y_range=Range1d(0, 1),
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
        spans = [line.span for line in found if line.span]
        least = min((span[0] for span in spans), default=0)
        most = max((span[1] for span in spans), default=0)
        log = choice.logs.get(name, name in LOGARITHMS and 0 < WIDE * least < most)
        there = {(name, line.key, line.made) for line in found}
        self.kept = {place: told for place, told in self.kept.items() if place in there}
        kept = {"xs": [], "ys": [], "colour": [], "dash": [], "alpha": []}
        dots, heights, shown = {"x": [], "y": [], "colour": []}, [], []
        for line in found:
            colour = theme.RUNS[line.slot % len(theme.RUNS)][int(dark)]
            dash = DASHES[line.slot // len(theme.RUNS) % len(DASHES)]
            for at, height, alpha in self._layers(name, line, choice, log, window):
                kept["xs"].append(at)
                kept["ys"].append(height)
                kept["colour"].append(colour)
                kept["dash"].append(dash)
                kept["alpha"].append(alpha)
                made = ", ".join(f"{words} {value[:16]}" for words, value in line.made + line.also)
                shown.append({"run": line.key, "faint": alpha < 1, "made": made})
            heights.append(height)
            if line.made or len(at) == 1:  # of one row alone there is no line to be seen
                dots["x"] += at.tolist()
                dots["y"] += height.tolist()
                dots["colour"] += [colour] * len(at)
        beyond = self._axis(name, log, np.concatenate([*heights, np.zeros(0)]))
        self.source.data, self.points.data = kept, dots
        self.figure.visible = True
        told = {"name": name, "title": title(name), "means": MEANINGS.get(name, ""), "log": log}
        return told | {"beyond": beyond, "lines": shown}

    def _layers(self, name, line, choice, log, window):
        """[(x, y, alpha)] of a line as it is drawn; of one that has not changed, as it was."""
        inside = len(line.x) == 0, len(line.x) == 0
        if len(line.x):
            inside = window[0] <= line.x[0], window[1] >= line.x[-1]
        low, high = (None if all_ else end for all_, end in zip(inside, window, strict=True))
        how = choice.smooth, log, low, high
        before = self.kept.get((name, line.key, line.made))
        if before is None or before[0] is not line or before[1] != how:
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.log10(line.y) if log else line.y
            smooth = smoothed(y, 0.0 if line.made else choice.smooth)
            layers = [(y, FAINT), (smooth, 1.0)] if smooth is not y else [(y, 1.0)]
            drawn = [(*thinned(line.x, curve, low, high), alpha) for curve, alpha in layers]
            before = self.kept[name, line.key, line.made] = line, how, drawn
        return before[2]

    def _axis(self, name, log, heights):
        """Sets the y axis to the numbers, or their inner 98 %; returns how many it leaves out."""
        if not len(heights):
            return 0
        least, most = heights.min(), heights.max()
        if not name.startswith(SCORE) and not log:
            least, most = np.percentile(heights, [1, 99])
        if name == "images_per_second" and not log:
            least = 0.0
        limits = self.limits.setdefault((name, log), Limits(decades if log else thirds))
        axis = limits.of(float(least), float(most), time.monotonic())
        if log:  # more decades fit here than in the lab's rail
            stride = -(-round(axis.high - axis.low) // MOST_DECADES)
            axis = axis._replace(ticks=tuple(np.arange(axis.low, axis.high + 1, stride).tolist()))
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
        self.kept = {}  # (chart, run) -> its lines, and of which version of the run
        self.figures = [curve.figure for curve in self.curves]

    def draw(self, records, slots, choice, dark):
        """Draws {key: record}; returns [{name, title, …}] of the charts, in order."""
        if self.looks != (dark, choice.axis):
            self.looks = dark, choice.axis
            for curve in self.curves:
                curve.clothe(dark, choice.axis)
        wanted = names(records.values())[:MOST_CHARTS]
        self.kept = {k: v for k, v in self.kept.items() if k[1] in records}
        drawn = [(name, self._lines(name, records, slots, choice.axis)) for name in wanted]
        ends = [line.x[-1] for _, found in drawn for line in found if len(line.x)]
        window, end = choice.window, float(max([*ends, 1]))
        if not isinstance(window, tuple):
            window = (end * (1 - window), end)
        self.x_range.update(start=window[0], end=window[1])
        for figure_ in self.figures[len(wanted) :]:
            figure_.visible = False
        return [
            curve.draw(name, found, choice, window, dark) | {"warning": apart(found)}
            for curve, (name, found) in zip(self.curves, drawn, strict=False)
        ]

    def _lines(self, name, records, slots, axis):
        """A chart's lines; a run that has not changed is not asked again."""
        found = []
        for key, record in records.items():
            sign = record, record.version, slots[key], axis
            if self.kept.get((name, key), (None,))[0] != sign:
                self.kept[name, key] = sign, lines(name, key, record, slots[key], axis)
            found += self.kept[name, key][1]
        return found
