"""Metrics on clouds whose answer is known."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from toylab import cards, metrics
from toylab.data import Clusters, clusters, source
from toylab.randomness import Keys

WITH_CLUSTERS = [name for name in cards.names() if clusters(cards.load(name)) is not None]


@pytest.mark.parametrize("name", WITH_CLUSTERS)
def test_a_perfect_generator_finds_all_and_a_collapsed_one_only_its_own(name):
    card = cards.load(name)
    there = clusters(card)
    perfect = source(card).sample(4096, Keys(3, "perfect"))
    shares = metrics.near(perfect, there.centres, metrics.radii(there))
    assert metrics.found(shares, there).all()
    # Within 3 std of a plane Gaussian lie 98.9 %; 96 % where one axis is longer than the other.
    assert metrics.quality(shares) >= 0.95
    collapsed = np.repeat(there.centres[-1:], 4096, 0)
    shares = metrics.near(collapsed, there.centres, metrics.radii(there))
    assert metrics.found(shares, there).sum() == 1 and metrics.found(shares, there)[-1]
    assert metrics.quality(shares) == 1


def test_shares_by_hand():
    centres = np.array([[0.0, 0.0], [1.0, 0.0]])
    points = np.array([[0.05, 0], [0.3, 0], [0.93, 0], [1.0, 0.099], [5, 5]])
    assert metrics.near(points, centres, 0.1) == pytest.approx([0.2, 0.4])
    assert metrics.quality(metrics.near(points, centres, 0.1)) == pytest.approx(0.6)
    assert metrics.modes([0.2, 0.4], 0.3) == 1
    assert metrics.near(points, centres, [0.4, 0.08]) == pytest.approx([0.4, 0.2])


def test_a_point_counts_for_its_nearest_centre_only():
    centres = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert metrics.near(np.array([[0.4, 0.0]]), centres, 10.0) == pytest.approx([1, 0])


def test_an_ensemble_is_measured_member_by_member():
    rng = Keys(0, "cloud").rng()
    centres, clouds = rng.standard_normal((5, 2)), rng.standard_normal((3, 200, 2))
    together = metrics.near(clouds, centres, 0.5)
    for member, cloud in zip(together, clouds, strict=True):
        assert member == pytest.approx(metrics.near(cloud, centres, 0.5))


def test_found_is_a_quarter_of_the_fair_share_and_lost_below_a_tenth():
    there = clusters(cards.load("8gaussians"))
    shares = np.full(8, 0.125)
    shares[0], shares[1], shares[2] = 0.25 * 0.125, 0.24 * 0.125, 0.09 * 0.125
    assert metrics.found(shares, there).tolist() == [True, False, False] + [True] * 5
    before = np.ones(8, bool)
    assert metrics.found(shares, there, before).tolist() == [True, True, False] + [True] * 5


def test_a_fair_share_is_that_of_the_cluster():
    there = Clusters(np.zeros((3, 2)), np.ones(3), np.array([0.8, 0.1, 0.1]))
    assert metrics.found([0.19, 0.03, 0.02], there).tolist() == [False, True, False]


def test_nearest_is_the_pairwise_search_also_far_from_the_origin():
    rng = Keys(1, "nearest").rng()
    for far in (0.0, 1e8):
        points, centres = rng.standard_normal((300, 3)) + far, rng.standard_normal((7, 3)) + far
        square = ((points[:, None] - centres) ** 2).sum(-1)
        index, found = metrics.nearest(points, centres)
        assert (index == square.argmin(1)).all()
        assert found == pytest.approx(square.min(1), rel=1e-9)


def clouds(dimension, *shifts, n=500):
    """The same cloud, moved; each in another order."""
    rng = Keys(2, "clouds").rng()
    cloud = rng.standard_normal((n, dimension))
    return [rng.permutation(cloud) + np.asarray(shift) for shift in shifts]


def sliced(one, other):
    ways = metrics.directions(one.shape[-1])
    return metrics.wasserstein(metrics.shadows(one, ways), metrics.shadows(other, ways))


def test_wasserstein_of_a_shifted_cloud_is_the_shift():
    """In one dimension exactly; else the mean of its projections, (2/π)|v| in the plane."""
    one, other = clouds(1, [0.0], [-1.75])
    assert sliced(one, other) == pytest.approx(1.75, abs=1e-12)
    shift = np.array([0.6, -1.1])
    one, other = clouds(2, [0.0, 0.0], shift)
    ways = metrics.directions(2)
    assert sliced(one, other) == pytest.approx(np.abs(ways @ shift).mean(), abs=1e-12)
    assert sliced(one, other) == pytest.approx(2 / np.pi * np.linalg.norm(shift), rel=0.1)
    assert sliced(one, one) == 0


def test_wasserstein_is_scipy_s_on_every_direction():
    rng = Keys(3, "scipy").rng()
    one, other = rng.standard_normal((200, 3)), rng.exponential(1.0, (200, 3))
    ways = metrics.directions(3)
    assert np.linalg.norm(ways, axis=1) == pytest.approx(np.ones(len(ways)))
    assert np.abs(ways.mean(0)).max() < 0.3, "they look every way"
    expected = np.mean([wasserstein_distance(one @ way, other @ way) for way in ways])
    assert sliced(one, other) == pytest.approx(expected, rel=1e-12)
    members = sliced(np.stack([one, other, one + 1]), np.stack([other] * 3))
    assert members == pytest.approx([expected, 0, sliced(one + 1, other)])


def test_directions_are_always_the_same_and_sizes_must_be():
    assert (metrics.directions(2) == metrics.directions(2)).all()
    ways = metrics.directions(2, 5)
    with pytest.raises(ValueError, match="equal size"):
        metrics.wasserstein(
            metrics.shadows(np.zeros((4, 2)), ways), metrics.shadows(np.ones((5, 2)), ways)
        )
