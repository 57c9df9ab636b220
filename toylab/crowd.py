"""The crowd: the 4,096 fakes by which a generator is measured, and what is known of them."""

import math

import numpy as np
import torch

from toylab import metrics
from toylab.data import law
from toylab.randomness import Keys

EVERY = 0.5  # seconds between two measurements while training fast


class Crowd:
    """The fakes of one fixed set of latents, made anew at most twice a second while fast.

    `points` (n, d) float64 are the fakes measured last. Of data with clusters, `shares` (k,) of
    them lie near each cluster, `homes` (k,) have it as their nearest, and `found` (k,) says which
    clusters count as found, with hysteresis.
    """

    def __init__(self):
        self.points = self.shares = self.homes = self.found = self.state = None
        self.live = None

    def follow(self, latents, clusters, card, numbers):
        """Takes the latents, and the data with their numbers; what was found stays found."""
        self.latents, self.clusters, self.card, self.numbers = latents, clusters, card, numbers
        self.state, self._measured_at = None, -math.inf
        self._real = self._floor = self._distance = None

    def measure(self, state, generator, exact, now, recorded=False):
        """Measures this state, and says whether it did: exact=False may keep what is known.

        recorded -- a state of the past: it leaves no mark on what counts as found afterwards
        """
        if state is self.state or not (exact or now - self._measured_at > EVERY):
            return False
        with torch.no_grad():
            self.points = generator(self.latents).double().numpy()
        self.state, self._distance = state, None
        self._measured_at = -math.inf if recorded else now
        if self.clusters is None:
            return True
        index, square = metrics.nearest(self.points, self.clusters.centres)
        within, count = metrics.radii(self.clusters), len(self.clusters.centres)
        self.homes = metrics.portions(index, count)
        self.shares = metrics.portions(np.where(square <= within[index] ** 2, index, -1), count)
        before = None if recorded else self.live
        self.found = metrics.found(self.shares, self.clusters, before)
        if not recorded:
            self.live = self.found
        return True

    def numbers_told(self):
        """The clusters as a frame's scalars: modes of modes_total, share, found, fraction."""
        if self.clusters is None:
            return {"modes": None, "modes_total": 0, "share": None, "found": [], "fraction": []}
        return {
            "modes": int(self.found.sum()),
            "modes_total": len(self.shares),
            "share": float(metrics.quality(self.shares)),
            "found": [int(value) for value in self.found],
            "fraction": [round(float(value), 4) for value in self.shares],
        }

    def wasserstein(self):
        """(distance to as many real points, the same between two independent sets of those).

        Sliced Wasserstein-1, see `metrics.wasserstein`; the second is the noise floor.
        """
        if self._real is None:
            drawn = [
                law(self.card, **self.numbers).sample(len(self.points), Keys(0, f"measured/{name}"))
                for name in ("real", "other")
            ]
            self._directions = metrics.directions(drawn[0].shape[1]).astype(np.float32)
            self._real, other = (metrics.shadows(points, self._directions) for points in drawn)
            self._floor = float(metrics.wasserstein(self._real, other))
        if self._distance is None:
            mine = metrics.shadows(self.points.astype(np.float32), self._directions)
            self._distance = float(metrics.wasserstein(mine, self._real))
        return self._distance, self._floor
