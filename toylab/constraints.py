"""Constraints: what a critic's parameters must obey.

A constraint is three pure functions: ``init(vector) -> memory`` (a tuple of tensors),
``effective(vector, memory) -> (vector, memory)`` gives the vector that the network really uses,
differentiable and inside the game, and ``project(vector, knobs) -> vector`` acts after every step
of the rule.
"""

from collections.abc import Callable
from typing import NamedTuple

from toylab.tables import Table, full


class Constraint(NamedTuple):
    """One row; `knobs` names what `project` reads."""

    label: str
    init: Callable
    effective: Callable
    project: Callable
    knobs: tuple
    doc: str
    formula: str
    source: str


def _nothing(vector):
    return ()


def _as_it_is(vector, memory):
    return vector, memory


def _free(vector, knobs):
    return vector


def _clip(vector, knobs):
    bound = knobs["clip"]
    return vector.clamp(-bound, bound)


CONSTRAINTS = Table(
    "constraint",
    {
        "none": Constraint(
            label="None",
            init=_nothing,
            effective=_as_it_is,
            project=_free,
            knobs=(),
            doc="The critic's numbers are free.",
            formula="",
            source="",
        ),
        "clip": Constraint(
            label="Clipping",
            init=_nothing,
            effective=_as_it_is,
            project=_clip,
            knobs=("clip",),
            doc="Every number of the critic is cut to ±c after each of its steps.",
            formula="θ_D ← clip(θ_D, −c, c)",
            source="Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875",
        ),
    },
    row=full(Constraint),
)
