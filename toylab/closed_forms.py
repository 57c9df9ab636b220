"""Divergences in closed form or by quadrature: what an estimate of them must come to.

Densities are of one dimension unless said otherwise, p of the real points and q of the fakes;
JSD is with the weights ½, so that it lies between 0 and log 2, and L_D(D*) = 2 log 2 − 2 JSD.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

LOG2 = math.log(2)


class Divergence(NamedTuple):
    """D_f(P‖Q) = E_Q f(p/q), and the weight of Roth's regulariser on |∇ℓ|², ℓ = log p/q.

    w(ℓ) = e^{2ℓ} f''(e^ℓ), Ω_f = E_Q[w(ℓ)|∇ℓ|²].  Nowozin et al. 2016,
    https://arxiv.org/abs/1606.00709; Roth et al. 2017, https://arxiv.org/abs/1705.09367.
    """

    f: Callable
    weight: Callable
    formula: str


def _log1pexp(x):
    return np.logaddexp(0, x)


DIVERGENCES = {
    "kl": Divergence(lambda u: u * np.log(u), np.exp, "u ln u"),
    "reverse-kl": Divergence(lambda u: -np.log(u), np.ones_like, "−ln u"),
    "pearson": Divergence(lambda u: (u - 1) ** 2, lambda v: 2 * np.exp(2 * v), "(u−1)²"),
    "neyman": Divergence(lambda u: (1 - u) ** 2 / u, lambda v: 2 * np.exp(-v), "(1−u)²/u"),
    "hellinger": Divergence(
        lambda u: (np.sqrt(u) - 1) ** 2, lambda v: 0.5 * np.exp(v / 2), "(√u−1)²"
    ),
    "jensen-shannon": Divergence(
        lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
        lambda v: 1 / (1 + np.exp(-v)),
        "u ln u − (u+1) ln((u+1)/2)",
    ),
}


class Gaussians(NamedTuple):
    """P = N(0, 1 + γ) and Q = N(m, 1 + γ): two Gaussians after noise of variance γ."""

    m: float
    noise: float = 0.0

    def grid(self, reach=14.0, count=20_001):
        """Places that carry all the mass of both, (count,)."""
        wide = reach * math.sqrt(1 + self.noise)
        return np.linspace(min(0.0, self.m) - wide, max(0.0, self.m) + wide, count)

    def densities(self, x):
        """(p, q) at x."""
        spread = 2 * (1 + self.noise)
        height = 1 / math.sqrt(math.pi * spread)
        return height * np.exp(-(x**2) / spread), height * np.exp(-((x - self.m) ** 2) / spread)

    def logit(self, x):
        """ℓ*(x) = log p/q = (m² − 2mx) / (2(1 + γ)); its slope is −m / (1 + γ)."""
        return (self.m**2 - 2 * self.m * x) / (2 * (1 + self.noise))


def f_divergence(name, pair):
    """D_f of two `Gaussians`, by the trapezoid rule, which is spectrally exact here."""
    x = pair.grid()
    q = pair.densities(x)[1]
    return float(np.trapezoid(q * DIVERGENCES[name].f(np.exp(pair.logit(x))), x))


def regulariser(name, pair):
    """Ω_f = E_Q[w(ℓ*)|∇ℓ*|²] of two `Gaussians`: twice the loss of divergence a unit of noise.

    d/dγ D_f(P∗N(0,γ) ‖ Q∗N(0,γ)) = −½ Ω_f. For KL this is de Bruijn's identity.
    """
    x = pair.grid()
    q = pair.densities(x)[1]
    slope = pair.m / (1 + pair.noise)
    return float(np.trapezoid(q * DIVERGENCES[name].weight(pair.logit(x)) * slope**2, x))


class Lines(NamedTuple):
    """Distances of two parallel lines at distance |θ|; arrays like θ."""

    jensen_shannon: np.ndarray
    kl: np.ndarray
    total_variation: np.ndarray
    wasserstein: np.ndarray


def lines(theta, noise=0.0):
    """(0, U[0,1]) against (θ, U[0,1]), each with noise N(0, σ²I): `Lines`.

    Without noise JSD = log 2, KL = ∞ and TV = 1 wherever θ ≠ 0, and W₁ = |θ|: Arjovsky et al. 2017,
    Example 1, https://arxiv.org/abs/1701.07875. With noise only δ = |θ|/σ counts: the problem is
    that of N(0, 1) and N(δ, 1), KL = δ²/2, TV = erf(δ/√8), and W₁ is |θ| still.
    """
    theta = np.abs(np.asarray(theta, np.float64))
    if noise == 0:
        apart = theta > 0
        return Lines(LOG2 * apart, np.where(apart, np.inf, 0.0), 1.0 * apart, theta)
    delta = theta / noise
    jsd = np.vectorize(lambda d: jensen_shannon(d)[0])(delta)
    variation = np.vectorize(lambda d: math.erf(d / math.sqrt(8)))(delta)
    return Lines(jsd, delta**2 / 2, variation, theta)


def jensen_shannon(delta):
    """(JSD, dJSD/dδ) of N(0, 1) and N(δ, 1).

    JSD = log 2 − E_p sp(−φ*),  dJSD/dδ = (δ/2) E_q σ(φ*),  φ* = δ(δ − 2x)/2: only q moves, and at
    the best critic its own change counts for nothing.
    """
    pair = Gaussians(float(delta))
    x = pair.grid()
    (p, q), logit = pair.densities(x), pair.logit(x)
    value = LOG2 - np.trapezoid(p * _log1pexp(-logit), x)
    slope = 0.5 * delta * np.trapezoid(q * np.exp(-_log1pexp(-logit)), x)
    return float(value), float(slope)


def kl_normal(mean, covariance, other_mean, other_covariance):
    """KL(N(μ, C) ‖ N(ν, S)) = ½ (tr S⁻¹C + (ν−μ)ᵀS⁻¹(ν−μ) − d + ln |S|/|C|), in d dimensions."""
    mean, other = np.asarray(mean, np.float64), np.asarray(other_mean, np.float64)
    inverse = np.linalg.inv(other_covariance)
    gap = other - mean
    volumes = np.linalg.slogdet(other_covariance)[1] - np.linalg.slogdet(covariance)[1]
    return float(0.5 * (np.trace(inverse @ covariance) + gap @ inverse @ gap - len(mean) + volumes))


def on_cells(p, q, area):
    """JSD of two densities on the same cells of this area, each brought to mass 1."""
    p, q = (np.asarray(values, np.float64) for values in (p, q))
    p, q = p / (p.sum() * area), q / (q.sum() * area)
    middle = 0.5 * (p + q)

    def against(values):
        held = values > 0
        return area * np.sum(values[held] * np.log(values[held] / middle[held]))

    return float(0.5 * (against(p) + against(q)))
