"""Solvers: systems of linear equations over flat vectors, of which only products are known.

`apply` is the matrix as a function, (..., P) -> (..., P). An ensemble is a leading axis: products
go over the last one, and a member that is done stays where it is while the others go on, so it ends
where it would alone. While a step is being compiled all iterations are made; the result is the
same, because a member that is done does not move.
"""

import torch


def dot(one, other):
    """⟨one, other⟩ over the last axis, (..., 1)."""
    return (one * other).sum(-1, keepdim=True)


def _over(numerator, denominator, where):
    """numerator / denominator where that holds, else 0; never 0/0."""
    return torch.where(where, numerator / denominator, 0.0)


def _all_done(going):
    return not torch.compiler.is_compiling() and not bool(going.any())


def conjugate_gradients(apply, target, most, tolerance, absolute=0.0, start=None):
    """x with A x ≈ target for a symmetric positive definite A, after at most so many products.

    Ends where |A x − target| ≤ max(tolerance · |target|, absolute).
    Hestenes and Stiefel 1952, https://doi.org/10.6028/jres.049.044

    target (..., P) · tolerance: number or (..., 1) · start (..., P): 0 unless given, which costs
    one product more
    """
    x = torch.zeros_like(target) if start is None else start
    rest = target if start is None else target - apply(start)
    way, square = rest, dot(rest, rest)
    enough = (tolerance**2 * dot(target, target)).clamp_min(absolute**2)
    going = square > enough
    for _ in range(most):
        if _all_done(going):
            break
        image = apply(way)
        bend = dot(way, image)
        going = going & (bend > 0)  # what is left is rounding
        length = _over(square, bend, going)
        x, rest = x + length * way, rest - length * image
        before, square = square, dot(rest, rest)
        way = torch.where(going, rest + _over(square, before, going) * way, way)
        going = going & (square > enough)
    return x


def gmres(apply, target, most, tolerance):
    """x with A x ≈ target for any regular A, after at most so many products (never restarted).

    Ends where |A x − target| ≤ tolerance · |target|. Saad and Schultz 1986,
    https://doi.org/10.1137/0907058, the small least squares problem by a QR decomposition.

    target (..., P) · tolerance: number or (..., 1)
    """
    length = dot(target, target).sqrt()
    basis = [_over(target, length, length > 0)]
    weights = length.new_zeros(*length.shape[:-1], 0)  # x = Σ weight · basis vector
    columns, left, going = [], length, length > 0
    for _ in range(most):
        if _all_done(going):
            break
        image, column = apply(basis[-1]), []
        for known in basis:
            column.append(dot(known, image))
            image = image - column[-1] * known
        size = dot(image, image).sqrt()
        columns.append([*column, size])
        basis.append(_over(image, size, size > 0))
        found, remains = _least(columns, length)
        # Whoever is done, or cannot come nearer, keeps the weights it has.
        going = going & (remains < left)
        weights = torch.cat([weights, torch.zeros_like(length)], -1)
        weights = torch.where(going, found, weights)
        left = torch.where(going, remains, left)
        going = going & (left > tolerance * length)
    parts = (weights[..., i : i + 1] * vector for i, vector in enumerate(basis[:-1]))
    return sum(parts, torch.zeros_like(target))


def _least(columns, length):
    """(y (..., j), |length · e₁ − H y| (..., 1)) of the y for which that is least.

    columns -- of H, each without the zeros below it; not finite where H is singular
    """
    rows, zero = len(columns) + 1, torch.zeros_like(length)
    full = [torch.cat([*column, *[zero] * (rows - len(column))], -1) for column in columns]
    matrix = torch.stack(full, -1)
    target = torch.cat([length, *[zero] * (rows - 1)], -1).unsqueeze(-1)
    q, r = torch.linalg.qr(matrix)
    found = torch.linalg.solve_triangular(r, q.mT @ target, upper=True)
    return found.squeeze(-1), (target - matrix @ found).squeeze(-1).norm(dim=-1, keepdim=True)
