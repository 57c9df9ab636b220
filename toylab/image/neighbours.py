"""Precision and recall, density and coverage: what balls around samples say of two sets.

A set's manifold is the union of closed balls around its points, each up to the point's k-th nearest
other point. All of it in the space of an extractor's features.
"""

import torch

CHUNK = 1000  # rows of a distance matrix at a time
PRECISION_K, DENSITY_K = 3, 5  # as in the two papers


def distances(points, others):
    """Euclidean distances (len(points), len(others)), a block of rows at a time: yields blocks."""
    for rows in points.double().split(CHUNK):
        yield torch.cdist(rows, others.double())


def radii(points, k):
    """(n,): each point's distance to its k-th nearest other point."""
    if len(points) <= k:
        raise ValueError(f"neighbour number {k} needs more than {k} images, got {len(points)}")
    # The nearest of all is the point itself.
    return torch.cat([rows.kthvalue(k + 1, 1).values for rows in distances(points, points)])


def _inside(points, centres, reach):
    """Yields blocks (rows, len(centres)) of bool: whether a point lies in a centre's ball."""
    for rows in distances(points, centres):
        yield rows <= reach


def precision_and_recall(real, fake, k=PRECISION_K):
    """{precision, recall}: the share of fakes on the real manifold, of reals on that of the fakes.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991. real (n, d), fake (m, d)
    """

    def share(points, centres):
        reach = radii(centres, k)
        hits = [block.any(1) for block in _inside(points, centres, reach)]
        return torch.cat(hits).double().mean().item()

    return {"precision": share(fake, real), "recall": share(real, fake)}


def density_and_coverage(real, fake, k=DENSITY_K):
    """{density, coverage}: in how many real balls a fake lies, over k; real balls with a fake.

    density = 1/(km) Σ_j Σ_i 1[y_j ∈ B(x_i)],  coverage = 1/n Σ_i 1[some y_j ∈ B(x_i)].
    Naeem et al. 2020, https://arxiv.org/abs/2002.09797. real (n, d), fake (m, d)
    """
    reach, total = radii(real, k), 0
    reached = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for block in _inside(fake, real, reach):
        total += int(block.sum())
        reached |= block.any(0)
    return {"density": total / (k * len(fake)), "coverage": reached.double().mean().item()}
