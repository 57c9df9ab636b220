"""The losses of the objectives that are no f-divergence, and what live numbers do to their optima.

Each loss is (real, fake, knobs) -> (..., B), of logits (..., B), with sp(t) = log(1 + eᵗ);
`toylab.objectives` names them. A game that is made by hand may leave the knobs out: then they have
their `USUAL` values.
"""

import math

import torch
from torch.nn.functional import softplus

from toylab.means import mean

USUAL = {"smoothing": 0.0, "target_fake": 0.0, "target_real": 1.0, "target_generator": 1.0}


def _number(knobs, name):
    return knobs.get(name, USUAL[name])


def log_loss(real, fake, knobs):
    """sp(−φ(x)) + sp(φ(y)), the label of real points being 1 − s.

    One-sided label smoothing, Salimans et al. 2016, https://arxiv.org/abs/1606.03498:
    (1 − s)·sp(−φ) + s·sp(φ) = sp(−φ) + s·φ.
    """
    return softplus(-real) + softplus(fake) + _number(knobs, "smoothing") * real


def smoothed_threshold(knobs):
    """Where σ(φ) = (1 − s)/2, what the best critic says of P = Q."""
    smoothing = float(_number(knobs, "smoothing"))
    return math.log((1 - smoothing) / (1 + smoothing))


def log_optimum(generator):
    """knobs -> (critic, generator) losses at the threshold; generator: logit -> number."""

    def optimum(knobs):
        at = smoothed_threshold(knobs)
        critic = math.log1p(math.exp(-at)) + math.log1p(math.exp(at))
        return critic + float(_number(knobs, "smoothing")) * at, generator(at)

    return optimum


def minimax_generator(real, fake, knobs):
    """−sp(φ(y)) = log(1 − D(y))."""
    return -softplus(fake)


def non_saturating_generator(real, fake, knobs):
    """sp(−φ(y)) = −log D(y)."""
    return softplus(-fake)


def least_squares_critic(real, fake, knobs):
    """½(φ(x) − b)² + ½(φ(y) − a)²."""
    a, b = _number(knobs, "target_fake"), _number(knobs, "target_real")
    return 0.5 * ((real - b).square() + (fake - a).square())


def least_squares_generator(real, fake, knobs):
    """½(φ(y) − c)²."""
    return 0.5 * (fake - _number(knobs, "target_generator")).square()


def least_squares_threshold(knobs):
    """(a + b)/2, what the best critic says of P = Q."""
    return float(_number(knobs, "target_fake") + _number(knobs, "target_real")) / 2


def least_squares_optimum(knobs):
    """(b − a)²/4 and ½((a + b)/2 − c)²."""
    middle = least_squares_threshold(knobs)
    critic = float(_number(knobs, "target_real") - _number(knobs, "target_fake")) ** 2 / 4
    return critic, (middle - float(_number(knobs, "target_generator"))) ** 2 / 2


def hinge_critic(real, fake, knobs):
    """max(0, 1 − φ(x)) + max(0, 1 + φ(y))."""
    return (1.0 - real).relu() + (1.0 + fake).relu()


def wasserstein_critic(real, fake, knobs):
    """φ(y) − φ(x)."""
    return fake - real


def minus_fake(real, fake, knobs):
    """−φ(y)."""
    return -fake


def paired_critic(real, fake, knobs):
    """sp(φ(y) − φ(x)), the pairs (i, i) of the minibatch."""
    return softplus(fake - real)


def paired_generator(real, fake, knobs):
    """sp(φ(x) − φ(y)), the pairs (i, i) of the minibatch."""
    return softplus(real - fake)


def average_critic(real, fake, knobs):
    """sp(−(φ(x) − Ēφ(y))) + sp(φ(y) − Ēφ(x)), Ē the mean over the minibatch."""
    above = real - mean(fake, -1, keepdim=True)
    return softplus(-above) + softplus(fake - mean(real, -1, keepdim=True))


def average_generator(real, fake, knobs):
    """The critic's loss with real and fake exchanged."""
    return average_critic(fake, real, knobs)


def js_weight_real(logit):
    """(1 − D)²."""
    return torch.sigmoid(-logit).square()


def js_weight_fake(logit):
    """D²."""
    return torch.sigmoid(logit).square()
