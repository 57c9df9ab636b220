"""Propositions of the 0-GP paper as constructions: what they build, to be measured.

Thanh-Tung et al. 2019, https://arxiv.org/abs/1902.03984.
"""

import math

import numpy as np


def enough(points, epsilon, alpha):
    """The k that suffices for `memorise`: ln((N − 1)(ε + 2α)/α) / (1 − c), c = max_{i≠j} vᵢ·vⱼ."""
    products = points @ points.T - 2 * np.eye(len(points))
    return math.log((len(points) - 1) * (epsilon + 2 * alpha) / alpha) / (1 - products.max())


def memorise(real, fake, k, epsilon, alpha):
    """Proposition 1: the discriminator x (m, d) -> D (m,) that tells these finite sets apart.

    One hidden layer of N softmax units, row i being k·vᵢ; the output weights are ½ + ε/2 + α for a
    real point's unit and ½ − ε/2 − α for a fake's. With unit vectors and k large enough D ≥ ½ + ε/2
    on every real and ≤ ½ − ε/2 on every fake. real (n, d), fake (m, d).
    """
    rows = k * np.concatenate([real, fake])
    lift = epsilon / 2 + alpha
    out = 0.5 + np.concatenate([np.full(len(real), lift), np.full(len(fake), -lift)])

    def discriminator(x):
        scores = x @ rows.T
        units = np.exp(scores - scores.max(1, keepdims=True))
        return units @ out / units.sum(1)

    return discriminator


def needed(real, fake, epsilon, alpha, most):
    """The least k, by bisection up to `most`, for which `memorise` tells every point; ∞ if none."""

    def told(k):
        discriminator = memorise(real, fake, k, epsilon, alpha)
        over = discriminator(real).min() - (0.5 + epsilon / 2)
        return min(over, (0.5 - epsilon / 2) - discriminator(fake).max()) >= 0

    low, high = 0.0, float(most)
    if not told(high):
        return np.inf
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if told(middle) else (middle, high)
    return high
