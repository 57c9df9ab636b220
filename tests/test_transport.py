"""Exact transport against closed forms and a search through all permutations."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from toylab import transport
from toylab.data import Normal, source
from toylab.randomness import Keys


def cloud(n, d, seed=0):
    return Keys(seed, "cloud").rng().standard_normal((n, d))


@pytest.mark.parametrize("power", [1, 2])
def test_a_shifted_cloud_is_as_far_as_the_shift(power):
    one = cloud(300, 2)
    moved = Keys(1, "order").rng().permutation(one) + np.array([3.0, -4.0])
    assert transport.exact(one, moved, power) == pytest.approx(5)
    assert transport.exact(one, one[::-1], power) == 0


@pytest.mark.parametrize("power", [1, 2])
def test_exact_is_the_best_of_all_permutations(power):
    one, other = cloud(6, 3), 2 * cloud(6, 3, 1) + 0.3
    best = min(
        (np.linalg.norm(one - other[list(order)], axis=1) ** power).mean()
        for order in itertools.permutations(range(6))
    )
    assert transport.exact(one, other, power) == pytest.approx(best ** (1 / power), rel=1e-12)


def test_on_a_line_it_is_scipy_s():
    one, other = cloud(200, 1), cloud(200, 1, 1) ** 3
    expected = wasserstein_distance(one[:, 0], other[:, 0])
    assert transport.exact(one, other) == pytest.approx(expected, rel=1e-12)


def test_w2_of_gaussians_is_bures_distance_above_the_noise_floor():
    """W₂² = |μ − ν|² + tr(C + S − 2(C^½ S C^½)^½); here S = 4C, so |Δ|² + tr C."""
    rng = Keys(2, "normal").rng()
    one, other = rng.standard_normal((1500, 2)), 2 * rng.standard_normal((1500, 2)) + [3, 0]
    assert transport.exact(one, other, 2) == pytest.approx(math.sqrt(9 + 2), rel=0.03)


def test_the_floor_is_what_two_samples_of_one_source_show():
    mean, largest = transport.floor(source("8gaussians"), 256, Keys(0, "floor"))
    assert 0 < mean <= largest < 0.5, "all clusters are hit, not evenly"
    few, _ = transport.floor(Normal(2), 100, Keys(0, "floor"))
    many, _ = transport.floor(Normal(2), 1600, Keys(0, "floor"))
    assert few > 2 * many > 0
    assert transport.floor(Normal(2), 100, Keys(0, "floor"))[0] == few


def test_unequal_or_huge_samples_are_refused():
    with pytest.raises(ValueError, match="same number of points, at most 2048, got 3 and 4"):
        transport.exact(cloud(3, 2), cloud(4, 2))
    with pytest.raises(ValueError, match="at most 2048"):
        transport.exact(np.zeros((2049, 1)), np.zeros((2049, 1)))
