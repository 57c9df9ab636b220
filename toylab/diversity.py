"""How varied a cloud of fakes is: even modes, doubles, kernels; how far off the data it lies."""

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist, pdist
from scipy.stats import chi2

from toylab.metrics import nearest


def even(points, clusters):
    """(χ², p, counts (k,)): are the clusters hit in their own proportions?

    χ² = Σ (nₖ − n wₖ)² / (n wₖ) over the nearest centres, p the chance of a value as large from the
    data themselves, with k − 1 degrees of freedom. Pearson 1900,
    https://doi.org/10.1080/14786440009463897
    """
    index, _ = nearest(points, clusters.centres)
    counts = np.bincount(index, minlength=len(clusters.centres))
    expected = counts.sum() * np.asarray(clusters.weights)
    value = float(((counts - expected) ** 2 / expected).sum())
    return value, float(chi2.sf(value, len(expected) - 1)), counts


def mmd(one, other, widths=None):
    """Unbiased squared maximum mean discrepancy of clouds (n, d), (m, d), Gaussian kernels.

    E k(x, x') + E k(y, y') − 2 E k(x, y) without the pairs i = i, k a mean over the widths; the
    median distance times ½, 1 and 2 unless given. It is 0 on average for equal laws, so it can be
    negative. Gretton et al. 2012, https://jmlr.org/papers/v13/gretton12a.html
    """
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if widths is None:
        widths = np.median(pdist(np.concatenate([one, other]))) * np.array([0.5, 1.0, 2.0])

    def mean(distances):
        return np.mean([np.exp(-((distances / width) ** 2) / 2).mean() for width in widths])

    return float(mean(pdist(one)) + mean(pdist(other)) - 2 * mean(cdist(one, other)))


def birthday(points, within):
    """(doubles, estimate of the support's size) of a cloud (n, d).

    Two points nearer than `within` are doubles; n points of N equally likely ones have n(n−1)/2N of
    them on average. ∞ without doubles. Arora and Zhang 2017, https://arxiv.org/abs/1706.08224
    """
    points = np.asarray(points, np.float64)
    doubles = len(cKDTree(points).query_pairs(within))
    pairs = len(points) * (len(points) - 1) / 2
    return doubles, pairs / doubles if doubles else np.inf


def off(points, law):
    """Distance of each point to the nearest of a dense sample of the data's law: (n,).

    points (n, d), law (m, d): with a thin support the distance to the support itself, up to the
    spacing of the sample.
    """
    return cKDTree(np.asarray(law, np.float64)).query(np.asarray(points, np.float64))[0]
