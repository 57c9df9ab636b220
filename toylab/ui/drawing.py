"""What a card draws, as plain numbers: `charts.js` lays them into its figure."""

import math
from typing import NamedTuple

import numpy as np

from toylab.ui import labels
from toylab.ui.axes import Limits, label
from toylab.ui.history import History, extremes, moving_average
from toylab.ui.measures import FLOOR

POINTS = 400  # of a curve on the screen
FEW = 60  # rows from which on a moving average says something
ROUGH, SMOOTH = 0.15, 0.10  # of the axis: spread from which on, and until which, it is drawn
FAINT = 0.3  # what lies under the average
LEAST = 0.02  # an axis spans at least that much
PAD = 0.06  # of the axis, below and above it
SMALLEST = 1e-9  # a logarithm needs something
NAMES = {0.5: "½", math.log(2): "log 2", 2 * math.log(2): "2 log 2", -math.log(2): "−log 2"}


class Now(NamedTuple):
    """What there is to draw from: the run's numbers, the newest picture's, and the settings.

    histogram (2, bins) or None · pulls: the penalty pulls slopes to 1.
    """

    history: History
    scalars: dict
    histogram: np.ndarray | None
    pulls: bool


def name_of(value):
    """An optimum as a mathematician writes it: ½, 2 log 2; else the number."""
    known = (name for number, name in NAMES.items() if math.isclose(value, number, rel_tol=1e-6))
    return next(known, f"{value:.3g}".replace("-", "−"))


def optima(card, now):
    """[(value, name)] of the card's curves where fakes and data are equal."""
    scalars = now.scalars
    if card.name == "losses":
        known = {scalars.get("optimum_critic"), scalars.get("optimum_generator")} - {None}
        return [(value, name_of(value)) for value in sorted(known)]
    if card.name == "says" and scalars.get("probability", True):
        return [(0.5, "½")]
    if card.name == "slopes" and now.pulls:
        return [(1.0, "slope 1")]
    return []


def reach(values, robust):
    """(lowest, highest) that the axis holds: of every curve all, or its inner 98 %."""
    if robust:
        low, high = np.percentile(values, [1, 99], axis=0)
        return low.min(), high.max()
    return values.min(), values.max()


def outline(shares, low, high):
    """Histograms (sides, bins) as lines round their bars: x (2 bins + 2,), y (…, sides)."""
    edges = np.linspace(low, high, shares.shape[1] + 1)
    y = np.zeros((2 * len(edges), len(shares)))
    y[1:-1] = np.repeat(shares.T, 2, axis=0)
    return np.repeat(edges, 2), y


class Chart:
    """One card over time: remembers its axis, so that it keeps calm."""

    def __init__(self, card):
        self.card = card
        self.limits = Limits(card.axis)
        self.smooth, self.stood = False, {}

    def picture(self, now, clock, size=(200, 70)):
        """{part: …} of the card, or None before there is anything to draw.

        raw, mean: columns · x, y: limits · ticks: [value, label] · optimum: heights · floor: its
        two edges · names: [x, y, text, align, baseline] · lines: upright ones that are no changes ·
        beyond: [above, below] the axis · alpha: of raw. `clock` in seconds, size in pixels.
        """
        if self.card.name == "histogram":
            return self._histogram(now, clock)
        card = self.card
        series = now.history.series([curve.scalar for curve in card.curves])
        if not len(series.steps):
            return None
        scale = (lambda v: np.log10(np.maximum(v, SMALLEST))) if card.log else np.asarray
        values = scale(series.values)
        wanted = [(scale(value).item(), text) for value, text in optima(card, now)]
        floor = now.scalars.get(FLOOR) if card.name == "wasserstein" else None
        axis = self._axis(values, [y for y, _ in wanted], floor and scale(floor), now, clock)
        index = extremes(values, POINTS)
        x, end = series.steps[index], max(float(now.history.last), 20.0)
        heights = [y for y, _ in wanted]
        drawn = {
            **self._frame(axis, (0.0, end), heights, size[1]),
            "raw": _lines(x, values[index], series.gaps[index]),
            "mean": _lines(*self._average(series.steps, values, axis)),
            "alpha": FAINT if self.smooth else 1.0,
            "optimum": heights,
            "floor": [] if not floor else [axis.low - 1, scale(floor).item()],
            "beyond": [int((values > axis.high).sum()), int((values < axis.low).sum())],
        }
        return drawn | {"names": self._names(wanted, x / end, values[index], drawn["y"], end, size)}

    def _axis(self, values, heights, floor, now, clock):
        if self.card.form == "count":
            return self.card.axis(now.scalars.get("modes_total") or 1)
        low, high = reach(values, self.card.robust)
        known = [*heights, *([] if floor is None else [floor])]
        low, high = min(low, *known, math.inf), max(high, *known, -math.inf)
        slack = max(LEAST - (high - low), 0) / 2
        return self.limits.of(float(low - slack), float(high + slack), clock)

    def _frame(self, axis, x, heights=(), pixels=70):
        """Limits and ticks, with room for a name above each of these heights."""
        pad = PAD * (axis.high - axis.low)
        low = axis.low - pad
        # The name needs so much of the frame; the rest of it reaches from `low` to the height.
        rest = 1 - min((labels.GAP + labels.HIGH) / pixels, 0.4)
        high = max([axis.high + pad, *(low + (y - low) / rest for y in heights)])
        return {
            "x": list(x),
            "y": [low, high],
            "ticks": [[tick, label(tick, self.card.log)] for tick in axis.ticks],
            "lines": [],
        }

    def _average(self, steps, values, axis):
        """The moving average where the curves are rough; its rows need no extremes."""
        count = len(steps)
        none = steps[:0], values[:0], np.zeros(0)
        if count < FEW or self.card.form == "count":
            self.smooth = False
            return none
        average = moving_average(values, count // 15)
        low, high = np.percentile(values - average, [5, 95], axis=0)
        spread = (high - low).max() / (axis.high - axis.low)
        self.smooth = bool(spread > (SMOOTH if self.smooth else ROUGH))
        index = np.unique(np.linspace(0, count - 1, POINTS // 2).astype(int))
        return (steps[index], average[index], np.zeros(len(index))) if self.smooth else none

    def _names(self, wanted, x, curves, limits, end, size):
        if not wanted:
            return []
        width, height = size
        unit = height / (limits[1] - limits[0])
        covered = labels.columns(x * width, (curves - limits[0]) * unit, width)
        told, taken = [], []
        for y, text in wanted:
            at = (y - limits[0]) * unit
            place = labels.stand(at, text, covered, height, self.stood.get(text), taken)
            self.stood[text] = place
            taken.append(labels.box(at, text, place))
            right, above = place
            told.append([right / width * end, y, text, "right", "bottom" if above else "top"])
        return told

    def _histogram(self, now, clock):
        if now.histogram is None:
            return None
        low, high = now.scalars["histogram_low"], now.scalars["histogram_high"]
        x, y = outline(now.histogram, low, high)
        axis = self.limits.of(0.0, max(float(y.max()), LEAST), clock)
        drawn = self._frame(axis, (low, high))
        drawn["y"][0] = 0.0
        quantity = "D" if now.scalars.get("probability", True) else "logit"
        probes = [(row.get(quantity), row.get("letter")) for row in now.scalars.get("probes", ())]
        probes = [(value, letter) for value, letter in probes if None not in (value, letter)]
        return drawn | {
            "raw": _lines(x, y, np.zeros(len(x))),
            "mean": _lines(x[:0], y[:0], np.zeros(0)),
            "alpha": 1.0,
            "optimum": [],
            "floor": [],
            "beyond": [0, 0],
            "lines": [value for value, _ in probes],
            "names": [[value, drawn["y"][1], text, "left", "top"] for value, text in probes],
        }


def _lines(x, values, gaps):
    """Columns of the two lines; a line ends where its numbers were not asked for."""
    at = np.flatnonzero(np.diff(gaps)) + 1
    if len(at):
        x, values = np.insert(x, at, x[at]), np.insert(values, at, np.nan, axis=0)
    curves = dict(zip(("first", "second"), values.T, strict=False))
    return {"x": x, "second": np.full(len(x), np.nan), **curves}
