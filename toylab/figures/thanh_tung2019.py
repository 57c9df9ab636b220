"""Thanh-Tung et al. 2019, Improving Generalization and Stability of Generative Adversarial
Networks, https://arxiv.org/abs/1902.03984."""

import numpy as np
import torch
from scipy.stats import multivariate_normal

from toylab import fields, judgement, propositions
from toylab.data import Finite, source
from toylab.experiment import Experiment
from toylab.figures.figure import Figure
from toylab.figures.training import query, snapshots, tensor
from toylab.games import Game, Players
from toylab.optimizers import OPTIMIZERS
from toylab.probes import QUANTITIES, slopes
from toylab.randomness import Keys
from toylab.rules import RULES
from toylab.tables import Table
from toylab.trainer import Setup

REAL = multivariate_normal([0.4, 0.9], [[1.0, 0.5], [0.5, 1.0]])
FAKE = multivariate_normal([1.3, 1.2], [[1.0, 0.7], [0.7, 1.0]])
LINE = np.linspace(-2.5, 4.5, 100)
PLACES = np.stack(np.meshgrid(LINE, LINE), -1).reshape(-1, 2)
BEST = REAL.pdf(PLACES) / (REAL.pdf(PLACES) + FAKE.pdf(PLACES))
MASS = (REAL.pdf(PLACES) + FAKE.pdf(PLACES)) / 2
TESTED, MORE = 20_000, 1000
MOMENT = 10_000  # steps of the paper's text; its code takes about 50,000

PANELS = {
    "a": ("none, n = 100", {"penalty": "none"}),
    "b": ("none, n = 1000", {"penalty": "none"}),
    "c": ("1-GP", {"penalty": "1-gp-probability"}),  # of D, as the script's others are
    "d": ("0-GP-sample", {"penalty": "0-gp-sample"}),
    "e": ("0-GP", {"penalty": "0-gp"}),
}
CRITIC = {
    "data": "two-gaussians",
    "fakes": "fixed",
    "moves": "critic",
    "critic_width": 64,
    "critic_activation": "tanh",
    "beta1": 0.9,
}
COLUMNS = ("distance", "steepest", "train accuracy", "test accuracy", "test loss")


def _drawn(law, count, seed):
    return tensor(law.rvs(count, random_state=Keys(seed, "figures/two-gaussians").rng()))


def _panel(panel, seed, steps):
    given = {}
    if panel == "b":
        given["sources"] = tuple(
            Finite(_drawn(law, MORE, 900 + number)) for number, law in enumerate((REAL, FAKE))
        )
    experiment = Experiment(seed=seed, **CRITIC, **PANELS[panel][1])
    setup = Setup(experiment, **given)
    seen = given.get("sources") or [source("two-gaussians", side) for side in ("real", "fake")]
    seen = [tensor(part.points) for part in seen]
    unseen = [_drawn(law, TESTED, 800 + number) for number, law in enumerate((REAL, FAKE))]
    rows, surfaces = [], []
    for _, _, critic in snapshots(experiment, sorted({min(MOMENT, steps), steps}), setup):
        logits, arrow = slopes(critic, tensor(PLACES), QUANTITIES["D"])
        said = torch.sigmoid(logits.double()).numpy()
        fresh = judgement.verdicts(critic, *unseen)
        rows.append(
            (
                judgement.from_best(said, BEST, MASS),
                arrow.norm(dim=1).max().item(),
                judgement.verdicts(critic, *seen).accuracy,
                fresh.accuracy,
                fresh.loss,
            )
        )
        surfaces.append(said.reshape(100, 100).astype(np.float16))
    return rows, surfaces, seen


def _two(seed, steps):
    found = {}
    for panel in PANELS:
        rows, surfaces, seen = _panel(panel, seed, steps)
        found[panel], found[f"{panel}/surface"] = rows, surfaces[-1]
        if panel == "a":
            found["points"] = np.stack([part.numpy() for part in seen])
    return found


def bayes():
    """Accuracy of D*: ½ + ¼ ∫ |p − q|, on a fine grid."""
    line = np.linspace(-6, 8, 700)
    places = np.stack(np.meshgrid(line, line), -1)
    apart = np.abs(REAL.pdf(places) - FAKE.pdf(places)).sum() * (line[1] - line[0]) ** 2
    return 0.5 + apart / 4


def _two_numbers(found):
    told = {}
    for suffix, moment in (("_10k", 0), ("", -1)):
        distance, steepest, _, accuracy, loss = (
            {panel: found[panel][moment][column] for panel in PANELS} for column in range(5)
        )
        for one, other in ("ed", "da", "ec", "ca"):
            told[f"{one}_over_{other}{suffix}"] = distance[one] / distance[other]
        told[f"loss_e_minus_c{suffix}"] = loss["e"] - loss["c"]
        told[f"loss_c_minus_a{suffix}"] = loss["c"] - loss["a"]
        told[f"bayes_gap{suffix}"] = bayes() - accuracy["e"]
        told[f"steeper{suffix}"] = steepest["a"] / steepest["e"]
        told[f"b_over_a{suffix}"] = distance["b"] / distance["a"]
        for panel in PANELS:
            told[f"distance_{panel}{suffix}"] = distance[panel]
    told["sample_worsens"] = told["distance_d"] / told["distance_d_10k"]
    told["between_stays"] = told["distance_e"] / told["distance_e_10k"]
    return told


def _draw_two(canvas, every, paint):
    axes = canvas.subplots(2, 3, sharex=True, sharey=True).ravel()
    first = every[0]
    for axis, panel in zip(axes, (*PANELS, "f"), strict=True):
        surface = BEST.reshape(100, 100) if panel == "f" else first[f"{panel}/surface"]
        drawn = axis.contourf(LINE, LINE, surface, np.linspace(0, 1, 11), cmap=paint.surface)
        axis.contour(LINE, LINE, surface, [0.5], colors=[paint.ink], linewidths=0.9)
        for points, colour, mark in zip(
            first["points"], (paint.real, paint.fake), ("+", "."), strict=True
        ):
            axis.plot(*points.T, mark, color=colour, markersize=3)
        name = "D* = p/(p + q)" if panel == "f" else PANELS[panel][0]
        axis.set(title=f"({panel}) {name}", aspect="equal", xlim=(-2.5, 4.5), ylim=(-2.5, 4.5))
        if panel != "f":
            off = np.median([found[panel][-1][0] for found in every])
            axis.text(4.4, -2.4, f"distance to D*: {off:.3f}", ha="right", fontsize=7)
    canvas.colorbar(drawn, ax=axes.tolist(), shrink=0.7, ticks=[0, 0.5, 1], label="D")


EPSILON, ALPHA, COUNTS, DIMENSION = 0.2, 0.1, (20, 20), 10


def _capacity(seed, steps):
    rows = []
    for number in range(100):
        rng = Keys(number, "figures/capacity").rng()
        points = rng.standard_normal((sum(COUNTS), DIMENSION))
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        real, fake = unit[: COUNTS[0]], unit[COUNTS[0] :]
        k = propositions.enough(unit, EPSILON, ALPHA)
        told = propositions.memorise(real, fake, k, EPSILON, ALPHA)
        least = propositions.needed(real, fake, EPSILON, ALPHA, k)
        stretched = unit * rng.uniform(0.2, 2.0, (len(unit), 1))
        real_far, fake_far = stretched[: COUNTS[0]], stretched[COUNTS[0] :]
        wrong = propositions.memorise(real_far, fake_far, k, EPSILON, ALPHA)
        margin = min(wrong(real_far).min() - 0.5, 0.5 - wrong(fake_far).max())
        fails = margin < EPSILON / 2
        rows.append((told(real).min(), told(fake).max(), k, least, fails))
    return {"rows": rows, "shown": np.concatenate([told(real), told(fake)])}


def _capacity_numbers(found):
    real, fake, k, least, fails = found["rows"].T
    return {
        "real_margin": (real - (0.5 + EPSILON / 2)).min(),
        "fake_margin": ((0.5 - EPSILON / 2) - fake).min(),
        "tightness": np.median(least / k),
        "failures": fails.mean(),
    }


def _draw_capacity(canvas, every, paint):
    left, right = canvas.subplots(1, 2)
    real, fake, k, least, _ = every[0]["rows"].T
    order = np.arange(len(real))
    left.plot(order, np.sort(real), color=paint.real, label="least D on a real point")
    left.plot(order, np.sort(fake), color=paint.fake, label="largest D on a fake")
    for value in (0.5 + EPSILON / 2, 0.5 - EPSILON / 2):
        left.axhline(value, color=paint.ink3, linewidth=0.8, linestyle=":")
    left.set(title="100 draws of 20 + 20 unit vectors", xlabel="draw, sorted", ylim=(0.2, 0.8))
    left.legend(loc="center right")
    right.plot(k, least, ".", color=paint.real, markersize=4)
    ends = [0, k.max()]
    right.plot(ends, ends, color=paint.ink3, linewidth=0.8, label="equal")
    right.set(title="size of the weights", xlabel="k that suffices", ylabel="k that is needed")
    right.legend()


LINEAR, RATE = 400, 0.01


def _linear_game():
    """L = θ_D x − θ_D θ_G z with x = z = 1: the critic ascends, the generator descends."""

    def value(players):
        return (players.critic * (1.0 - players.generator)).sum(-1)

    return Game(value, lambda players: -value(players))


def _linear(seed, steps):
    found, one = {}, torch.ones(1, dtype=torch.float64)
    for count in (1, 5):
        optimizer = OPTIMIZERS["alternating"].build(
            Players(RULES["sgd"], RULES["sgd"]), count, "critic"
        )
        knobs = Players({"rate": RATE * one}, {"rate": RATE * one})
        game = _linear_game()
        way = fields.trajectory(optimizer, game, Players(0 * one, one), knobs, LINEAR)
        found[f"way-{count}"] = way.numpy()
        slope = fields.velocity(game, Players(way[:, :1], way[:, 1:]))
        found[f"slope-{count}"] = slope.numpy()
    return found


def _linear_numbers(found):
    told, errors = {}, []
    for count in (1, 5):
        fake, weight = found[f"way-{count}"].T
        by_generator, by_critic = np.abs(found[f"slope-{count}"].T)
        held = np.abs(weight) > 1e-3
        measured, known = by_critic / by_generator, np.abs((1 - fake) / weight)
        errors.append(np.abs(measured / known - 1)[held].max())
        told[f"first_{count}"] = np.argmax(weight * (1 - fake) < 0.05) - 1
    gap = np.abs(1 - found["way-1"][:, 0])
    crossing = np.argmax(found["way-1"][:, 0] > 1)
    return {
        **told,
        "ratio_error": max(errors),
        "falls": (np.diff(gap[:crossing]) < 0).mean(),
        "returns": gap[crossing:].max() / gap[0],
    }


def _draw_linear(canvas, every, paint):
    left, middle, right = canvas.subplots(1, 3)
    found = every[0]
    for count, colour in ((1, paint.real), (5, paint.fake)):
        fake, weight = found[f"way-{count}"].T
        label = f"n_D = {count}"
        left.plot(np.abs(1 - fake), color=colour, label=label)
        by_generator, by_critic = np.abs(found[f"slope-{count}"].T)
        middle.semilogy(by_critic / by_generator, color=colour, linewidth=0.9)
        right.plot(fake, weight, color=colour)
    left.set(title="‖x − y‖", xlabel="step")
    left.legend()
    middle.set(title="‖∂L/∂θ_D‖ / ‖∂L/∂θ_G‖", xlabel="step", ylim=(1e-3, 1e2))
    right.axvline(1, color=paint.ink3, linewidth=0.8, linestyle=":")
    right.set(title="players", xlabel="fake y (data at 1)", ylabel="θ_D")


FIGURES = Table(
    "figure",
    {
        "two-gaussians": Figure(
            measure=_two,
            numbers=_two_numbers,
            draw=_draw_two,
            steps=(500, 50_000, 50_000),
            seeds=3,
            size=(8.0, 5.2),
            lab=query(
                data="two-gaussians", fakes="fixed", moves="critic", penalty="0-gp",
                critic_width=64, critic_activation="tanh", beta1=0.9,
            ),
        ),
        "capacity": Figure(
            measure=_capacity, numbers=_capacity_numbers, draw=_draw_capacity
        ),
        "linear-game": Figure(
            measure=_linear, numbers=_linear_numbers, draw=_draw_linear, size=(8.4, 2.8)
        ),
    },
)  # fmt: skip
