"""The gradient penalty is one thing: mean weight(x)·(|slope(x)| − center)² at chosen points.

A row chooses the points, the center and the output, and Roth's regulariser a weight; the kernel
below is written once. A penalty is ``(critic, real, fake, batch, objective, knobs) -> (..., B)``,
unweighted: its weight and its interval belong to the game. It sees the objective because Roth's
weights and the meaning of "probability" depend on it.

Centre 0 is a sum of squares, never a root (its derivative at 0 is finite); centre 1 needs one.
"""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab.tables import Table, full

EPS = 1e-12


class Penalty(NamedTuple):
    """One row; `function` as above, `mix` says whether the batch must bring interpolation weights.

    `factor` multiplies the term where a paper prints ½; the page shows it beside the weight.
    `together` declares that a sample's term may depend on the other samples of its batch. `where`,
    `pull` and `of` name the kernel's points, center and output; "" where another function is at
    work.
    """

    label: str
    function: Callable
    mix: bool
    factor: float
    needs_weight: bool  # only for objectives with Roth weights
    group: str
    doc: str
    formula: str
    source: str
    together: bool = False
    where: str = ""
    pull: str = ""
    of: str = ""


def _row(name, value):
    """What is put into the table: a row, or a plain function, which becomes one.

    The function takes (critic, real, fake, batch), or also objective, or also knobs. Its docstring
    begins with its sentence; what follows, or follows "Equation:", is its formula.
    """
    if name == "none":
        raise ValueError("'none' means no penalty: choose another name")
    if not callable(value):
        return full(Penalty)(name, value)
    doc, _, rest = (inspect.getdoc(value) or "A penalty of your own.").partition("\n")
    formula = (rest.partition("Equation:")[2] or rest).strip().partition("\n\n")[0]
    return Penalty(
        label=name,
        function=_with_all_arguments(name, value),
        mix=True,
        factor=1.0,
        needs_weight=False,
        group="Yours",
        doc=doc,
        formula=" ".join(formula.split()),
        source="",
    )


def _with_all_arguments(name, function):
    """The function as a row has it, looked at once for the arguments that it asks for."""
    signature = inspect.signature(function)
    asked = [place for place in signature.parameters.values() if place.default is place.empty]
    every = any(place.kind is place.VAR_POSITIONAL for place in asked)
    count = 6 if every else len(asked)
    if not 4 <= count <= 6:
        raise TypeError(
            f"penalty {name!r} must take (critic, real, fake, batch), or also objective and knobs, "
            f"got {signature}"
        )

    def penalty(*given):
        terms = function(*given[:count])
        if not isinstance(terms, torch.Tensor):
            raise TypeError(
                f"penalty {name!r} must return a tensor with one number a sample, "
                f"got {type(terms).__name__}"
            )
        return terms

    return penalty


def _real(real, fake, batch):
    return ((real, "real"),)


def _fake(real, fake, batch):
    return ((fake, "fake"),)


def _both(real, fake, batch):
    return ((real, "real"), (fake, "fake"))


def _between(real, fake, batch):
    """a·real + (1−a)·fake, one a ~ U(0, 1) a sample, pairs (i, i) of the batch."""
    return ((torch.lerp(fake, real, batch.mix), "between"),)


POINTS = Table("points", {"real": _real, "fake": _fake, "both": _both, "between": _between})


def _squared(slope):
    return slope


def _towards_one(slope):
    return ((slope + EPS).sqrt() - 1.0).square()


# Each: squared slope -> (|slope| − center)².
CENTERS = Table("center", {"0": _squared, "1": _towards_one})


def _logit(logit):
    return logit


OUTPUTS = Table("output", {"logit": _logit, "probability": torch.sigmoid})


def _even(objective, role, logit):
    return 1.0


def _roth(objective, role, logit):
    return objective.weight[role == "fake"](logit)


WEIGHTS = Table("weighting", {"even": _even, "roth": _roth})


def slope_penalty(where, pull="0", of="logit", weighting="even", factor=1.0):
    """The kernel: factor · Σ_points weight(φ(x)) · (|∇ₓ output(x)| − center)².

    Returns a penalty function; where "both" the two sums are added, as in Roth et al. 2017.
    The weight is differentiated too: nothing is detached.
    """
    choose, towards = POINTS[where], CENTERS[pull]
    squash, weigh = OUTPUTS[of], WEIGHTS[weighting]

    def penalty(critic, real, fake, batch, objective, knobs):
        total = 0.0
        for x, role in choose(real, fake, batch):
            # Real points, and fakes whose generator is not being differentiated, have no graph.
            x = x if x.requires_grad else x.detach().requires_grad_()
            logit = critic(x, role).value
            (slope,) = torch.autograd.grad(squash(logit).sum(), x, create_graph=True)
            squared = slope.square().flatten(logit.dim()).sum(-1)
            total = total + weigh(objective, role, logit) * towards(squared)
        return total if factor == 1.0 else factor * total

    return penalty


def slope_row(where, pull, of, weighting="even", factor=1.0, **words):
    """A `Penalty` of the kernel; what it asks of batch and objective follows from its choices."""
    return Penalty(
        function=slope_penalty(where, pull, of, weighting, factor),
        mix=where == "between",
        factor=factor,
        needs_weight=weighting == "roth",
        where=where,
        pull=pull,
        of=of,
        **words,
    )


_THANH_TUNG = "Thanh-Tung et al. 2019, https://arxiv.org/abs/1902.03984"
_MESCHEDER = "Mescheder et al. 2018, https://arxiv.org/abs/1801.04406"

PENALTIES = Table(
    "penalty",
    {
        "0-gp": slope_row(
            label="0-GP (Thanh-Tung)",
            where="between",
            pull="0",
            of="probability",
            group="Zero-centred",
            doc="The slope of D should be 0 on the lines from real points to fakes.",
            formula="λ E |∇D(x̂)|²,  x̂ = a x + (1−a) y,  D = σ(φ)",
            source=_THANH_TUNG + " (paper: of the probability)",
        ),
        "0-gp-logit": slope_row(
            label="0-GP of the logit",
            where="between",
            pull="0",
            of="logit",
            group="Zero-centred",
            doc="As 0-GP, but of the score before the squashing; it smooths far more.",
            formula="λ E |∇φ(x̂)|²,  x̂ = a x + (1−a) y",
            source=_THANH_TUNG + " (its ImageNet runs)",
        ),
        "0-gp-sample": slope_row(
            label="0-GP-sample (real)",
            where="real",
            pull="0",
            of="probability",
            group="Zero-centred",
            doc="The slope of D should be 0 at the real points only.",
            formula="λ E |∇D(x)|²,  D = σ(φ)",
            source=_THANH_TUNG + ", of the method of " + _MESCHEDER,
        ),
        "r1": slope_row(
            label="R1",
            where="real",
            pull="0",
            of="logit",
            factor=0.5,
            group="Zero-centred",
            doc="The slope of the score should be 0 at the real points; written with γ/2.",
            formula="(γ/2) E |∇φ(x)|²",
            source=_MESCHEDER + " (their code leaves the ½ out: its 10 is γ = 20)",
        ),
        "r2": slope_row(
            label="R2",
            where="fake",
            pull="0",
            of="logit",
            factor=0.5,
            group="Zero-centred",
            doc="The slope of the score should be 0 at the fakes; written with γ/2.",
            formula="(γ/2) E |∇φ(y)|²",
            source=_MESCHEDER,
        ),
        "roth": slope_row(
            label="Roth (Jensen-Shannon)",
            where="both",
            pull="0",
            of="logit",
            weighting="roth",
            factor=0.5,
            group="Zero-centred",
            doc="Slopes count most where the critic errs; to first order, noise on all inputs.",
            formula="(γ/2) E[(1−D(x))²|∇φ(x)|² + D(y)²|∇φ(y)|²]",
            source="Roth et al. 2017, https://arxiv.org/abs/1705.09367, Algorithm 1",
        ),
        "1-gp": slope_row(
            label="1-GP (WGAN-GP)",
            where="between",
            pull="1",
            of="logit",
            group="One-centred",
            doc="The slope of the score should be 1 on the lines from real points to fakes.",
            formula="λ E (|∇φ(x̂)| − 1)²,  x̂ = a x + (1−a) y",
            source="Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028",
        ),
    },
    row=_row,
)
