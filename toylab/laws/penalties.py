"""Laws of penalties: (critic, real, fake, batch, objective, knobs) -> (..., B)."""

import torch

from toylab.batches import Batch
from toylab.games import Judge
from toylab.laws.common import (
    COUNT,
    CRITIC,
    ORDER,
    VECTOR,
    VECTORS,
    differentiable,
    far,
    knobs,
    members,
    normal,
    same,
    shape,
)
from toylab.objectives import OBJECTIVES

REAL, FAKE = normal(COUNT, 2, seed=2), normal(COUNT, 2, seed=3) + 0.5
AGAIN = torch.tensor([1.5, 0.0, 1.5, 1.5], dtype=torch.float64)
MIX = torch.linspace(0.1, 0.9, COUNT, dtype=torch.float64).unsqueeze(-1)


def _terms(row, vector=VECTOR, real=REAL, fake=FAKE, mix=MIX):
    """The row's terms; it gets copies, so that what it does to them harms no other law."""
    return _called(row, vector, *(part.to(vector.dtype).clone() for part in (real, fake, mix)))


def _called(row, vector, real, fake, mix):
    def says(x, role="real"):
        # A dropout mask for the second look at a point, the same for every sample.
        masks = [1.0, AGAIN.to(vector.dtype)] if role == "again" else None
        return CRITIC.apply(vector, x, masks)

    critic = Judge(says, vector)
    # Each fake is its own latent, so that a sample's latent goes wherever the sample goes; and the
    # noise around a real point is made of what goes with it.
    around = torch.cat([mix, 1 - mix], -1) if row.around else None
    batch = Batch(real=real, latent=fake, mix=mix if row.mix else None, around=around)
    objective = OBJECTIVES["non-saturating"]
    return row.function(critic, real, fake, batch, objective, knobs(vector.dtype))


def pure(row):
    """The same batch costs the same twice, and is left as it was: all randomness is the batch's."""
    given = [tensor.clone() for tensor in (REAL, FAKE, MIX)]
    once, twice = (_called(row, VECTOR, *given) for _ in range(2))
    if far(once, twice):
        return "the same batch costs something else the second time; use batch.mix for randomness"
    if not same(given, (REAL, FAKE, MIX)) or any(tensor.requires_grad for tensor in given):
        return "it leaves its mark on the batch; work on a copy"
    return ""


def finite(row):
    """One finite number a sample (or their mean) with a finite derivative, in float32, for an
    ordinary critic, a cliff, and one that is flat everywhere."""
    for words, factor in (("an ordinary critic", 1), ("a cliff", 30), ("a flat critic", 0)):
        vector = (factor * VECTOR).float().requires_grad_()
        terms = _terms(row, vector)
        if terms.shape not in ((COUNT,), ()):
            return f"{COUNT} samples must give {COUNT} numbers or their mean, got {shape(terms)}"
        if not terms.isfinite().all():
            return f"not finite for {words}"
        if not terms.requires_grad:
            return "nothing leads back to the critic; the slope needs create_graph=True"
        (slope,) = torch.autograd.grad(terms.sum(), vector)
        if not slope.isfinite().all():
            return f"the derivative is not finite for {words}; a root needs + 1e-12 under it"
    return ""


def sign(row):
    """A price is never negative."""
    worst = min(float(_terms(row, factor * VECTOR).detach().min()) for factor in (0, 0.3, 1, 3))
    return f"a sample costs {worst:.3g}; a price is never negative" if worst < 0 else ""


def per_sample(row):
    """A sample's term is its own, or the row returns their mean, or declares `together`."""
    if row.together:
        return ""
    before = _terms(row)
    if before.shape == ():
        half = COUNT // 2
        parts = [
            _terms(row, real=REAL[part], fake=FAKE[part], mix=MIX[part])
            for part in (slice(None, half), slice(half, None))
        ]
        if far(before, sum(parts) / 2):
            return "it is not the mean of its samples' terms: both halves together cost otherwise"
        return ""
    for j in range(COUNT):
        real, fake, mix = REAL.clone(), FAKE.clone(), MIX.clone()
        real[j], fake[j], mix[j] = real[j] + 0.3, fake[j] - 0.2, mix[j] + 0.05
        changed = (_terms(row, real=real, fake=fake, mix=mix) - before).abs() > 1e-12
        others = [i for i in changed.nonzero().flatten().tolist() if i != j]
        if others:
            return f"moving sample {j} changes the term of sample {others[0]}"
    return ""


def derivatives(row):
    """Derivatives by the critic's numbers and by the fakes are those of the value, also twice."""
    along, fake = torch.zeros(3, dtype=torch.float64), FAKE[:2].clone()

    def terms(along, fake):
        return _terms(row, VECTOR + along @ VECTORS, REAL[:2], fake, MIX[:2])

    return differentiable(terms, (along.requires_grad_(), fake.requires_grad_()))


def permutation(row):
    """The order of the samples means nothing; of a row that declares `ordered`, who begins."""
    before, order = _terms(row), ORDER
    if row.ordered:
        order = torch.arange(COUNT).roll(2)
    after = _terms(row, real=REAL[order], fake=FAKE[order], mix=MIX[order])
    if far(after, before[order] if before.dim() else before):
        return "samples in another order cost something else"
    return ""


def ensemble(row):
    """A member of an ensemble pays what it would pay alone."""
    real, fake = torch.stack([REAL, REAL + 1, REAL]), torch.stack([FAKE, FAKE, FAKE - 1])
    mix = torch.stack([MIX, 1 - MIX, MIX / 2])
    given = VECTORS, real, fake, mix
    alone = [_terms(row, *parts) for parts in zip(*given, strict=True)]
    return members(_terms(row, *given), alone)


LAWS = {
    "pure": pure,
    "finite": finite,
    "sign": sign,
    "per sample": per_sample,
    "derivatives": derivatives,
    "permutation": permutation,
    "ensemble": ensemble,
}
