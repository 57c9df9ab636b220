"""Penalties: the kernel and every row against loops over samples with `torch.autograd.functional`
on a critic written by hand, closed forms, and derivatives checked twice."""

import itertools
import math

import pytest
import torch

from tests.helpers import mlp_by_hand, normal
from toylab.batches import Batch
from toylab.laws import LAWS
from toylab.networks import Output, mlp
from toylab.objectives import OBJECTIVES
from toylab.penalties import CENTERS, OUTPUTS, PENALTIES, POINTS, WEIGHTS, slope_penalty

WIDTHS = (2, 4, 4, 1)
NETWORK = mlp((2,), width=4, depth=2, activation="tanh")
VECTOR = 0.7 * normal(NETWORK.size, seed=1)
REAL, FAKE = normal(5, 2, seed=2), normal(5, 2, seed=3) + 0.5
MIX = torch.tensor([[0.1], [0.9], [0.4], [0.6], [0.25]], dtype=torch.float64)
OBJECTIVE = OBJECTIVES["non-saturating"]

EVERY = pytest.mark.parametrize("name", PENALTIES)


def critic_of(vector, network=NETWORK):
    return lambda x, role="real": network.apply(vector, x)


def of(name, vector=VECTOR, real=REAL, fake=FAKE, mix=MIX):
    """The row's terms, (B,)."""
    row = PENALTIES[name]
    batch = Batch(mix=mix if row.mix else None)
    return row.function(critic_of(vector), real, fake, batch, OBJECTIVE, {})


def logit_at(point, vector=VECTOR):
    return mlp_by_hand(vector, point[None], WIDTHS)[0, 0]


def slope_at(point, squash):
    """Euclidean length of the slope at one point, by its own Jacobian."""
    jacobian = torch.autograd.functional.jacobian(lambda x: squash(logit_at(x)), point)
    return math.sqrt(sum(float(part) ** 2 for part in jacobian))


def sigmoid(t):
    return 1 / (1 + math.exp(-t))


def plain(t):
    return t


def between(i):
    a = float(MIX[i])
    return a * REAL[i] + (1 - a) * FAKE[i]


# name -> term of sample i, from experiments.md §0.
ORACLES = {
    "0-gp": lambda i: slope_at(between(i), torch.sigmoid) ** 2,
    "0-gp-logit": lambda i: slope_at(between(i), plain) ** 2,
    "0-gp-sample": lambda i: slope_at(REAL[i], torch.sigmoid) ** 2,
    "r1": lambda i: slope_at(REAL[i], plain) ** 2 / 2,
    "r2": lambda i: slope_at(FAKE[i], plain) ** 2 / 2,
    "roth": lambda i: (
        (
            (1 - sigmoid(logit_at(REAL[i]))) ** 2 * slope_at(REAL[i], plain) ** 2
            + sigmoid(logit_at(FAKE[i])) ** 2 * slope_at(FAKE[i], plain) ** 2
        )
        / 2
    ),
    "1-gp": lambda i: (slope_at(between(i), plain) - 1) ** 2,
}
# Affine critic φ = a·x + b, |a|² = s: (φ(x), φ(y), φ(x̂)) -> the term.
CLOSED = {
    "0-gp": lambda s, x, y, m: (sigmoid(m) * sigmoid(-m)) ** 2 * s,
    "0-gp-logit": lambda s, x, y, m: s,
    "0-gp-sample": lambda s, x, y, m: (sigmoid(x) * sigmoid(-x)) ** 2 * s,
    "r1": lambda s, x, y, m: s / 2,
    "r2": lambda s, x, y, m: s / 2,
    "roth": lambda s, x, y, m: s / 2 * (sigmoid(-x) ** 2 + sigmoid(y) ** 2),
    "1-gp": lambda s, x, y, m: (math.sqrt(s) - 1) ** 2,
}
SEES_FAKES = {"0-gp", "0-gp-logit", "r2", "roth", "1-gp"}


def test_every_row_has_both_oracles():
    assert set(ORACLES) == set(CLOSED) == set(PENALTIES)


@EVERY
def test_row_against_a_loop_over_samples(name):
    expected = torch.tensor([ORACLES[name](i) for i in range(5)], dtype=torch.float64)
    torch.testing.assert_close(of(name), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "points, center, output, weighting",
    list(itertools.product(POINTS, CENTERS, OUTPUTS, WEIGHTS)),
)
def test_every_combination_of_the_kernel(points, center, output, weighting):
    made = slope_penalty(points, center, output, weighting, factor=0.25)
    squash = {"logit": plain, "probability": torch.sigmoid}[output]

    def term(x, fake):
        logit = float(logit_at(x))
        weight = (sigmoid(logit) if fake else sigmoid(-logit)) ** 2
        return (weight if weighting == "roth" else 1) * (slope_at(x, squash) - int(center)) ** 2

    sums = {
        "real": lambda i: term(REAL[i], False),
        "fake": lambda i: term(FAKE[i], True),
        "both": lambda i: term(REAL[i], False) + term(FAKE[i], True),
        "between": lambda i: term(between(i), False),
    }
    expected = torch.tensor([0.25 * sums[points](i) for i in range(5)], dtype=torch.float64)
    found = made(critic_of(VECTOR), REAL, FAKE, Batch(mix=MIX), OBJECTIVE, {})
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


@EVERY
def test_affine_critic_closed_form(name):
    critic = mlp((2,), depth=0)
    vector = torch.zeros(critic.size, dtype=torch.float64)
    vector[:2], vector[16] = torch.tensor([0.6, -1.1], dtype=torch.float64), 0.3
    s = 0.6**2 + 1.1**2
    row = PENALTIES[name]
    found = row.function(
        critic_of(vector, critic), REAL, FAKE, Batch(mix=MIX if row.mix else None), OBJECTIVE, {}
    )
    for i in range(5):
        phi = [float(0.6 * p[0] - 1.1 * p[1] + 0.3) for p in (REAL[i], FAKE[i], between(i))]
        assert found[i].item() == pytest.approx(CLOSED[name](s, *phi), rel=1e-9)


@EVERY
def test_printed_factor_is_the_one_in_the_term(name):
    """½ exactly where the paper prints γ/2: the row over the same sum without a factor."""
    row = PENALTIES[name]
    assert row.factor == (0.5 if name in ("r1", "r2", "roth") else 1.0)
    assert ("/2" in row.formula) == (row.factor == 0.5)
    assert row.mix == ("x̂" in row.formula)
    assert ("∇D" in row.formula) == ("0-gp" in name and "logit" not in name)


@EVERY
def test_a_row_names_the_points_center_and_output_of_its_function(name):
    """What the page shows as Where, Pull to and Of is what is charged."""
    row = PENALTIES[name]
    weighting = "roth" if row.needs_weight else "even"
    named = slope_penalty(row.where, row.pull, row.of, weighting, row.factor)
    found = named(critic_of(VECTOR), REAL, FAKE, Batch(mix=MIX), OBJECTIVE, {})
    torch.testing.assert_close(found, of(name), rtol=0, atol=0)


@EVERY
@pytest.mark.parametrize("law", LAWS["penalty"])
def test_every_law_holds(name, law):
    """What a user's own penalty is held to as well."""
    assert not LAWS["penalty"][law](PENALTIES[name])


@EVERY
def test_nothing_is_detached(name):
    """Through the fakes the penalty reaches the generator's vector, where it looks at fakes."""
    fake = FAKE.clone().requires_grad_()
    terms = of(name, VECTOR.clone().requires_grad_(), fake=fake)
    (slope,) = torch.autograd.grad(terms.sum(), fake, allow_unused=True)
    assert (slope is not None and (slope.abs().sum(-1) > 1e-6).all()) == (name in SEES_FAKES)


@EVERY
def test_derivative_is_finite_where_the_slope_vanishes(name):
    """Critic's weights 0: centre 0 rests there (derivative exactly 0), centre 1 has no NaN."""
    vector = torch.zeros_like(VECTOR).requires_grad_()
    terms = of(name, vector)
    (slope,) = torch.autograd.grad(terms.sum(), vector)
    if name == "1-gp":
        torch.testing.assert_close(terms, torch.ones_like(terms), rtol=0, atol=1e-5)
        assert torch.isfinite(slope).all()
    else:
        assert (terms == 0).all() and (slope == 0).all()


@EVERY
def test_points_of_any_shape_are_summed_over_all_their_numbers(name):
    """Images as 1×1×2 have the slope of the same two numbers in a row."""
    network = mlp((1, 1, 2), width=4, depth=2, activation="tanh")
    row = PENALTIES[name]
    batch = Batch(mix=MIX.view(5, 1, 1, 1) if row.mix else None)
    images = [points.view(5, 1, 1, 2) for points in (REAL, FAKE)]
    found = row.function(critic_of(VECTOR, network), *images, batch, OBJECTIVE, {})
    torch.testing.assert_close(found, of(name), rtol=1e-13, atol=1e-15)


def test_roth_uses_the_objective_s_weights():
    """The penalty sees the objective: other weights give another penalty."""
    twice = OBJECTIVE._replace(weight=tuple((lambda t, w=w: 2 * w(t)) for w in OBJECTIVE.weight))
    row = PENALTIES["roth"]
    found = row.function(critic_of(VECTOR), REAL, FAKE, Batch(), twice, {})
    torch.testing.assert_close(found, 2 * of("roth"))
    assert [name for name, row in PENALTIES.items() if row.needs_weight] == ["roth"]


@EVERY
def test_the_critic_is_told_which_points_it_sees(name):
    """Dropout masks belong to real, fake and in-between points; a penalty must name them."""
    roles = []

    def critic(x, role="real"):
        roles.append(role)
        return Output(mlp_by_hand(VECTOR, x, WIDTHS).squeeze(-1), x)

    row = PENALTIES[name]
    row.function(critic, REAL, FAKE, Batch(mix=MIX if row.mix else None), OBJECTIVE, {})
    expected = {"roth": ["real", "fake"], "r2": ["fake"]}
    assert roles == expected.get(name, ["between"] if row.mix else ["real"])
