"""Laws of constraints: init(vector), effective(vector, memory), project(vector, knobs)."""

import torch

from toylab.laws.common import VECTOR, VECTORS, differentiable, far, knobs, members, shape


def _held(row, vector):
    """(what the network uses, what a step leaves)."""
    return torch.stack([row.effective(vector, row.init(vector))[0], row.project(vector, knobs())])


def finite(row):
    """A finite vector of the same size, also where all of it is 0."""
    for vector in (VECTOR, 0 * VECTOR):
        held = _held(row, vector)
        if held[0].shape != vector.shape or not held.isfinite().all():
            return f"a vector {shape(vector)} must stay one with finite numbers"
    return ""


def once(row):
    """What obeys already stays as it is: projecting twice is projecting once."""
    once = row.project(VECTOR, knobs())
    return "projecting again moves it again" if far(row.project(once, knobs()), once) else ""


def derivatives(row):
    """The vector that the network uses is differentiable by the one that is trained."""
    vector = VECTOR.clone().requires_grad_()
    return differentiable(lambda vector: row.effective(vector, row.init(VECTOR))[0], (vector,))


def ensemble(row):
    """A member of an ensemble obeys as it would alone."""
    whole = _held(row, VECTORS).transpose(0, 1)
    return members(whole, [_held(row, each) for each in VECTORS])


LAWS = {
    "finite": finite,
    "once": once,
    "derivatives": derivatives,
    "ensemble": ensemble,
}
