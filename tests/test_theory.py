"""Theory against closed forms and quadrature in float64."""

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import multivariate_normal, norm

from toylab import cards, probes, space, theory
from toylab.data import Parts, clusters, law, source
from toylab.probes import Window
from toylab.randomness import Keys

NODES, LOADS = np.polynomial.hermite_e.hermegauss(40)
PLANE = Window(np.zeros(2), np.eye(2), 2.0)
PLACES = np.array([[0.0, 0.0], [0.7, -0.4], [-1.3, 1.1], [1.9, 1.9]])
KNOWN = {"8gaussians", "8gaussians-x10", "25gaussians", "ring", "roth3d", "two-gaussians"}
KNOWN |= {"points", "two-modes"}


def smoothed(density, places, h):
    """E[p(x + hε)], ε ~ N(0, I): the convolution with a Gaussian, by quadrature."""
    a, b = np.meshgrid(NODES, NODES)
    loads = np.outer(LOADS, LOADS) / (2 * np.pi)
    off = h * np.stack([a, b], -1)
    return np.array([(density(place + off) * loads).sum() for place in places])


def test_smoothing_is_the_convolution_with_a_gaussian():
    """A correlated Gaussian (card two-gaussians) and a ring of eight, smoothed by quadrature."""
    truth = theory.Truth(cards.load("two-gaussians"))
    one = multivariate_normal(truth.parts.centres[0], [[1.0, 0.5], [0.5, 1.0]])
    expected = smoothed(one.pdf, PLACES, 0.3)
    assert truth.at(PLACES, 0.3) == pytest.approx(expected, rel=1e-10)
    there = clusters("8gaussians", spread=0.3)

    def ring(x):
        return np.mean([multivariate_normal(c, 0.09 * np.eye(2)).pdf(x) for c in there.centres], 0)

    truth = theory.Truth(cards.load("8gaussians"), spread=0.3)
    assert truth.at(PLACES, 0.2) == pytest.approx(smoothed(ring, PLACES, 0.2), rel=1e-10)


def test_best_critic_of_two_gaussians_is_a_straight_line_in_the_logit():
    """Equal covariances S: log p/q = (μp − μq)ᵀ S⁻¹ (x − (μp + μq)/2), S = C + h²I."""
    p, q, cover, h = np.array([0.3, 0.1]), np.array([-0.2, 0.4]), [[0.5, 0.2], [0.2, 0.3]], 0.2
    whole = np.array(cover) + h * h * np.eye(2)
    real, fake = (theory.mixture(PLACES, [mean], [whole], [1.0]) for mean in (p, q))
    logit = (PLACES - (p + q) / 2) @ np.linalg.inv(whole) @ (p - q)
    error = np.abs(theory.optimal(real, fake, h) - expit(logit))
    # Only the guard against 0/0 may show: a millionth of one kernel's height 1 / (2πh²).
    assert (error <= 1e-6 / (2 * math.pi * h * h) / (real + fake)).all()
    assert error[:2].max() < 3e-5


def test_an_unequal_mixture_weighs_its_parts():
    centres, covers = [[-1.0, 0.0], [1.0, 0.0]], [0.2 * np.eye(2), np.diag([0.1, 0.4])]
    found = theory.mixture(PLACES, centres, covers, [0.8, 0.2])
    expected = 0.8 * multivariate_normal(centres[0], covers[0]).pdf(PLACES)
    expected += 0.2 * multivariate_normal(centres[1], covers[1]).pdf(PLACES)
    assert found == pytest.approx(expected, rel=1e-12)
    assert theory.mixture(PLACES, centres, covers, [1.0, 0.0]) == pytest.approx(
        multivariate_normal(centres[0], covers[0]).pdf(PLACES), rel=1e-12
    )


@pytest.mark.parametrize("name", cards.names())
def test_a_perfect_generator_makes_the_best_critic_undecided(name):
    card = cards.load(name)
    truth, view = theory.Truth(card), probes.window(card)
    assert truth.known == ("exact" if name in KNOWN else "sample")
    made = view.flat(law(card).sample(4096, Keys(7, "perfect")))
    h = 0.1 * view.half
    real = truth.on(view, 64, h)
    assert real.sum() * (2 * view.half / 64) ** 2 == pytest.approx(1, abs=0.02)
    best = theory.optimal(real, probes.density(made, view, 64, h)[0], h)
    assert (np.abs(best - 0.5) * real).sum() / real.sum() < 0.03
    # One that has found nothing but the middle is told apart with certainty.
    middle = np.tile(made.mean(0), (4096, 1)) + 0.8 * view.half
    best = theory.optimal(real, probes.density(middle, view, 64, h)[0], h)
    assert (best * real).sum() / real.sum() > 0.95


def test_where_both_densities_vanish_the_best_critic_is_undecided_and_a_number():
    far = np.array([[0.0, 0.0], [5.0, 0.0], [1e4, 0.0], [1e9, -1e9]])
    real = theory.mixture(far, [[0.0, 0.0]], [0.01 * np.eye(2)], [1.0])
    fake = theory.kernel_density(np.array([[5.0, 0.0]]), far, 0.1)
    best = theory.optimal(real, fake, 0.1)
    assert best == pytest.approx([1, 0, 0.5, 0.5], abs=1e-5)
    assert np.isnan(theory.even(real, fake, 0.1)).tolist() == [False, False, True, True]
    assert theory.even(real, fake, 0.1)[:2] == pytest.approx(best[:2])


def test_the_same_width_for_a_sample_on_cells_and_at_places():
    rng = Keys(1, "fakes").rng()
    points, weights = rng.normal(0.2, 0.5, (300, 2)), rng.random(300)
    cells, _ = probes.density(points, PLANE, 64, 0.12, weights)
    places = PLANE.lattice(64)
    kernels = multivariate_normal(np.zeros(2), 0.0144 * np.eye(2))
    by_hand = (kernels.pdf(places[:, None] - points) * weights).mean(1)
    assert theory.kernel_density(points, places, 0.12, weights) == pytest.approx(by_hand, abs=1e-12)
    assert abs(cells.ravel() - by_hand).max() < 0.01 * by_hand.max()


def test_a_sample_stands_for_data_without_a_closed_form():
    """A segment from (0, 0) to (0, 1) smoothed: N(x; h)·(Φ(y/h) − Φ((y − 1)/h))."""
    truth = theory.Truth(cards.load("lines"))
    places = np.array([[0.0, 0.5], [0.05, 0.0], [0.1, 0.9], [0.2, 1.1]])
    x, y = places.T
    expected = norm.pdf(x, scale=0.1) * (norm.cdf(y / 0.1) - norm.cdf((y - 1) / 0.1))
    assert truth.at(places, 0.1) == pytest.approx(expected, rel=0.04)
    view = Window(np.zeros(2), np.eye(2), 2.0)
    on = truth.on(view, 128, 0.1)
    at = truth.at(view.lattice(128)[::97], 0.1)
    assert on.ravel()[::97] == pytest.approx(at, abs=0.01 * on.max())


def test_every_window_and_width_has_its_own_cells():
    truth = theory.Truth(cards.load("8gaussians"))
    for view, h in ((PLANE, 0.2), (PLANE, 0.3), (PLANE.around((0.5, 1.0), 1.0), 0.3)):
        cells = truth.on(view, 8, h)
        assert cells.ravel() == pytest.approx(truth.at(view.lattice(8), h), rel=1e-12)


def test_on_the_sheet_both_densities_are_those_of_space():
    """Seven Gaussians in space: three-dimensional mixtures and kernels at points of the sheet."""
    card, h = cards.load("roth3d"), 0.15
    view = probes.window(card)
    real = source(card)
    parts = real.plane
    assert isinstance(parts, Parts)
    flat = view.lattice(9)
    lifted = view.lifted(flat)
    spread = real.rotation[:2].T @ real.rotation[:2]
    covers = [std**2 * spread + h * h * np.eye(3) for std in clusters(card).std]
    whole = theory.mixture(lifted, real.lift(parts.centres), covers, parts.weights)
    found = theory.Truth(card).at(flat, h) * theory.beside(0.0, h)
    assert found == pytest.approx(whole, rel=1e-9)
    fakes = Keys(3, "off").rng().normal(0.5, 0.4, (50, 3))
    by_hand = np.array(
        [
            np.exp(-0.5 * ((fakes - x) ** 2).sum(1) / h**2).mean() / (2 * math.pi * h * h) ** 1.5
            for x in lifted
        ]
    )
    heights = space.placed(fakes, view)[:, 2]
    found = theory.kernel_density(view.flat(fakes), flat, h, theory.beside(heights, h))
    assert found == pytest.approx(by_hand, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", cards.names())
def test_a_perfect_generator_is_nowhere_and_a_collapsed_one_far_from_the_data(name):
    card = cards.load(name)
    truth, view = theory.Truth(card), probes.window(card)
    made = view.flat(law(card).sample(4096, Keys(8, "perfect")))
    found, h = theory.apart(truth, made, view)
    assert found < 0.02 and h == pytest.approx(0.1 * view.half)
    middle = np.tile(made.mean(0) + 0.7 * view.half, (4096, 1))
    assert theory.apart(truth, middle, view)[0] > 0.6
