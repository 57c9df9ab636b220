"""Solvers against numpy's dense one: early ends, members that are done, nothing divided by 0."""

import numpy as np
import pytest
import torch

from tests.helpers import assert_near, normal
from toylab.solvers import conjugate_gradients, gmres

N = 12


def positive(seed, n=N):
    root = normal(n, n, seed=seed)
    return root @ root.T / n + torch.eye(n, dtype=torch.float64)


def regular(seed, n=N):
    """As in a game: the identity and a part that mostly turns."""
    other = normal(n, n, seed=seed)
    return torch.eye(n, dtype=torch.float64) + 0.7 * (other - other.T) + 0.1 * other


CASES = pytest.mark.parametrize(
    "solve, made", [(conjugate_gradients, positive), (gmres, regular)], ids=["cg", "gmres"]
)


class Counted:
    """A matrix, or one a member, as a function that counts its calls."""

    def __init__(self, matrix):
        self.matrix, self.calls = matrix, 0

    def __call__(self, x):
        self.calls += 1
        return torch.einsum("...ij,...j->...i", self.matrix, x)


def dense(matrix, target):
    return torch.from_numpy(np.linalg.solve(matrix.numpy(), target.numpy()))


@CASES
def test_solution_is_the_dense_one_after_at_most_as_many_products_as_numbers(solve, made):
    matrix, target = Counted(made(1)), normal(N, seed=2)
    found = solve(matrix, target, 40, 1e-12)
    assert_near(found, dense(matrix.matrix, target), 1e-10)
    assert matrix.calls <= N + 1


@CASES
@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6])
def test_it_ends_as_soon_as_the_remainder_is_small_enough(solve, made, tolerance):
    matrix, target = Counted(made(3)), normal(N, seed=4)

    def remainder(most):
        found = solve(Counted(matrix.matrix), target, most, 0.0)
        return float((matrix(found) - target).norm() / target.norm())

    found = solve(matrix, target, 40, torch.tensor([tolerance], dtype=torch.float64))
    needed = matrix.calls
    assert float((matrix(found) - target).norm() / target.norm()) <= tolerance
    assert remainder(needed) <= tolerance < remainder(needed - 1)
    assert_near(solve(Counted(matrix.matrix), target, needed, 0.0), found, 1e-13)


def test_a_remainder_of_absolute_smallness_ends_conjugate_gradients():
    matrix, target = Counted(positive(3)), 1e-3 * normal(N, seed=4)
    found = conjugate_gradients(matrix, target, 40, 0.0, absolute=1e-5)
    assert matrix.calls < N and (matrix(found) - target).norm() <= 1e-5


def test_gmres_is_the_best_vector_of_its_krylov_space():
    matrix, target = regular(5), normal(N, seed=6)
    for most in (1, 2, 5):
        powers = [target]
        for _ in range(most):
            powers.append(matrix @ powers[-1])
        images = torch.stack(powers[1:], 1)
        best = np.linalg.lstsq(images.numpy(), target.numpy(), rcond=None)[0]
        expected = torch.stack(powers[:-1], 1) @ torch.from_numpy(best)
        assert_near(gmres(Counted(matrix), target, most, 0.0), expected, 1e-9)


@CASES
def test_a_member_ends_where_it_would_alone_however_long_the_others_need(solve, made):
    """One member's target is 0, one is solved at once, one needs everything."""
    eye = torch.eye(N, dtype=torch.float64)
    matrices = torch.stack([made(1), 2 * eye, made(7)])
    targets = normal(3, N, seed=8)
    targets[0] = 0
    tolerance = torch.tensor([[1e-3], [1e-6], [1e-10]], dtype=torch.float64)
    found = solve(Counted(matrices), targets, 30, tolerance)
    for each, matrix, target, own in zip(found, matrices, targets, tolerance, strict=True):
        assert_near(each, solve(Counted(matrix), target, 30, own), 1e-14)
    assert torch.equal(found[0], torch.zeros(N, dtype=torch.float64))
    assert torch.equal(found[1], targets[1] / 2)


@CASES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_iterations_made_change_nothing(solve, made, dtype, monkeypatch):
    """What a compiled step does: no early end, 0/0 nowhere, the same answer bit for bit."""
    matrices = torch.stack([made(1), made(2), torch.eye(N, dtype=torch.float64)]).to(dtype)
    targets = normal(3, N, seed=8).to(dtype)
    targets[1] = 0
    early, whole = Counted(matrices), Counted(matrices)
    found = solve(early, targets, 60, 1e-5)
    monkeypatch.setattr("torch.compiler.is_compiling", lambda: True)
    again = solve(whole, targets, 60, 1e-5)
    assert whole.calls == 60 > early.calls
    assert torch.equal(found, again) and found.dtype == dtype


def test_conjugate_gradients_go_on_from_where_they_are_put():
    matrix, target = Counted(positive(1)), normal(N, seed=2)
    true = dense(matrix.matrix, target)
    near = true + 1e-4 * normal(N, seed=3)
    found = conjugate_gradients(matrix, target, 40, 1e-6, start=near)
    warm, matrix.calls = matrix.calls, 0
    conjugate_gradients(matrix, target, 40, 1e-6)
    assert warm < matrix.calls
    assert (matrix(found) - target).norm() <= 1e-6 * target.norm()
    kept = conjugate_gradients(matrix, target, 40, 1e-3, start=near)
    assert torch.equal(kept, near), "near enough already"


def test_what_cannot_be_solved_is_left_where_it_is_best():
    """A singular matrix, and one that is not positive: finite, and never worse than 0."""
    flat = torch.diag(torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64))
    target = torch.ones(3, dtype=torch.float64)
    for solve, matrix in ((gmres, flat), (gmres, 0 * flat), (conjugate_gradients, -flat)):
        found = solve(Counted(matrix), target, 10, 1e-12)
        assert found.isfinite().all()
        assert (matrix @ found - target).norm() <= target.norm() + 1e-12
