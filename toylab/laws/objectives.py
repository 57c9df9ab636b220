"""Laws of objectives: (real, fake, knobs) -> (..., B) for either player."""

import torch

from toylab.laws.common import COUNT, ORDER, differentiable, far, knobs, members, normal, shape

LOSSES = ("critic", "generator")
LOGITS = (normal(COUNT, seed=4), normal(COUNT, seed=5))


def _losses(row, real, fake):
    """(2, ..., B): what the critic pays and what the generator pays."""
    numbers = knobs(real.dtype)
    paid = [getattr(row, name)(real.clone(), fake.clone(), numbers) for name in LOSSES]
    return torch.stack(paid)


def _told(row):
    """(threshold, optimum) at the usual numbers."""
    row = row.at(knobs())
    return row.threshold, row.optimum


def finite(row):
    """One finite number a sample with a finite derivative, in float32, for logits up to ±100."""
    real = torch.linspace(-100, 100, COUNT, requires_grad=True)
    fake = torch.linspace(100, -100, COUNT, requires_grad=True)
    losses = _losses(row, real, fake)
    if losses.shape != (2, COUNT):
        return f"{COUNT} logits must give {COUNT} numbers, got {shape(losses[0])}"
    slopes = torch.autograd.grad(losses.sum(), (real, fake), materialize_grads=True)
    if not all(part.isfinite().all() for part in (losses, *slopes)):
        return "not finite for logits of ±100"
    return ""


def _at_threshold(row):
    logit = torch.full((COUNT,), _told(row)[0] or 0.0, dtype=torch.float64)
    return logit.clone().requires_grad_(), logit.clone().requires_grad_()


def sign(row):
    """At the threshold the critic wants reals higher and fakes lower, the generator its fakes
    higher: a higher logit is more real."""
    real, fake = _at_threshold(row)
    critic, generator = _losses(row, real, fake)
    by_real, by_fake = torch.autograd.grad(critic.sum(), (real, fake), retain_graph=True)
    (push,) = torch.autograd.grad(generator.sum(), fake)
    for words, slope in (
        ("the critic does not gain by a higher logit of real points", by_real),
        ("the critic does not gain by a lower logit of fakes", -by_fake),
        ("the generator does not gain by a higher logit of its fakes", push),
    ):
        if not (slope < 0).all():
            return words
    return ""


def optimum(row):
    """Where nothing can be told apart both pay what the row declares as its optimum."""
    paid = _losses(row, *_at_threshold(row)).mean(-1).tolist()
    for name, pays, told in zip(LOSSES, paid, _told(row)[1], strict=True):
        if told is not None and abs(pays - told) > 1e-6:
            return f"the {name} pays {pays:.4g} at the threshold, not {told:.4g}"
    return ""


def derivatives(row):
    """Derivatives by both logits are those of the value, also twice."""
    given = tuple(logit.clone().requires_grad_() for logit in LOGITS)
    return differentiable(lambda real, fake: _losses(row, real, fake), given)


def permutation(row):
    """The order of the samples means nothing."""
    after = _losses(row, *(logit[ORDER] for logit in LOGITS))
    if far(after, _losses(row, *LOGITS)[:, ORDER]):
        return "samples in another order cost something else"
    return ""


def ensemble(row):
    """A member of an ensemble pays what it would pay alone."""
    real, fake = (torch.stack([logit, logit + 1, -logit]) for logit in LOGITS)
    whole = _losses(row, real, fake).transpose(0, 1)
    return members(whole, [_losses(row, *parts) for parts in zip(real, fake, strict=True)])


LAWS = {
    "finite": finite,
    "sign": sign,
    "optimum": optimum,
    "derivatives": derivatives,
    "permutation": permutation,
    "ensemble": ensemble,
}
