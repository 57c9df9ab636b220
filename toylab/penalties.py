"""Penalties: what is added to a player's loss, as one table.

A penalty is ``(critic, real, fake, batch, objective, knobs) -> (..., B)``, unweighted: its weight
and its interval belong to the game. Prices on slopes are rows of one kernel (`toylab.slopes`); a
row chooses its points, center and output, and Roth's regulariser a weight. Every other combination
is a row too (`toylab.parts`).
"""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab.consistency import consistency, lipschitz, squared_numbers
from toylab.parts import unnamed
from toylab.slopes import slope_penalty
from toylab.tables import Table, full

NUMBERS = ("margin", "around")  # live ones that only some penalties read
SLOTS = ("penalty", "penalty_2", "penalty_3")  # an experiment's fields: several at once


class Penalty(NamedTuple):
    """One row; `function` as above, `mix` says whether the batch must bring interpolation weights.

    `factor` multiplies the term where a paper prints ½; the page shows it beside the weight.
    `together` declares that a sample's term may depend on the other samples of its batch,
    `ordered` that it is compared with its neighbour, so that their order counts. `where`, `pull`
    and `of` name the kernel's points, center and output; "" where another function is at work.
    `knobs` names the live numbers that it reads, `generator` says whether a generator that pays it
    too has anything to gain by moving.
    """

    label: str
    function: Callable
    mix: bool
    factor: float
    needs: str  # "weight" or "curvature": which of Roth's weights the objective must have
    group: str
    doc: str
    formula: str
    source: str
    together: bool = False
    where: str = ""
    pull: str = ""
    of: str = ""
    around: bool = False  # whether the batch must bring normal noise like its real points
    roles: tuple = ()  # dropout masks beyond those of real, fake and interpolated points
    ordered: bool = False
    knobs: tuple = ()
    generator: bool = True


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
        needs="",
        group="Yours",
        doc=doc,
        formula=" ".join(formula.split()),
        source="",
        knobs=NUMBERS,  # it is given all of them
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


def slope_row(where, pull, of, weighting="even", factor=1.0, **words):
    """A `Penalty` of the kernel; what it asks of batch and objective follows from its choices."""
    return Penalty(
        function=slope_penalty(where, pull, of, weighting, factor),
        mix=where in ("between", "beside"),
        factor=factor,
        needs={"even": "", "roth": "weight", "curved": "curvature"}[weighting],
        together=where in ("around", "beside"),
        where=where,
        pull=pull,
        of=of,
        around=where in ("around", "beside"),
        roles=("around",) if where in ("around", "beside") else (),
        knobs=("around",) if where in ("around", "beside") else (),
        generator=where in ("fake", "both", "between"),
        **words,
    )


def _customs(rows):
    """The kernel's combinations that none of these rows is, so that every one has one name."""
    taken = {(row.where, row.pull, row.of) for row in rows.values() if not row.needs}
    return {name: slope_row(**told) for name, told in unnamed(taken).items()}


_THANH_TUNG = "Thanh-Tung et al. 2019, https://arxiv.org/abs/1902.03984"
_MESCHEDER = "Mescheder et al. 2018, https://arxiv.org/abs/1801.04406"
_ROTH = "Roth et al. 2017, https://arxiv.org/abs/1705.09367"
_KODALI = "Kodali et al. 2017, https://arxiv.org/abs/1705.07215"
_WEI = "Wei et al. 2018, https://arxiv.org/abs/1803.01541"

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
        "0-gp-sample-fake": slope_row(
            label="0-GP-sample (fake)",
            where="fake",
            pull="0",
            of="probability",
            group="Zero-centred",
            doc="The slope of D should be 0 at the fakes only.",
            formula="λ E |∇D(y)|²,  D = σ(φ)",
            source=_THANH_TUNG + " (their code's alpha = 0)",
        ),
        "0-gp-sample-both": slope_row(
            label="0-GP-sample (real and fake)",
            where="both",
            pull="0",
            of="probability",
            group="Zero-centred",
            doc="The slope of D should be 0 at the real points and at the fakes.",
            formula="λ E[|∇D(x)|² + |∇D(y)|²],  D = σ(φ)",
            source=_THANH_TUNG + " (caption of figure 1; their code has one of the two)",
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
        "r1-code": slope_row(
            label="R1, the code's factor",
            where="real",
            pull="0",
            of="logit",
            group="Zero-centred",
            doc="R1 as its authors' code has it, without the ½: weight 10 here is γ = 20 there.",
            formula="λ E |∇φ(x)|²",
            source=_MESCHEDER + ", their code (reg_param)",
        ),
        "r2-code": slope_row(
            label="R2, the code's factor",
            where="fake",
            pull="0",
            of="logit",
            group="Zero-centred",
            doc="R2 as its authors' code has it, without the ½.",
            formula="λ E |∇φ(y)|²",
            source=_MESCHEDER + ", their code (reg_param)",
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
            source=_ROTH + ", Algorithm 1 and eq. 20",
        ),
        "roth-f": slope_row(
            label="Roth (f-divergence)",
            where="fake",
            pull="0",
            of="logit",
            weighting="curved",
            factor=0.5,
            group="Zero-centred",
            doc="What noise costs the divergence, with its own weight at the fakes alone.",
            formula="(γ/2) E w(ℓ(y)) |∇ℓ(y)|²,  w = e^2ℓ f''(e^ℓ)",
            source=_ROTH + ", eq. 19",
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
        "lp": slope_row(
            label="LP (one-sided)",
            where="between",
            pull="≤1",
            of="logit",
            group="One-centred",
            doc="The slope of the score should be at most 1 on those lines; less costs nothing.",
            formula="λ E max(0, |∇φ(x̂)| − 1)²,  x̂ = a x + (1−a) y",
            source="Petzka et al. 2018, https://arxiv.org/abs/1709.08894",
        ),
        "dragan": slope_row(
            label="DRAGAN",
            where="around",
            pull="1",
            of="logit",
            group="One-centred",
            doc="The slope of the score should be 1 around the real points, c standard deviations "
            "of the batch away.",
            formula="λ E (|∇φ(x + c s ξ)| − 1)²,  ξ ~ N(0, I),  s = std of the batch",
            source=_KODALI,
        ),
        "dragan-code": slope_row(
            label="DRAGAN, the code's points",
            where="beside",
            pull="1",
            of="logit",
            group="One-centred",
            doc="DRAGAN as its authors' code has it: towards a point moved up in every number.",
            formula="λ E (|∇φ(x̂)| − 1)²,  x̂ = x + a c s u,  u ~ U[0, 1]ᵈ",
            source=_KODALI + ", their code (c = ½)",
        ),
        "ct": Penalty(
            label="CT (dropout)",
            function=consistency,
            mix=False,
            factor=1.0,
            needs="",
            group="Other",
            doc="Two dropout passes at a real point should agree, in score and last layer.",
            formula="λ E max(0, (φ(x′) − φ(x″))² + 0.1 mean(h(x′) − h(x″))² − M′)",
            source=_WEI + ", their code (λ = 2; its M is λ M′)",
            roles=("again",),
            knobs=("margin",),
            generator=False,
        ),
        "ct-ratio": Penalty(
            label="CT (two real points)",
            function=lipschitz,
            mix=False,
            factor=1.0,
            needs="",
            group="Other",
            doc="Between neighbours in the batch the score should not climb faster than M′.",
            formula="λ E max(0, |φ(x₁) − φ(x₂)| / |x₁ − x₂| − M′)",
            source=_WEI + ", eq. 4 of the version under review",
            together=True,
            ordered=True,
            knobs=("margin",),
            generator=False,
        ),
        "l2": Penalty(
            label="L2 on the numbers",
            function=squared_numbers,
            mix=False,
            factor=0.5,
            needs="",
            group="Other",
            doc="Large numbers in the network that pays cost; γ is what is called weight decay.",
            formula="(γ/2) |θ|²",
            source="Krogh and Hertz 1991; Schäfer et al. 2020, https://arxiv.org/abs/1910.05852",
        ),
    },
    row=_row,
    more=_customs,
)
