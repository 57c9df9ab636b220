"""Exact transport: the cost of carrying one cloud of points onto another.

For equal weights the best plan is an assignment, which scipy solves exactly; the sliced distance,
which needs no solver, is in `toylab.metrics`.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

LARGEST = 2048  # points: the matrix of all distances and the solver's time grow with n² and n³


def exact(one, other, power=1):
    """W_p of two clouds (n, d) of equal size: (min over assignments of mean |x − y|^p)^(1/p).

    Villani 2009, https://doi.org/10.1007/978-3-540-71050-9. Raises `ValueError` where the sizes
    differ or exceed `LARGEST`.
    """
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if len(one) != len(other) or len(one) > LARGEST:
        raise ValueError(
            f"both clouds must have the same number of points, at most {LARGEST}, got {len(one)} "
            f"and {len(other)}: draw equal samples"
        )
    costs = cdist(one, other) ** power
    return float(costs[linear_sum_assignment(costs)].mean() ** (1 / power))


def floor(source, count, keys, power=1, repeats=3):
    """(mean, largest) W_p of two samples of the same source: what a perfect generator scores.

    A distance of samples is never 0; without this floor it says nothing.
    """
    drawn = [
        exact(
            *(source.sample(count, keys._replace(block=2 * number + side)) for side in (0, 1)),
            power,
        )
        for number in range(repeats)
    ]
    return float(np.mean(drawn)), float(np.max(drawn))
