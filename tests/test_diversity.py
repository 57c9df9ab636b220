"""Diversity of clouds whose law is known."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from toylab import diversity
from toylab.data import clusters, law, source
from toylab.randomness import Keys

EIGHT = clusters("8gaussians")


def rng(seed=0):
    return Keys(seed, "diversity").rng()


def test_chi_square_is_scipy_s_and_even_under_the_law():
    drawn = law("8gaussians")
    chances = []
    for seed in range(60):
        value, chance, counts = diversity.even(drawn.sample(800, Keys(seed, "even")), EIGHT)
        assert (value, chance) == pytest.approx(tuple(chisquare(counts)))
        chances.append(chance)
    assert kstest(chances, "uniform").pvalue > 0.01, "the law itself scores evenly in [0, 1]"
    uneven = np.concatenate([drawn.sample(800, Keys(0, "even")), EIGHT.centres[:1].repeat(80, 0)])
    assert diversity.even(uneven, EIGHT)[1] < 1e-4


def test_chi_square_expects_each_cluster_its_own_weight():
    there = EIGHT._replace(weights=np.array([0.3] + [0.1] * 7))
    points = np.repeat(there.centres, [300] + [100] * 7, 0)
    value, chance, counts = diversity.even(points, there)
    assert value == pytest.approx(0, abs=1e-9) and chance == 1 and counts[0] == 300


def test_mmd_is_the_closed_form_of_two_gaussians_and_unbiased():
    """Kernel width w: E k = (w²/(w²+2))^{d/2} exp(−|Δ|²/2(w²+2)), once with Δ and twice without."""
    width, shift = 1.5, np.array([1.0, 0.5])
    draws = rng(1)
    base = width**2 / (width**2 + 2)
    expected = 2 * base - 2 * base * np.exp(-(shift @ shift) / (2 * (width**2 + 2)))
    same, apart = [], []
    for _ in range(40):
        one, other = draws.standard_normal((2, 150, 2))
        same.append(diversity.mmd(one, other, [width]))
        apart.append(diversity.mmd(one, other + shift, [width]))
    for found, known in ((same, 0.0), (apart, expected)):
        assert abs(np.mean(found) - known) < 3.5 * np.std(found) / np.sqrt(len(found))
    assert min(same) < 0 < expected < 3 * np.mean(apart)


def test_mmd_by_hand_and_its_own_width():
    one, other = np.array([[0.0], [1.0]]), np.array([[0.0], [3.0]])

    def k(x):
        return np.exp(-(x**2) / 8)

    by_hand = k(1) + k(3) - 2 * (k(0) + k(3) + k(1) + k(2)) / 4
    assert diversity.mmd(one, other, [2.0]) == pytest.approx(by_hand)
    median = np.median([1, 0, 3, 1, 2, 3])
    widths = median * np.array([0.5, 1, 2])
    assert diversity.mmd(one, other) == pytest.approx(diversity.mmd(one, other, widths))


def test_birthday_finds_the_size_of_a_finite_support():
    faces = 10 * rng(2).standard_normal((500, 2))
    found = []
    for seed in range(10):
        drawn = faces[rng(seed).integers(500, size=300)]
        doubles, support = diversity.birthday(drawn + 1e-6 * rng(seed).random((300, 2)), 1e-4)
        found.append(doubles)
        assert support == pytest.approx(300 * 299 / 2 / doubles)
    assert np.mean(found) == pytest.approx(300 * 299 / 2 / 500, rel=0.1)
    assert diversity.birthday(rng(3).standard_normal((50, 2)), 1e-9) == (0, np.inf)


def test_off_the_manifold_is_the_distance_to_it():
    dense = law("arcs").sample(20_000, Keys(0, "dense"))
    there = source("arcs").sample(200, Keys(1, "there"))
    assert diversity.off(there, dense).max() < 2e-3
    outward = there * (1 + 0.2 / np.linalg.norm(there, axis=1, keepdims=True))
    radius = np.linalg.norm(there, axis=1)
    if np.ptp(radius) < 1e-6:  # an arc round the origin: outward is normal to it
        assert diversity.off(outward, dense) == pytest.approx(0.2, abs=2e-3)
    assert diversity.off([[0.0, 0.0]], [[3.0, 4.0], [6.0, 8.0]]) == pytest.approx([5])
