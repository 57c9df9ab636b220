"""Schäfer et al. 2020, Implicit Competitive Regularization in GANs,
https://arxiv.org/abs/1910.05852: the quadratic example."""

import numpy as np
import torch

from toylab import fields
from toylab.figures.figure import Figure
from toylab.games import Players, quadratic
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES
from toylab.tables import Table

RATES = ((0.09, 0.01), (0.0, 0.01), (0.05, 0.05), (0.01, 0.09), (0.03, 0.03))
GAME = quadratic(1.0, 10.0, 1.0)
START = (0.5, 0.5)
SHOWN = 60


def _number(value):
    return torch.tensor([value], dtype=torch.float64)


def _name(rates):
    return "factor_" + "_".join(f"{rate:g}".removeprefix("0.") for rate in rates)


def _measure(seed, steps):
    optimizer = OPTIMIZERS["simultaneous"].build(Players(RULES["sgd"], RULES["sgd"]), 1, "critic")
    slope = fields.jacobian(GAME, Players(_number(0.0), _number(0.0)))
    found = {}
    for rates in RATES:
        # x stands still where its rate is 0: alone, y is seen from x = 0.
        start = Players(*map(_number, START if rates[0] else (0.0, START[1])))
        knobs = Players(*({"rate": _number(rate)} for rate in rates))
        way = fields.trajectory(optimizer, GAME, start, knobs, SHOWN)
        known = torch.eye(2, dtype=torch.float64) + torch.tensor(rates)[:, None] * slope
        step = fields.linear_step(optimizer, GAME, knobs)
        found[_name(rates)] = way.numpy()
        found[f"{_name(rates)}/both"] = [fields.largest(step), fields.largest(known)]
    return found


def _numbers(found):
    both = {_name(rates): found[f"{_name(rates)}/both"] for rates in RATES}
    told = {name: pair[0] for name, pair in both.items()}
    return {**told, "eigenvalue_error": max(abs(a - b) for a, b in both.values())}


def _draw(canvas, every, paint):
    plane, left, right = canvas.subplots(1, 3)
    first, line = every[0], np.linspace(-1, 1, 121)
    x, y = np.meshgrid(line, line)
    paint.image(plane, x * x + 10 * x * y + y * y, 1.0)
    plane.plot(*first[_name(RATES[0])].T, ".-", color=paint.fake, linewidth=0.8, markersize=3)
    plane.set(title="x² + 10xy + y²,  η = (0.09, 0.01)", xlabel="x minimises", ylabel="y maximises")
    plane.set(aspect="equal", xlim=(-1, 1), ylim=(-1, 1))
    for number, rates in enumerate(RATES):
        radii = np.hypot(*first[_name(rates)].T)
        label, colour = f"η = ({rates[0]:g}, {rates[1]:g})", paint.series(number)
        left.semilogy(radii, color=colour, label=label)
        measured, known = first[f"{_name(rates)}/both"]
        right.barh(len(RATES) - number, measured - 1, color=colour, height=0.6)
        right.text(0.003, len(RATES) - number + 0.36, f"{label}: {measured:.4f}", fontsize=6.5)
    left.set(title="distance from (0, 0)", xlabel="step", ylim=(1e-2, 1e3))
    right.axvline(0, color=paint.ink3, linewidth=0.8)
    right.set(title="per-step factor − 1", yticks=[], xticks=[0, 0.1], xlim=(-0.06, 0.16))


FIGURES = Table(
    "figure", {"quadratic": Figure(measure=_measure, numbers=_numbers, draw=_draw, size=(9.0, 2.9))}
)
