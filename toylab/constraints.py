"""Constraints: what a critic's parameters must obey, and how large a gradient may be.

A constraint is three pure functions: ``init(vector) -> memory`` (a tuple of tensors),
``effective(vector, memory) -> (vector, memory)`` gives the vector that the network really uses,
differentiable and inside the game, and ``project(vector, knobs) -> vector`` acts after every step
of the rule. A row may also say where the critic's own steps begin, ``enter(vector, knobs)``: its
loss is looked at there and its move starts there, as if it had been put there before.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab.tables import Table, full

EPS = 1e-12


class Constraint(NamedTuple):
    """One row; `knobs` names what `project` and `enter` read.

    `build`: layout -> (init, effective), of a row that must know which numbers form a matrix.
    """

    label: str
    init: Callable
    effective: Callable
    project: Callable
    knobs: tuple
    doc: str
    formula: str
    source: str
    enter: Callable | None = None
    build: Callable | None = None

    def on(self, network):
        """The row as it acts on one network; raises `ValueError` where it has to know its layout
        and cannot."""
        if self.build is None:
            return self
        if network.layout is None:
            raise ValueError(f"{self.label} needs a network that says where its matrices lie")
        init, effective = self.build(network.layout)
        return self._replace(init=init, effective=effective)


def _nothing(vector):
    return ()


def _as_it_is(vector, memory):
    return vector, memory


def _free(vector, knobs):
    return vector


def _clip(vector, knobs):
    bound = knobs["clip"]
    return vector.clamp(-bound, bound)


def _clipped_start(vector, knobs):
    # The step is taken from there: moved, so the way there has no derivative of its own.
    return vector + (_clip(vector, knobs) - vector).detach()


def _unit(vector):
    return vector / vector.norm(dim=-1, keepdim=True).clamp_min(EPS)


def _spectral(layout):
    """(init, effective) that divide every matrix W by σ = uᵀWv, its largest singular value.

    The memory holds (u, v) of each matrix: exact at the start, then one power iteration a step,
    v ← Wᵀu/|Wᵀu|, u ← Wv/|Wv|. Within a game they are constants. A kernel (out, in, …) is the
    matrix (out, in·…).
    """
    places = [n for n, shape in enumerate(layout.shapes) if len(shape) > 1]
    kept = {layout.kept[n]: number for number, n in enumerate(places)}
    # To which matrix each number of the vector belongs; what is in none has the last place.
    pieces = [torch.full((cut,), kept.get(n, len(places))) for n, cut in enumerate(layout.cuts)]
    owner = torch.cat(pieces)

    def matrices(vector):
        parts = layout.unpack(vector)
        return [parts[n].flatten(vector.dim()) for n in places]

    def init(vector):
        memory = []
        for matrix in matrices(vector):
            left, _, right = torch.linalg.svd(matrix, full_matrices=False)
            memory += [left[..., :, 0], right[..., 0, :]]
        return tuple(memory)

    def effective(vector, memory):
        scales, later = [], []
        for matrix, u, v in zip(matrices(vector), memory[::2], memory[1::2], strict=True):
            size = (u * (matrix @ v.unsqueeze(-1)).squeeze(-1)).sum(-1)
            scales.append(1 / size.abs().clamp_min(EPS))
            with torch.no_grad():
                v = _unit((matrix.mT @ u.unsqueeze(-1)).squeeze(-1))
                later += [_unit((matrix @ v.unsqueeze(-1)).squeeze(-1)), v]
        scales.append(torch.ones_like(scales[0]))
        return vector * torch.stack(scales, -1)[..., owner.to(vector.device)], tuple(later)

    return init, effective


def begun(rule, constraint):
    """The rule whose move starts where the constraint lets the critic's steps begin."""
    if constraint.enter is None:
        return rule

    def update(gradient, vector, memory, knobs):
        return rule.update(gradient, constraint.enter(vector, knobs), memory, knobs)

    return rule._replace(update=update)


def bounded(rule):
    """The rule for gradients of at most the length c: g ← g·min(1, c/|g|), a member each.

    Pascanu et al. 2013, https://arxiv.org/abs/1211.5063. c = 0 is no bound.
    """

    def update(gradient, vector, memory, knobs):
        bound = knobs["gradient_clip"]
        scale = (bound / (gradient.norm(dim=-1, keepdim=True) + 1e-6)).clamp_max(1.0)
        return rule.update(torch.where(bound > 0, scale, 1.0) * gradient, vector, memory, knobs)

    return rule._replace(update=update)


CONSTRAINTS = Table(
    "constraint",
    {
        "none": Constraint(
            label="None",
            init=_nothing,
            effective=_as_it_is,
            project=_free,
            knobs=(),
            doc="The critic's numbers are free.",
            formula="",
            source="",
        ),
        "clip": Constraint(
            label="Clipping",
            init=_nothing,
            effective=_as_it_is,
            project=_clip,
            knobs=("clip",),
            doc="Every number of the critic is cut to ±c after each of its steps.",
            formula="θ_D ← clip(θ_D, −c, c)",
            source="Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875",
        ),
        "clip-before": Constraint(
            label="Clipping before the step",
            init=_nothing,
            effective=_as_it_is,
            project=_free,
            knobs=("clip",),
            doc="Every number is cut to ±c before each of the critic's steps, so the generator "
            "meets a critic that one step has moved beyond.",
            formula="θ_D ← clip(θ_D, −c, c) − η ∂L_D",
            source="Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875 (their code)",
            enter=_clipped_start,
        ),
        "spectral-norm": Constraint(
            label="Spectral normalisation",
            init=_nothing,
            effective=_as_it_is,
            project=_free,
            knobs=(),
            doc="Every weight matrix of the critic is divided by its largest singular value.",
            formula="W ← W / σ(W),  σ = uᵀWv",
            source="Miyato et al. 2018, https://arxiv.org/abs/1802.05957",
            build=_spectral,
        ),
    },
    row=full(Constraint),
)
