"""f-divergences as games: D_f(P‖Q) = E_Q f(p/q) ≥ E_P T − E_Q f*(T) for every statistic T.

The critic's number is read as T in one of two ways. On the *log-ratio* logit ℓ, T = f'(eˡ): the
best critic says ℓ = log p/q whatever the divergence is. *Nowozin's activation* g_f takes any
number v to T's domain (Nowozin et al. 2016, https://arxiv.org/abs/1606.00709). On either, Roth's
regulariser is E_Q w·|∇|² with w = f*''(T)·(dT/dv)², on ℓ w = e^{2ℓ} f''(eˡ), which is also the
derivative of f*(T) by ℓ (Roth et al. 2017, https://arxiv.org/abs/1705.09367, eq. 19).

Most rows are members of the α-family, up to a factor c and a constant s:

    T = c·expm1((α−1)ℓ)/(α−1) + s,   f*(T) = c·expm1(αℓ)/α + s,   w = c·e^{αℓ}

Exponentials continue linearly beyond |ℓ| = 20, with the slope that they have there.

Nowozin's activation of the α-family, T = K − sp(−v), K = 1/(1−α), below α = 1 and T = v from there
on, jumps at α = 1, where K has no limit. A bias of the critic takes the jump away: with T = f'(1)
put at v = 0, as `activated` does, T = v − log(1 + e^−K (eᵛ − 1)), and e^−K goes to 0 at α = 1 with
all its derivatives. The critics are the same, their threshold does not run off, and T, f* and w are
smooth in α.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import logsigmoid, softplus

REACH = 20.0  # |ℓ| beyond which exponentials are straight lines
LOG2 = 0.6931471805599453
USUAL_ALPHA = 0.5  # where a game that is made by hand says nothing else


class Reading(NamedTuple):
    """How the critic's number v becomes the statistic T; each function: (v, knobs) -> (..., B).

    statistic -- T(v)
    conjugate -- f*(T(v))
    curvature -- f*''(T)·(dT/dv)², Roth's weight on |∇v|²; None where f*'' is 0
    threshold -- the v of T = f'(1): more is more real
    probability -- whether σ(v) of the best critic is p/(p + q)
    """

    statistic: Callable
    conjugate: Callable
    curvature: Callable | None
    threshold: float
    probability: bool


def grown(rate, logit):
    """expm1(rate·ℓ)/rate, smooth in the rate (0: ℓ itself), a straight line beyond |ℓ| = 20.

    rate -- a number, or a tensor that broadcasts against the logits (..., B)
    """
    inside = logit.clamp(-REACH, REACH)
    x = rate * inside
    small = x.abs() < 1e-4
    safe = torch.where(small, 1.0, x)
    series = 1 + x * (1 / 2 + x * (1 / 6 + x / 24))
    return inside * torch.where(small, series, safe.expm1() / safe) + (logit - inside) * x.exp()


def _family(alpha, factor=1.0, shift=0.0):
    """The α-family's member on the log-ratio logit; alpha: knobs -> number."""
    return Reading(
        statistic=lambda logit, knobs: factor * grown(alpha(knobs) - 1, logit) + shift,
        conjugate=lambda logit, knobs: factor * grown(alpha(knobs), logit) + shift,
        curvature=lambda logit, knobs: factor * (alpha(knobs) * logit.clamp(-REACH, REACH)).exp(),
        threshold=0.0,
        probability=True,
    )


def member(alpha, factor=1.0, shift=0.0):
    """The α-family's member at one α."""
    return _family(lambda knobs: alpha, factor, shift)


def _shrunk(rate, t):
    """log1p(rate·t)/rate, smooth in the rate: the ℓ whose `grown(rate, ℓ)` is t."""
    x = rate * t
    small = x.abs() < 1e-4
    safe = torch.where(small, 1.0, x)
    return t * torch.where(small, 1 - x * (1 / 2 - x * (1 / 3 - x / 4)), safe.log1p() / safe)


def _log_softplus(y):
    """log sp(y), also where sp(y) is smaller than any number."""
    deep = y < -15
    return torch.where(deep, y - y.clamp_max(0.0).exp() / 2, softplus(y.clamp_min(-15.0)).log())


def activated(alpha, v):
    """(T, dT/dv, ℓ, whether f* is bent there) of the α-family at v (..., B), all like v.

    α < 1: T = K − sp(a − v) and ℓ = K log(sp(a)/sp(a − v)), with sp(a) = K = 1/(1−α)
    α ≥ 1: T = v and ℓ = log1p((α−1)v)/(α−1); below v = −1/(α−1) the ratio is 0, as in Pearson's
    """
    alpha = torch.as_tensor(alpha, dtype=v.dtype, device=v.device)
    rate, reach = alpha - 1, torch.full_like(v, REACH)
    top = -1 / rate.clamp_max(-1e-30)  # K; beyond all numbers where there is none
    drop = (-torch.expm1(-top)).log()  # a − K
    ahead = top + drop - v  # a − v
    t = v - drop - softplus(-ahead)
    # Next to K, 1 − T/K has no digits; next to α = 1, sp(a)/sp(a − v) has none.
    low = grown(rate, -torch.minimum(reach, 13.8 / rate.clamp_min(0.1)))  # 1 + (α−1)T ≥ 10⁻⁶
    high = torch.where(rate < 0, top / 2, grown(rate, reach))
    inside = torch.minimum(torch.maximum(t, low), high)
    by_top = top * (top.log() - _log_softplus(ahead))
    by_t = _shrunk(rate, inside) + (t - inside).relu() * (-rate * REACH).exp()
    ratio = torch.where((rate < 0) & (t > high), by_top, by_t)
    return t, torch.sigmoid(ahead), ratio, t > low


def _family_activated(alpha):
    """The α-family's member as Nowozin's activation reads it; alpha: knobs -> number."""

    def curvature(v, knobs):
        _, slope, ratio, bent = activated(alpha(knobs), v)
        weight = ((2 - alpha(knobs)) * ratio.clamp(-REACH, REACH)).exp() * slope.square()
        return torch.where(bent, weight, 0.0)

    return Reading(
        statistic=lambda v, knobs: activated(alpha(knobs), v)[0],
        conjugate=lambda v, knobs: grown(alpha(knobs), activated(alpha(knobs), v)[2]),
        curvature=curvature,
        threshold=0.0,
        probability=False,
    )


def rescaled(reading, scale=1.0, shift=0.0):
    """The same divergence where the critic says v, ℓ = scale·v + shift."""

    def at(function, factor=1.0):
        return lambda v, knobs: factor * function(scale * v + shift, knobs)

    return Reading(
        statistic=at(reading.statistic),
        conjugate=at(reading.conjugate),
        curvature=at(reading.curvature, scale**2),
        threshold=(reading.threshold - shift) / scale,
        probability=(scale, shift) == (1.0, 0.0),
    )


# T = log σ(ℓ) is the logarithm of D itself; Jensen-Shannon's f differs by a constant.
GAN = Reading(
    statistic=lambda logit, knobs: logsigmoid(logit),
    conjugate=lambda logit, knobs: softplus(logit),
    curvature=lambda logit, knobs: torch.sigmoid(logit),
    threshold=0.0,
    probability=True,
)
JS = GAN._replace(
    statistic=lambda logit, knobs: LOG2 + logsigmoid(logit),
    conjugate=lambda logit, knobs: softplus(logit) - LOG2,
)

# f* = t²/4 + t down to t = −2, where the ratio is 0, and −1 below: a fake there is not pushed.
PEARSON_NOWOZIN = Reading(
    statistic=lambda v, knobs: v,
    conjugate=lambda v, knobs: (v.clamp_min(-2.0) / 2 + 1).square() - 1,
    curvature=lambda v, knobs: torch.where(v >= -2, 0.5, 0.0).to(v),
    threshold=0.0,
    probability=False,
)


def _half_tanh(v, knobs):
    return 0.5 * torch.tanh(v)


# f*(t) = t on [−½, ½]. T = ½ sign ℓ has no slope, so there is no log-ratio logit to train.
TOTAL_VARIATION = Reading(
    statistic=_half_tanh,
    conjugate=_half_tanh,
    curvature=None,
    threshold=0.0,
    probability=False,
)

KL, REVERSE_KL = member(1.0, shift=1.0), member(0.0, shift=-1.0)
PEARSON, NEYMAN = member(2.0, factor=2.0), member(-1.0, factor=2.0)
HELLINGER = member(0.5, factor=0.5)


def _live(knobs):
    """The α that the page's slider says."""
    return knobs.get("alpha", USUAL_ALPHA)


ALPHA, ALPHA_NOWOZIN = _family(_live), _family_activated(_live)


def both(log_ratio, nowozin):
    """{name: `Reading`} of a divergence that can be read in both ways."""
    return {"log-ratio": log_ratio, "nowozin": nowozin}


READINGS = {
    "kl": both(KL, rescaled(KL, shift=-1.0)),
    "reverse-kl": both(REVERSE_KL, REVERSE_KL),
    "pearson": both(PEARSON, PEARSON_NOWOZIN),
    "neyman": both(NEYMAN, rescaled(NEYMAN, scale=0.5)),
    "hellinger": both(HELLINGER, rescaled(HELLINGER, scale=2.0)),
    "js": both(JS, JS),
    "gan": both(GAN, GAN),
    "alpha": both(ALPHA, ALPHA_NOWOZIN),
    "total-variation": {"nowozin": TOTAL_VARIATION},
}
