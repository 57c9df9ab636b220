"""Proposition 1's construction, by hand and at its limits."""

import math

import numpy as np
import pytest

from toylab import propositions
from toylab.randomness import Keys


def unit(n, d, seed=0):
    points = Keys(seed, "unit").rng().standard_normal((n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_two_points_by_hand():
    """v = (1, 0) real, (0, 1) fake: D(v) = ½ + (ε/2 + α)·tanh(k/2)."""
    real, fake = np.eye(2)[:1], np.eye(2)[1:]
    told = propositions.memorise(real, fake, 3.0, 0.2, 0.1)
    assert told(real) == pytest.approx([0.5 + 0.2 * math.tanh(1.5)])
    assert told(fake) == pytest.approx([0.5 - 0.2 * math.tanh(1.5)])
    assert told(np.array([[1.0, 1.0]])) == pytest.approx([0.5])
    assert propositions.enough(np.eye(2), 0.2, 0.1) == pytest.approx(math.log(0.4 / 0.1))


@pytest.mark.parametrize("seed", range(5))
def test_what_suffices_does_and_half_of_what_is_needed_does_not(seed):
    points = unit(30, 6, seed)
    real, fake = points[:12], points[12:]
    k = propositions.enough(points, 0.2, 0.1)
    least = propositions.needed(real, fake, 0.2, 0.1, k)
    assert 0 < least <= k
    for size, holds in ((k, True), (1.001 * least, True), (0.5 * least, False)):
        told = propositions.memorise(real, fake, size, 0.2, 0.1)
        assert bool(told(real).min() >= 0.6 and told(fake).max() <= 0.4) is holds
    assert propositions.needed(real, fake, 0.2, 0.1, 0.9 * least) == np.inf
