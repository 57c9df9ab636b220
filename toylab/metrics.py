"""Metrics: numbers about a cloud of fakes, each with its definition.

All take points (..., n, d), with any leading axes for ensembles, and the clusters of a data card.
"""

import numpy as np


def near(points, centres, within):
    """Share of the points within a distance of each centre: (..., k).

    A point counts for its nearest centre only. within -- one distance, or one a centre.
    """
    points, centres = np.asarray(points, np.float64), np.asarray(centres, np.float64)
    square = ((points[..., :, None, :] - centres) ** 2).sum(-1)
    nearest = square.argmin(-1)[..., None] == np.arange(len(centres))
    hit = nearest & (square <= np.asarray(within, np.float64) ** 2)
    return hit.mean(-2)


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
