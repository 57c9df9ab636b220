"""Gulrajani et al. 2017, Improved Training of Wasserstein GANs, https://arxiv.org/abs/1704.00028.

"Fixed generator": there is none; a fake is the real point of the same pair plus N(0, I), and only
the critic learns.
"""

import numpy as np
import torch

from toylab import judgement, transport
from toylab.data import clusters, source
from toylab.experiment import Experiment
from toylab.figures.figure import Figure
from toylab.figures.training import query, snapshots, tensor
from toylab.games import Players
from toylab.networks import identity, mlp
from toylab.randomness import Keys
from toylab.tables import Table
from toylab.trainer import Setup

DATA = ("8gaussians", "25gaussians", "swissroll")
CRITIC = {
    "critic_width": 128,
    "critic_depth": 3,
    "critic_activation": "relu",
    "initialisation": "he",
    "objective": "wasserstein",
    "moves": "critic",
    "batch": 256,
    "beta2": 0.9,
}
CLIP = {"penalty": "none", "constraint": "clip", "rule": "rmsprop", "rate_critic": 5e-4}
HALF, GRID = 3.0, 64


class Blurred:
    """The real points of the same minibatch, each with noise N(0, I) of its own."""

    def __init__(self, real):
        self.real, self.shape = real, real.shape

    def sample(self, n, keys):
        there = self.real.sample(n, keys._replace(purpose=keys.purpose.replace("latent", "real")))
        return there + keys.rng().standard_normal(there.shape, np.float32)


def fixed(experiment):
    """The setup of an experiment whose fakes are blurred reals."""
    real = source(experiment.card, "real", **experiment.numbers())
    networks = Players(
        identity(real.shape),
        mlp(
            real.shape,
            None,
            experiment.critic_width,
            experiment.critic_depth,
            experiment.critic_activation,
            experiment.initialisation,
        ),
    )
    return Setup(experiment, networks=networks, sources=(real, Blurred(real)))


def between(real, fake, seed):
    """Interpolates of pairs, one random place a pair."""
    mix = Keys(seed, "figures/mix").rng().random((len(real), 1), np.float32)
    return torch.lerp(fake, real, torch.from_numpy(mix))


def points(setup, seed, count=2048):
    """(real, fake) pairs that the critic never saw."""
    real, fake = setup.sources
    return tuple(
        tensor(part.sample(count, Keys(seed, f"fresh/{name}")))
        for part, name in ((real, "real"), (fake, "latent"))
    )


def _surfaces(seed, steps):
    line = np.linspace(-HALF, HALF, GRID)
    places = tensor(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2))
    found = {}
    for data in DATA:
        for name, choices in (
            ("clip", CLIP),
            ("penalty", {"penalty": "1-gp", "penalty_weight": 10.0}),
        ):
            experiment = Experiment(data=data, seed=seed, **CRITIC, **choices)
            setup = fixed(experiment)
            ((_, state, critic),) = snapshots(experiment, [steps], setup)
            real, fake = points(setup, seed)
            steep = judgement.steepness(critic, between(real, fake, seed)).mean
            with torch.no_grad():
                found[f"{data}/{name}"] = critic(places).numpy().reshape(GRID, GRID)
            bound = experiment.clip
            out = (state.players.critic.abs() > 0.95 * bound).double()
            used = setup.networks.critic.count / setup.networks.critic.size
            found[f"{data}/{name}/numbers"] = (steep, out.mean().item() / used)
            if data == "8gaussians":
                found[f"{name}/contrast"] = [_contrast(critic, found[f"{data}/{name}"])]
        found[f"{data}/points"] = real[:80].numpy()
    return found


def _contrast(critic, surface):
    """Height of the eight clusters over the middles between them, in the window's stds."""
    there = clusters("8gaussians")
    turn = np.pi / 8
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    with torch.no_grad():
        on, off = critic(tensor(there.centres)), critic(tensor(there.centres @ rotation))
    return (on.mean() - off.mean()).item() / float(surface.std())


def _surface_numbers(found):
    clip, penalty = (
        np.array([found[f"{data}/{name}/numbers"] for data in DATA]) for name in ("clip", "penalty")
    )
    return {
        "slope_penalty": max(penalty[:, 0], key=lambda value: abs(value - 1)),
        "pushed_out": clip[:, 1].min(),
        "slope_clip": clip[:, 0].max(),
        "contrast_penalty": found["penalty/contrast"][0],
        "contrast_ratio": found["penalty/contrast"][0] / max(found["clip/contrast"][0], 1e-9),
    }


def _draw_surfaces(canvas, every, paint):
    axes = canvas.subplots(2, 3)
    first, line = every[0], np.linspace(-HALF, HALF, GRID)
    for row, name, words in zip(
        axes, ("clip", "penalty"), ("clipped, c = 0.01", "1-GP, λ = 10"), strict=True
    ):
        for axis, data in zip(row, DATA, strict=True):
            values = first[f"{data}/{name}"]
            paint.image(axis, values, HALF)
            axis.contour(line, line, values, 8, colors=[paint.ink3], linewidths=0.5, linestyles="-")
            axis.plot(*first[f"{data}/points"].T, ".", color=paint.real, markersize=2)
            axis.set(title=f"{data}, {words}", aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])


LAMBDAS = (0.1, 0.3, 1.0, 3.0, 10.0)


def _slopes(seed, steps):
    experiment = Experiment(
        data="8gaussians",
        seed=10 * seed,
        members=len(LAMBDAS),
        penalty="1-gp",
        penalty_weight=LAMBDAS,
        **CRITIC,
    )
    setup = fixed(experiment)
    *_, (_, state, _) = snapshots(experiment, [steps], setup, member=0)
    real, fake = points(setup, seed)
    rows = []
    for member, weight in enumerate(LAMBDAS):
        vector = state.players.critic[member]

        def critic(x, vector=vector):
            return setup.networks.critic.apply(vector, x).value

        with torch.no_grad():
            gap = (critic(real).mean() - critic(fake).mean()).item()
        rows.append((weight, judgement.steepness(critic, between(real, fake, seed)).mean, gap))
    carried = transport.exact(real[:1024], fake[1024:])
    return {"rows": rows, "carried": [carried]}


def _slope_numbers(found):
    weight, steep, gap = found["rows"].T
    distance = gap / steep
    rule = 1 + distance[-1] / (2 * weight)
    return {
        "slope_10": steep[-1],
        "slope_01": steep[0],
        "rule_error": np.abs(steep / rule - 1).max(),
        "wasserstein_spread": distance.max() / distance.min(),
        "wasserstein_error": abs(distance[-1] / found["carried"][0] - 1),
    }


def _draw_slopes(canvas, every, paint):
    left, right = canvas.subplots(1, 2)
    line = np.geomspace(0.1, 10, 60)
    for number, found in enumerate(every):
        weight, steep, gap = found["rows"].T
        distance = gap / steep
        told = {"marker": "o", "linestyle": "none", "markersize": 4, "color": paint.fake}
        left.loglog(weight, steep, **told, label=None if number else "mean |∇φ| measured")
        rule = 1 + distance[-1] / (2 * line)
        left.loglog(line, rule, color=paint.real, linewidth=0.9,
                    label=None if number else "1 + W/2λ")  # fmt: skip
        right.loglog(weight, gap, color=paint.fake, linewidth=0.9, marker="o", markersize=3,
                     label=None if number else "value gap")  # fmt: skip
        right.loglog(weight, distance, color=paint.ok, linewidth=0.9, marker="o", markersize=3,
                     label=None if number else "value gap / slope")  # fmt: skip
        right.axhline(found["carried"][0], color=paint.real, linewidth=0.8,
                      label=None if number else "exact transport, 1,024 points")  # fmt: skip
    left.set(title="slope of the critic", xlabel="λ")
    right.set(title="estimates of W₁", xlabel="λ")
    left.legend()
    right.legend()


_LAB = {"data": "8gaussians", "objective": "wasserstein", "penalty": "1-gp"}

FIGURES = Table(
    "figure",
    {
        "value-surfaces": Figure(
            measure=_surfaces,
            numbers=_surface_numbers,
            draw=_draw_surfaces,
            steps=(50, 3000, 100_000),
            seeds=3,
            size=(8.0, 5.4),
            lab=query(**_LAB, penalty_weight=10),
        ),
        "unit-slope": Figure(
            measure=_slopes,
            numbers=_slope_numbers,
            draw=_draw_slopes,
            steps=(50, 3000, 100_000),
            seeds=3,
            lab=query(**_LAB, penalty_weight=0.1),
        ),
    },
)
