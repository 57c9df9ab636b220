"""f-divergences against their definitions: f, its conjugate, Nowozin's activations, Roth's weights.

The table of Nowozin et al. 2016 (https://arxiv.org/abs/1606.00709) and Roth et al. 2017
(https://arxiv.org/abs/1705.09367), eq. 19, written once more here, by hand and in numpy.
"""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from toylab.divergences import REACH, READINGS, activated, grown, member
from toylab.objectives import OBJECTIVES

LOG2 = math.log(2)


def s(t):
    return 1 / (1 + np.exp(-t))


def sp(t):
    return np.log1p(np.exp(t))


def alpha_conjugate(t, a):
    """f*(t) and f*''(t) of the α-family, as powers; −1/α and 0 where the supremum is at u = 0."""
    base = 1 + (a - 1) * t
    inside = np.where(base > 0, base, 1.0)
    value = (inside ** (a / (a - 1)) - 1) / a
    return np.where(base > 0, value, -1 / a), np.where(base > 0, inside ** ((2 - a) / (a - 1)), 0.0)


def alpha_activation(v, a):
    """Nowozin's g_f, moved so that T = 0 is at v = 0."""
    if a >= 1:
        return v + 0.0
    top = 1 / (1 - a)
    return top - sp(math.log(math.expm1(top)) - v)


# name: f(u), f*(t), f*''(t), g_f(v), weight on |∇v|², weight on |∇ℓ|²
TABLE = {
    "kl": (
        lambda u: u * np.log(u),
        lambda t: np.exp(t - 1),
        lambda t: np.exp(t - 1),
        lambda v: v,
        lambda v: np.exp(v - 1),
        lambda ratio: np.exp(ratio),
    ),
    "reverse-kl": (
        lambda u: -np.log(u),
        lambda t: -1 - np.log(-t),
        lambda t: 1 / t**2,
        lambda v: -np.exp(-v),
        lambda v: 1 + 0 * v,
        lambda ratio: 1 + 0 * ratio,
    ),
    "pearson": (
        lambda u: (u - 1) ** 2,
        lambda t: np.where(t >= -2, t**2 / 4 + t, -1),
        lambda t: np.where(t >= -2, 0.5, 0),
        lambda v: v,
        lambda v: np.where(v >= -2, 0.5, 0),
        lambda ratio: 2 * np.exp(2 * ratio),
    ),
    "neyman": (
        lambda u: (1 - u) ** 2 / u,
        lambda t: 2 - 2 * np.sqrt(1 - t),
        lambda t: 0.5 * (1 - t) ** -1.5,
        lambda v: 1 - np.exp(-v),
        lambda v: 0.5 * np.exp(-v / 2),
        lambda ratio: 2 * np.exp(-ratio),
    ),
    "hellinger": (
        lambda u: (np.sqrt(u) - 1) ** 2,
        lambda t: t / (1 - t),
        lambda t: 2 / (1 - t) ** 3,
        lambda v: 1 - np.exp(-v),
        lambda v: 2 * np.exp(v),
        lambda ratio: 0.5 * np.exp(ratio / 2),
    ),
    "js": (
        lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
        lambda t: -np.log(2 - np.exp(t)),
        lambda t: 2 * np.exp(t) / (2 - np.exp(t)) ** 2,
        lambda v: LOG2 - sp(-v),
        s,
        s,
    ),
    "gan": (
        lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
        lambda t: -np.log(1 - np.exp(t)),
        lambda t: np.exp(t) / (1 - np.exp(t)) ** 2,
        lambda v: -sp(-v),
        s,
        s,
    ),
    "alpha": (
        lambda u, a=0.3: (u**a - 1 - a * (u - 1)) / (a * (a - 1)),
        lambda t: alpha_conjugate(t, 0.3)[0],
        lambda t: alpha_conjugate(t, 0.3)[1],
        lambda v: alpha_activation(v, 0.3),
        lambda v: (
            alpha_conjugate(alpha_activation(v, 0.3), 0.3)[1]
            * s(math.log(math.expm1(1 / 0.7)) - v) ** 2
        ),
        lambda ratio, a=0.3: np.exp(a * ratio),
    ),
    "total-variation": (
        lambda u: 0.5 * np.abs(u - 1),
        lambda t: t,
        lambda t: 0 * t,
        lambda v: 0.5 * np.tanh(v),
        None,
        None,
    ),
}
KNOBS = {"alpha": torch.tensor([0.3], dtype=torch.float64)}
POINTS = np.array([-1.9, -0.6, 0.0, 0.4, 1.3])
SMOOTH = [name for name in TABLE if name != "total-variation"]
READ = [(name, way) for name, ways in READINGS.items() for way in ways]


def of(function, at):
    return function(torch.tensor(at, dtype=torch.float64), KNOBS).numpy()


def derivative(function, at, h=1e-5):
    return (function(at + h) - function(at - h)) / (2 * h)


def test_every_divergence_stands_in_the_table():
    assert set(TABLE) == set(READINGS) == {n for n, row in OBJECTIVES.items() if row.readings}
    assert {len(ways) for ways in READINGS.values()} == {1, 2}


@pytest.mark.parametrize("name", SMOOTH)
def test_on_the_log_ratio_the_statistic_is_the_slope_of_f(name):
    """T = f'(eˡ), f*(T) by its formula, and both at the ratio 1."""
    f, conjugate, *_ = TABLE[name]
    read = READINGS[name]["log-ratio"]
    statistic = of(read.statistic, POINTS)
    np.testing.assert_allclose(statistic, derivative(f, np.exp(POINTS)), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(of(read.conjugate, POINTS), conjugate(statistic), rtol=1e-9)
    assert read.threshold == 0.0 and read.probability


@pytest.mark.parametrize("name", SMOOTH)
def test_roth_s_weight_of_the_log_ratio(name):
    """w(ℓ) = e^{2ℓ} f''(eˡ): the table's, the second derivative's, and the slope of f*(T(ℓ))."""
    f, _, _, _, _, weight = TABLE[name]
    read = READINGS[name]["log-ratio"]
    found, u, h = of(read.curvature, POINTS), np.exp(POINTS), 1e-4
    second = (f(u + h) - 2 * f(u) + f(u - h)) / h**2
    np.testing.assert_allclose(found, weight(POINTS), rtol=1e-12)
    np.testing.assert_allclose(found, u**2 * second, rtol=2e-5)
    slope = derivative(lambda at: of(read.conjugate, at), POINTS)
    np.testing.assert_allclose(found, slope, rtol=1e-8)


@pytest.mark.parametrize("name", TABLE)
def test_nowozin_s_activation(name):
    """T = g_f(v), f*(T) by its formula, f*''(T)·g'² on |∇v|², threshold where T = f'(1)."""
    _, conjugate, second, activation, weight, _ = TABLE[name]
    read = READINGS[name]["nowozin"]
    v = np.array([-2.5, *POINTS]) if name == "pearson" else POINTS
    statistic = of(read.statistic, v)
    np.testing.assert_allclose(statistic, activation(v), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(of(read.conjugate, v), conjugate(statistic), rtol=1e-9, atol=1e-12)
    at = of(read.statistic, np.array(read.threshold))
    if name == "total-variation":
        assert read.curvature is None and at == 0.0
        return
    np.testing.assert_allclose(of(read.curvature, v), weight(v), rtol=1e-12)
    expected = second(statistic) * derivative(activation, v) ** 2
    np.testing.assert_allclose(of(read.curvature, v), expected, rtol=1e-7, atol=1e-12)
    assert at == pytest.approx(derivative(TABLE[name][0], np.array(1.0)), abs=1e-8)
    same = np.allclose(of(READINGS[name]["log-ratio"].statistic, v), statistic)
    assert read.probability == same, "σ(v) is p/(p + q) just where v is log p/q"


NOWOZIN = READINGS["alpha"]["nowozin"]


def live(alpha):
    return {"alpha": torch.tensor([alpha], dtype=torch.float64)}


@pytest.mark.parametrize("alpha", [-2.0, -1.0, 0.5, 0.85, 0.95, 1.05, 1.3, 2.0, 3.0])
def test_nowozin_s_activation_of_the_family(alpha):
    """T, f*(T) and f*''(T)·T'² against powers; for α > 1 also where the ratio is 0."""
    v, knobs = np.array([-6.0, -2.5, *POINTS, 2.9, 6.0]), live(alpha)
    at = torch.tensor(v, requires_grad=True)
    statistic = NOWOZIN.statistic(at, knobs)
    (slope,) = torch.autograd.grad(statistic.sum(), at)
    expected = alpha_activation(v, alpha)
    np.testing.assert_allclose(statistic.detach(), expected, rtol=1e-11, atol=1e-14)
    conjugate, second = alpha_conjugate(expected, alpha)
    found = NOWOZIN.conjugate(at, knobs)
    np.testing.assert_allclose(found.detach(), conjugate, rtol=1e-9, atol=1e-8)
    expected = second * slope.numpy() ** 2
    found = NOWOZIN.curvature(at, knobs).detach()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_the_family_by_nowozin_is_smooth_where_its_activation_jumped():
    """At α = 1 it is KL's, T = v, and derivatives by α from both sides are those of the limit."""
    v, h = torch.tensor(POINTS), 1e-4

    def of_alpha(alpha):
        knobs = live(alpha)
        return torch.stack(
            [part(v, knobs) for part in (NOWOZIN.statistic, NOWOZIN.conjugate, NOWOZIN.curvature)]
        )

    middle, e = of_alpha(1.0), v.exp()
    torch.testing.assert_close(middle, torch.stack([v, e - 1, e]))
    kl = READINGS["kl"]["nowozin"]  # f(u) = u ln u there, u ln u − u + 1 here
    torch.testing.assert_close(middle[0], kl.statistic(v + 1, {}) - 1)
    torch.testing.assert_close(middle[1], kl.conjugate(v + 1, {}) - 1)
    by_alpha = torch.stack([0 * v, e * (v - v**2 / 2) - (e - 1), e * (-v - v**2 / 2)])
    for side in (1, -1):
        found = (of_alpha(1 + side * h) - middle) / (side * h)
        torch.testing.assert_close(found, by_alpha, rtol=0, atol=2e-3)
    # What is left of the bound K: T = v − log(1 + e^−K (eᵛ − 1)).
    for alpha in (0.5, 0.9, 0.99):
        bent = v - torch.log1p(math.exp(-1 / (1 - alpha)) * (e - 1))
        torch.testing.assert_close(of_alpha(alpha)[0], bent, rtol=1e-12, atol=1e-14)


def test_twice_the_family_at_2_is_pearson_s_with_its_dead_end():
    v = torch.tensor([-3.0, -1.2, -0.9, 0.0, 1.7], dtype=torch.float64)
    pearson, knobs = READINGS["pearson"]["nowozin"], live(2.0)
    for part in ("statistic", "conjugate"):
        doubled = 2 * getattr(NOWOZIN, part)(v, knobs)
        torch.testing.assert_close(doubled, getattr(pearson, part)(2 * v, {}), rtol=0, atol=1e-5)
    assert NOWOZIN.curvature(v, knobs).tolist() == pytest.approx([0, 0, 1, 1, 1])


@pytest.mark.parametrize("alpha", [-2.0, 0.0, 0.5, 0.9, 0.999, 1 - 1e-6, 1.0, 1 + 1e-6, 1.3, 3.0])
def test_in_float32_no_digits_are_lost_far_out_or_near_1(alpha):
    """Values, first and second derivatives as in float64, which any optimizer may ask for."""

    def derivatives(dtype):
        v = torch.tensor([-30.0, -4.0, -0.4, 0.0, 0.7, 5.0, 12.0, 40.0], dtype=dtype)
        v = v.requires_grad_()
        knobs = {"alpha": torch.tensor([alpha], dtype=dtype)}
        value = NOWOZIN.conjugate(v, knobs)
        (slope,) = torch.autograd.grad(value.sum(), v, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), v)
        parts = NOWOZIN.statistic(v, knobs), value, slope, bend, NOWOZIN.curvature(v, knobs)
        return torch.stack(parts).detach().double()

    fine, coarse = derivatives(torch.float64), derivatives(torch.float32)
    assert fine.isfinite().all() and coarse.isfinite().all()
    torch.testing.assert_close(coarse, fine, rtol=2e-2, atol=1e-4)
    torch.testing.assert_close(coarse[:3], fine[:3], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("alpha", [-1.0, 0.5, 0.97, 1.0, 1.3])
def test_beyond_a_ratio_of_e20_the_conjugate_has_no_corner(alpha):
    """df*/dT = eˡ up to there, and the slope goes on as it was; T itself needs no end."""
    if alpha < 1:
        top = 1 / (1 - alpha)
        end = math.log(math.expm1(top)) - math.log(math.expm1(top * math.exp(-REACH / top)))
    else:
        end = float(grown(alpha - 1, torch.tensor(REACH, dtype=torch.float64)))
    v = torch.tensor([end / 2, end - 1e-6, end + 1e-6, end + 3], dtype=torch.float64)
    v = v.requires_grad_()
    t, slope, ratio, _ = activated(alpha, v)
    assert ratio[1].item() == pytest.approx(REACH, abs=1e-4) and (ratio[2:] > REACH).all()
    (rise,) = torch.autograd.grad(grown(alpha, ratio).sum(), v)
    torch.testing.assert_close(rise[:2] / slope[:2], ratio[:2].exp(), rtol=1e-6, atol=0)
    assert rise[2].item() == pytest.approx(rise[1].item(), rel=1e-4)
    if alpha >= 1:  # a line in T
        assert rise[3].item() == pytest.approx(math.exp(REACH), rel=1e-6)
        assert torch.equal(t, v)


def test_thresholds_of_the_statistic():
    """T of "just as likely": KL 1, reverse KL −1, Pearson, Hellinger, JS 0, GAN −log 2."""
    expected = {"kl": 1, "reverse-kl": -1, "pearson": 0, "hellinger": 0, "js": 0, "gan": -LOG2}
    for name, value in expected.items():
        assert of(READINGS[name]["log-ratio"].statistic, np.array(0.0)) == pytest.approx(value)


@pytest.mark.parametrize("name", TABLE)
def test_the_conjugate_is_the_supremum(name):
    """f*(t) = max over u > 0 of ut − f(u), on a grid of ratios."""
    f, conjugate, *_ = TABLE[name]
    ratio = np.exp(np.linspace(-8, 8, 400_001))
    ways = READINGS[name]
    way = "log-ratio" if "log-ratio" in ways else "nowozin"
    for t in of(ways[way].statistic, POINTS):
        assert (ratio * t - f(ratio)).max() == pytest.approx(conjugate(t), rel=1e-6, abs=2e-3)


P = np.array([0.1, 0.25, 0.05, 0.6])
Q = np.array([0.3, 0.2, 0.1, 0.4])


@pytest.mark.parametrize("name, way", READ)
def test_the_best_critic_finds_the_divergence(name, way):
    """E_P T − E_Q f*(T) climbed from 0 ends at Σ q f(p/q), and on the log-ratio at log p/q."""
    read = READINGS[name][way]
    p, q = torch.tensor(P), torch.tensor(Q)
    v = torch.full((4,), read.threshold, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [v], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def bound():
        return (p * read.statistic(v, KNOBS) - q * read.conjugate(v, KNOBS)).sum()

    def closure():
        search.zero_grad()
        loss = -bound()
        loss.backward()
        return loss

    search.step(closure)
    divergence = (Q * TABLE[name][0](P / Q)).sum()
    assert bound().item() == pytest.approx(divergence, abs=1e-8)
    if read.probability:
        assert v.detach().numpy() == pytest.approx(np.log(P / Q), abs=1e-4)


@pytest.mark.parametrize("rate", [-3.0, -1.0, -0.5, 0.0, 1e-9, 0.5, 1.0, 2.0])
def test_exponentials_become_straight_lines_beyond_20(rate):
    """expm1(rℓ)/r within, C¹ at ±20, constant slope e^{±20r} beyond; also at r = 0."""
    inside = torch.linspace(-REACH, REACH, 41, dtype=torch.float64)
    expected = inside if abs(rate) < 1e-6 else (rate * inside).expm1() / rate
    torch.testing.assert_close(grown(rate, inside), expected, rtol=1e-8, atol=1e-12)
    for end in (-REACH, REACH):
        beyond = torch.tensor([end, 1.5 * end, 7 * end], dtype=torch.float64, requires_grad=True)
        value = grown(rate, beyond)
        (slope,) = torch.autograd.grad(value.sum(), beyond)
        torch.testing.assert_close(slope[1:], torch.full_like(slope[1:], math.exp(rate * end)))
        line = value[0] + math.exp(rate * end) * (beyond - end)
        torch.testing.assert_close(value, line)
        near = torch.tensor([end * (1 - 1e-9)], dtype=torch.float64, requires_grad=True)
        (before,) = torch.autograd.grad(grown(rate, near).sum(), near)
        assert before.item() == pytest.approx(math.exp(rate * end), rel=1e-6), "no corner"


def test_the_weight_stays_where_the_line_begins():
    weight = READINGS["kl"]["log-ratio"].curvature(torch.tensor([-90.0, 20.0, 90.0]), {})
    assert weight.tolist() == pytest.approx([math.exp(-20), math.exp(20), math.exp(20)], rel=1e-6)


@pytest.mark.parametrize(
    "alpha, name, factor", [(1, "kl", 1), (0, "reverse-kl", 1), (0.5, "hellinger", 2),
                            (2, "pearson", 0.5), (-1, "neyman", 0.5)]
)  # fmt: skip
def test_the_family_holds_the_named_ones(alpha, name, factor):
    """α = ½ is twice Hellinger's square, 2 and −1 are half of χ²; near α it is nearly the same."""
    real, fake = (torch.tensor(POINTS + shift) for shift in (0.0, 0.3))
    expected = factor * OBJECTIVES[name].critic(real, fake, {})
    for near, limit in ((0.0, 1e-12), (1e-7, 1e-5), (-1e-7, 1e-5)):
        knobs = {"alpha": torch.tensor([alpha + near], dtype=torch.float64)}
        found = OBJECTIVES["alpha"].critic(real, fake, knobs)
        torch.testing.assert_close(found, expected, rtol=limit, atol=limit)


def test_alpha_may_differ_among_members():
    logits = torch.tensor(POINTS).expand(2, -1)
    knobs = {"alpha": torch.tensor([[0.3], [1.0]], dtype=torch.float64)}
    both = OBJECTIVES["alpha"].critic(logits, logits + 1, knobs)
    for row, alpha in zip(both, (0.3, 1.0), strict=True):
        read = member(alpha)
        alone = read.conjugate(logits[0] + 1, {}) - read.statistic(logits[0], {})
        torch.testing.assert_close(row, alone)
    together = NOWOZIN.conjugate(logits, knobs)
    for row, alpha in zip(together, (0.3, 1.0), strict=True):
        torch.testing.assert_close(row, NOWOZIN.conjugate(logits[0], live(alpha)))


# What noise does, for N(0, 1) against N(m, 1), where ∇φ* = −m everywhere.


def expected_under_q(function, m):
    """E of a function of the log-ratio at x ~ Q = N(m, 1)."""

    def integrand(x):
        ratio = torch.tensor([m * m / 2 - m * x], dtype=torch.float64)
        return math.exp(-((x - m) ** 2) / 2) / math.sqrt(2 * math.pi) * float(function(ratio))

    return quad(integrand, m - 12, m + 12, limit=400)[0]


@pytest.mark.parametrize(
    "name, closed",
    [
        ("kl", lambda m: m**2),
        ("reverse-kl", lambda m: m**2),
        ("pearson", lambda m: 2 * m**2 * math.exp(m**2)),
        ("hellinger", lambda m: 0.5 * m**2 * math.exp(-(m**2) / 8)),
    ],
)
@pytest.mark.parametrize("m", [0.5, 1.0, 1.5])
def test_the_regulariser_of_two_gaussians_in_closed_form(name, closed, m):
    curvature = OBJECTIVES[name].curvature
    found = m**2 * expected_under_q(lambda ratio: curvature(ratio, {}), m)
    assert found == pytest.approx(closed(m), rel=1e-7)


@pytest.mark.parametrize("m, slope", [(1.0, -0.198986), (2.0, -0.449600)])
def test_noise_takes_half_of_the_regulariser_from_the_divergence(m, slope):
    """d(2·JSD)/dγ = −½Ω at γ = 0, and Roth's eq. 19 and 20 agree at the best critic."""
    row = OBJECTIVES["minimax"]
    eq19 = m**2 * expected_under_q(lambda ratio: row.curvature(ratio, {}), m)
    real, fake = row.weight
    eq20 = m**2 * expected_under_q(lambda ratio: ratio.exp() * real(ratio) + fake(ratio), m)
    assert -eq19 / 2 == pytest.approx(slope, abs=1e-6)
    assert eq20 == pytest.approx(eq19, rel=1e-8)

    def divergence(variance):
        """2·JSD of N(0, 1 + γ) and N(m, 1 + γ): the log-ratio shrinks by 1 + γ."""
        apart = m / math.sqrt(1 + variance)
        real = READINGS["js"]["log-ratio"]
        return expected_under_q(
            lambda ratio: ratio.exp() * real.statistic(ratio, {}) - real.conjugate(ratio, {}), apart
        )

    h = 1e-4
    assert (divergence(h) - divergence(-h)) / (2 * h) == pytest.approx(slope, abs=1e-6)
