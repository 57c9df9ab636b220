"""Divergences against tables of digits, closed forms and finite differences."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from toylab import closed_forms
from toylab.closed_forms import DIVERGENCES, LOG2, Gaussians

# |θ|/σ: JSD and its derivative, computed once by another program to five and four digits.
NOISY = {
    0.1: (0.00125, 0.0249),
    0.5: (0.03031, 0.1176),
    1: (0.11142, 0.1990),
    2: (0.33683, 0.2248),
    3: (0.52678, 0.1479),
    4: (0.63272, 0.0686),
    6: (0.68930, 0.0062),
    8: (0.69305, 0.0002),
}


@pytest.mark.parametrize("delta, told", NOISY.items())
def test_jensen_shannon_of_noisy_lines_has_the_known_digits(delta, told):
    value, slope = closed_forms.jensen_shannon(delta)
    assert value == pytest.approx(told[0], abs=5.1e-6)
    assert slope == pytest.approx(told[1], abs=5.1e-5)
    step = 1e-4
    ahead, behind = (closed_forms.jensen_shannon(delta + way * step)[0] for way in (1, -1))
    assert slope == pytest.approx((ahead - behind) / (2 * step), abs=1e-8)


def test_lines_with_and_without_noise():
    bare = closed_forms.lines([-0.5, 0.0, 1e-9])
    assert bare.jensen_shannon == pytest.approx([LOG2, 0, LOG2])
    assert bare.kl.tolist() == [np.inf, 0, np.inf] and bare.total_variation.tolist() == [1, 0, 1]
    assert bare.wasserstein == pytest.approx([0.5, 0, 1e-9])
    noisy = closed_forms.lines([-0.5, 0.0, 1.0], noise=0.25)
    assert noisy.wasserstein == pytest.approx([0.5, 0, 1]) and noisy.kl == pytest.approx([2, 0, 8])
    assert noisy.jensen_shannon == pytest.approx(
        [closed_forms.jensen_shannon(d)[0] for d in (2, 0, 4)]
    )
    apart, _ = quad(lambda x: abs(norm.pdf(x) - norm.pdf(x, 2)) / 2, -9, 11, points=[1])
    assert noisy.total_variation[0] == pytest.approx(apart, abs=1e-9)


@pytest.mark.parametrize("m", [0.5, 1.0, 2.0])
def test_regularisers_of_two_gaussians_in_closed_form(m):
    """∇ℓ* = −m everywhere, so Ω is m² times a Gaussian integral of the weight."""
    known = {
        "kl": m**2,
        "reverse-kl": m**2,
        "pearson": 2 * m**2 * math.exp(m**2),
        "hellinger": 0.5 * m**2 * math.exp(-(m**2) / 8),
        "neyman": 2 * m**2 * math.exp(m**2),
    }
    for name, value in known.items():
        assert closed_forms.regulariser(name, Gaussians(m)) == pytest.approx(value, rel=1e-9), name
    for name in ("kl", "reverse-kl"):
        assert closed_forms.f_divergence(name, Gaussians(m)) == pytest.approx(m**2 / 2, rel=1e-9)
    assert closed_forms.f_divergence("jensen-shannon", Gaussians(m)) == pytest.approx(
        2 * closed_forms.jensen_shannon(m)[0], rel=1e-9
    )


@pytest.mark.parametrize("name", DIVERGENCES)
def test_noise_takes_half_the_regulariser_from_every_divergence(name):
    """d/dγ D_f(P∗N(0,γ) ‖ Q∗N(0,γ)) = −½ Ω_f, at γ = 0 and later; the weight is e^{2ℓ} f''."""
    step = 1e-4
    for m, noise in ((1.0, 0.2), (1.5, 0.5)):
        ahead, behind = (
            closed_forms.f_divergence(name, Gaussians(m, noise + way * step)) for way in (1, -1)
        )
        half = 0.5 * closed_forms.regulariser(name, Gaussians(m, noise))
        assert (ahead - behind) / (2 * step) == pytest.approx(-half, rel=1e-6)
    row, u = DIVERGENCES[name], np.array([0.3, 1.0, 2.5])
    second = (row.f(u + 1e-4) - 2 * row.f(u) + row.f(u - 1e-4)) / 1e-8
    assert row.weight(np.log(u)) == pytest.approx(u**2 * second, rel=1e-5)


@pytest.mark.parametrize("m, rate", [(1, -0.198986), (2, -0.449600)])
def test_the_rate_at_which_noise_takes_jensen_shannon(m, rate):
    assert -0.5 * closed_forms.regulariser("jensen-shannon", Gaussians(m)) == pytest.approx(
        rate, abs=5.1e-7
    )


def test_kl_of_normals_against_a_sample_free_integral():
    mean, cover = np.array([0.4, 0.9]), np.array([[1, 0.5], [0.5, 1]])
    other, wide = np.array([1.3, 1.2]), np.array([[1, 0.7], [0.7, 1]])
    line = np.linspace(-9, 10, 800)
    places = np.stack(np.meshgrid(line, line), -1)
    p, q = (multivariate_normal(m, c) for m, c in ((mean, cover), (other, wide)))
    expected = (p.pdf(places) * (p.logpdf(places) - q.logpdf(places))).sum() * (
        line[1] - line[0]
    ) ** 2
    assert closed_forms.kl_normal(mean, cover, other, wide) == pytest.approx(expected, rel=1e-6)
    assert closed_forms.kl_normal(mean, cover, mean, cover) == pytest.approx(0, abs=1e-12)


def test_jensen_shannon_on_cells():
    line = np.linspace(-8, 10, 3000)
    area = line[1] - line[0]
    found = closed_forms.on_cells(5 * norm.pdf(line), norm.pdf(line, 2), area)
    assert found == pytest.approx(closed_forms.jensen_shannon(2)[0], rel=1e-5)
    assert closed_forms.on_cells([1, 0.0], [0.0, 3], 0.5) == pytest.approx(LOG2)
    assert closed_forms.on_cells([1, 2.0], [1, 2.0], 0.5) == 0
