"""The gradient penalty is one thing: mean weight(x)·(|slope(x)| − center)² at chosen points.

Centre 0 is a sum of squares, never a root (its derivative at 0 is finite); centre 1 needs one. The
objective is asked for Roth's weights.
"""

import torch

from toylab.means import mean
from toylab.tables import Table

EPS = 1e-12


def _real(critic, real, fake, batch, knobs):
    return ((real, "real"),)


def _fake(critic, real, fake, batch, knobs):
    return ((fake, "fake"),)


def _both(critic, real, fake, batch, knobs):
    return ((real, "real"), (fake, "fake"))


def _between(critic, real, fake, batch, knobs):
    """a·real + (1−a)·fake, one a ~ U(0, 1) a sample, pairs (i, i) of the batch."""
    return ((torch.lerp(fake, real, batch.mix), "between"),)


def _reach(critic, real, knobs):
    """c·s, s the standard deviation of all numbers of the batch's real points: (..., 1, …)."""
    lead = critic.vector.dim() - 1
    flat = real.flatten(lead)
    spread = mean((flat - mean(flat, -1, keepdim=True)).square(), -1, keepdim=True)
    reach = knobs["around"] * (spread + EPS).sqrt()
    return reach.view(*reach.shape, *[1] * (real.dim() - reach.dim()))


def _around(critic, real, fake, batch, knobs):
    """real + c·s·ξ, ξ ~ N(0, I)."""
    return ((real + _reach(critic, real, knobs) * batch.around, "around"),)


def _beside(critic, real, fake, batch, knobs):
    """real + a·c·s·u, one a ~ U(0, 1) a sample, u ~ U[0, 1] in every number."""
    uniform = torch.special.ndtr(batch.around)
    return ((real + batch.mix * _reach(critic, real, knobs) * uniform, "around"),)


POINTS = Table(
    "points",
    {
        "real": _real,
        "fake": _fake,
        "both": _both,
        "between": _between,
        "around": _around,
        "beside": _beside,
    },
)


def _squared(slope):
    return slope


def _towards_one(slope):
    return ((slope + EPS).sqrt() - 1.0).square()


def _at_most_one(slope):
    return ((slope + EPS).sqrt() - 1.0).relu().square()


# Each: squared slope -> (|slope| − center)².
CENTERS = Table("center", {"0": _squared, "1": _towards_one, "≤1": _at_most_one})


def _logit(logit):
    return logit


OUTPUTS = Table("output", {"logit": _logit, "probability": torch.sigmoid})


def _even(objective, role, logit, knobs):
    return 1.0


def _roth(objective, role, logit, knobs):
    return objective.weight[role == "fake"](logit)


def _curved(objective, role, logit, knobs):
    return objective.curvature(logit, knobs)


WEIGHTS = Table("weighting", {"even": _even, "roth": _roth, "curved": _curved})


def slope_penalty(where, pull="0", of="logit", weighting="even", factor=1.0):
    """The kernel: factor · Σ_points weight(φ(x)) · (|∇ₓ output(x)| − center)².

    Returns a penalty function; where "both" the two sums are added, as in Roth et al. 2017.
    The weight is differentiated too: nothing is detached.
    """
    choose, towards = POINTS[where], CENTERS[pull]
    squash, weigh = OUTPUTS[of], WEIGHTS[weighting]

    def penalty(critic, real, fake, batch, objective, knobs):
        total = 0.0
        for x, role in choose(critic, real, fake, batch, knobs):
            # Real points, and fakes whose generator is not being differentiated, have no graph.
            x = x if x.requires_grad else x.detach().requires_grad_()
            logit = critic(x, role).value
            (slope,) = torch.autograd.grad(squash(logit).sum(), x, create_graph=True)
            squared = slope.square().flatten(logit.dim()).sum(-1)
            total = total + weigh(objective, role, logit, knobs) * towards(squared)
        return total if factor == 1.0 else factor * total

    return penalty
