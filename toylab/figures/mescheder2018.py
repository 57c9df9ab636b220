"""Mescheder et al. 2018, Which Training Methods for GANs do actually Converge?,
https://arxiv.org/abs/1801.04406: the Dirac-GAN.

Real is the point 0, the generator's one number θ is its fake, the critic's one number ψ gives
φ(x) = ψx. Objectives, penalties, constraints and optimizers are the rows of the project's tables,
run by the trainer's own step.
"""

import math

import numpy as np
import torch

from toylab import fields
from toylab.constraints import CONSTRAINTS
from toylab.experiment import Experiment
from toylab.figures.digits import units
from toylab.figures.figure import Figure
from toylab.figures.style import square
from toylab.figures.training import query
from toylab.games import Players
from toylab.networks import Network, Output
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES
from toylab.tables import Table
from toylab.trainer import Setup, train

STEP, STEPS = 0.2, 500
START = (1.0, -1.0)  # the paper's (1, 1): its ψ has the other sign
MOMENTS = (50, 100, 500)


class Origin:
    """Every real point is 0."""

    shape = (1,)

    def sample(self, n, keys):
        return np.zeros((n, 1), np.float32)


def _point(vector, z, masks=None):
    return Output(vector[..., None, :] + 0 * z, None)


def _line(vector, x, masks=None):
    return Output(vector[..., None, 0] * x[..., 0], x)


def _number(rng):
    return np.zeros(1, np.float32)


NETWORKS = Players(Network(1, _number, _point, (1,)), Network(1, _number, _line, (1,)))
PLAIN = {
    "data": "points",
    "objective": "minimax",
    "penalty": "none",
    "rule": "sgd",
    "rate_generator": STEP,
    "rate_critic": STEP,
    "batch": 1,
}


def dirac(**settings):
    """(experiment, setup) of the Dirac-GAN under any settings, in float64."""
    experiment = Experiment(**{**PLAIN, **settings})
    return experiment, Setup(
        experiment, networks=NETWORKS, sources=(Origin(), Origin()), dtype=torch.float64
    )


def walked(steps=STEPS, start=START, **settings):
    """The way of (θ, ψ), (steps + 1, 2), of the trainer's own states."""
    experiment, setup = dirac(**settings)
    numbers = [torch.tensor([value], dtype=torch.float64) for value in start]
    state = setup.start()._replace(players=Players(*numbers))
    way = [torch.cat(list(state.players))]
    way += [torch.cat(list(s.players)) for s in train(experiment, state, steps, setup=setup)]
    return torch.stack(way).numpy().astype(np.float32)


def arrows(half=2.0, count=10, **settings):
    """The field −∂L of both players on a grid, (count², 4): θ, ψ, dθ, dψ."""
    line = torch.linspace(-half, half, count, dtype=torch.float64)
    theta, psi = (part.reshape(-1, 1) for part in torch.meshgrid(line, line, indexing="xy"))
    _, setup = dirac(optimizer="simultaneous", members=count * count, **settings)
    state = setup.start()._replace(players=Players(theta, psi))
    (game,) = setup.games(state, setup.knobs(0))
    return torch.cat([theta, psi, fields.velocity(game, state.players)], 1).numpy()


# The paper's own panels with their radii after 50, 100 and 500 steps: at once, then taking turns.
KNOWN = {
    "minimax": ({}, "1.68 1.96 3.10", "1.38 1.40 1.42"),
    "non-saturating": ({"objective": "non-saturating"}, ".86 .74 .64", ".73 .58 .28"),
    "wasserstein, clipped": (
        {"objective": "wasserstein", "constraint": "clip", "clip": 1.0},
        "1.27 1.27 1.0",
        "1.03 .98 1.02",
    ),
    "wasserstein, 1-gp": (
        {"objective": "wasserstein", "penalty": "1-gp", "penalty_weight": 0.35},
        "1.89 1.80 1.80",
        "1.44 1.44 1.22",
    ),
    "minimax, r1 0.3": (
        {"penalty": "r1", "penalty_weight": 0.3},
        ".28 .099 2.6e-6",
        ".22 .061 2.3e-7",
    ),
    "minimax, r1 1": (
        {"penalty": "r1", "penalty_weight": 1.0},
        ".036 4e-4 1e-21",
        ".047 1e-3 7e-17",
    ),
}
TURNS = ("simultaneous", "alternating")


def others():
    """{panel: settings} of the tables' other rows, each once: whoever adds one sees it here."""
    panels = {name: {"objective": name} for name in OBJECTIVES}
    for name, row in PENALTIES.written().items():  # as strong as R1 with γ = 0.3: its factor is ½
        panels[f"minimax, {name}"] = {"penalty": name, "penalty_weight": 0.15 / row.factor}
    panels |= {f"minimax, {name}": {"constraint": name} for name in CONSTRAINTS if name != "none"}
    panels["minimax, noise 0.7"] = {"noise": 0.7, "batch": 1000}
    shown = [settings for settings, _, _ in KNOWN.values()]
    return {name: made for name, made in panels.items() if made not in shown and works(made)}


def works(settings):
    """Whether such a run is possible: some rows need networks with layers, or other rows."""
    try:
        dirac(**settings)
    except ValueError:
        return False
    return True


def _known(seed, steps):
    return _portraits({name: row[0] for name, row in KNOWN.items()})


def _rows(seed, steps):
    return _portraits(others())


def _portraits(panels):
    """Field and both ways of every panel."""
    found = {"panels": list(panels)}
    for name, settings in panels.items():
        found[f"{name}/field"] = arrows(**settings)
        for turn in TURNS:
            length = STEPS if settings.get("batch", 1) == 1 else 200
            found[f"{name}/{turn}"] = walked(length, optimizer=turn, first="generator", **settings)
    return found


def _numbers(found):
    off = []
    for name, (_, *told) in KNOWN.items():
        for turn, radii in zip(TURNS, told, strict=True):
            way = found[f"{name}/{turn}"]
            off += [
                units(np.hypot(*way[m]), r) for m, r in zip(MOMENTS, radii.split(), strict=True)
            ]
    closed = {"minimax": ("minimax", 0.0), "non-saturating": ("non-saturating", 0.0)}
    closed |= {"minimax, r1 0.3": ("minimax", 0.3), "wasserstein, clipped": ("wasserstein", 0.0)}
    errors = []
    for name, (objective, gamma) in closed.items():
        theta, psi, *moves = torch.from_numpy(found[f"{name}/field"]).T
        known = fields.dirac(theta, psi, objective, gamma)
        errors += [(a - b).abs().max().item() for a, b in zip(known, moves, strict=True)]
    start = math.hypot(*START)
    return {
        "field_error": max(errors),
        "digits_off": max(off),
        "r1_inward": np.hypot(*found["minimax, r1 0.3/simultaneous"][-1]) / start,
        "plain_outward": np.hypot(*found["minimax/simultaneous"][-1]) / start,
    }


def _row_numbers(found):
    ends = {
        (name, turn): np.hypot(*found[f"{name}/{turn}"][-1]) / math.hypot(*START)
        for name in found["panels"]
        for turn in TURNS
    }
    centred = {"0": [], "1": []}
    for name, row in PENALTIES.items():
        if row.pull in centred and (panel := (f"minimax, {name}", "alternating")) in ends:
            centred[row.pull].append(ends[panel])
    return {
        "centred_inward": max(centred["0"]),
        "one_centred": min(centred["1"]),
        "finite": np.mean(np.isfinite(list(ends.values()))),
        "rows": len(found["panels"]),
    }


def _columns(panels):
    return 3 if len(panels) <= len(KNOWN) else 6


def _height(found):
    """Square panels, however many there are."""
    panels = found["panels"]
    return 8.4, 0.4 + 1.55 * -(-len(panels) // _columns(panels))


def _draw(canvas, every, paint):
    first = every[0]
    panels = first["panels"].tolist()
    columns = _columns(panels)
    axes = canvas.subplots(-(-len(panels) // columns), columns).ravel()
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, panels, strict=False):
        theta, psi, across, up = first[f"{name}/field"].T
        length = np.hypot(across, up) + 1e-12
        scale = np.log1p(length) / length
        axis.quiver(theta, psi, scale * across, scale * up, color=paint.ink3, width=0.005, zorder=1)
        for turn, colour in zip(TURNS, (paint.fake, paint.real), strict=True):
            way = first[f"{name}/{turn}"]
            axis.plot(*way.T, color=colour, linewidth=0.7, zorder=2)
            axis.plot(*way[-1], "o", color=colour, markersize=3, zorder=3)
        axis.plot(0, 0, "+", color=paint.ink, markersize=5, zorder=3)
        square(axis, 2.1)
        axis.tick_params(labelbottom=False, labelleft=False, length=2)
        axis.set_title(name, fontsize=6.5)
    handles = [
        canvas.axes[0].plot([], [], color=colour, label=label)[0]
        for label, colour in (("at once", paint.fake), ("taking turns", paint.real))
    ]
    canvas.legend(handles=handles, loc="outside upper right", ncols=2)


GAMMAS = np.linspace(0, 2, 41)


def _spectrum(seed, steps):
    measured, factors = [], []
    for gamma in GAMMAS:
        _, setup = dirac(optimizer="simultaneous", penalty="r1", penalty_weight=float(gamma))
        state = setup.start()
        (game,) = setup.games(state, setup.knobs(0))
        values = fields.spectrum(game, state.players)
        measured.append(torch.view_as_real(values).ravel().tolist())
    for gamma in (0.0, 0.3, 0.6, 1.4, 2.0):
        way = torch.from_numpy(
            walked(400, (1e-3, 0.0), optimizer="simultaneous", penalty="r1", penalty_weight=gamma)
        )
        known = max(abs(1 + STEP * value) for value in fields.dirac_eigenvalues(gamma))
        factors.append((gamma, fields.factor(way, 300).item(), known))
    return {"measured": measured, "factors": factors}


def _spectrum_numbers(found):
    closed = [fields.dirac_eigenvalues(gamma) for gamma in GAMMAS]
    errors = []
    for row, known in zip(found["measured"], closed, strict=True):
        pair = [complex(*row[:2]), complex(*row[2:])]
        errors.append(
            min(
                max(abs(a - b) for a, b in zip(pair, order, strict=True))
                for order in (known, known[::-1])
            )
        )
    imaginary = np.abs(found["measured"][:, 1])
    gamma, measured, known = found["factors"].T
    return {
        "error": max(errors),
        "critical": GAMMAS[imaginary < 1e-3].min(),
        "factor_error": np.abs(measured - known).max(),
        "growth_error": abs(measured[0] - math.hypot(1, STEP / 2)),
    }


def _draw_spectrum(canvas, every, paint):
    left, right = canvas.subplots(1, 2)
    first = every[0]
    closed = np.array([fields.dirac_eigenvalues(gamma) for gamma in GAMMAS])
    for number in (0, 1):
        told = None if number else "real part, closed form"
        left.plot(GAMMAS, closed[:, number].real, color=paint.real, label=told)
        told = None if number else "imaginary part"
        left.plot(GAMMAS, closed[:, number].imag, color=paint.fake, label=told)
        for part, colour in ((0, paint.real), (1, paint.fake)):
            values = first["measured"][:, 2 * number + part]
            left.plot(GAMMAS[::2], values[::2], "x", color=colour, markersize=4)
    left.plot([], [], "x", color=paint.ink2, label="the trainer's own game")
    left.set(title="eigenvalues at (0, 0)", xlabel="weight γ of R1")
    left.legend()
    for row in closed:
        right.plot(row.real, row.imag, ".", color=paint.real, markersize=3)
    turn = np.linspace(0, 2 * np.pi, 200)
    right.plot((np.cos(turn) - 1) / STEP, np.sin(turn) / STEP, color=paint.ink3, linewidth=0.8)
    right.axvline(0, color=paint.line, linewidth=0.8)
    right.set(title=f"inside the circle a step of {STEP:g} shrinks", xlabel="real part")
    right.set(ylabel="imaginary part", xlim=(-2.2, 0.4), ylim=(-1.0, 1.0))


FIGURES = Table(
    "figure",
    {
        "dirac": Figure(
            measure=_known,
            numbers=_numbers,
            draw=_draw,
            size=(7.2, 5.0),
            lab=query(data="points", objective="minimax", penalty="r1", rule="sgd"),
        ),
        "dirac-rows": Figure(
            measure=_rows,
            numbers=_row_numbers,
            draw=_draw,
            size=_height,
            lab=query(data="points", objective="minimax", penalty="r1", rule="sgd"),
        ),
        "dirac-spectrum": Figure(
            measure=_spectrum,
            numbers=_spectrum_numbers,
            draw=_draw_spectrum,
            lab=query(data="points", objective="minimax", penalty="r1", rule="sgd"),
        ),
    },
)
