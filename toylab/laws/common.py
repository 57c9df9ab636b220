"""What laws of several families share: the numbers they are tried on, comparisons, their words."""

import functools

import torch

from toylab.experiment import Experiment
from toylab.networks import mlp
from toylab.trainer import Setup

COUNT = 6  # samples
ORDER = torch.tensor([3, 0, 5, 1, 4, 2])


def normal(*shape, seed):
    """Standard normal numbers in float64, the same every time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CRITIC = mlp((2,), width=4, depth=2, activation="tanh")
VECTOR = normal(CRITIC.size, seed=1)
VECTORS = torch.stack([0.5 * VECTOR, *normal(2, CRITIC.size, seed=6)])  # an ensemble


@functools.cache
def _usual():
    return Setup(Experiment(), dtype=torch.float64).knobs(0)


def knobs(dtype=torch.float64, **numbers):
    """Every number of an experiment, as a row is given them; {name: (1,)}."""
    given = {name: torch.tensor([value]) for name, value in numbers.items()}
    return {name: number.to(dtype) for name, number in {**_usual(), **given}.items()}


def far(one, other):
    """Whether two tensors differ in shape, or by more than rounding."""
    return one.shape != other.shape or not torch.allclose(one, other, rtol=1e-9, atol=1e-9)


def same(tensors, others):
    """Whether all of them are equal bit for bit."""
    return all(torch.equal(one, other) for one, other in zip(tensors, others, strict=True))


def shape(tensor):
    """Its shape as text."""
    return str(tuple(tensor.shape))


def members(whole, alone):
    """Each member's part of an ensemble's result (E, ...) against its own."""
    if whole.shape != (len(alone), *alone[0].shape):
        return f"{len(alone)} members must give {(len(alone), *alone[0].shape)}, got {shape(whole)}"
    for number, (one, other) in enumerate(zip(whole, alone, strict=True)):
        if far(one, other):
            return f"member {number} of {len(alone)} differs from the same run alone"
    return ""


def differentiable(function, given):
    """Finite differences against autograd, once and twice."""
    check = {"raise_exception": False, "eps": 1e-5}
    if not torch.autograd.gradcheck(function, given, atol=1e-6, **check):
        return "the derivative is not that of the value; is something detached?"
    if not torch.autograd.gradgradcheck(function, given, atol=1e-5, **check):
        return "the second derivative is not that of the first; is create_graph=True missing?"
    return ""
