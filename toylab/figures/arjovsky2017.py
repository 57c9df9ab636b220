"""Arjovsky, Chintala and Bottou 2017, Wasserstein GAN, https://arxiv.org/abs/1701.07875."""

import numpy as np
import torch

from toylab import closed_forms, judgement, transport
from toylab.data import source
from toylab.experiment import Experiment
from toylab.figures.figure import Figure
from toylab.figures.training import query, snapshots, tensor
from toylab.probes import slopes
from toylab.randomness import Keys
from toylab.tables import Table

# The critic of every experiment on lines: two tanh layers of 64, Adam at 10⁻³ with β₁ = ½.
LINES = {
    "data": "lines",
    "fakes": "fixed",
    "moves": "critic",
    "penalty": "none",
    "critic_width": 64,
    "critic_activation": "tanh",
}
CLIPPED = {
    "objective": "wasserstein",
    "constraint": "clip",
    "clip": 0.01,
    "rule": "rmsprop",
    "rate_critic": 5e-5,
}
THETAS = (-1.0, -0.5, -0.1, 0.1, 0.5, 1.0)
FRESH = 4096  # points that a critic is asked about, which it never saw


def pair(theta, seed, noise=0.0):
    """(real, fake) lines, fresh, with noise on both."""
    keys = Keys(seed, "figures/lines")
    real, fake = (
        source("lines", side, theta=theta).sample(FRESH, keys._replace(purpose=f"lines/{side}"))
        for side in ("real", "fake")
    )
    noises = noise * keys.rng().standard_normal((2, FRESH, 2))
    return tensor(real + noises[0]), tensor(fake + noises[1])


def pulls(critic, fake):
    """|∂θ E log(1 − D)| and |∂θ E −log D|: θ moves every fake of the line alike."""
    logits, arrows = slopes(critic, fake)
    across = arrows[:, 0].double()
    minimax = (torch.sigmoid(logits.double()) * across).mean()
    saturating = (torch.sigmoid(-logits.double()) * across).mean()
    return abs(minimax.item()), abs(saturating.item())


def _lines(seed, steps):
    theta = np.linspace(-1, 1, 41)
    known = closed_forms.lines(theta)
    height = (np.arange(200) + 0.5) / 200
    carried = [
        transport.exact(
            np.stack([0 * height, height], 1), np.stack([0 * height + t, height[::-1]], 1)
        )
        for t in theta
    ]
    # A cell of width 1/80 holds a line; two lines share cells only where they are the same.
    cells = np.eye(241)[np.round(80 * theta).astype(int) + 120]
    counted = [closed_forms.on_cells(cells[20], row, 1 / 80) for row in cells]
    trained = []
    for t in THETAS:
        real, fake = pair(t, 100 + seed)
        ((_, _, critic),) = snapshots(Experiment(seed=seed, theta=t, **LINES), [steps])
        jsd = judgement.told_jsd(judgement.verdicts(critic, real, fake).loss)
        ((_, _, critic),) = snapshots(Experiment(seed=seed, theta=t, **LINES, **CLIPPED), [steps])
        gap = (critic(real).mean() - critic(fake).mean()).item()
        steep = slopes(critic, fake)[1][:, 0].mean().item()
        trained.append((t, jsd, gap / abs(steep)))
    return {
        "theta": theta,
        "jsd": known.jensen_shannon,
        "wasserstein": known.wasserstein,
        "carried": carried,
        "counted": counted,
        "trained": trained,
    }


def _lines_numbers(found):
    theta, jsd, distance = found["trained"].T
    return {
        "wasserstein_error": np.abs(found["carried"] - found["wasserstein"]).max(),
        "jsd_error": np.abs(found["counted"] - found["jsd"]).max(),
        "trained_jsd_error": np.abs(jsd - closed_forms.LOG2).max(),
        "trained_wasserstein_error": np.abs(distance / np.abs(theta) - 1).max(),
    }


def _draw_lines(canvas, every, paint):
    left, right = canvas.subplots(1, 2)
    first = every[0]
    left.plot(first["theta"], first["wasserstein"], color=paint.real, label="W₁ = |θ|")
    for side in (first["theta"] < 0, first["theta"] > 0):
        right.plot(first["theta"][side], first["jsd"][side], color=paint.real)
    right.plot([], [], color=paint.real, label="JSD = log 2 where θ ≠ 0")
    right.plot(0, 0, "o", color=paint.real, markersize=4)
    for number, found in enumerate(every):
        theta, jsd, distance = found["trained"].T
        told = {"marker": "x", "linestyle": "none", "color": paint.fake, "markersize": 5}
        left.plot(theta, distance, **told, label=None if number else "clipped critic, W/K")
        right.plot(theta, jsd, **told, label=None if number else "trained critic")
    left.set(title="Wasserstein distance", xlabel="θ", ylim=(-0.05, 1.2))
    right.set(title="Jensen-Shannon divergence", xlabel="θ", ylim=(-0.05, 0.85))
    for axis in (left, right):
        axis.legend(loc="center" if axis is right else "upper center")


DELTAS = (0.1, 0.5, 1, 2, 3, 4, 6, 8)
DIGITS = {  # JSD to five digits and its slope to four
    "jsd": (0.00125, 0.03031, 0.11142, 0.33683, 0.52678, 0.63272, 0.68930, 0.69305),
    "slope": (0.0251, 0.1177, 0.1990, 0.2248, 0.1479, 0.0686, 0.0062, 0.0002),
}
NOISY = {"theta": 1.0, "noise": 0.5}


def _noise(seed, steps):
    delta = np.linspace(0.02, 8, 100)
    curve = np.array([closed_forms.jensen_shannon(d) for d in delta])
    table = np.array([closed_forms.jensen_shannon(d) for d in DELTAS])
    real, fake = pair(1.0, 200 + seed, 0.5)
    way = []
    for step, _, critic in snapshots(
        Experiment(seed=seed, **LINES, **NOISY), np.linspace(0, steps, 21)
    ):
        loss = judgement.verdicts(critic, real, fake).loss
        way.append((step, judgement.told_jsd(loss), pulls(critic, fake)[0]))
    return {"delta": delta, "curve": curve, "table": table, "way": way}


def _noise_numbers(found):
    off = [
        np.abs(found["table"][:, 0] - DIGITS["jsd"]) / 1e-5,
        np.abs(found["table"][:, 1] - DIGITS["slope"]) / 1e-4,
    ]
    late = found["way"][-6:]  # the last quarter: a critic that sees fresh noise never rests
    return {
        "digits_off": np.max(off),
        "small_error": abs(found["curve"][0, 0] / (found["delta"][0] ** 2 / 8) - 1),
        "trained_jsd": late[:, 1].mean(),
        "trained_gradient": late[:, 2].mean(),
    }


def _draw_noise(canvas, every, paint):
    left, middle, right = canvas.subplots(1, 3)
    first = every[0]
    left.plot(first["delta"], first["curve"][:, 0], color=paint.real, label="JSD")
    left.plot(first["delta"], first["curve"][:, 1], color=paint.ok, label="its slope")
    small = first["delta"][first["delta"] < 1.8]
    left.plot(small, small**2 / 8, ":", color=paint.ink3, label="δ²/8")
    left.axhline(closed_forms.LOG2, color=paint.line, linewidth=0.8)
    left.set(title="Exact, by δ = |θ|/σ", xlabel="δ")
    left.legend(loc="center right")
    theory = closed_forms.jensen_shannon(2.0)
    for axis, column, known in ((middle, 1, theory[0]), (right, 2, 2 * theory[1] / 0.5)):
        axis.axhline(known, color=paint.real, label="exact")
        for number, found in enumerate(every):
            axis.plot(
                found["way"][:, 0],
                found["way"][:, column],
                color=paint.fake,
                linewidth=0.9,
                label=None if number else "trained critic, each seed",
            )
        axis.set(xlabel="step of the critic", ylim=(0, 1.5 * known))
        axis.legend(loc="lower right")
    middle.set(title="JSD at θ = 1, σ = ½")
    right.set(title="|∂θ E log(1 − D)|")


FIGURES = Table(
    "figure",
    {
        "lines": Figure(
            measure=_lines,
            numbers=_lines_numbers,
            draw=_draw_lines,
            steps=(100, 1000, 1000),
            seeds=3,
            lab=query(data="lines", theta=0.5, fakes="fixed", moves="critic", penalty="none"),
        ),
        "lines-noise": Figure(
            measure=_noise,
            numbers=_noise_numbers,
            draw=_draw_noise,
            steps=(200, 4000, 4000),
            seeds=3,
            size=(9.0, 2.9),
            lab=query(
                data="lines", theta=1, noise=0.5, fakes="fixed", moves="critic", penalty="none"
            ),
        ),
    },
)
