"""Schäfer and Anandkumar 2019, Competitive Gradient Descent, https://arxiv.org/abs/1905.12103:
two-number games under every optimizer of the table."""

import math

import numpy as np
import torch

from toylab import fields
from toylab.experiment import Experiment
from toylab.figures.digits import units
from toylab.figures.figure import Figure
from toylab.figures.style import square
from toylab.games import Players, quadratic
from toylab.optimizers import OPTIMIZERS
from toylab.tables import Table
from toylab.trainer import Setup

RATE, START = 0.2, (0.5, 0.5)
ALPHAS = (1.0, 3.0, 6.0)
ROUNDS = {"bilinear": 50, "separable": 100}


def methods():
    """{label: settings}: every optimizer of the table with plain descent, and optimism."""
    found = {name: {"optimizer": name} for name in OPTIMIZERS}
    return found | {"optimistic": {"optimizer": "simultaneous", "rule": "optimistic"}}


def walked(method, game, steps, start=START):
    """The way of (x, y), (steps + 1, ..., 2), under the optimizer as the trainer builds it.

    start -- two numbers, or two of shape (E, 1) for many games at once
    """
    settings = {"rule": "sgd", "first": "generator", "adjustment": 1.0, **methods()[method]}
    settings |= {"rate_generator": RATE, "rate_critic": RATE, "penalty": "none"}
    setup = Setup(Experiment(**settings), dtype=torch.float64)
    knobs = setup.knobs(0)
    own = Players(*({**knobs, "rate": knobs[f"rate_{name}"]} for name in Players._fields))
    players = Players(*(torch.as_tensor(value, dtype=torch.float64).view(-1, 1) for value in start))
    way = fields.trajectory(setup.optimizer, game, players, own, steps)
    return way if way.shape[1] > 1 else way.squeeze(1)


# Radius after 50 steps of f = αxy, as the paper's code gives it, from 0.707.
RADII = {
    "simultaneous": "1.89 1.5e3 3.4e9",
    "alternating": ".69 .59 .36",
    "lcgd": ".27 1.0e-3 1.5e5",
    "extragradient": ".27 1.0e-3 1.5e5",
    "symplectic": "4.6e-5 .707 7e39",
    "consensus": "4.6e-5 .707 7e39",
    "optimistic": ".26 18 2e18",
    "cgd": ".265 3.2e-4 1.5e-10",
    "cgd-zero-sum": ".265 3.2e-4 1.5e-10",
}


def _bilinear(seed, steps):
    return {
        f"{method}/{alpha:g}": walked(method, quadratic(0, alpha, 0), ROUNDS["bilinear"]).numpy()
        for method in methods()
        for alpha in ALPHAS
    }


def _bilinear_numbers(found):
    off = {}
    for method, known in RADII.items():
        radii = [np.hypot(*found[f"{method}/{alpha:g}"][-1]) for alpha in ALPHAS]
        off[method] = max(units(*pair) for pair in zip(radii, known.split(), strict=True))
    told = {f"off_{method}": value for method, value in off.items()}
    inward = np.hypot(*found["cgd/6"][-1]) / math.hypot(*START)
    return {**told, "digits_off": max(off.values()), "cgd_strong": inward}


def _draw_bilinear(canvas, every, paint):
    found = every[0]
    names = list(dict.fromkeys(key.partition("/")[0] for key in found))
    columns = 5
    axes = canvas.subplots(-(-len(names) // columns), columns).ravel()
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, names, strict=False):
        for number, alpha in enumerate(ALPHAS):
            way = found[f"{name}/{alpha:g}"]
            near = way[np.maximum.accumulate(np.abs(way).max(1)) < 50]
            axis.plot(*near.T, ".-", color=paint.series(number), linewidth=0.6, markersize=2)
        axis.plot(0, 0, "+", color=paint.ink, markersize=5)
        square(axis, 1.5)
        axis.tick_params(labelbottom=False, labelleft=False, length=2)
        axis.set_title(name, fontsize=7)
    handles = [
        axes[0].plot([], [], color=paint.series(number), label=f"α = {alpha:g}")[0]
        for number, alpha in enumerate(ALPHAS)
    ]
    canvas.legend(handles=handles, loc="outside upper right", ncols=3)


STRENGTHS = np.linspace(0.05, 1.5, 30)  # q = ηα
LONG = 250


def _factors(seed, steps):
    names = [name for name in methods() if name in fields.FACTORS]
    alphas = torch.from_numpy(STRENGTHS / RATE)[:, None]  # a game a member
    start = torch.full_like(alphas, START[0])
    rows = []
    for name in names:
        way = walked(name, quadratic(0, alphas, 0), LONG, (start, start))
        known = [fields.FACTORS[name](RATE, alpha.item()) for alpha in alphas]
        rows.append(np.stack([fields.factor(way, 100).numpy(), known], 1))
    return {"names": names, "rows": rows}


def _factor_numbers(found):
    rows = dict(zip(found["names"].tolist(), found["rows"], strict=True))
    errors = {name: np.abs(pairs[:, 0] / pairs[:, 1] - 1).max() for name, pairs in rows.items()}
    exact = ("simultaneous", "extragradient", "lcgd", "cgd", "cgd-zero-sum")
    return {
        **{f"error_{name}": value for name, value in errors.items()},
        "exact_error": max(errors[name] for name in exact),
        "other_error": max(errors.values()),
        "lcgd_is_eg": np.abs(rows["lcgd"][:, 0] - rows["extragradient"][:, 0]).max(),
    }


def _draw_factors(canvas, every, paint):
    axis = canvas.subplots()
    found = every[0]
    for number, (name, pairs) in enumerate(
        zip(found["names"].tolist(), found["rows"], strict=True)
    ):
        told = {"color": paint.series(number), "linewidth": 1.2 if number < 7 else 0.9}
        axis.plot(STRENGTHS, pairs[:, 1], "-" if number < 7 else "--", label=name, **told)
        axis.plot(STRENGTHS[number % 3 :: 3], pairs[number % 3 :: 3, 0], "x", markersize=5, **told)
    axis.axhline(1, color=paint.ink3, linewidth=0.8)
    axis.set(title="f = αxy: lines closed form, crosses measured", xlabel="q = ηα")
    axis.set(ylabel="distance after a step / before", ylim=(0.2, 2.2))
    axis.legend(ncols=2)


SEPARABLE = ("simultaneous", "symplectic", "lcgd", "cgd", "consensus", "optimistic")
# |x| after 100 steps of f = ±α(x² − y²), by method, sign and α; and what is known to diverge.
ENDS = {
    ("simultaneous", 1, 1.0): "3e-23",
    ("consensus", 1, 1.0): "6e-71",
    ("optimistic", 1, 1.0): "3e-14",
    ("simultaneous", 1, 3.0): "6e-71",
    ("consensus", -1, 1.0): "3e-23",
}
LEAVING = (
    *(("consensus", 1, 3.0), ("optimistic", 1, 3.0)),
    *((name, 1, 6.0) for name in SEPARABLE),
    *((name, -1, alpha) for name in ("simultaneous", "optimistic") for alpha in ALPHAS),
)


def _separable(seed, steps):
    return {
        f"{name}/{sign}/{alpha:g}": walked(
            name, quadratic(sign * alpha, 0, -sign * alpha), ROUNDS["separable"]
        ).numpy()
        for name in SEPARABLE
        for sign in (1, -1)
        for alpha in ALPHAS
    }


def _separable_numbers(found):
    def end(name, sign, alpha):
        return np.abs(found[f"{name}/{sign}/{alpha:g}"][-1, 0])

    start = START[0]
    same = [
        abs(end(name, 1, 1.0) / end("simultaneous", 1, 1.0) - 1)
        for name in ("symplectic", "lcgd", "cgd")
    ]
    return {
        "digits_off": max(units(end(*key), value) for key, value in ENDS.items()),
        "leaving": np.mean([not end(*key) < start for key in LEAVING]),
        "same_as_descent": max(same),
        "spurious": end("consensus", -1, 1.0),
    }


def _draw_separable(canvas, every, paint):
    axes = canvas.subplots(2, 3, sharex=True, sharey=True)
    for row, sign in zip(axes, (1, -1), strict=True):
        for axis, alpha in zip(row, ALPHAS, strict=True):
            for number, name in enumerate(SEPARABLE):
                size = np.abs(every[0][f"{name}/{sign}/{alpha:g}"][:, 0])
                shown = np.clip(np.log10(np.maximum(size, 1e-80)), -80, 80)
                wide = 2.6 if number == 0 else 1.0
                axis.plot(shown, color=paint.series(number), linewidth=wide, label=name)
            told = "(x² − y²)" if sign > 0 else "(y² − x²), no equilibrium"
            axis.set(title=f"{alpha:g} · {told}")
    for axis in axes[1]:
        axis.set_xlabel("step")
    for axis in axes[:, 0]:
        axis.set_ylabel("log₁₀ |x|")
    axes[0, 2].legend(ncols=1, fontsize=6)


FIGURES = Table(
    "figure",
    {
        "bilinear": Figure(
            measure=_bilinear, numbers=_bilinear_numbers, draw=_draw_bilinear, size=(8.4, 5.4)
        ),
        "step-factors": Figure(
            measure=_factors, numbers=_factor_numbers, draw=_draw_factors, size=(6.0, 4.0)
        ),
        "separable": Figure(
            measure=_separable, numbers=_separable_numbers, draw=_draw_separable, size=(8.0, 4.6)
        ),
    },
)
