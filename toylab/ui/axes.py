"""Axes that can be read: three ticks at 1, 2 or 5 times a power of ten, and calm limits."""

import math
from typing import NamedTuple

CALM = 2.0  # seconds for which fewer values must have been enough before an axis shrinks


class Axis(NamedTuple):
    """Limits of an axis and its ticks, in the units that are drawn."""

    low: float
    high: float
    ticks: tuple


def thirds(low, high):
    """The finest axis with two intervals of 1, 2 or 5 · 10ⁿ that holds both numbers.

    No finer than what tells the ticks' labels apart; around one number alone, a hundredth of it.
    """
    span = max((high - low) or 0.1 * abs(high), 1e-9, 2e-5 * max(abs(low), abs(high)))
    power = math.floor(math.log10(span / 2))
    for step in (factor * 10.0**p for p in (power, power + 1, power + 2) for factor in (1, 2, 5)):
        start = math.floor(low / step + 1e-9)
        if step * (start + 2) >= high - 1e-9 * step:
            ticks = tuple(float(f"{step * (start + k):.9g}") for k in range(3))
            return Axis(ticks[0], ticks[2], ticks)
    raise ValueError(f"no axis holds {low} to {high}: give finite numbers, the smaller one first")


def decades(low, high):
    """The axis of a logarithm: whole decades only, two or three ticks; low and high are log10."""
    first = math.floor(low + 1e-9)
    last = max(math.ceil(high - 1e-9), first + 1)
    stride = math.ceil((last - first) / 2)
    return Axis(float(first), float(last), tuple(map(float, range(first, last + 1, stride))))


def counts(total):
    """The axis of a count out of a total: from 0 to it, in halves or by 1, 2 or 5 · 10ⁿ."""
    if total % 2 == 0 and total > 0:
        return Axis(0.0, float(total), (0.0, total / 2, float(total)))
    ladder = (factor * 10**power for power in range(9) for factor in (1, 2, 5))
    step = next(step for step in ladder if total / step < 3)
    return Axis(0.0, float(max(total, 1)), tuple(map(float, range(0, total + 1, step))))


class Limits:
    """The axis that is drawn: it grows at once, and shrinks only after two calm seconds."""

    def __init__(self, build):
        self.build, self.axis, self._enough_since = build, None, 0.0

    def of(self, low, high, now):
        """The axis to draw for numbers from low to high."""
        wanted, held = self.build(low, high), self.axis
        if held is None:
            self.axis, self._enough_since = wanted, now
        elif low < held.low or high > held.high:
            self.axis = self.build(min(low, held.low), max(high, held.high))
            self._enough_since = now
        elif wanted == held:
            self._enough_since = now
        elif now - self._enough_since >= CALM:
            self.axis, self._enough_since = wanted, now
        return self.axis


def label(value, log=False):
    """A tick as the page writes it: 0.5, −2, 20k; of a logarithm the number itself: 0.01."""
    if log:
        return f"{10.0**value:g}" if -4 <= value <= 4 else f"1e{value:.0f}".replace("-", "−")
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k".replace("-", "−")
    return f"{value:g}".replace("-", "−")
