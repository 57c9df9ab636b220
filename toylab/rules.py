"""Rules: how a gradient becomes a move.

A rule is a pair of pure functions over one flat vector, ``init(vector) -> memory`` and
``update(gradient, vector, memory, knobs) -> (vector, memory)``; memory is a tuple of tensors and
knobs a dict of tensors of shape (1,) or (E, 1). Nothing is changed in place: a memory that
somebody holds stays what it was. An update can be differentiated, also where a gradient is 0:
the unrolled optimizer looks through it.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab.tables import Table, full


class Rule(NamedTuple):
    """One row; `knobs` names what `update` reads from its knobs.

    rests -- whether the player that it belongs to stands still (see `moving.resting`)
    """

    label: str
    init: Callable
    update: Callable
    knobs: tuple
    doc: str
    formula: str
    source: str
    rests: bool = False


def _nothing(vector):
    return ()


def _one(vector):
    return (torch.zeros_like(vector),)


def _ones(vector):
    return (torch.ones_like(vector),)


def _moments(vector):
    # The step count has shape (1,): a 0-d tensor silently goes wrong in a compiled step.
    return (torch.zeros_like(vector), torch.zeros_like(vector), vector.new_zeros(1))


def _moments_and_more(vector):
    return (*_moments(vector), torch.zeros_like(vector))


def _moments_and_place(vector):
    return (*_moments(vector), vector)


def _root(square):
    """√ with slope 0 at 0: the slope of the plain one is infinite there, and ∞ · 0 is no number."""
    return square.clamp_min(torch.finfo(square.dtype).tiny).sqrt()


def _sgd(gradient, vector, memory, knobs):
    return vector - knobs["rate"] * gradient, memory


def _momentum(gradient, vector, memory, knobs):
    velocity = knobs["momentum"] * memory[0] + gradient
    return vector - knobs["rate"] * velocity, (velocity,)


def _nesterov(gradient, vector, memory, knobs):
    velocity = knobs["momentum"] * memory[0] + gradient
    return vector - knobs["rate"] * (gradient + knobs["momentum"] * velocity), (velocity,)


def _rmsprop(gradient, vector, memory, knobs):
    square = torch.lerp(gradient.square(), memory[0], knobs["decay"])
    move = gradient / (_root(square) + knobs["epsilon"])
    return vector - knobs["rate"] * move, (square,)


def _rmsprop_tensorflow(gradient, vector, memory, knobs):
    square = torch.lerp(gradient.square(), memory[0], knobs["decay"])
    move = gradient / _root(square + knobs["epsilon"])
    return vector - knobs["rate"] * move, (square,)


def _counted(gradient, memory, knobs):
    """The moments with one gradient more: mean, mean square, how many."""
    mean, square, count = memory
    mean = torch.lerp(gradient, mean, knobs["beta1"])
    return mean, torch.lerp(gradient.square(), square, knobs["beta2"]), count + 1


def _adaptive(mean, square, count, knobs):
    """η m̂ / (√v̂ + ε), m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)."""
    # Both bias corrections act on numbers of shape (1,), not on the whole vector.
    root = (1 - knobs["beta2"] ** count).sqrt()
    size = _root(square) + knobs["epsilon"] * root
    return knobs["rate"] * root / (1 - knobs["beta1"] ** count) * mean / size


def _adam(gradient, vector, memory, knobs):
    memory = _counted(gradient, memory, knobs)
    return vector - _adaptive(*memory, knobs), memory


def _adamw(gradient, vector, memory, knobs):
    kept = vector - knobs["rate"] * knobs["weight_decay"] * vector
    return _adam(gradient, kept, memory, knobs)


def _amsgrad(gradient, vector, memory, knobs):
    mean, square, count = _counted(gradient, memory[:3], knobs)
    largest = torch.maximum(memory[3], square)
    return vector - _adaptive(mean, largest, count, knobs), (mean, square, count, largest)


def _lookahead(gradient, vector, memory, knobs):
    fast, moments = _adam(gradient, vector, memory[:3], knobs)
    count, every, slow = moments[2], knobs["lookahead_steps"], memory[3]
    due = (count / every).floor() > ((count - 1) / every).floor()
    slow = torch.where(due, torch.lerp(slow, fast, knobs["lookahead_pull"]), slow)
    return torch.where(due, slow, fast), (*moments, slow)


def _optimistic(gradient, vector, memory, knobs):
    return vector - knobs["rate"] * (2 * gradient - memory[0]), (gradient,)


def _optimistic_adam(gradient, vector, memory, knobs):
    moments = _counted(gradient, memory[:3], knobs)
    move = _adaptive(*moments, {**knobs, "rate": torch.ones_like(knobs["rate"])})
    return vector - knobs["rate"] * (2 * move - memory[3]), (*moments, move)


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
        "amsgrad": Rule(
            label="AMSGrad",
            init=_moments_and_more,
            update=_amsgrad,
            knobs=("rate", "beta1", "beta2", "epsilon"),
            doc="Adam that never forgets the largest size: a number's steps only become shorter.",
            formula="v⁺ ← max(v⁺, v),  θ ← θ − η m̂ / (√v̂⁺ + ε)",
            source="Reddi et al. 2018, https://arxiv.org/abs/1904.09237; with Adam's correction of "
            "the first steps, as in torch.optim (the paper's algorithm has none)",
        ),
        "adamw": Rule(
            label="AdamW",
            init=_moments,
            update=_adamw,
            knobs=("rate", "beta1", "beta2", "epsilon", "weight_decay"),
            doc="Adam beside which every number shrinks a little, whatever its gradient.",
            formula="θ ← θ − ηwθ − η m̂ / (√v̂ + ε)",
            source="Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101",
        ),
        "lookahead": Rule(
            label="Lookahead (Adam)",
            init=_moments_and_place,
            update=_lookahead,
            knobs=("rate", "beta1", "beta2", "epsilon", "lookahead_steps", "lookahead_pull"),
            doc="Adam explores; every k of its moves a slow copy goes part of the way, and Adam "
            "starts again from there.",
            formula="every k moves:  s ← s + α(θ − s),  θ ← s",
            source="Zhang et al. 2019, https://arxiv.org/abs/1907.08610; for games Chavdarova et "
            "al. 2021, https://arxiv.org/abs/2006.14567 (here each player counts its own moves)",
        ),
        "optimistic-adam": Rule(
            label="Optimistic Adam",
            init=_moments_and_more,
            update=_optimistic_adam,
            knobs=("rate", "beta1", "beta2", "epsilon"),
            doc="Twice Adam's move, and the one before taken back: a guess at the next one.",
            formula="a = m̂ / (√v̂ + ε),  θ ← θ − 2ηaₜ + ηaₜ₋₁",
            source="Daskalakis et al. 2018, https://arxiv.org/abs/1711.00141, Algorithm 1",
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
        "rmsprop-tensorflow": Rule(
            label="RMSProp (TensorFlow)",
            init=_ones,
            update=_rmsprop_tensorflow,
            knobs=("rate", "decay", "epsilon"),
            doc="The same with ε inside the root and v = 1 at first, so that the first steps are "
            "small. Its usual ρ is 0.9, its usual ε is 1e-10.",
            formula="v₀ = 1,  v ← ρv + (1−ρ)g²,  θ ← θ − η g / √(v + ε)",
            source="tf.train.RMSPropOptimizer, as in the code of Gulrajani et al. 2017, "
            "https://arxiv.org/abs/1704.00028",
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
        "nesterov": Rule(
            label="Nesterov",
            init=_one,
            update=_nesterov,
            knobs=("rate", "momentum"),
            doc="A heavy ball that already feels the slope where its velocity will take it.",
            formula="u ← μu + g,  θ ← θ − η(g + μu)",
            source="Nesterov 1983; in this form Sutskever et al. 2013, "
            "https://proceedings.mlr.press/v28/sutskever13.html",
        ),
        "optimistic": Rule(
            label="Optimistic descent",
            init=_one,
            update=_optimistic,
            knobs=("rate",),
            doc="Twice the gradient, and the one before taken back: a guess at the next one.",
            formula="θ ← θ − 2ηgₜ + ηgₜ₋₁",
            source="Daskalakis et al. 2018, https://arxiv.org/abs/1711.00141 (OGDA where both "
            "players move at once)",
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
