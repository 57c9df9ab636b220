"""Objectives: what each player is paid for, as losses to minimise.

The critic's value is a logit φ, higher = more real. With sp(t) = log(1 + eᵗ) and σ the sigmoid,
a row holds both losses per sample, ``(real, fake, knobs) -> (..., B)``, and what a picture needs
to know: the critic's loss at the optimum, the "looks real" threshold, whether σ(φ) is a
probability, and the weights that turn the gradient penalty into Roth's regulariser.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import softplus

from toylab.tables import Table, full


class Objective(NamedTuple):
    """One row; `critic` and `generator`: (real, fake, knobs) -> (..., B), minimised."""

    label: str
    critic: Callable
    generator: Callable
    optimum: tuple  # (critic, generator) losses at P = Q; None where there is no fixed value
    threshold: float | None  # "looks real" above it; None: midpoint of mean real and mean fake
    probability: bool  # whether σ(φ) is the critic's probability of "real"
    weight: tuple | None  # Roth's weights (of a real logit, of a fake logit)
    needs_real: bool  # whether the generator's loss looks at real logits
    group: str
    doc: str
    formula: str
    source: str


def _log_loss(real, fake, knobs):
    return softplus(-real) + softplus(fake)


def _minimax_generator(real, fake, knobs):
    return -softplus(fake)


def _non_saturating_generator(real, fake, knobs):
    return softplus(-fake)


def _least_squares_critic(real, fake, knobs):
    return 0.5 * ((real - 1.0).square() + fake.square())


def _least_squares_generator(real, fake, knobs):
    return 0.5 * (fake - 1.0).square()


def _hinge_critic(real, fake, knobs):
    return (1.0 - real).relu() + (1.0 + fake).relu()


def _wasserstein_critic(real, fake, knobs):
    return fake - real


def _minus_fake(real, fake, knobs):
    return -fake


def _js_weight_real(logit):
    return torch.sigmoid(-logit).square()


def _js_weight_fake(logit):
    return torch.sigmoid(logit).square()


LOG2 = 0.6931471805599453
_JS = (_js_weight_real, _js_weight_fake)
_GOODFELLOW = "Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661"

OBJECTIVES = Table(
    "objective",
    {
        "non-saturating": Objective(
            label="Non-saturating",
            critic=_log_loss,
            generator=_non_saturating_generator,
            optimum=(2 * LOG2, LOG2),
            threshold=0.0,
            probability=True,
            weight=_JS,
            needs_real=False,
            group="Classic",
            doc="The generator wants its fakes called real; it is pushed hardest where they fail.",
            formula="D: E sp(−φ(x)) + E sp(φ(y))   G: E sp(−φ(y))",
            source=_GOODFELLOW,
        ),
        "minimax": Objective(
            label="Minimax (saturating)",
            critic=_log_loss,
            generator=_minimax_generator,
            optimum=(2 * LOG2, -LOG2),
            threshold=0.0,
            probability=True,
            weight=_JS,
            needs_real=False,
            group="Classic",
            doc="One pays what the other wins; the push dies where the critic is sure.",
            formula="D: E sp(−φ(x)) + E sp(φ(y))   G: −E sp(φ(y))",
            source=_GOODFELLOW,
        ),
        "least-squares": Objective(
            label="Least squares",
            critic=_least_squares_critic,
            generator=_least_squares_generator,
            optimum=(0.25, 0.125),
            threshold=0.5,
            probability=False,
            weight=None,
            needs_real=False,
            group="Classic",
            doc="The critic answers 1 for real and 0 for fake, graded by squared error.",
            formula="D: ½E(φ(x)−1)² + ½E φ(y)²   G: ½E(φ(y)−1)²",
            source="Mao et al. 2017, https://arxiv.org/abs/1611.04076",
        ),
        "hinge": Objective(
            label="Hinge",
            critic=_hinge_critic,
            generator=_minus_fake,
            optimum=(2.0, None),
            threshold=0.0,
            probability=False,
            weight=None,
            needs_real=False,
            group="Classic",
            doc="The critic only cares until it is right by a margin of 1.",
            formula="D: E max(0, 1−φ(x)) + E max(0, 1+φ(y))   G: −E φ(y)",
            source="Lim and Ye 2017, https://arxiv.org/abs/1705.02894",
        ),
        "wasserstein": Objective(
            label="Wasserstein",
            critic=_wasserstein_critic,
            generator=_minus_fake,
            optimum=(0.0, None),
            threshold=None,
            probability=False,
            weight=None,
            needs_real=False,
            group="Wasserstein",
            doc="The critic scores without limits, so it needs a penalty or clipping.",
            formula="D: E φ(y) − E φ(x)   G: −E φ(y)",
            source="Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875",
        ),
    },
    row=full(Objective),
)
