"""Schäfer and Anandkumar 2019, Competitive Gradient Descent, https://arxiv.org/abs/1905.12103:
its GAN on two modes, each method with RMSProp's sizes, as long as 5000 looks at the networks."""

import numpy as np

from toylab.experiment import Experiment
from toylab.figures.figure import Figure
from toylab.figures.style import square
from toylab.figures.training import query, snapshots, tensor
from toylab.games import Players
from toylab.networks import mlp
from toylab.probes import asked, effective
from toylab.randomness import Keys
from toylab.tables import Table
from toylab.trainer import Setup

SOLVER = 10  # at most so many iterations of conjugate gradients a step
SIZED = {"rule": "rmsprop-tensorflow", "decay": 0.9, "epsilon": 1e-10}
METHODS = {  # with how often a step looks at the networks: a gradient or a product counts one
    "GDA": (2, {"optimizer": "simultaneous", **SIZED}),
    "SGA": (4, {"optimizer": "symplectic", "adjustment": 1.0, **SIZED}),
    "ConOpt": (6, {"optimizer": "consensus", "adjustment": 1.0, **SIZED}),
    "CGD": (
        2 * SOLVER + 4,
        {
            "optimizer": "cgd-rmsprop",
            "acgd_beta": 0.9,
            "solver_steps": SOLVER,
            "solver_tolerance": 1e-6,
        },
    ),
}
RATES = (0.1, 0.025)  # the paper also tries 0.4 and 0.005
GAME = {"data": "two-modes", "objective": "minimax", "penalty": "none", "latent": 512}
MODES = np.array([[0.5**0.5, 0.5**0.5], [1.0, 0.0]])
NEAR = 0.3  # three standard deviations of a mode
MOMENTS, SHOWN = 25, 128
PICTURED = (0, 6, 12, 18, 24)  # which of the moments are drawn


def _networks():
    """Five hidden layers of 128 ReLUs without biases, orthogonal weights times 0.8."""
    form = {"width": 128, "depth": 5, "activation": "relu", "initialisation": "orthogonal"}
    return Players(
        mlp((GAME["latent"],), (2,), **form, biases=False), mlp((2,), **form, biases=False)
    )


def _walk(method, rate, seed, looks):
    """Shares (MOMENTS, 2) of the fakes near each mode; places and next places of some, as drawn."""
    cost, settings = METHODS[method]
    rates = {"rate_generator": rate, "rate_critic": rate}
    experiment = Experiment(**GAME, **settings, **rates, seed=seed)
    setup = Setup(experiment, networks=_networks())
    latents = tensor(setup.sources[1].sample(1024, Keys(seed, "two-modes/shown")))
    at = np.linspace(0, max(looks // cost, MOMENTS), MOMENTS).astype(int)
    drawn = {int(at[moment]) for moment in PICTURED}
    wanted = {*at.tolist(), *(step + 1 for step in drawn)}
    fakes = dict.fromkeys(wanted, np.full((len(latents), 2), np.nan))
    for step, state, _ in snapshots(experiment, wanted, setup):
        fakes[step] = asked(effective(setup, state)[0], latents).numpy()
        if not np.isfinite(fakes[step]).all():
            break  # nothing comes back from there
    shares = [_shares(fakes[step]) for step in at.tolist()]
    ways = [np.stack([fakes[s][:SHOWN], fakes[s + 1][:SHOWN]]) for s in sorted(drawn)]
    return np.array(shares), np.stack(ways).clip(-9, 9).astype(np.float32)


def _shares(points):
    """How large a part of the points is near each mode; what is no number is near none."""
    apart = np.linalg.norm(points[:, None] - MODES, axis=-1)
    return (apart < NEAR).mean(0)


def _measure(seed, steps):
    found = {}
    for method in METHODS:
        for rate in RATES:
            name = f"{method}/{rate:g}"
            found[f"{name}/shares"], found[f"{name}/ways"] = _walk(method, rate, seed, steps)
    return found


def _both(shares):
    """The share at the mode that has fewer, mean of the last quarter; ½ would be all."""
    return shares[-MOMENTS // 4 :].min(1).mean()


def _best(found, method):
    """The rate at which the method ends with most at both modes."""
    return max(RATES, key=lambda rate: _both(found[f"{method}/{rate:g}/shares"]))


def _numbers(found):
    both = {method: _both(found[f"{method}/{_best(found, method):g}/shares"]) for method in METHODS}
    shares = found[f"CGD/{_best(found, 'CGD'):g}/shares"]
    other = max(both[method] for method in METHODS if method != "CGD")
    return {
        **{f"both_{method.lower()}": value for method, value in both.items()},
        "both_other": other,
        "advantage": both["CGD"] - other,
        "cgd_alone": np.abs(shares[:, 0] - shares[:, 1]).max(),
    }


def _draw(canvas, every, paint):
    found = every[0]
    axes = canvas.subplots(len(METHODS), len(PICTURED) + 1, sharex="col")
    for row, method in zip(axes, METHODS, strict=True):
        rate = _best(found, method)
        ways, shares = (found[f"{method}/{rate:g}/{part}"] for part in ("ways", "shares"))
        for axis, moment, (here, there) in zip(row, PICTURED, ways.astype(float), strict=False):
            _points(axis, paint, here, there)
            axis.set_title(f"{100 * moment / (MOMENTS - 1):.0f} %", fontsize=7)
        row[0].set_ylabel(f"{method}, η = {rate:g}")
        part = np.linspace(0, 100, MOMENTS)
        for number, name in enumerate(("upper", "lower")):
            row[-1].plot(part, shares[:, number], color=paint.series(number), label=name)
        row[-1].set(ylim=(-0.05, 1.05), yticks=[0, 0.5, 1])
        row[-1].set_title("share at each mode", fontsize=7)
    axes[0, -1].legend()
    axes[-1, -1].set_xlabel("% of the run")


def _points(axis, paint, here, there):
    axis.scatter(*MODES.T, marker="^", s=30, color=paint.real)
    axis.scatter(*here.T, s=3, color=paint.fake, linewidths=0)
    told = {"angles": "xy", "scale_units": "xy", "scale": 1, "color": paint.ink3, "width": 0.004}
    axis.quiver(*here.T, *(there - here).T, **told)
    square(axis, 1.5)
    axis.tick_params(labelbottom=False, labelleft=False, length=2)


FIGURES = Table(
    "figure",
    {
        "two-modes": Figure(
            measure=_measure,
            numbers=_numbers,
            draw=_draw,
            steps=(240, 5000, 5000),
            seeds=3,
            size=(8.6, 5.6),
            lab=query(**GAME, optimizer="cgd-rmsprop", solver_steps=SOLVER, acgd_beta=0.9),
        )
    },
)
