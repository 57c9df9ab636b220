"""Objectives: every row against formulas written with logarithms and probabilities."""

import math

import numpy as np
import pytest
import torch

from tests.helpers import objective
from toylab.divergences import REACH
from toylab.laws import LAWS
from toylab.objectives import GENERATOR_LOSSES, LOGITS, OBJECTIVES, opposed, played

LOG2 = math.log(2)
LINES = ("kl", "reverse-kl", "pearson", "neyman", "hellinger", "alpha")  # beyond |ℓ| = 20


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
    "relativistic": (
        lambda r, f: np.log1p(np.exp(f - r)),
        lambda f, r=0: np.log1p(np.exp(r - f)),
        lambda t: (-0.5, 0.5, -0.5),
    ),
    "relativistic-average": (
        lambda r, f: (
            -np.log(_s(r - f.mean(-1, keepdims=True)))
            - np.log(1 - _s(f - r.mean(-1, keepdims=True)))
        ),
        lambda f, r: (
            -np.log(_s(f - r.mean(-1, keepdims=True)))
            - np.log(1 - _s(r - f.mean(-1, keepdims=True)))
        ),
        lambda t: (-1, 1, -1),
    ),
    "kl": (
        lambda r, f: -1 - r + np.exp(f),
        lambda f: -np.exp(f),
        lambda t: (-1, _end(1, t), -_end(1, t)),
    ),
    "reverse-kl": (
        lambda r, f: np.exp(-r) - 1 + f,
        lambda f: 1 - f,
        lambda t: (-_end(-1, t), 1, -1),
    ),
    "pearson": (
        lambda r, f: -2 * (np.exp(r) - 1) + np.exp(2 * f) - 1,
        lambda f: 1 - np.exp(2 * f),
        lambda t: (-2 * _end(1, t), 2 * _end(2, t), -2 * _end(2, t)),
    ),
    "neyman": (
        lambda r, f: np.exp(-2 * r) - 1 + 2 - 2 * np.exp(-f),
        lambda f: 2 * np.exp(-f) - 2,
        lambda t: (-2 * _end(-2, t), 2 * _end(-1, t), -2 * _end(-1, t)),
    ),
    "hellinger": (
        lambda r, f: np.exp(-r / 2) - 1 + np.exp(f / 2) - 1,
        lambda f: 1 - np.exp(f / 2),
        lambda t: (-0.5 * _end(-0.5, t), 0.5 * _end(0.5, t), -0.5 * _end(0.5, t)),
    ),
    "js": (
        lambda r, f: _log_critic(r, f) - 2 * LOG2,
        lambda f: np.log(1 - _s(f)) + LOG2,
        lambda t: (-(t < 0), t > 0, -(t > 0)),
    ),
    "gan": (_log_critic, lambda f: np.log(1 - _s(f)), lambda t: (-(t < 0), t > 0, -(t > 0))),
    "alpha": (  # where α = ½
        lambda r, f: 2 * (np.exp(-r / 2) - 1 + np.exp(f / 2) - 1),
        lambda f: 2 * (1 - np.exp(f / 2)),
        lambda t: (-_end(-0.5, t), _end(0.5, t), -_end(0.5, t)),
    ),
    "total-variation": (
        lambda r, f: 0.5 * (np.tanh(f) - np.tanh(r)),
        lambda f: -0.5 * np.tanh(f),
        lambda t: (0, 0, 0),
    ),
}
EVERY = pytest.mark.parametrize("name", OBJECTIVES)
PLAYED = [
    (name, loss, logit)
    for name, row in OBJECTIVES.items()
    for loss in GENERATOR_LOSSES
    for logit in LOGITS
    if (loss == "exact" or row.readings) and (logit in row.readings or logit == LOGITS[0])
]
EVERY_WAY = pytest.mark.parametrize("name, loss, logit", PLAYED)


def _end(rate, t):
    """e^{rate·ℓ} at the place where it becomes a straight line."""
    return math.exp(rate * math.copysign(REACH, t))


def leaf(values, dtype=torch.float64):
    return torch.as_tensor(values, dtype=dtype).clone().requires_grad_()


def slopes(row, real, fake):
    """(∂critic/∂real, ∂critic/∂fake, ∂generator/∂fake) per sample."""
    of_critic = torch.autograd.grad(row.critic(real, fake, {}).sum(), (real, fake))
    return *of_critic, torch.autograd.grad(row.generator(real, fake, {}).sum(), fake)[0]


def threshold(row):
    return 0.0 if row.threshold is None else row.threshold


def test_every_row_has_an_independent_formula():
    assert set(FORMULAS) == set(OBJECTIVES)


@EVERY
def test_losses_are_the_formulas_per_sample(name):
    critic, generator, _ = FORMULAS[name]
    real, fake = np.random.default_rng(0).uniform(-6, 6, (2, 3, 40))
    r, f = torch.tensor(real), torch.tensor(fake)
    np.testing.assert_allclose(OBJECTIVES[name].critic(r, f, {}), critic(real, fake), rtol=1e-9)
    both = (fake, real) if OBJECTIVES[name].needs_real else (fake,)
    np.testing.assert_allclose(OBJECTIVES[name].generator(r, f, {}), generator(*both), rtol=1e-9)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_gradients_are_right_where_exponentials_overflow(name, dtype, logit):
    row = OBJECTIVES[name]
    real, fake = leaf([logit], dtype), leaf([logit], dtype)
    found = torch.cat(slopes(row, real, fake)).double()
    expected = torch.tensor([float(slope) for slope in FORMULAS[name][2](logit)])
    torch.testing.assert_close(found, expected.double(), rtol=1e-5, atol=1e-12)
    assert torch.isfinite(row.critic(real, fake, {})) and torch.isfinite(
        row.generator(real, fake, {})
    )


@EVERY_WAY
def test_higher_means_more_real(name, loss, logit):
    """The critic lowers its loss by raising real and lowering fake logits, the generator by raising
    fake ones: strictly at the threshold, and nowhere between the two targets the other way."""
    row = objective(name, loss, logit)
    at = threshold(row)
    real, fake, generator = (float(s) for s in slopes(row, leaf([at]), leaf([at])))
    assert real < 0 < fake and generator < 0
    span = (0.0, 1.0) if name == "least-squares" else (-5.0, 5.0)
    line = torch.linspace(*span, 101, dtype=torch.float64)
    real, fake, generator = slopes(row, leaf(line), leaf(line))
    assert (real <= 0).all() and (fake >= 0).all() and (generator <= 0).all()


@EVERY_WAY
def test_optimum_at_equal_distributions(name, loss, logit):
    """At P = Q the best critic is constant: minimised over that constant, its loss is `optimum`,
    reached at the threshold, and the generator's loss there is the second number."""
    row = objective(name, loss, logit)
    constant = torch.linspace(-8, 8, 16_001, dtype=torch.float64).unsqueeze(-1)
    values = row.critic(constant, constant).squeeze(-1)
    assert values.min().item() == pytest.approx(row.optimum[0], abs=1e-7)
    best = constant[values <= values.min() + 1e-12]
    at = leaf([threshold(row)])
    if len(best) == len(constant):  # no constant is better than another
        assert row.threshold is None or name == "total-variation"
    else:
        assert row.threshold == pytest.approx((best[0] + best[-1]).item() / 2, abs=1e-3)
        assert row.critic(at, at).item() == pytest.approx(row.optimum[0], abs=1e-12)
        (slope,) = torch.autograd.grad(row.critic(at, at).sum(), at)
        assert slope.item() == pytest.approx(0, abs=1e-12)
    assert (row.optimum[1] is None) == (name in ("hinge", "wasserstein"))
    if row.optimum[1] is not None:
        assert row.generator(at, at).item() == pytest.approx(row.optimum[1], abs=1e-12)


@EVERY_WAY
def test_every_way_to_play_a_row_obeys_the_laws(name, loss, logit):
    row = played(OBJECTIVES[name], loss, logit)
    assert not any(law(row) for law in LAWS["objective"].values())


def test_optima_known_by_heart():
    assert objective("minimax").optimum == pytest.approx((2 * LOG2, -LOG2), abs=1e-15)
    assert objective("non-saturating").optimum == pytest.approx((2 * LOG2, LOG2), abs=1e-15)
    assert objective("least-squares").optimum == (0.25, 0.125)
    assert objective("gan").optimum == objective("minimax").optimum
    assert objective("gan", "non-saturating").optimum == objective("non-saturating").optimum
    assert objective("kl").optimum == objective("kl", "non-saturating").optimum == (0, -1)
    assert OBJECTIVES["hinge"].optimum == (2.0, None)
    assert OBJECTIVES["wasserstein"].optimum == (0.0, None)


@EVERY_WAY
def test_probability_says_whether_sigmoid_of_the_best_logit_is_the_share_of_real(name, loss, logit):
    row = objective(name, loss, logit)
    for p, q in ((0.2, 0.8), (0.7, 0.3)):
        at = leaf([math.log(p / q)])
        mixed = p * row.critic(at, at.detach()) + q * row.critic(at.detach(), at)
        (slope,) = torch.autograd.grad(mixed.sum(), at)
        assert (abs(slope.item()) < 1e-12) == row.probability


@EVERY_WAY
def test_both_generator_losses_want_the_same_and_push_differently(name, loss, logit):
    """Exact: −f*(T), what the critic loses of its fakes; else −T, what it gains of real points."""
    row = objective(name, loss, logit)
    if not row.readings:
        return
    r, f = leaf([0.4]), leaf([0.7])
    by_real, by_fake, push = (float(slope) for slope in slopes(row, r, f))
    at_fake = float(slopes(row, leaf([0.7]), leaf([0.1]))[0])
    assert push == pytest.approx(-by_fake if loss == "exact" else at_fake, rel=1e-12)
    assert by_real < 0


def test_the_reading_that_is_asked_for_is_the_one_that_is_played():
    """KL with Nowozin's activation, −v(x) + e^{v(y)−1}; what has one reading only keeps it."""
    real, fake = torch.tensor([0.2, -1.0]).double(), torch.tensor([0.5, 1.5]).double()
    row = objective("kl", logit="nowozin")
    torch.testing.assert_close(row.critic(real, fake), (fake - 1).exp() - real)
    assert (row.threshold, row.probability) == (1.0, False)
    one, other = (objective("total-variation", "non-saturating", logit) for logit in LOGITS)
    torch.testing.assert_close(one.critic(real, fake), other.critic(real, fake))
    assert played(OBJECTIVES["hinge"], "non-saturating", "nowozin") is OBJECTIVES["hinge"]


@pytest.mark.parametrize("smoothing", [0.1, 0.4])
@pytest.mark.parametrize("name", ["non-saturating", "minimax"])
def test_label_smoothing(name, smoothing):
    """Real points are labelled 1 − s: cross-entropy with soft labels, and D* = (1 − s)p/(p + q)."""
    knobs = {"smoothing": torch.tensor([smoothing], dtype=torch.float64)}
    row, soft = OBJECTIVES[name].at(knobs), 1 - smoothing
    real, fake = torch.tensor([-2.0, 0.1, 3.0]).double(), torch.tensor([1.0, -1.0, 0.3]).double()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    expected = entropy(real, torch.full_like(real, soft), reduction="none")
    expected = expected + entropy(fake, torch.zeros_like(fake), reduction="none")
    torch.testing.assert_close(row.critic(real, fake), expected)
    assert row.threshold == pytest.approx(math.log(soft / 2 / (1 - soft / 2)), abs=1e-7)
    at = torch.tensor([row.threshold], dtype=torch.float64)
    assert row.optimum[0] == pytest.approx(row.critic(at, at).item(), abs=1e-12)
    assert row.optimum[1] == pytest.approx(row.generator(at, at).item(), abs=1e-12)
    line = torch.linspace(-3, 3, 6001, dtype=torch.float64)
    assert row.optimum[0] == pytest.approx(row.critic(line, line).min().item(), abs=1e-6)


def test_least_squares_with_targets_of_one_s_own():
    """Mao et al. 2017 with a = −1, b = 1, c = 0 is Pearson's χ²; the ½ stays."""
    numbers = {"target_fake": -1.0, "target_real": 1.0, "target_generator": 0.0}
    row = OBJECTIVES["least-squares"].at({name: torch.tensor([v]) for name, v in numbers.items()})
    assert (row.threshold, row.optimum) == (0.0, (1.0, 0.0))
    r, f = torch.tensor([0.3, 2.0]), torch.tensor([-0.5, 1.0])
    torch.testing.assert_close(row.critic(r, f), ((r - 1) ** 2 + (f + 1) ** 2) / 2)
    torch.testing.assert_close(row.generator(r, f), f**2 / 2)
    numbers = {"target_fake": 0.5, "target_real": 2.0, "target_generator": 1.0}
    row = OBJECTIVES["least-squares"].at({name: torch.tensor([v]) for name, v in numbers.items()})
    assert row.threshold == 1.25 and row.optimum == (0.5625, 0.03125)


def test_the_average_of_relativistic_objectives_carries_gradients():
    """The mean of the other side is differentiated too: each fake feels every pair."""
    row = OBJECTIVES["relativistic-average"]
    real, fake = leaf([0.3, -1.0, 2.0]), leaf([0.1, 0.5, -0.2])
    of_first = torch.autograd.grad(row.critic(real, fake, {})[0], fake)[0]
    assert (of_first[1:].abs() > 0.05).all()


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
    assert (row.weight is not None) == (row.probability and name not in LINES)
    # Eq. 19 has a weight wherever the critic's number is bent by a divergence.
    assert (row.curvature is not None) == (row.probability and name != "total-variation")
    if row.weight is None:
        return
    torch.testing.assert_close(row.curvature(torch.ones(2), {}), torch.ones(2).sigmoid())
    logit = np.random.default_rng(1).uniform(-20, 20, 200)
    real, fake = (weight(torch.tensor(logit)) for weight in row.weight)
    np.testing.assert_allclose(real, (np.exp(-logit) / (1 + np.exp(-logit))) ** 2, rtol=1e-10)
    np.testing.assert_allclose(fake, (1 / (1 + np.exp(-logit))) ** 2, rtol=1e-12)
    far = leaf([-1e4, 1e4])
    ends = [weight(far) for weight in row.weight]
    assert [end.tolist() for end in ends] == [[1.0, 0.0], [0.0, 1.0]]
    assert all((torch.autograd.grad(end.sum(), far)[0] == 0).all() for end in ends)


@EVERY
def test_opposed_both_losses_add_up_to_nothing(name):
    """Of every pair, in every number that moves them, and at the optimum; all else is the row's."""
    row = OBJECTIVES[name]
    against = opposed(row)
    knobs = {"smoothing": torch.tensor(0.2).double(), "target_real": torch.tensor(0.8).double()}
    knobs = {key: value for key, value in knobs.items() if key in row.knobs}
    real, fake = (torch.tensor(values).double() for values in ([0.5, -2.0], [1.5, -0.7]))
    paid = against.critic(real, fake, knobs)
    assert torch.equal(paid, row.critic(real, fake, knobs)) and paid.abs().max() > 0
    assert torch.equal(paid, -against.generator(real, fake, knobs))
    at, told = against.at(knobs), row.at(knobs)
    assert at.optimum[0] == told.optimum[0] and at.threshold == told.threshold
    assert at.optimum[1] == (None if at.optimum[0] is None else -at.optimum[0])
    assert against.needs_real and against.weight == row.weight


@EVERY
def test_rows_say_where_they_come_from(name):
    row = OBJECTIVES[name]
    assert "http" in row.source and "D:" in row.formula and "   G:" in row.formula
    assert row.doc.endswith(".") and row.label and row.group
