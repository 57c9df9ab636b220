"""Metrics: numbers about a cloud of fakes, each with its definition.

All take points (..., n, d), with any leading axes for ensembles, and the clusters of a data card.
"""

import numpy as np

from toylab.randomness import Keys


def nearest(points, centres):
    """(index of each point's nearest centre, squared distance to it): (..., n) each."""
    points, centres = np.asarray(points, np.float64), np.asarray(centres, np.float64)
    # One product of matrices instead of a difference for every pair; distances from the middle of
    # the centres, so that data far from the origin lose no digits.
    middle = centres.mean(0)
    points, centres = points - middle, centres - middle
    square = (centres**2).sum(-1) - 2 * points @ centres.T
    index = square.argmin(-1)
    return index, ((points - centres[index]) ** 2).sum(-1)


def portions(index, count):
    """Share of the points whose index (..., n) is 0, 1, … count − 1: (..., count)."""
    index = np.asarray(index)
    return (index[..., None] == np.arange(count)).mean(-2)


def near(points, centres, within):
    """Share of the points within a distance of each centre: (..., k).

    A point counts for its nearest centre only. within -- one distance, or one a centre.
    """
    index, square = nearest(points, centres)
    within = np.broadcast_to(np.asarray(within, np.float64), len(centres))
    return portions(np.where(square <= within[index] ** 2, index, -1), len(centres))


def modes(shares, least=0.01):
    """Modes covered: how many clusters hold at least that share of all points."""
    return (np.asarray(shares) >= least).sum(-1)


def quality(shares):
    """High-quality share: the points that lie near some centre."""
    return np.asarray(shares).sum(-1)


def radii(clusters):
    """The page's "found" radius of each cluster: max(3 std, 0.1 × the clusters' radius, or 1)."""
    return np.maximum(3 * clusters.std, 0.1 * (clusters.radius or 1.0))


def found(shares, clusters, before=None, enter=0.25, leave=0.1):
    """Which clusters are found: at least `enter` of their fair share; (k,) of bool.

    before -- what was found last: a found one is lost only below `leave` of its fair share, so that
    a ring on the page does not flicker at the threshold.
    """
    fair = np.asarray(shares) / clusters.weights
    now = fair >= enter
    return now if before is None else now | (np.asarray(before) & (fair >= leave))


def directions(dimension, count=64):
    """The fixed projections of the sliced distance: unit vectors, (count, d), always the same."""
    made = Keys(0, f"projections/{dimension}").rng().standard_normal((count, dimension))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def shadows(points, directions):
    """The points' projections, each sorted: (..., count, n). What `wasserstein` compares."""
    return np.sort(directions @ np.swapaxes(np.asarray(points), -1, -2), axis=-1)


def wasserstein(one, other):
    """Sliced Wasserstein-1 distance of two clouds' `shadows`: (...,).

    W = E_θ ∫₀¹ |F⁻¹(u; θ) − G⁻¹(u; θ)| du: for samples of equal size, the mean distance of the
    i-th smallest projections, averaged over the directions θ. In one dimension it is W₁ itself.
    Bonneel et al. 2015, https://doi.org/10.1007/s10851-014-0506-3. Raises `ValueError` where the
    sizes differ.
    """
    if one.shape[-2:] != other.shape[-2:]:
        raise ValueError(
            f"both clouds must have as many points and projections, got {one.shape[-2:]} and "
            f"{other.shape[-2:]}: draw samples of equal size"
        )
    return np.abs(one - other).mean((-2, -1))
