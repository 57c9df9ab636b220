"""Scores of a run, and all that each number hangs on."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from toylab.monitor.confined import Refused

MOST = 40  # scores in one file
MADE_WITH = {  # what must be alike for two numbers to be comparable: words -> place in the file
    "extractor": ("extractor", "name"),
    "sha256": ("extractor", "sha256"),
    "resizer": ("extractor", "resizer"),
    "reals": ("real", "data"),
    "split": ("real", "split"),
    "n real": ("real", "n"),
    "n fake": ("fake", "n"),
    "images of": ("weights",),
    "norms": ("norms",),
}
ALSO = {"seed": ("seed",), "run's seed": ("run_seed",)}


class Score(NamedTuple):
    """Numbers at a step: {name: value}, those of other real images, and what they were made with.

    made -- {words: text} of what must agree, `also` of the rest
    """

    step: int
    values: dict
    baseline: dict
    made: dict
    also: dict


def read_score(told):
    """The `Score` in a file of eval/; raises `OSError` where it is none."""
    step = told.get("step") if isinstance(told, Mapping) else None
    if type(step) is not int or not 0 <= step < 2**53:
        raise Refused("it has no step that is a whole number")
    values = _numbers(told.get("scores"))
    if not values:
        raise Refused("it has no scores")
    made = {words: _at(told, place) for words, place in MADE_WITH.items()}
    also = {words: _at(told, place) for words, place in ALSO.items()}
    versions = told.get("versions")
    if isinstance(versions, Mapping):
        also |= {str(n)[:40]: str(v)[:40] for n, v in list(versions.items())[:12]}
    return Score(step, values, _numbers(told.get("baseline")), made, also)


def _numbers(table):
    rows = list(table.items())[:MOST] if isinstance(table, Mapping) else []
    return {
        str(name)[:40]: float(value)
        for name, value in rows
        if type(value) in (int, float) and abs(value) < 1e300 and math.isfinite(value)
    }


def _at(told, place):
    """The text at a place of a table, short; "?" where nothing is."""
    for name in place:
        told = told.get(name) if isinstance(told, Mapping) else None
    if told is None or isinstance(told, Mapping | list):
        return "?"
    return str(told)[:60]
