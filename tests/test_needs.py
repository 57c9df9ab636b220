"""What the page shows is read, and what it greys out is not: every field beside every row."""

import functools

import pytest
import torch

from tests.helpers import run, small
from toylab.experiment import CARD_NUMBERS, Experiment
from toylab.schema import schema
from toylab.states import flatten
from toylab.ui import possible

FIELDS = {field["name"]: field for field in schema()["fields"]}
STEPS = 3
# So that whatever may be read shows: nothing is off, and nothing waits for a later step.
BASE = {
    "critic_dropout": 0.3,
    "noise": 0.1,
    "gradient_clip": 0.01,
    # So that some slope is above 1 before the last step, of the probability too.
    "rate_critic": 0.3,
    "critic_width": 64,
    "batch": 64,
    "lookahead_steps": 2.0,
    "unroll": 1,
    "solver_steps": 2,
    "solver_tolerance": 0.0,
}
TABLES = ("objective", "penalty", "penalty_2", "constraint", "optimizer", "rule", "fakes")


@functools.cache
def reached(settings):
    """Everything in the state after some steps under these settings, ((name, value), …)."""
    return flatten(run(small(**{**BASE, **dict(settings)}), STEPS))


def same(one, other):
    """Whether two states are one, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def told(settings):
    """The settings as a page knows them."""
    return small(**{**BASE, **settings}).settings()


def other(name, settings):
    """Another value of a field than the one it has, possible beside the others."""
    now, field = told(settings)[name], FIELDS[name]
    if field["type"] != "choice":
        return now + 1 if field["type"] == "integer" else now / 2 or 0.5
    values = [choice["value"] for choice in field["choices"] if choice["value"] != now]
    return next(v for v in values if not Experiment(**{**settings, name: v}).conflicts())


def read(names, settings):
    """Whether it makes a difference what these fields say."""
    changed = {**settings, **{name: other(name, settings) for name in names}}
    return not same(reached(tuple(settings.items())), reached(tuple(changed.items())))


def where_shown(field):
    """Settings that each bring the field to light by one of the values that it asks for."""
    least = {name: values[0] for name, values in field["needs"].items()}
    slots = [
        {**least, name: value}
        for name, values in (field["either"] or {None: [None]}).items()
        for value in values
    ]
    slots = [{key: value for key, value in met.items() if key} for met in slots]
    met = [{**slots[0], name: value} for name, values in field["needs"].items() for value in values]
    later = field["name"].startswith(("penalty_2", "penalty_3"))  # as the first one, row by row
    found = [*slots, *(met[:1] if later else met)]
    return list({tuple(sorted(one.items())): one for one in found}.values())


SHOWN = [
    pytest.param(name, settings, id=" ".join([name, *map(str, settings.values())]))
    for name, field in FIELDS.items()
    if name not in CARD_NUMBERS
    for settings in where_shown(field)
]


@pytest.mark.parametrize("name, settings", SHOWN)
def test_what_is_shown_is_read(name, settings):
    assert possible.idle(FIELDS[name], told(settings)) is None
    assert read([name], settings)


ROWS = [(name, choice["value"]) for name in TABLES for choice in FIELDS[name]["choices"]]


@pytest.mark.parametrize("name, value", [row for row in ROWS if row != ("fakes", "fixed")])
def test_what_is_greyed_out_is_not_read(name, value):
    """Another value in all of them, and the run ends bit for bit where it did."""
    settings = {name: value}
    idle = [n for n, field in FIELDS.items() if possible.idle(field, told(settings))]
    idle = [n for n in idle if n not in CARD_NUMBERS]
    assert "penalty_3_weight" in idle
    assert not read(idle, settings)
