"""The laws: every row of every table obeys them, and each of them finds the row that does not."""

import pytest
import torch

from toylab.constraints import CONSTRAINTS
from toylab.laws import LAWS, judge
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.own import TABLES
from toylab.penalties import PENALTIES, Penalty
from toylab.rules import RULES
from toylab.tables import Table

ROWS = [
    (field, name, law)
    for field, table in TABLES.items()
    if field != "penalty"  # see test_penalties
    for name in table
    for law in LAWS[field]
]


@pytest.mark.parametrize("field, name, law", ROWS)
def test_every_row_obeys(field, name, law):
    assert not LAWS[field][law](TABLES[field][name])


def penalty(function, row=PENALTIES["r1"], **parts):
    """A row of (critic, real, fake, batch, true), `true` being the terms of R1."""

    def made(critic, real, fake, batch, objective, knobs):
        true = row.function(critic, real, fake, batch, objective, knobs)
        return function(critic, real, fake, batch, true)

    return row._replace(function=made, **parts)


def slope(critic, x):
    """The squared slope at x."""
    x = x.detach().requires_grad_()
    (made,) = torch.autograd.grad(critic(x).value.sum(), x, create_graph=True)
    return made.square().sum(-1)


def marks(critic, real, fake, batch, true):
    real.requires_grad_()
    return true


def by_place(critic, real, fake, batch, true):
    return true * torch.arange(1, true.shape[-1] + 1)


def objective(**losses):
    row = OBJECTIVES["non-saturating"]
    return row._replace(
        **{
            name: lambda r, f, k, name=name, made=made: made(r, f, getattr(row, name)(r, f, k))
            for name, made in losses.items()
        }
    )


def rule(update, true=RULES["momentum"]):
    return true._replace(update=lambda g, v, m, k: update(g, v, m, k, true.update(g, v, m, k)))


def constraint(**parts):
    return CONSTRAINTS["none"]._replace(**parts)


def optimizer(row=OPTIMIZERS["simultaneous"], **parts):
    """The row with parts of what it builds exchanged: {part: true part -> part}."""

    def build(*given):
        true = row.build(*given)
        return true._replace(**{name: made(getattr(true, name)) for name, made in parts.items()})

    return row._replace(build=build)


def in_place(true):
    def step(games, players, memory, knobs):
        moved, memory = true(games, players, memory, knobs)
        for old, new in zip(players, moved, strict=True):
            old.copy_(new)
        return moved, memory

    return step


def shared(true):
    def step(games, players, memory, knobs):
        moved, memory = true(games, players, memory, knobs)
        return type(moved)(*(vector + 0.01 * vector.mean() for vector in moved)), memory

    return step


SEEN = []
BROKEN = {  # (field, law): (a row that breaks it, a word of what is said)
    ("penalty", "pure"): (penalty(lambda c, r, f, b, t: t * torch.rand(())), "second time"),
    ("penalty", "pure "): (penalty(marks), "mark"),
    ("penalty", "finite"): (penalty(lambda c, r, f, b, t: t.sqrt()), "a root needs"),
    ("penalty", "finite "): (penalty(lambda c, r, f, b, t: t[..., :2]), "got (2,)"),
    ("penalty", "finite  "): (penalty(lambda c, r, f, b, t: t.detach()), "leads back"),
    ("penalty", "finite   "): (penalty(lambda c, r, f, b, t: t / 0), "not finite for an ordinary"),
    ("penalty", "sign"): (penalty(lambda c, r, f, b, t: -t), "negative"),
    ("penalty", "per sample"): (penalty(lambda c, r, f, b, t: t * t.mean()), "of sample 1"),
    ("penalty", "per sample "): (penalty(lambda c, r, f, b, t: t.mean().square()), "halves"),
    ("penalty", "derivatives"): (
        penalty(lambda c, r, f, b, t: slope(c, f).detach() * t),
        "detached",
    ),
    ("penalty", "derivatives "): (penalty(lambda c, r, f, b, t: slope(c, f)), "detached"),
    ("penalty", "permutation"): (penalty(by_place), "order"),
    ("penalty", "ensemble"): (penalty(lambda c, r, f, b, t: t.mean()), "members must give"),
    ("penalty", "ensemble "): (
        penalty(lambda c, r, f, b, t: t * t.mean(), together=True),
        "member 0",
    ),
    ("objective", "finite"): (objective(critic=lambda r, f, t: t.exp()), "±100"),
    ("objective", "finite "): (objective(critic=lambda r, f, t: t.mean()), "stack"),
    ("objective", "sign"): (objective(generator=lambda r, f, t: -t), "generator"),
    ("objective", "sign "): (objective(critic=lambda r, f, t: t - 2 * f), "fakes"),
    ("objective", "sign  "): (objective(critic=lambda r, f, t: t + 2 * r), "real"),
    ("objective", "optimum"): (objective(critic=lambda r, f, t: t + 1), "critic pays"),
    ("objective", "derivatives"): (objective(critic=lambda r, f, t: t.detach() * r), "detached"),
    # ½φ² in value and slope, with nothing left for a second derivative.
    ("objective", "derivatives "): (
        objective(critic=lambda r, f, t: t + r * r.detach() - 0.5 * r.detach() ** 2),
        "second derivative",
    ),
    ("objective", "permutation"): (
        objective(critic=lambda r, f, t: t * torch.arange(t.shape[-1])),
        "order",
    ),
    ("objective", "ensemble"): (objective(critic=lambda r, f, t: t + f.mean()), "member 0"),
    ("rule", "pure"): (
        rule(lambda g, v, m, k, t: (SEEN.append(0), (t[0] + len(SEEN), t[1]))[1]),
        "second time",
    ),
    ("rule", "pure "): (rule(lambda g, v, m, k, t: (t[0], (m[0].add_(1),))), "in place"),
    ("rule", "finite"): (rule(lambda g, v, m, k, t: (v - g / g.norm(), m)), "gradient of 0"),
    ("rule", "finite "): (rule(lambda g, v, m, k, t: (t[0][:2], m)), "(2,)"),
    ("rule", "descent"): (rule(lambda g, v, m, k, t: (v + k["rate"] * g, m)), "|x|"),
    ("rule", "ensemble"): (rule(lambda g, v, m, k, t: (v - g / g.norm(), m)), "member 0"),
    ("constraint", "finite"): (constraint(project=lambda v, k: v / v.norm()), "finite"),
    ("constraint", "once"): (constraint(project=lambda v, k: v / 2), "again"),
    ("constraint", "derivatives"): (
        constraint(effective=lambda v, m: (v.detach(), m)),
        "detached",
    ),
    ("constraint", "derivatives "): (constraint(effective=lambda v, m: (0 * v, m)), "is 0"),
    ("constraint", "pure"): (constraint(project=lambda v, k: v.clamp_(-1, 1)), "in place"),
    ("constraint", "ensemble"): (
        constraint(project=lambda v, k: v / v.norm().clamp_min(1)),
        "member",
    ),
    ("optimizer", "draws"): (optimizer(draws=lambda true: ("judge",)), "judge"),
    ("optimizer", "pure"): (optimizer(step=in_place), "in place"),
    ("optimizer", "descent"): (
        optimizer(step=lambda true: lambda games, players, memory, knobs: (players, memory)),
        "1.41",
    ),
    ("optimizer", "ensemble"): (optimizer(step=shared), "member"),
}


@pytest.mark.parametrize("field, law", BROKEN, ids=str.strip)
def test_a_row_that_breaks_a_law_is_told_so(field, law):
    row, word = BROKEN[field, law]
    assert word in judge(field, row)[law.strip()]


def test_every_law_has_a_row_that_breaks_it():
    broken = {(field, law.strip()) for field, law in BROKEN}
    assert broken == {(field, law) for field in LAWS for law in LAWS[field]}


def test_a_declared_mean_obeys_and_what_a_row_raises_is_told():
    mean = penalty(lambda critic, real, fake, batch, true: true.mean())
    assert [law for law, why in judge("penalty", mean).items() if why] == ["ensemble"]
    failing = penalty(lambda critic, real, fake, batch, true: 1 / 0)
    assert set(judge("penalty", failing).values()) == {"ZeroDivisionError: division by zero"}
    assert set(judge("penalty", failing, lambda error: "mine.py, line 3").values()) == {
        "mine.py, line 3"
    }


def test_a_declared_scale_of_the_whole_batch_is_no_broken_law():
    row = penalty(lambda critic, real, fake, batch, true: true * true.mean(-1, keepdim=True))
    assert "sample 0" in LAWS["penalty"]["per sample"](row)
    assert not any(judge("penalty", row._replace(together=True)).values())


def test_plain_functions_become_rows():
    """Four, five or six arguments; sentence and equation from the docstring."""
    given = {}

    def four(critic, real, fake, batch):
        """One sentence.

        Equation: λ E |∇φ|²,
            of something

        More.
        """
        given["four"] = (critic, real, fake, batch)
        return torch.zeros(2)

    def five(critic, real, fake, batch, objective, strength=3):
        given["five"] = (objective, strength)
        return torch.zeros(2)

    def six(*everything):
        given["six"] = everything
        return torch.zeros(2)

    try:
        for function in (four, five, six):
            PENALTIES[function.__name__] = function
            PENALTIES[function.__name__].function(*"crfbok")
        row = PENALTIES["four"]
        assert isinstance(row, Penalty) and row.mix and row.group == "Yours"
        assert (row.label, row.doc) == ("four", "One sentence.")
        assert row.formula == "λ E |∇φ|², of something"
        assert PENALTIES["five"].doc and not PENALTIES["five"].formula
        assert given == {"four": tuple("crfb"), "five": ("o", 3), "six": tuple("crfbok")}
    finally:
        for name in ("four", "five", "six"):
            PENALTIES.pop(name, None)


@pytest.mark.parametrize(
    "table, name, value, said",
    [
        (PENALTIES, "none", lambda a, b, c, d: a, "no penalty"),
        (PENALTIES, "mine", 3, "got int"),
        (PENALTIES, "mine", lambda critic, real: real, "(critic, real, fake, batch)"),
        (OBJECTIVES, "mine", lambda real, fake, knobs: fake, "Objective(label"),
        (RULES, "mine", CONSTRAINTS["none"], "got Constraint"),
        (OPTIMIZERS, "mine", None, "got NoneType"),
        (CONSTRAINTS, "mine", {}, "got dict"),
    ],
)
def test_what_cannot_be_a_row_is_refused_in_words(table, name, value, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        table[name] = value
    assert said in str(caught.value) and name not in table


def test_rows_that_follow_are_told_from_those_that_are_written_down():
    """A user's row counts as written even where its name was one that follows."""
    made = Table("number", {"one": 1}, more=lambda rows: {"one-doubled": 2 * rows["one"]})
    assert dict(made) == {"one": 1, "one-doubled": 2} and made.written() == {"one": 1}
    made["one-doubled"] = 5
    made["three"] = 3
    assert made.written() == {"one": 1, "one-doubled": 5, "three": 3}


def test_a_penalty_that_returns_no_tensor_is_told_so():
    PENALTIES["mine"] = lambda critic, real, fake, batch: None
    try:
        with pytest.raises(TypeError, match="'mine' must return a tensor.*NoneType"):
            PENALTIES["mine"].function(*"crfbok")
    finally:
        del PENALTIES["mine"]
