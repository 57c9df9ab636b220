"""Frames: one picture of one moment, as arrays and numbers.

`Pictures` makes the frames of one run. It keeps the little that a steady picture needs (the same
latents in every frame, colour limits and arrow scales that do not breathe, found clusters that do
not flicker) and nothing of the game: any state of the run can be drawn at any time.
"""

import math
import time
from typing import NamedTuple

import numpy as np
import torch

from toylab import metrics, probes, space
from toylab.data import clusters
from toylab.look import Look
from toylab.randomness import Keys

SHOWN, PUSHED, LATTICE, MEASURED = 500, 84, 17, 4096
SURFACE = 128  # cells a side of the drawn surface; half of them are evaluated while training fast


class Frame(NamedTuple):
    """`arrays`: {name: float32 array} of the wanted layers; `scalars`: {name: JSON-ready value}."""

    arrays: dict
    scalars: dict


def real_points(setup, view, count=SHOWN):
    """The real points that the page shows, (count, 2) in the window; all of a smaller set."""
    real = setup.sources[0]
    count = min(count, len(getattr(real, "points", range(count))))
    return view.flat(real.sample(count, Keys(0, "shown/real"))).astype(np.float32)


def real_space(setup, view, count=SHOWN):
    """The same points as `real_points` with their heights off the sheet: (count, 3) as (a, b, h).

    None for data in the plane.
    """
    real = setup.sources[0]
    if real.shape != (3,):
        return None
    count = min(count, len(getattr(real, "points", range(count))))
    points = real.sample(count, Keys(0, "shown/real"))
    return space.placed(points, view).astype(np.float32)


def latents(pictures):
    """The first two numbers of each shown fake's latent, (SHOWN, min(k, 2)) float32."""
    return pictures.shown[:, :2].float().numpy()


class Pictures:
    """The frames of one run; `setup` may be replaced after a swap, the memory of the view stays."""

    def __init__(self, setup):
        self.chosen = Look()
        self.found, self.shares, self.measured_at = None, None, -math.inf
        self.limit, self.limit_wrong_since = 4.0, None
        self.scales, self.scaled_at = {}, None
        self.numbers = None  # the card's, as the window and the shown points have them
        self.follow(setup)

    def follow(self, setup):
        """Takes what a changed experiment says: the objective, and the data where they moved."""
        self.setup = setup
        if setup.numbers == self.numbers:
            return
        experiment, numbers = setup.experiment, setup.numbers
        self.numbers = numbers
        self.home = probes.window(experiment.card, **numbers)
        self._place()
        self.clusters = clusters(experiment.card, **numbers)
        latent, seed = setup.sources[1], experiment.seed
        self.like = torch.zeros(0, dtype=setup.dtype)

        def draw(origin, count, purpose):
            return torch.from_numpy(origin.sample(count, Keys(seed, purpose))).to(self.like)

        self.shown = draw(latent, SHOWN, "shown")
        self.measured = draw(latent, MEASURED, "measured")
        self.real = draw(setup.sources[0], SHOWN, "shown/scored")
        self.measured_at = -math.inf

    def look(self, options):
        """Takes what a page wishes (see `toylab.look`); returns all options as JSON carries them.

        Raises `ValueError` in words where a wish cannot be met; then all stays as it was.
        """
        self.chosen = self.chosen.changed(options)
        self._place()
        return self.chosen.told()

    def _place(self):
        """The view: the window of the data, or what the page chose."""
        extent = self.chosen.extent
        self.view = self.home if extent is None else self.home.around(extent[:2], extent[2])

    def frame(self, state, layers, exact=True, now=None):
        """A `Frame` of a state with these layers; exact=False allows a coarser surface."""
        began, now = time.thread_time(), time.monotonic() if now is None else now
        generator, critic = probes.effective(self.setup, state)
        objective, view = self.setup.objective, self.view
        with torch.no_grad():
            fakes = generator(self.shown)
            on_real, on_fake = critic(self.real), critic(fakes)
        flat = view.flat(fakes.double().numpy()).astype(np.float32)
        threshold = objective.threshold
        if threshold is None:
            threshold = float((on_real.mean() + on_fake.mean()) / 2)
        scalars = self._scores(objective, on_real, on_fake, threshold)
        scalars["outside"] = int((~view.holds(flat)).sum())
        arrays = {}
        if "fake" in layers:
            arrays["fake"] = flat
        if "surface" in layers:
            arrays |= self._surface(critic, threshold, exact, scalars, now)
        if "force" in layers:
            latents, real = self.shown[:PUSHED], on_real
            arrays["force"] = probes.force(generator, critic, objective, latents, view, real)
            scalars["force_scale"] = self._scale("force", arrays["force"], now)
        if "field" in layers:
            arrays["field"] = probes.field(critic, view, LATTICE, self.like)
            scalars["field_scale"] = self._scale("field", arrays["field"], now)
        if "density" in layers:
            values, bandwidth = probes.density(flat, view)
            half, most = probes.levels_of_mass(values, (0.5, 0.9))
            arrays["density_half"] = probes.lines(values, half, view)
            arrays["density_most"] = probes.lines(values, most, view)
            scalars["density_h"] = bandwidth
        if "grid" in layers and self.setup.experiment.fakes == "learned":
            reach = 2.0 if self.setup.experiment.latent_law == "normal" else 1.0
            latent = self.shown.shape[-1]
            arrays["grid"] = probes.warp(generator, latent, view, self.like, reach=reach)
        self._clusters(generator, scalars, exact, now)
        self.scaled_at = now
        scalars["seconds"] = time.thread_time() - began
        return Frame(arrays, scalars)

    def _scores(self, objective, on_real, on_fake, threshold):
        """Losses and what the critic says, on the 500 shown fakes and 500 fixed reals."""
        says = torch.sigmoid if objective.probability else (lambda logit: logit)
        right = (on_real > threshold).double().mean() + (on_fake < threshold).double().mean()
        return {
            "loss_critic": float(objective.critic(on_real, on_fake, {}).mean()),
            "loss_generator": float(objective.generator(on_real, on_fake, {}).mean()),
            "optimum_critic": objective.optimum[0],
            "optimum_generator": objective.optimum[1],
            "probability": objective.probability,
            "says_real": float(says(on_real).mean()),
            "says_fake": float(says(on_fake).mean()),
            "accuracy": float(right) / 2,
            "threshold": threshold,
        }

    def _surface(self, critic, threshold, exact, scalars, now):
        """The surface and its threshold line; colours are D in [0, 1], or φ − threshold ± limit."""
        cells = SURFACE if exact else SURFACE // 2
        logits = probes.surface(critic, self.view, cells, self.like)
        if not exact:
            grid = torch.from_numpy(logits)[None, None]
            logits = torch.nn.functional.interpolate(grid, scale_factor=2, mode="bicubic")[0, 0]
            logits = logits.numpy()
        half = probes.lines(logits, threshold, self.view)
        if self.setup.objective.probability:
            scalars |= {"surface_kind": "probability", "surface_low": 0.0, "surface_high": 1.0}
            values = 1 / (1 + np.exp(-logits.clip(-60, 60)))
            return {"surface": values.astype(np.float32), "half": half}
        values = logits - np.float32(threshold)
        limit = self._limit(float(np.percentile(np.abs(values), 98)), now)
        scalars |= {"surface_kind": "logit", "surface_low": -limit, "surface_high": limit}
        return {"surface": values, "half": half}

    def _limit(self, reach, now):
        """Colour limits of a raw score: powers of 2, moved only after being wrong for a second."""
        if not math.isfinite(reach):
            return self.limit
        right = 0.35 * self.limit <= reach <= self.limit
        if right:
            self.limit_wrong_since = None
        elif self.limit_wrong_since is None:
            self.limit_wrong_since = now
        elif now - self.limit_wrong_since > 1.0:
            self.limit = 2.0 ** math.ceil(math.log2(max(reach, 1e-6)))
            self.limit_wrong_since = None
        return self.limit

    def _scale(self, name, arrows, now):
        """95th percentile of the arrows' lengths, averaged with a half-life of 1 s, up to 1-2-5."""
        length = float(np.percentile(np.hypot(arrows[:, 2], arrows[:, 3]), 95))
        before = self.scales.get(name)
        if before is not None and math.isfinite(before):
            keep = 0.5 ** max(now - (self.scaled_at or now), 0.0)
            length = keep * before + (1 - keep) * length
        self.scales[name] = length
        if not math.isfinite(length) or length <= 0:
            return 1.0
        power = 10.0 ** math.floor(math.log10(length))
        return next(step * power for step in (1, 2, 5, 10) if length <= step * power * (1 + 1e-9))

    def _clusters(self, generator, scalars, exact, now):
        """Which clusters are found, from 4,096 fakes; five times a second are enough while fast."""
        scalars |= {"modes": None, "modes_total": 0, "share": None, "found": [], "fraction": []}
        if self.clusters is None:
            return
        if exact or now - self.measured_at > 0.2:
            with torch.no_grad():
                points = generator(self.measured).double().numpy()
            radii = metrics.radii(self.clusters)
            self.shares = metrics.near(points, self.clusters.centres, radii)
            self.found = metrics.found(self.shares, self.clusters, self.found)
            self.measured_at = now
        scalars["modes"] = int(self.found.sum())
        scalars["modes_total"] = len(self.shares)
        scalars["share"] = float(metrics.quality(self.shares))
        scalars["found"] = [int(value) for value in self.found]
        scalars["fraction"] = [round(float(value), 4) for value in self.shares]
