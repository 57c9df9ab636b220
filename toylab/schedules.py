"""Schedules: numbers that depend on the step, as data.

A schedule is a row ``(kind, values, steps)``: it can be compared, printed, put into a URL and read
back. Any number of an experiment may be one. This module needs nothing but the standard library.
"""

import math
import re
from typing import NamedTuple

from toylab.tables import Table


def _constant(values, steps, step):
    """v"""
    return values[0]


def _linear(values, steps, step):
    """a + (b − a)·t, with t = min(step/steps, 1)"""
    a, b = values
    return a + (b - a) * min(step / steps, 1.0)


def _cosine(values, steps, step):
    """b + (a − b)·(1 + cos πt)/2"""
    a, b = values
    return b + (a - b) * 0.5 * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))


def _exponential(values, steps, step):
    """a·(b/a)^t; Roth et al. 2017 anneal γ₀·0.01^(step/steps), https://arxiv.org/abs/1705.09367"""
    a, b = values
    return a * (b / a) ** min(step / steps, 1.0)


def _jumps(values, steps, step):
    """the value of the last change at or before the step: v₀ from 0, v₁ from step k₁, …"""
    current = values[0]
    for value, since in zip(values[1:], steps, strict=True):
        if step >= since:
            current = value
    return current


SCHEDULES = Table(
    "schedule",
    {
        "constant": _constant,
        "linear": _linear,
        "cosine": _cosine,
        "exponential": _exponential,
        "jumps": _jumps,
    },
)


class Schedule(NamedTuple):
    """step -> number, as data; made by the functions below or by `parse`."""

    kind: str
    values: tuple
    steps: object = None

    def __call__(self, step):
        return SCHEDULES[self.kind](self.values, self.steps, step)

    def __str__(self):
        if self.kind == "jumps":
            later = [f"{_text(v)}@{s}" for v, s in zip(self.values[1:], self.steps, strict=True)]
            return f"jumps({', '.join([_text(self.values[0]), *later])})"
        over = [] if self.steps is None else [str(self.steps)]
        return f"{self.kind}({', '.join([_text(value) for value in self.values] + over)})"


def _text(value):
    """The shortest text that reads back as the same number: 0.02, 10."""
    return repr(value).removesuffix(".0")


def _numbers(kind, *values):
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{kind} takes numbers, got {value!r}")
        if not math.isfinite(value):
            raise ValueError(f"{kind} takes finite numbers, got {value!r}")
    return tuple(float(value) for value in values)


def _count(kind, steps):
    if isinstance(steps, bool) or not math.isfinite(steps) or steps != int(steps) or steps < 1:
        raise ValueError(f"{kind} runs over a whole number of steps ≥ 1, got {steps!r}")
    return int(steps)


def constant(value):
    """The same number at every step."""
    return Schedule("constant", _numbers("constant", value))


def linear(start, stop, steps):
    """From start to stop on a straight line over that many steps, then stop."""
    return Schedule("linear", _numbers("linear", start, stop), _count("linear", steps))


def cosine(start, stop, steps):
    """From start to stop on half a cosine over that many steps, then stop."""
    return Schedule("cosine", _numbers("cosine", start, stop), _count("cosine", steps))


def exponential(start, stop, steps):
    """From start to stop by a constant factor a step; both must have the same sign and not be 0."""
    start, stop = _numbers("exponential", start, stop)
    if start * stop <= 0:
        raise ValueError(
            f"exponential needs two numbers of one sign, got {start:g} and {stop:g}; "
            "use linear to reach 0"
        )
    return Schedule("exponential", (start, stop), _count("exponential", steps))


def jumps(first, *changes):
    """``jumps(1, (980, 10))``: 1 until step 979, 10 from step 980 on; steps must increase."""
    steps = tuple(_count("jumps", step) for step, _ in changes)
    if any(a >= b for a, b in zip(steps, steps[1:], strict=False)):
        raise ValueError(f"jumps needs increasing steps, got {steps}")
    values = _numbers("jumps", first, *(value for _, value in changes))
    return Schedule("jumps", values, steps)


def evaluate(value, step):
    """The number itself, or the schedule's value at that step."""
    return value(step) if isinstance(value, Schedule) else value


MAKERS = Table(
    "schedule",
    {
        "constant": constant,
        "linear": linear,
        "cosine": cosine,
        "exponential": exponential,
        "jumps": jumps,
    },
)


def parse(text):
    """Reads what `str` writes: ``"0.5"``, ``"linear(0.5, 0, 2500)"``, ``"jumps(1, 10@980)"``.

    Raises `ValueError` with what would be right.
    """
    text = str(text).strip()
    match = re.fullmatch(r"(\w+)\((.*)\)", text)
    try:
        if not match:
            return _numbers("a number", float(text))[0]
        kind, parts = match[1], [part.strip() for part in match[2].split(",")]
        make = MAKERS[kind]
        if kind == "jumps":
            changes = [part.split("@") for part in parts[1:]]
            return jumps(float(parts[0]), *[(int(step), float(value)) for value, step in changes])
        return make(*[float(part) for part in parts])
    except KeyError as error:
        raise ValueError(str(error)) from error
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{text!r} is neither a number nor a schedule such as linear(0.5, 0, 2500), "
            f"exponential(2, 0.02, 10000), jumps(1, 10@980): {error}"
        ) from error
