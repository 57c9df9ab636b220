"""Objectives: every row against formulas written with logarithms and probabilities."""

import math

import numpy as np
import pytest
import torch

from toylab.objectives import OBJECTIVES

LOG2 = math.log(2)


def _s(t):
    return 1 / (1 + np.exp(-t))


def _log_critic(r, f):
    return -np.log(_s(r)) - np.log(1 - _s(f))


# name: critic(r, f), generator(f), and their derivatives (∂critic/∂r, ∂critic/∂f, ∂generator/∂f)
# as limits at logits of ±1e4, written for r = t and f = t.
FORMULAS = {
    "non-saturating": (
        _log_critic,
        lambda f: -np.log(_s(f)),
        lambda t: (-(t < 0), t > 0, -(t < 0)),
    ),
    "minimax": (_log_critic, lambda f: np.log(1 - _s(f)), lambda t: (-(t < 0), t > 0, -(t > 0))),
    "least-squares": (
        lambda r, f: ((r - 1) ** 2 + f**2) / 2,
        lambda f: (f - 1) ** 2 / 2,
        lambda t: (t - 1, t, t - 1),
    ),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f),
        lambda f: -f,
        lambda t: (-(t < 1), t > -1, -1),
    ),
    "wasserstein": (lambda r, f: f - r, lambda f: -f, lambda t: (-1, 1, -1)),
}
EVERY = pytest.mark.parametrize("name", OBJECTIVES)


def leaf(values, dtype=torch.float64):
    return torch.as_tensor(values, dtype=dtype).clone().requires_grad_()


def slopes(row, real, fake):
    """(∂critic/∂real, ∂critic/∂fake, ∂generator/∂fake) per sample."""
    of_critic = torch.autograd.grad(row.critic(real, fake, {}).sum(), (real, fake))
    return *of_critic, torch.autograd.grad(row.generator(real, fake, {}).sum(), fake)[0]


def test_every_row_has_an_independent_formula():
    assert set(FORMULAS) == set(OBJECTIVES)


@EVERY
def test_losses_are_the_formulas_per_sample(name):
    critic, generator, _ = FORMULAS[name]
    real, fake = np.random.default_rng(0).uniform(-6, 6, (2, 3, 40))
    r, f = torch.tensor(real), torch.tensor(fake)
    np.testing.assert_allclose(OBJECTIVES[name].critic(r, f, {}), critic(real, fake), rtol=1e-9)
    np.testing.assert_allclose(OBJECTIVES[name].generator(r, f, {}), generator(fake), rtol=1e-9)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_gradients_are_right_where_exponentials_overflow(name, dtype, logit):
    row = OBJECTIVES[name]
    real, fake = leaf([logit], dtype), leaf([logit], dtype)
    found = torch.cat(slopes(row, real, fake)).double()
    expected = torch.tensor([float(slope) for slope in FORMULAS[name][2](logit)])
    torch.testing.assert_close(found, expected.double(), rtol=1e-6, atol=1e-12)
    assert torch.isfinite(row.critic(real, fake, {})) and torch.isfinite(
        row.generator(real, fake, {})
    )


@EVERY
def test_higher_means_more_real(name):
    """The critic lowers its loss by raising real and lowering fake logits, the generator by raising
    fake ones: strictly at the threshold, and nowhere between the two targets the other way."""
    row = OBJECTIVES[name]
    at = 0.0 if row.threshold is None else row.threshold
    real, fake, generator = (float(s) for s in slopes(row, leaf([at]), leaf([at])))
    assert real < 0 < fake and generator < 0
    span = (0.0, 1.0) if name == "least-squares" else (-5.0, 5.0)
    line = torch.linspace(*span, 101, dtype=torch.float64)
    real, fake, generator = slopes(row, leaf(line), leaf(line))
    assert (real <= 0).all() and (fake >= 0).all() and (generator <= 0).all()


@EVERY
def test_optimum_at_equal_distributions(name):
    """At P = Q the best critic is constant: minimised over that constant, its loss is `optimum`,
    reached at the threshold, and the generator's loss there is the second number."""
    row = OBJECTIVES[name]
    constant = torch.linspace(-8, 8, 16_001, dtype=torch.float64)
    values = row.critic(constant, constant, {})
    assert values.min().item() == pytest.approx(row.optimum[0], abs=1e-7)
    best = constant[values <= values.min() + 1e-12]
    if len(best) == len(constant):  # no constant is better than another
        assert row.threshold is None and row.optimum[1] is None
        return
    assert row.threshold == pytest.approx((best[0] + best[-1]).item() / 2, abs=1e-3)
    at = leaf([row.threshold])
    assert row.critic(at, at, {}).item() == pytest.approx(row.optimum[0], abs=1e-12)
    (slope,) = torch.autograd.grad(row.critic(at, at, {}).sum(), at)
    assert slope.item() == pytest.approx(0, abs=1e-12)
    if row.optimum[1] is not None:
        assert row.generator(at, at, {}).item() == pytest.approx(row.optimum[1], abs=1e-12)


def test_optima_known_by_heart():
    assert OBJECTIVES["minimax"].optimum == pytest.approx((2 * LOG2, -LOG2), abs=1e-15)
    assert OBJECTIVES["non-saturating"].optimum == pytest.approx((2 * LOG2, LOG2), abs=1e-15)
    assert OBJECTIVES["least-squares"].optimum == (0.25, 0.125)
    assert OBJECTIVES["hinge"].optimum == (2.0, None)
    assert OBJECTIVES["wasserstein"].optimum == (0.0, None)


@EVERY
def test_probability_says_whether_sigmoid_of_the_best_logit_is_the_share_of_real(name):
    row = OBJECTIVES[name]
    for p, q in ((0.2, 0.8), (0.7, 0.3)):
        at = leaf([math.log(p / q)])
        mixed = p * row.critic(at, at.detach(), {}) + q * row.critic(at.detach(), at, {})
        (slope,) = torch.autograd.grad(mixed.sum(), at)
        assert (abs(slope.item()) < 1e-12) == row.probability


@EVERY
def test_needs_real_tells_whether_the_generator_looks_at_real_logits(name):
    row = OBJECTIVES[name]
    fake = leaf([0.3, -0.4])
    if not row.needs_real:
        expected = FORMULAS[name][1](fake.detach().numpy())
        np.testing.assert_allclose(row.generator(None, fake, {}).detach(), expected, rtol=1e-12)
        return
    real = leaf([0.1, 0.9])
    assert torch.autograd.grad(row.generator(real, fake, {}).sum(), real)[0].abs().min() > 0


def test_minimax_is_zero_sum_in_what_the_generator_controls():
    """L_D + L_G does not depend on the fake logit; non-saturating differs from it."""
    row = OBJECTIVES["minimax"]
    real, fake = leaf([0.5, -2.0]), leaf([1.5, -0.7])
    both = row.critic(real, fake, {}) + row.generator(real, fake, {})
    assert torch.autograd.grad(both.sum(), fake)[0].abs().max() < 1e-15


@EVERY
def test_roth_weights(name):
    """(σ(−φ)², σ(φ)²) in the form that loses no digits, wherever σ(φ) is a probability."""
    row = OBJECTIVES[name]
    assert (row.weight is not None) == row.probability
    if row.weight is None:
        return
    logit = np.random.default_rng(1).uniform(-20, 20, 200)
    real, fake = (weight(torch.tensor(logit)) for weight in row.weight)
    np.testing.assert_allclose(real, (np.exp(-logit) / (1 + np.exp(-logit))) ** 2, rtol=1e-10)
    np.testing.assert_allclose(fake, (1 / (1 + np.exp(-logit))) ** 2, rtol=1e-12)
    far = leaf([-1e4, 1e4])
    ends = [weight(far) for weight in row.weight]
    assert [end.tolist() for end in ends] == [[1.0, 0.0], [0.0, 1.0]]
    assert all((torch.autograd.grad(end.sum(), far)[0] == 0).all() for end in ends)


@EVERY
def test_rows_say_where_they_come_from(name):
    row = OBJECTIVES[name]
    assert "http" in row.source and "D:" in row.formula and "G:" in row.formula
    assert row.doc.endswith(".") and row.label and row.group
