"""Small games: fields, spectra and factors against closed forms and finite differences."""

import math

import pytest
import torch

from tests.helpers import normal, setup64, small
from toylab import fields
from toylab.games import Players, bilinear, dirac, quadratic
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES

ONE = torch.ones(1, dtype=torch.float64)


def pair(x, y):
    return Players(x * ONE, y * ONE)


def knobs(rate):
    return Players({"rate": rate * ONE}, {"rate": rate * ONE})


def plain(name, critic_steps=1):
    return OPTIMIZERS[name].build(Players(RULES["sgd"], RULES["sgd"]), critic_steps, "critic")


def test_velocity_of_quadratic_and_bilinear_games():
    """f = ax² + bxy + cy²: v = (−2ax − by, bx + 2cy)."""
    assert fields.velocity(quadratic(1, 10, 1), pair(0.3, -0.7)).tolist() == pytest.approx(
        [-0.6 + 7, 3 - 1.4]
    )
    matrix, x, y = normal(3, 2), normal(3, seed=1), normal(2, seed=2)
    found = fields.velocity(bilinear(matrix), Players(x, y))
    assert torch.allclose(found, torch.cat([-matrix @ y, matrix.T @ x]))
    grid = Players(normal(7, 1), normal(7, 1, seed=1))
    assert torch.allclose(
        fields.velocity(quadratic(0, 2, 0), grid), torch.cat([-2 * grid[1], 2 * grid[0]], 1)
    )


@pytest.mark.parametrize("name, turned", [("minimax", None), ("wasserstein", lambda t: t)])
def test_dirac_field_is_that_of_the_game(name, turned):
    game = dirac(turned) if turned else dirac()
    grid = Players(normal(20, 1), normal(20, 1, seed=1))
    expected = torch.cat(fields.dirac(*grid, name), 1)
    assert torch.allclose(fields.velocity(game, grid), expected)


def test_the_spectrum_of_small_games_is_known():
    """x² + 10xy + y² has v' = [[−2, −10], [10, 2]], λ = ±i√96; the Dirac-GAN ±i/2."""
    game = quadratic(1, 10, 1)
    expected = torch.tensor([[-2.0, -10], [10, 2]], dtype=torch.float64)
    assert torch.allclose(fields.jacobian(game, pair(0.4, 3)), expected)
    values = fields.spectrum(game, pair(0, 0))
    assert sorted(values.imag.tolist()) == pytest.approx([-math.sqrt(96), math.sqrt(96)])
    assert values.real.abs().max() < 1e-12
    values = fields.spectrum(dirac(), pair(0, 0))
    known = fields.dirac_eigenvalues(0)
    assert sorted(values.imag.tolist()) == pytest.approx(sorted(v.imag for v in known))
    matrix = normal(3, 3)
    singular = torch.linalg.svdvals(matrix)
    values = fields.spectrum(bilinear(matrix), Players(normal(3), normal(3)))
    assert values.imag.sort(descending=True)[0][:3] == pytest.approx(singular, rel=1e-9)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_dirac_eigenvalues_are_those_of_the_field(gamma):
    at = torch.zeros(2, dtype=torch.float64)
    rows = torch.autograd.functional.jacobian(
        lambda w: torch.stack(fields.dirac(w[0], w[1], "minimax", gamma)), at
    )
    found = sorted(torch.linalg.eigvals(rows).tolist(), key=lambda v: (v.real, v.imag))
    known = sorted(fields.dirac_eigenvalues(gamma), key=lambda v: (v.real, v.imag))
    assert found == pytest.approx(known, abs=1e-7)


def test_the_jacobian_of_a_gan_is_its_fields_finite_difference():
    setup = setup64(small(penalty="r1", latent=2, generator_width=3, critic_width=3))
    state = setup.start()
    game = setup.games(state, setup.knobs(0))[0]
    found = fields.jacobian(game, state.players)
    size, step = state.players.generator.numel(), 1e-5
    whole = torch.cat(list(state.players))
    for column in range(0, len(whole), 7):
        way = torch.zeros_like(whole)
        way[column] = step
        ahead, behind = (
            fields.velocity(game, Players(moved[:size], moved[size:]))
            for moved in (whole + way, whole - way)
        )
        assert torch.allclose(found[:, column], (ahead - behind) / (2 * step), atol=1e-8)


def built(method, rate):
    """(game optimizer, Players of knobs) as the trainer builds them, both adjusted by 1."""
    rows = {"optimizer": method} if method in OPTIMIZERS else {"rule": method}
    rows = {"optimizer": "simultaneous", "rule": "sgd", "adjustment": 1.0, **rows}
    setup = setup64(small(penalty="none", **{**rows, "rate_critic": rate, "rate_generator": rate}))
    known = {**setup.knobs(0), "rate": rate * ONE}
    return setup.optimizer, Players(known, known)


@pytest.mark.parametrize("q", [0.2, 0.6, 1.2])
@pytest.mark.parametrize("name", fields.FACTORS)
def test_what_a_step_does_to_a_bilinear_game(name, q):
    if (name, q) == ("symplectic", 1.2):
        return  # it runs away until rounding alone decides the sign of its alignment
    optimizer, numbers = built(name, 0.2)
    way = fields.trajectory(optimizer, quadratic(0, q / 0.2, 0), pair(0.5, 0.5), numbers, 280)
    assert way.shape == (281, 2)
    # Taking turns moves on an ellipse, and optimism has a second root that dies out.
    found, known = fields.factor(way, 180).item(), fields.FACTORS[name](0.2, q / 0.2)
    rough = name in ("alternating", "optimistic")
    assert found == pytest.approx(known, rel=2e-3 if rough else 1e-9)


def test_factors_are_the_largest_eigenvalue_of_the_step_s_matrix():
    """Each method's step on f = αxy written as a matrix by hand, with what it remembers."""
    rate, alpha = 0.3, 1.4
    q = rate * alpha
    turn = torch.tensor([[0, alpha], [-alpha, 0.0]], dtype=torch.float64)  # the slopes v = turn·w
    one = torch.eye(2, dtype=torch.float64)
    first, second = torch.eye(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    first[0, 1], second[1, 0] = -q, q
    adjusted = one - rate * (turn + turn.T @ turn)
    remembering = torch.cat(
        [torch.cat([one - 2 * rate * turn, rate * turn], 1), torch.cat([one, 0 * one], 1)]
    )
    matrices = {
        "simultaneous": one - rate * turn,
        "alternating": second @ first,
        "extragradient": one - rate * turn @ (one - rate * turn),
        "lcgd": one - rate * turn @ (one - rate * turn),
        "cgd": torch.linalg.inv(one + rate * turn),
        "cgd-zero-sum": torch.linalg.inv(one + rate * turn),
        "symplectic": adjusted,
        "consensus": adjusted,
        "optimistic": remembering,
    }
    assert set(matrices) == set(fields.FACTORS)
    for name, matrix in matrices.items():
        assert fields.largest(matrix) == pytest.approx(fields.FACTORS[name](rate, alpha)), name
    assert fields.FACTORS["alternating"](1, 2.5) == pytest.approx(4.0)


def test_one_step_s_matrix_and_the_straight_line_through_the_distances():
    game, step = quadratic(1, 10, 1), knobs(0.05)
    expected = torch.eye(2, dtype=torch.float64) + 0.05 * torch.tensor([[-2.0, -10], [10, 2]])
    assert torch.allclose(fields.linear_step(plain("simultaneous"), game, step), expected)
    swing = 0.9 ** torch.arange(200.0, dtype=torch.float64) * (
        1 + 0.3 * torch.sin(torch.arange(200.0, dtype=torch.float64))
    )
    assert fields.factor(swing[:, None], 180).item() == pytest.approx(0.9, rel=1e-4)


def test_the_spectrum_is_ordered():
    """x² − y²/4 as a game without coupling: λ = −2 and −½."""
    values = fields.spectrum(quadratic(1, 0, -0.25), pair(1, 1))
    assert values.real.tolist() == pytest.approx([-0.5, -2.0])
