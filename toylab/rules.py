"""Rules: how a gradient becomes a move.

A rule is a pair of pure functions over one flat vector, ``init(vector) -> memory`` and
``update(gradient, vector, memory, knobs) -> (vector, memory)``; memory is a tuple of tensors and
knobs a dict of tensors of shape (1,) or (E, 1). Nothing is changed in place: a memory that
somebody holds stays what it was.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab.tables import Table, full


class Rule(NamedTuple):
    """One row; `knobs` names what `update` reads from its knobs."""

    label: str
    init: Callable
    update: Callable
    knobs: tuple
    doc: str
    formula: str
    source: str


def _nothing(vector):
    return ()


def _one(vector):
    return (torch.zeros_like(vector),)


def _moments(vector):
    # The step count has shape (1,): a 0-d tensor silently goes wrong in a compiled step.
    return (torch.zeros_like(vector), torch.zeros_like(vector), vector.new_zeros(1))


def _sgd(gradient, vector, memory, knobs):
    return vector - knobs["rate"] * gradient, memory


def _momentum(gradient, vector, memory, knobs):
    velocity = knobs["momentum"] * memory[0] + gradient
    return vector - knobs["rate"] * velocity, (velocity,)


def _rmsprop(gradient, vector, memory, knobs):
    square = torch.lerp(gradient.square(), memory[0], knobs["decay"])
    move = gradient / (square.sqrt() + knobs["epsilon"])
    return vector - knobs["rate"] * move, (square,)


def _adam(gradient, vector, memory, knobs):
    mean, square, count = memory
    beta1, beta2 = knobs["beta1"], knobs["beta2"]
    count = count + 1
    mean = torch.lerp(gradient, mean, beta1)
    square = torch.lerp(gradient.square(), square, beta2)
    # Both bias corrections act on numbers of shape (1,), not on the whole vector.
    root = (1 - beta2**count).sqrt()
    size = square.sqrt() + knobs["epsilon"] * root
    move = knobs["rate"] * root / (1 - beta1**count) * mean / size
    return vector - move, (mean, square, count)


RULES = Table(
    "rule",
    {
        "adam": Rule(
            label="Adam",
            init=_moments,
            update=_adam,
            knobs=("rate", "beta1", "beta2", "epsilon"),
            doc="Each number moves by its mean gradient over its typical size.",
            formula="θ ← θ − η m̂ / (√v̂ + ε)",
            source="Kingma and Ba 2015, https://arxiv.org/abs/1412.6980",
        ),
        "rmsprop": Rule(
            label="RMSProp",
            init=_one,
            update=_rmsprop,
            knobs=("rate", "decay", "epsilon"),
            doc="Each number moves by its gradient over its typical size; ε outside the root.",
            formula="v ← ρv + (1−ρ)g²,  θ ← θ − η g / (√v + ε)",
            source="Tieleman and Hinton 2012, lecture 6.5",
        ),
        "momentum": Rule(
            label="Momentum",
            init=_one,
            update=_momentum,
            knobs=("rate", "momentum"),
            doc="A heavy ball: the gradient changes the velocity, the velocity the place.",
            formula="u ← μu + g,  θ ← θ − ηu",
            source="Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5",
        ),
        "sgd": Rule(
            label="Gradient descent",
            init=_nothing,
            update=_sgd,
            knobs=("rate",),
            doc="Straight down the gradient.",
            formula="θ ← θ − ηg",
            source="Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586",
        ),
    },
    row=full(Rule),
)
