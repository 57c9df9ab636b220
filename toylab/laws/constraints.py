"""Laws of constraints: init(vector), effective(vector, memory), project(vector, knobs)."""

import torch

from toylab.laws.common import CRITIC, VECTOR, VECTORS, far, knobs, members, same, shape


def _held(row, vector):
    """(what the network uses, what a step leaves)."""
    row = row.on(CRITIC)
    used, _ = row.effective(vector.clone(), row.init(vector))
    return torch.stack([used, row.project(vector.clone(), knobs())])


def finite(row):
    """A finite vector of the same size, also where all of it is 0."""
    for vector in (VECTOR, 0 * VECTOR):
        held = _held(row, vector)
        if held[0].shape != vector.shape or not held.isfinite().all():
            return f"a vector {shape(vector)} must stay one with finite numbers"
    return ""


def pure(row):
    """The vector that it was given stays as it is: a state that somebody holds stays."""
    vector, row = VECTOR.clone(), row.on(CRITIC)
    row.effective(vector, row.init(vector))
    row.project(vector, knobs())
    return "" if same([vector], [VECTOR]) else "it changes its vector in place"


def once(row):
    """What obeys already stays as it is: projecting twice is projecting once."""
    first = _held(row, VECTOR)[1]
    return "projecting again moves it again" if far(_held(row, first)[1], first) else ""


def derivatives(row):
    """A finite derivative leads from what the network uses to the vector that is trained."""
    vector, row = VECTOR.clone().requires_grad_(), row.on(CRITIC)
    used, _ = row.effective(vector, row.init(VECTOR))
    if not used.requires_grad:
        return "nothing leads back to the trained vector; is it detached?"
    (slope,) = torch.autograd.grad(used.square().sum(), vector)
    return "" if slope.isfinite().all() and slope.any() else "the derivative is 0 or not finite"


def ensemble(row):
    """A member of an ensemble obeys as it would alone."""
    whole = _held(row, VECTORS).transpose(0, 1)
    return members(whole, [_held(row, each) for each in VECTORS])


LAWS = {
    "finite": finite,
    "pure": pure,
    "once": once,
    "derivatives": derivatives,
    "ensemble": ensemble,
}
