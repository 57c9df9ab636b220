"""Numbers about a critic: how near to the best one it is, how steep, and how well it generalises.

The critic is a plain function x (n, d) -> logits (n,), without dropout or noise.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import softplus

from toylab.probes import QUANTITIES, slopes

LOG2 = 0.6931471805599453


class Slopes(NamedTuple):
    """Statistics of |∇φ| at some points."""

    mean: float
    std: float
    least: float
    median: float
    most: float

    @property
    def dispersion(self):
        """std/mean: how uneven the pushes are that a generator would feel there."""
        return self.std / self.mean if self.mean else float("nan")


def steepness(critic, points, of="logit"):
    """`Slopes` of |∇ of(φ)| at points (n, d); `of` a row of `toylab.probes.QUANTITIES`."""
    _, arrows = slopes(critic, points, QUANTITIES[of])
    lengths = arrows.double().norm(dim=-1)
    return Slopes(
        lengths.mean().item(),
        lengths.std(correction=0).item(),
        lengths.min().item(),
        lengths.median().item(),
        lengths.max().item(),
    )


def from_best(values, best, weight):
    """Σ w (D − D*)² / Σ w: the mean squared distance where the data are; arrays of equal shape.

    Unweighted, the corners without data would decide.
    """
    values, best, weight = (np.asarray(a, np.float64) for a in (values, best, weight))
    return float((weight * (values - best) ** 2).sum() / weight.sum())


class Verdicts(NamedTuple):
    """A critic on reals and fakes: its log loss (2 log 2: undecided), the share that is right."""

    loss: float
    accuracy: float


def verdicts(critic, real, fake):
    """L_D = E sp(−φ(x)) + E sp(φ(y)) and the mean share of both that it tells: `Verdicts`."""
    with torch.no_grad():
        real, fake = critic(real).double(), critic(fake).double()
    loss = softplus(-real).mean() + softplus(fake).mean()
    right = (real > 0).double().mean() + (fake < 0).double().mean()
    return Verdicts(loss.item(), right.item() / 2)


def told_jsd(loss):
    """JSD that a critic's log loss bounds from below: (2 log 2 − L_D) / 2, in (−∞, log 2]."""
    return (2 * LOG2 - loss) / 2


def overfitting(critic, seen, unseen):
    """L_D on points it never saw minus L_D on those it learned from: 0 for one that generalises.

    seen, unseen -- pairs (real, fake)
    """
    return verdicts(critic, *unseen).loss - verdicts(critic, *seen).loss
