"""Sources of points: the 2-D and 3-D families that the data cards name, and latents.

A source has `.shape` and `.sample(n, keys) -> (n, *shape)` as numpy float32; the keys decide which
points come (see `toylab.randomness`), so sampling is a pure function.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from toylab import card_fields, cards
from toylab.randomness import Keys


class Normal:
    """Latents z ~ N(0, I)."""

    def __init__(self, *shape):
        self.shape = shape

    def sample(self, n, keys):
        return keys.rng().standard_normal((n, *self.shape), np.float32)


class Uniform:
    """Latents z ~ U[−1, 1]."""

    def __init__(self, *shape):
        self.shape = shape

    def sample(self, n, keys):
        return 2 * keys.rng().random((n, *self.shape), np.float32) - 1


class Parts:
    """A discrete choice among parts, then whatever the part adds; what all mixtures share."""

    def __init__(self, centres, roots, weights=None, balanced=False):
        self.centres = np.asarray(centres, np.float64)
        self.roots = np.asarray(roots, np.float64)  # (k, d, d): a covariance is root·rootᵀ
        k = len(self.centres)
        self.weights = np.asarray(weights if weights else np.full(k, 1 / k), np.float64)
        self.balanced = balanced
        self.shape = self.centres.shape[1:]

    def sample(self, n, keys):
        rng, k = keys.rng(), len(self.centres)
        if self.balanced:
            label = np.arange(n) % k
        else:
            label = np.searchsorted(np.cumsum(self.weights)[:-1], rng.random(n))
        noise = rng.standard_normal((n, *self.shape))
        points = self.centres[label] + np.einsum("nij,nj->ni", self.roots[label], noise)
        return points.astype(np.float32)


class Curve:
    """Points f(u) of a curve, u ~ U[0, 1], with isotropic noise in the plane."""

    shape = (2,)

    def __init__(self, f, noise=0.0):
        self.f, self.noise = f, noise

    def sample(self, n, keys):
        rng = keys.rng()
        points = self.f(rng.random(n))
        if self.noise:
            points = points + self.noise * rng.standard_normal((n, 2))
        return points.astype(np.float32)


class Finite:
    """A fixed set, walked in keyed permutations epoch by epoch (or always in the same order).

    In the order "drawn" every point is drawn anew from the whole set, with replacement.
    """

    def __init__(self, points, order="permuted"):
        self.points = np.ascontiguousarray(points, np.float32)
        self.shape = self.points.shape[1:]
        self.order = order

    def sample(self, n, keys):
        size = len(self.points)
        if self.order == "fixed":
            return self.points[np.arange(keys.start, keys.start + n) % size]
        if self.order == "drawn":
            return self.points[keys.rng().integers(size, size=n)]
        return self.points[walk(size, n, keys)]


def walk(size, n, keys):
    """The next n places in a set of that size, whose epochs are keyed permutations: (n,) int64."""
    first, last = keys.start // size, (keys.start + n - 1) // size
    epochs = [_epoch(size, keys.seed, keys.purpose, epoch) for epoch in range(first, last + 1)]
    return np.concatenate(epochs)[np.arange(keys.start, keys.start + n) - first * size]


@lru_cache(maxsize=4)  # of a large set an order takes longer than the step that it is for
def _epoch(size, seed, purpose, epoch):
    order = Keys(seed, f"{purpose}/epoch", epoch).rng().permutation(size)
    order.setflags(write=False)
    return order


class Embedded:
    """A plane source laid into space: (a, b) -> (a, b, 0)·R + shift, rows times a rotation."""

    shape = (3,)

    def __init__(self, plane, axis, angle, shift):
        self.plane = plane
        self.rotation = rotation(axis, math.radians(angle))
        self.shift = np.asarray(shift, np.float64)

    def lift(self, points):
        """(..., 2) in the plane -> (..., 3) in space."""
        return points @ self.rotation[:2] + self.shift

    def sample(self, n, keys):
        return self.lift(self.plane.sample(n, keys).astype(np.float64)).astype(np.float32)


def rotation(axis, angle):
    """Rodrigues' matrix of a unit axis and an angle in radians (column convention)."""
    x, y, z = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def _mixture(fields, card, side):
    means = np.asarray(fields["means"], np.float64)
    if fields["covariance"]:
        values, vectors = np.linalg.eigh(np.asarray(fields["covariance"], np.float64))
        root = vectors * np.sqrt(np.maximum(values, 0))
        roots = np.broadcast_to(root, (len(means), 2, 2))
    else:
        std = np.broadcast_to(np.asarray(fields["std"], np.float64), len(means))
        roots = std[:, None, None] * np.eye(2)
    return Parts(means, roots, fields["weights"], fields["balanced"])


def _isotropic(means, fields, std):
    return Parts(
        means,
        np.broadcast_to(std * np.eye(2), (len(means), 2, 2)),
        fields["weights"],
        fields["balanced"],
    )


def _ring(fields, card, side):
    turn = -1.0 if fields["clockwise"] else 1.0
    angle = (
        math.radians(fields["start"])
        + turn * 2 * np.pi * np.arange(fields["count"]) / fields["count"]
    )
    means = fields["radius"] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return _isotropic(means, fields, fields["std"])


def _grid(fields, card, side):
    line = fields["spacing"] * (np.arange(fields["side"]) - (fields["side"] - 1) / 2)
    means = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    return _isotropic(means, fields, fields["std"])


def _swissroll(fields, card, side):
    scale = fields["scale"]

    def roll(u):
        t = 1.5 * np.pi * (1 + 2 * u)
        return scale * np.stack([t * np.cos(t), t * np.sin(t)], 1)

    return Curve(roll, fields["noise"] * scale)


def _segment(fields, card, side):
    start, end = np.asarray(fields["start"], float), np.asarray(fields["end"], float)
    return Curve(lambda u: start + u[:, None] * (end - start))


def _arc(fields, card, side):
    centre = np.asarray(fields["centre"], float)
    start, end = math.radians(fields["start"]), math.radians(fields["end"])

    def arc(u):
        angle = start + u * (end - start)
        return centre + fields["radius"] * np.stack([np.cos(angle), np.sin(angle)], 1)

    return Curve(arc)


def _points(fields, card, side):
    return _isotropic(np.asarray(fields["points"], float), fields, 0.0)


def _file(fields, card, side):
    return Finite(card_fields.points(card.name, side, card.folder / fields["path"]), card.order)


FAMILIES = {
    "mixture": _mixture,
    "ring": _ring,
    "grid": _grid,
    "swissroll": _swissroll,
    "segment": _segment,
    "arc": _arc,
    "points": _points,
    "file": _file,
}


def source(card, side="real", **numbers):
    """The source of a card's real (or fixed fake) points, with its numbers at these values.

    Every source has `.shape` and `.sample(n, keys) -> (n, *shape)` float32; sources made of
    clusters also have `.centres`. Raises `CardError` where the card has no such side.
    """
    card = cards.load(card) if isinstance(card, str) else card
    fields = card.resolved(side, numbers)
    if fields is None:
        raise cards.CardError(
            card.name, side, "missing", f"describe [{side}], or let a network make the fakes"
        )
    made = FAMILIES[fields["family"]](fields, card, side)
    if card.sampling == "finite" and not isinstance(made, Finite):
        # The set has its own key: it is data, not part of a run.
        drawn = made.sample(card.size, Keys(0, f"set/{card.name}/{side}"))
        order = Keys(0, f"set/{card.name}/{side}/order").rng().permutation(card.size)
        made = Finite(drawn[order], card.order)
    return Embedded(made, **card.embed) if card.embed else made


def law(card, **numbers):
    """The law behind a card's real points, as a source: what a perfect generator draws from.

    Every point is new and independent of all others, also where the card is a set drawn once or
    fills its batches evenly. Of a file nothing is known but its points: they are drawn again.
    """
    card = cards.load(card) if isinstance(card, str) else card
    fields = {**card.resolved("real", numbers), "balanced": False}
    made = FAMILIES[fields["family"]](fields, card, "real")
    if isinstance(made, Finite):
        made = Finite(made.points, "drawn")
    return Embedded(made, **card.embed) if card.embed else made


class Clusters(NamedTuple):
    """Where a card's clusters lie: `centres` (k, d), `std` (k,), `weights` (k,)."""

    centres: np.ndarray
    std: np.ndarray
    weights: np.ndarray

    @property
    def radius(self):
        """Largest distance of a centre from their mean; 0 for a single cluster."""
        return float(np.linalg.norm(self.centres - self.centres.mean(0), axis=1).max())


def clusters(card, **numbers):
    """The card's `Clusters`, or None for data without clusters (a curve, a file)."""
    card = cards.load(card) if isinstance(card, str) else card
    fields = card.resolved("real", numbers)
    made = FAMILIES[fields["family"]](fields, card, "real")
    if not isinstance(made, Parts):
        return None
    centres, std = made.centres, np.sqrt(np.einsum("kij,kij->k", made.roots, made.roots) / 2)
    if card.embed:
        centres = Embedded(made, **card.embed).lift(centres)
    return Clusters(centres, std, made.weights)
