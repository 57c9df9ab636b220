"""Roth et al. 2017, Stabilizing Training of Generative Adversarial Networks through
Regularization, https://arxiv.org/abs/1705.09367."""

import math

import numpy as np
import torch
from scipy.stats import norm

from toylab import closed_forms
from toylab.closed_forms import DIVERGENCES, Gaussians
from toylab.figures.figure import Figure
from toylab.networks import Output
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES
from toylab.tables import Table

MEANS = (0.5, 1.0, 1.5, 2.0)
CLOSED = {  # Ω_f of N(0, 1) and N(m, 1): ∇ℓ* = −m everywhere
    "kl": lambda m: m**2,
    "reverse-kl": lambda m: m**2,
    "pearson": lambda m: 2 * m**2 * math.exp(m**2),
    "hellinger": lambda m: 0.5 * m**2 * math.exp(-(m**2) / 8),
}
NOISE = np.linspace(0, 1, 41)


def _identity(seed, steps):
    step, rows, curves = 1e-4, [], []
    for name in DIVERGENCES:
        curves.append([closed_forms.f_divergence(name, Gaussians(1.0, g)) for g in NOISE])
        for m in MEANS:
            ahead, behind = (
                closed_forms.f_divergence(name, Gaussians(m, way * step)) for way in (1, -1)
            )
            omega = closed_forms.regulariser(name, Gaussians(m))
            closed = CLOSED[name](m) if name in CLOSED else math.nan
            rows.append((m, (ahead - behind) / (2 * step), omega, closed))
    return {
        "rows": np.reshape(rows, (len(DIVERGENCES), len(MEANS), 4)),
        "curves": curves,
        "penalty": [(m, _penalty(m)) for m in MEANS],
    }


def _penalty(m, count=40_000):
    """The table's row on even quantiles of both Gaussians, at the best critic: ½ Ω_JS."""
    line = norm.ppf((np.arange(count) + 0.5) / count)
    real, fake = (torch.from_numpy(line + mean).unsqueeze(1) for mean in (0.0, m))

    def best(x, role):
        return Output((m * m - 2 * m * x[:, 0]) / 2, None)

    terms = PENALTIES["roth"].function(best, real, fake, None, OBJECTIVES["minimax"], {})
    return terms.mean().item()


def _identity_numbers(found):
    rows, penalty = found["rows"], found["penalty"]
    rates = rows[list(DIVERGENCES).index("jensen-shannon"), :, 1]
    half = 0.5 * rows[list(DIVERGENCES).index("jensen-shannon"), :, 2]
    return {
        "slope_error": np.abs(rows[..., 1] / (-0.5 * rows[..., 2]) - 1).max(),
        "closed_error": np.nanmax(np.abs(rows[..., 2] / rows[..., 3] - 1)),
        "rate_1": rates[MEANS.index(1.0)],
        "rate_2": rates[MEANS.index(2.0)],
        "penalty_error": np.abs(penalty[:, 1] / half - 1).max(),
    }


def _draw_identity(canvas, every, paint):
    axes = canvas.subplots(2, 3, sharex=True)
    first, at = every[0], MEANS.index(1.0)
    for number, (axis, name) in enumerate(zip(axes.flat, DIVERGENCES, strict=True)):
        curve, omega = first["curves"][number], first["rows"][number, at, 2]
        axis.plot(NOISE, curve, color=paint.real, label="D_f after noise")
        short = NOISE[NOISE <= 0.45]
        axis.plot(
            short, curve[0] - 0.5 * omega * short, "--", color=paint.fake, linewidth=1,
            label="D_f − γΩ_f/2",
        )  # fmt: skip
        axis.set(title=name, ylim=(0, 1.08 * curve[0]))
    for axis in axes[1]:
        axis.set_xlabel("variance γ of the noise")
    axes[0, 0].legend()


P = (np.array([-1.0, 1.0]), np.array([0.2, 0.2]), np.array([0.5, 0.5]))
Q = (np.array([-0.4, 0.9]), np.array([0.5, 0.3]), np.array([0.7, 0.3]))
LINE = np.linspace(-9, 9, 40_001)


def _mixture(parts, noise):
    """(log density, its slope) of a mixture after noise of variance γ, on the line."""
    means, stds, weights = parts
    spread = np.sqrt(stds**2 + noise)[:, None]
    off = (LINE - means[:, None]) / spread
    terms = np.log(weights)[:, None] - 0.5 * off**2 - np.log(spread * math.sqrt(2 * math.pi))
    whole = np.logaddexp(*terms)
    return whole, (np.exp(terms - whole) * (-off / spread)).sum(0)


def _kl(noise):
    """(KL(P‖Q), relative Fisher information) after noise of variance γ."""
    (p, p_slope), (q, q_slope) = _mixture(P, noise), _mixture(Q, noise)
    held = np.exp(p)
    return (
        np.trapezoid(held * (p - q), LINE),
        np.trapezoid(held * (p_slope - q_slope) ** 2, LINE),
    )


def _bruijn(seed, steps):
    levels, step = np.linspace(0.0, 0.6, 61), 1e-5
    values = np.array([_kl(level) for level in levels])
    slopes = [(_kl(g + step)[0] - _kl(g - step)[0]) / (2 * step) for g in levels]
    return {"levels": levels, "kl": values[:, 0], "fisher": values[:, 1], "slopes": slopes}


def _bruijn_numbers(found):
    return {
        "error": np.abs(found["slopes"] / (-0.5 * found["fisher"]) - 1).max(),
        "steepest_rise": np.diff(found["kl"]).max(),
    }


def _draw_bruijn(canvas, every, paint):
    densities, left, right = canvas.subplots(1, 3)
    first = every[0]
    for parts, colour, name in ((P, paint.real, "P"), (Q, paint.fake, "Q")):
        for noise, style in ((0.0, "-"), (0.1, ":")):
            label = f"{name}, γ = {noise:g}"
            shown = np.exp(_mixture(parts, noise)[0])
            densities.plot(LINE[::40], shown[::40], style, color=colour, linewidth=1, label=label)
    densities.set(title="densities", xlim=(-2.5, 2.5))
    densities.legend()
    left.plot(first["levels"], first["kl"], color=paint.real)
    left.set(title="KL(P∗N ‖ Q∗N)", xlabel="variance γ of the noise", ylim=(0, None))
    told = {"linestyle": "none", "marker": "x", "markersize": 4, "color": paint.fake}
    right.semilogy(first["levels"], 0.5 * first["fisher"], color=paint.real, label="½ Fisher")
    right.semilogy(first["levels"][::4], -first["slopes"][::4], **told, label="−dKL/dγ")
    right.set(title="rate of the loss", xlabel="variance γ of the noise")
    right.legend()


FIGURES = Table(
    "figure",
    {
        "regulariser-identity": Figure(
            measure=_identity, numbers=_identity_numbers, draw=_draw_identity, size=(8.0, 4.4)
        ),
        "de-bruijn": Figure(
            measure=_bruijn, numbers=_bruijn_numbers, draw=_draw_bruijn, size=(8.4, 2.8)
        ),
    },
)
