"""Arjovsky and Bottou 2017, Towards Principled Methods for Training Generative Adversarial
Networks, https://arxiv.org/abs/1701.04862."""

import numpy as np
import torch

from toylab import closed_forms, judgement
from toylab.data import source
from toylab.experiment import Experiment
from toylab.figures.arjovsky2017 import LINES, pair, pulls
from toylab.figures.figure import Figure
from toylab.figures.training import query, snapshots, spread_out, tensor
from toylab.probes import slopes
from toylab.randomness import Keys
from toylab.tables import Table

DISJOINT = ("segments", "arcs")
NEAR, FAR = 0.1, 1.0  # distances of the lines


def _perfect(seed, steps):
    found = {}
    for data in DISJOINT:
        real, fake = (
            tensor(source(data, side).sample(2000, Keys(seed, f"disjoint/{side}")))
            for side in ("real", "fake")
        )
        way = []
        for step, _, critic in snapshots(
            Experiment(seed=seed, **{**LINES, "data": data}), spread_out(steps)
        ):
            told = judgement.verdicts(critic, real, fake)
            steep = judgement.steepness(critic, torch.cat([real, fake]), "D").mean
            way.append((step, told.accuracy, judgement.told_jsd(told.loss), steep))
        found[data] = way
        line = torch.linspace(-1.6, 1.6, 64)
        places = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)
        with torch.no_grad():
            found[f"{data}/surface"] = torch.sigmoid(critic(places)).numpy().reshape(64, 64)
        found[f"{data}/points"] = torch.cat([real[:250], fake[:250]]).numpy()
    return found


def _perfect_numbers(found):
    ways = [found[data] for data in DISJOINT]
    return {
        "accuracy": min(way[-1, 1] for way in ways),
        "jsd_error": max(abs(way[-1, 2] - closed_forms.LOG2) for way in ways),
        "slope_left": max(way[-1, 3] / way[:, 3].max() for way in ways),
    }


def _draw_perfect(canvas, every, paint):
    axes = canvas.subplots(2, 3)
    for row, data in zip(axes, DISJOINT, strict=True):
        picture, left, right = row
        first = every[0]
        paint.image(picture, first[f"{data}/surface"], 1.6, 0, 1)
        points = first[f"{data}/points"]
        picture.plot(*points[:250].T, ".", color=paint.real, markersize=2)
        picture.plot(*points[250:].T, ".", color=paint.fake, markersize=2)
        picture.set(title=f"D on {data}", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        for found in every:
            step = np.maximum(found[data][:, 0], 0.7)
            left.semilogx(step, found[data][:, 2], color=paint.real, linewidth=0.9)
            right.loglog(step, found[data][:, 3], color=paint.fake, linewidth=0.9)
        left.axhline(closed_forms.LOG2, color=paint.ink3, linewidth=0.8, linestyle=":")
        left.set(title="JSD, dotted log 2", xlabel="step of the critic")
        right.set(title="mean |∇D| on the data", xlabel="step of the critic")


def _gradients(seed, steps):
    """At each recorded step and distance: both pulls, JSD, and the bound of Theorem 2.4."""
    found = {}
    for name, theta in (("near", NEAR), ("far", FAR)):
        real, fake = pair(theta, 300 + seed)
        way = []
        for step, _, critic in snapshots(
            Experiment(seed=seed, theta=theta, **LINES), spread_out(steps)
        ):
            told = judgement.told_jsd(judgement.verdicts(critic, real, fake).loss)
            # On the fakes D* = 0 and flat, so |D − D*| + |∇D| at its worst is ε; |J_θ g| = 1.
            logits, arrows = slopes(critic, fake)
            sure = torch.sigmoid(logits).double()
            flat = (sure * (1 - sure))[:, None] * arrows.double()
            epsilon = (sure.max() + flat.norm(dim=1).max()).item()
            bound = epsilon / (1 - epsilon) if epsilon < 1 else np.inf
            way.append((step, *pulls(critic, fake), told, bound))
        found[name] = way
    return found


def _vanishing_numbers(found):
    near, far = found["near"], found["far"]
    bounded = np.concatenate([way[np.isfinite(way[:, 4])] for way in (near, far)])
    return {
        "left_near": near[-1, 1] / near[:, 1].max(),
        "left_far": far[-1, 1] / far[:, 1].max(),
        "jsd_error": abs(far[-1, 3] - closed_forms.LOG2),
        "over_bound": (bounded[:, 1] / bounded[:, 4]).max() if len(bounded) else np.inf,
    }


def _draw_vanishing(canvas, every, paint):
    axes = canvas.subplots(1, 2, sharey=True)
    for axis, (name, theta) in zip(axes, (("near", NEAR), ("far", FAR)), strict=True):
        for number, found in enumerate(every):
            way = found[name]
            step = np.maximum(way[:, 0], 0.7)
            label = None if number else "|∂θ E log(1 − D)|"
            axis.loglog(step, way[:, 1], color=paint.fake, linewidth=1, label=label)
            label = None if number else "bound Mε/(1 − ε)"
            axis.loglog(step, way[:, 4], ":", color=paint.ink3, linewidth=1, label=label)
        axis.set(title=f"lines at θ = {theta:g}", xlabel="step of the critic")
        axis.legend(loc="lower left")


def _unstable(seed, steps):
    delta, step = np.linspace(0.1, 4, 40), 1e-5

    def apart(d):
        return d * d / 2 - 2 * closed_forms.jensen_shannon(d)[0]

    by_hand = [(apart(d + step) - apart(d - step)) / (2 * step) for d in delta]
    # φ* of N(0, 1) against N(δ, 1) slopes by −δ: the pull is δ E_q σ(−φ*), by quadrature.
    pull = []
    for d in delta:
        both = closed_forms.Gaussians(d)
        x = both.grid()
        q = both.densities(x)[1]
        pull.append(d * np.trapezoid(q / (1 + np.exp(both.logit(x))), x))
    return {"delta": delta, "by_hand": by_hand, "pull": pull, **_gradients(seed, steps)}


def _unstable_numbers(found):
    near, far = found["near"][:, 2], found["far"][:, 2]
    return {
        "identity_error": np.abs(found["by_hand"] - found["pull"]).max(),
        "growth_far": far[-1] / far[0],
        "growth_near": near[-1] / near[0],
        "ratio": near[-1] / far[-1],
    }


def _draw_unstable(canvas, every, paint):
    left, right = canvas.subplots(1, 2)
    first = every[0]
    left.plot(first["delta"], first["by_hand"], color=paint.real, label="∇(KL − 2 JSD)")
    told = {"linestyle": "none", "marker": "x", "markersize": 4, "color": paint.fake}
    left.plot(first["delta"][::3], first["pull"][::3], **told, label="E[−∇ log D*]")
    left.set(title="Theorem 2.5, noisy lines", xlabel="δ = |θ|/σ")
    left.legend()
    for number, found in enumerate(every):
        for name, theta, colour in (("near", NEAR, paint.fake), ("far", FAR, paint.real)):
            step = np.maximum(found[name][:, 0], 0.7)
            label = None if number else f"θ = {theta:g}"
            right.loglog(step, found[name][:, 2], color=colour, linewidth=1, label=label)
    right.set(title="|∂θ E −log D| while D learns", xlabel="step of the critic")
    right.legend()


SIZES, DRAWS = (1, 64, 1024), (400_000, 40_000, 16_000)
SPREADS = (2.0, 1.0)  # σ of the slope's error, σ of D's


def _cauchy(seed, steps):
    rng = Keys(seed, "figures/cauchy").rng()
    found = {}
    for size, draws in zip(SIZES, DRAWS, strict=True):
        means = [
            (
                SPREADS[0]
                * rng.standard_normal((1000, size))
                / (SPREADS[1] * rng.standard_normal((1000, size)))
            ).mean(1)
            for _ in range(draws // 1000)
        ]
        found[f"means-{size}"] = np.sort(np.concatenate(means))[:: draws // 4_000]
    return found


def _cauchy_numbers(found):
    scale = SPREADS[0] / SPREADS[1]
    sizes = {size: np.abs(found[f"means-{size}"]) for size in SIZES}
    gaps = []
    for size in SIZES:
        values = found[f"means-{size}"]
        law = 0.5 + np.arctan(values / scale) / np.pi
        gaps.append(np.abs(law - (np.arange(len(values)) + 0.5) / len(values)).max())
    return {
        "median": np.median(sizes[64]),
        "quantile_90": np.quantile(sizes[64], 0.9),
        "shrinkage": np.median(sizes[1024]) / np.median(sizes[1]),
        "distance": max(gaps),
    }


def _draw_cauchy(canvas, every, paint):
    left, right = canvas.subplots(1, 2)
    scale, line = SPREADS[0] / SPREADS[1], np.geomspace(0.1, 1000, 200)
    right.loglog(line, 1 - 2 * np.arctan(line / scale) / np.pi, color=paint.ink3, label="Cauchy")
    normal = np.linspace(-15, 15, 300)
    left.plot(normal, scale / np.pi / (normal**2 + scale**2), color=paint.ink3, label="Cauchy")
    for number, size in enumerate(SIZES):
        values, colour = every[0][f"means-{size}"], paint.series(number)
        heights, edges = np.histogram(values, np.linspace(-15, 15, 61))
        heights = heights / len(values) / (edges[1] - edges[0])
        label = "one ratio" if size == 1 else f"mean of {size}"
        left.stairs(heights, edges, color=colour, label=label)
        sizes = np.sort(np.abs(values))
        share = 1 - np.arange(len(sizes)) / len(sizes)
        right.loglog(sizes[::4], share[::4], color=colour, linewidth=1)
    left.set(title="law of the mean of n ratios", xlabel="gradient")
    right.set(title="share beyond", xlabel="size of the gradient", xlim=(0.1, 1000), ylim=(1e-3, 1))
    left.legend()


FIGURES = Table(
    "figure",
    {
        "perfect-discriminator": Figure(
            measure=_perfect,
            numbers=_perfect_numbers,
            draw=_draw_perfect,
            steps=(200, 4000, 4000),
            seeds=3,
            size=(8.0, 4.8),
            lab=query(data="arcs", fakes="fixed", moves="critic", penalty="none"),
        ),
        "vanishing-gradient": Figure(
            measure=_gradients,
            numbers=_vanishing_numbers,
            draw=_draw_vanishing,
            steps=(200, 4000, 4000),
            seeds=3,
            lab=query(
                data="lines", theta=1, objective="minimax", fakes="fixed", moves="critic",
                penalty="none",
            ),
        ),
        "unstable-gradient": Figure(
            measure=_unstable,
            numbers=_unstable_numbers,
            draw=_draw_unstable,
            steps=(200, 4000, 4000),
            seeds=3,
            lab=query(data="lines", theta=0.1, fakes="fixed", moves="critic", penalty="none"),
        ),
        "cauchy": Figure(
            measure=_cauchy, numbers=_cauchy_numbers, draw=_draw_cauchy, seeds=1
        ),
    },
)  # fmt: skip
