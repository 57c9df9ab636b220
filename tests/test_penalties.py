"""Penalties: the kernel and every row against loops over samples with `torch.autograd.functional`
on a critic written by hand, closed forms, and derivatives checked twice."""

import itertools
import math

import pytest
import torch

from tests.helpers import mlp_by_hand, normal
from toylab.batches import Batch
from toylab.games import Judge
from toylab.laws import LAWS
from toylab.networks import Output, mlp
from toylab.objectives import OBJECTIVES, played
from toylab.parts import formula
from toylab.penalties import PENALTIES
from toylab.slopes import CENTERS, OUTPUTS, POINTS, WEIGHTS, slope_penalty

WIDTHS = (2, 4, 4, 1)
NETWORK = mlp((2,), width=4, depth=2, activation="tanh")
VECTOR = 0.7 * normal(NETWORK.size, seed=1)
# Whose probability is steeper than 1 somewhere at every kind of points: the last bias is at 80.
LEAN = 2 * VECTOR
LEAN[80] += 2.3
REAL, FAKE = normal(5, 2, seed=2), normal(5, 2, seed=3) + 0.5
MIX = torch.tensor([[0.1], [0.9], [0.4], [0.6], [0.25]], dtype=torch.float64)
AROUND = normal(5, 2, seed=4)
KNOBS = {
    "around": torch.tensor([0.4], dtype=torch.float64),
    "margin": torch.tensor([0.01], dtype=torch.float64),
}
# Dropout of the second look at a real point; the first, and every other point, loses nothing.
MASKS = [normal(5, 4, seed=5 + layer).sign().relu() * 2 for layer in range(2)]
OBJECTIVE = OBJECTIVES["non-saturating"]

EVERY = pytest.mark.parametrize("name", PENALTIES)


def critic_of(vector, network=NETWORK):
    def says(x, role="real"):
        return network.apply(vector, x, MASKS if role == "again" else None)

    return Judge(says, vector)


def of(name, vector=VECTOR, real=REAL, fake=FAKE, mix=MIX):
    """The row's terms, (B,)."""
    batch = asked_for(PENALTIES[name], mix)
    return PENALTIES[name].function(critic_of(vector), real, fake, batch, OBJECTIVE, KNOBS)


def asked_for(row, mix=MIX):
    """A batch with what the row asks for and nothing else."""
    return Batch(mix=mix if row.mix else None, around=AROUND if row.around else None)


def logit_at(point, vector=VECTOR):
    return mlp_by_hand(vector, point[None], WIDTHS)[0, 0]


def slope_at(point, squash, vector=VECTOR):
    """Euclidean length of the slope at one point, by its own Jacobian."""
    jacobian = torch.autograd.functional.jacobian(lambda x: squash(logit_at(x, vector)), point)
    return math.sqrt(sum(float(part) ** 2 for part in jacobian))


def sigmoid(t):
    return 1 / (1 + math.exp(-t))


def plain(t):
    return t


def between(i):
    a = float(MIX[i])
    return a * REAL[i] + (1 - a) * FAKE[i]


def spread():
    """One number for the whole batch, as numpy's points.std()."""
    return float(REAL.numpy().std())


def around(i):
    return REAL[i] + 0.4 * spread() * AROUND[i]


def beside(i):
    uniform = [0.5 * (1 + math.erf(t / math.sqrt(2))) for t in AROUND[i].tolist()]
    step = float(MIX[i]) * 0.4 * spread()
    return REAL[i] + step * torch.tensor(uniform, dtype=torch.float64)


def twice_seen(i):
    """CT as implemented: squared difference of the scores and of the last layer's mean."""
    scores, hidden = [], []
    for masks in (None, [mask[i : i + 1] for mask in MASKS]):
        scores.append(float(mlp_by_hand(VECTOR, REAL[i][None], WIDTHS, masks=masks)))
        hidden.append(NETWORK.apply(VECTOR, REAL[i][None], masks).hidden)
    apart = float((hidden[0] - hidden[1]).square().mean())
    return max(0.0, (scores[0] - scores[1]) ** 2 + 0.1 * apart - 0.01)


def neighbours(i):
    """CT's eq. 4, the last real point beside the first."""
    one, other = REAL[i], REAL[(i + 1) % 5]
    climb = abs(float(logit_at(one)) - float(logit_at(other)))
    return max(0.0, climb / math.dist(one.tolist(), other.tolist()) - 0.01)


# name -> term of sample i, from experiments.md §0.
ORACLES = {
    "0-gp": lambda i: slope_at(between(i), torch.sigmoid) ** 2,
    "0-gp-logit": lambda i: slope_at(between(i), plain) ** 2,
    "0-gp-sample": lambda i: slope_at(REAL[i], torch.sigmoid) ** 2,
    "r1": lambda i: slope_at(REAL[i], plain) ** 2 / 2,
    "r2": lambda i: slope_at(FAKE[i], plain) ** 2 / 2,
    "roth": lambda i: (
        (
            (1 - sigmoid(logit_at(REAL[i]))) ** 2 * slope_at(REAL[i], plain) ** 2
            + sigmoid(logit_at(FAKE[i])) ** 2 * slope_at(FAKE[i], plain) ** 2
        )
        / 2
    ),
    "1-gp": lambda i: (slope_at(between(i), plain) - 1) ** 2,
    "0-gp-sample-fake": lambda i: slope_at(FAKE[i], torch.sigmoid) ** 2,
    "0-gp-sample-both": lambda i: (
        slope_at(REAL[i], torch.sigmoid) ** 2 + slope_at(FAKE[i], torch.sigmoid) ** 2
    ),
    "r1-code": lambda i: slope_at(REAL[i], plain) ** 2,
    "r2-code": lambda i: slope_at(FAKE[i], plain) ** 2,
    "roth-f": lambda i: sigmoid(logit_at(FAKE[i])) * slope_at(FAKE[i], plain) ** 2 / 2,
    "lp": lambda i: max(0.0, slope_at(between(i), plain) - 1) ** 2,
    "dragan": lambda i: (slope_at(around(i), plain) - 1) ** 2,
    "dragan-code": lambda i: (slope_at(beside(i), plain) - 1) ** 2,
    "ct": twice_seen,
    "ct-ratio": neighbours,
    "l2": lambda i: float((VECTOR**2).sum()) / 2,
}
# Affine critic φ = a·x + b, |a|² = s: (φ(x), φ(y), φ(x̂)) -> the term.
CLOSED = {
    "0-gp": lambda s, x, y, m: (sigmoid(m) * sigmoid(-m)) ** 2 * s,
    "0-gp-logit": lambda s, x, y, m: s,
    "0-gp-sample": lambda s, x, y, m: (sigmoid(x) * sigmoid(-x)) ** 2 * s,
    "r1": lambda s, x, y, m: s / 2,
    "r2": lambda s, x, y, m: s / 2,
    "roth": lambda s, x, y, m: s / 2 * (sigmoid(-x) ** 2 + sigmoid(y) ** 2),
    "1-gp": lambda s, x, y, m: (math.sqrt(s) - 1) ** 2,
    "0-gp-sample-fake": lambda s, x, y, m: (sigmoid(y) * sigmoid(-y)) ** 2 * s,
    "0-gp-sample-both": lambda s, x, y, m: (
        ((sigmoid(x) * sigmoid(-x)) ** 2 + (sigmoid(y) * sigmoid(-y)) ** 2) * s
    ),
    "r1-code": lambda s, x, y, m: s,
    "r2-code": lambda s, x, y, m: s,
    "roth-f": lambda s, x, y, m: s / 2 * sigmoid(y),
    "lp": lambda s, x, y, m: (math.sqrt(s) - 1) ** 2,
    "dragan": lambda s, x, y, m: (math.sqrt(s) - 1) ** 2,
    "dragan-code": lambda s, x, y, m: (math.sqrt(s) - 1) ** 2,
}
OTHER = ("ct", "ct-ratio", "l2")  # prices on something else than slopes
SLOPES = pytest.mark.parametrize("name", [name for name in PENALTIES if name not in OTHER])
SEES_FAKES = {
    *("0-gp", "0-gp-logit", "r2", "roth", "1-gp", "lp"),
    *("0-gp-sample-fake", "0-gp-sample-both", "r2-code", "roth-f"),
}

# Points of sample i, each with whether it is a fake.
PLACES = {
    "real": lambda i: [(REAL[i], False)],
    "fake": lambda i: [(FAKE[i], True)],
    "both": lambda i: [(REAL[i], False), (FAKE[i], True)],
    "between": lambda i: [(between(i), False)],
    "around": lambda i: [(around(i), False)],
    "beside": lambda i: [(beside(i), False)],
}
SQUASH = {"logit": plain, "probability": torch.sigmoid}


def price(slope, center):
    off = slope - (center != "0")
    return (max(0.0, off) if center == "≤1" else off) ** 2


def read(name):
    """(points, center, output) as a custom row's name says them: 1-gp-real-logit."""
    for start, center in (("0-gp", "0"), ("1-gp", "1"), ("lp", "≤1")):
        if name.startswith(start):
            *points, output = name.removeprefix(f"{start}-").split("-")
            return (*points, "between")[0], center, output
    raise AssertionError(name)


def vector_of(name):
    """A critic at which the row costs something."""
    return LEAN if name.startswith("lp") and name.endswith("probability") else VECTOR


CUSTOMS = [name for name in PENALTIES if name not in PENALTIES.written()]
for custom in CUSTOMS:
    points, center, output = read(custom)
    ORACLES[custom] = lambda i, name=custom, points=points, center=center, output=output: sum(
        price(slope_at(x, SQUASH[output], vector_of(name)), center) for x, _ in PLACES[points](i)
    )
    if points in ("fake", "both", "between"):
        SEES_FAKES.add(custom)


def test_every_row_has_both_oracles():
    assert set(ORACLES) == {*CLOSED, *OTHER, *CUSTOMS} == set(PENALTIES)
    assert {name for name, row in PENALTIES.items() if not row.where} == set(OTHER)


def test_every_combination_of_the_kernel_is_a_member_and_has_one_name():
    """Two rows have the same three choices only where a factor or a weight tells them apart."""
    members = {}
    for name, row in PENALTIES.items():
        if row.where and not row.needs:
            members.setdefault((row.where, row.pull, row.of), []).append(name)
    assert set(members) == set(itertools.product(POINTS, CENTERS, OUTPUTS))
    twice = [names for names in members.values() if len(names) > 1]
    assert twice == [["r1", "r1-code"], ["r2", "r2-code"]]
    for name in CUSTOMS:
        row = PENALTIES[name]
        assert read(name) == (row.where, row.pull, row.of)


@pytest.mark.parametrize("name", [n for n in PENALTIES if n not in OTHER and n not in CUSTOMS])
def test_a_custom_equation_is_written_as_the_papers_are(name):
    """What writes the equations of custom rows writes those of the named ones as they stand."""
    row = PENALTIES[name]
    if row.factor == 1.0 and not row.needs:
        assert formula(row.where, row.pull, row.of) == row.formula


@EVERY
def test_row_against_a_loop_over_samples(name):
    expected = torch.tensor([ORACLES[name](i) for i in range(5)], dtype=torch.float64)
    assert expected.any()
    torch.testing.assert_close(of(name, vector_of(name)), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "points, center, output, weighting",
    list(itertools.product(POINTS, CENTERS, OUTPUTS, WEIGHTS)),
)
def test_every_combination_of_the_kernel(points, center, output, weighting):
    made = slope_penalty(points, center, output, weighting, factor=0.25)

    def term(x, fake):
        logit = float(logit_at(x))
        roth = (sigmoid(logit) if fake else sigmoid(-logit)) ** 2
        weight = {"even": 1, "roth": roth, "curved": sigmoid(logit)}[weighting]
        return weight * price(slope_at(x, SQUASH[output]), center)

    sums = [sum(term(x, fake) for x, fake in PLACES[points](i)) for i in range(5)]
    expected = 0.25 * torch.tensor(sums, dtype=torch.float64)
    batch = Batch(mix=MIX, around=AROUND)
    found = made(critic_of(VECTOR), REAL, FAKE, batch, OBJECTIVE, KNOBS)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)


@SLOPES
def test_affine_critic_closed_form(name):
    critic = mlp((2,), depth=0)
    vector = torch.zeros(critic.size, dtype=torch.float64)
    vector[:2], vector[16] = torch.tensor([0.6, -1.1], dtype=torch.float64), 0.3
    s = 0.6**2 + 1.1**2
    row = PENALTIES[name]
    judge = Judge(lambda x, role: critic.apply(vector, x), vector)
    found = row.function(judge, REAL, FAKE, asked_for(row), OBJECTIVE, KNOBS)

    def phi(p):
        return float(0.6 * p[0] - 1.1 * p[1] + 0.3)

    def closed(i):
        if name in CLOSED:
            return CLOSED[name](s, *map(phi, (REAL[i], FAKE[i], between(i))))
        rates = {"logit": lambda t: 1.0, "probability": lambda t: sigmoid(t) * sigmoid(-t)}
        points, center, output = read(name)
        return sum(
            price(math.sqrt(s) * rates[output](phi(x)), center) for x, _ in PLACES[points](i)
        )

    for i in range(5):
        assert found[i].item() == pytest.approx(closed(i), rel=1e-9)


@EVERY
def test_printed_factor_is_the_one_in_the_term(name):
    """½ exactly where the paper prints γ/2: the row over the same sum without a factor."""
    row = PENALTIES[name]
    assert row.factor == (0.5 if name in ("r1", "r2", "roth", "roth-f", "l2") else 1.0)
    assert ("/2" in row.formula) == (row.factor == 0.5)
    assert row.mix == ("x̂" in row.formula)
    squashed = name.endswith("probability") if name in CUSTOMS else "0-gp" in name
    assert ("∇D" in row.formula) == (squashed and "logit" not in name)
    assert ("ξ" in row.formula or "u ~" in row.formula) == row.around


@SLOPES
def test_a_row_names_the_points_center_and_output_of_its_function(name):
    """What the page shows as Where, Pull to and Of is what is charged."""
    row = PENALTIES[name]
    weighting = {"": "even", "weight": "roth", "curvature": "curved"}[row.needs]
    named = slope_penalty(row.where, row.pull, row.of, weighting, row.factor)
    batch = Batch(mix=MIX, around=AROUND)
    found = named(critic_of(VECTOR), REAL, FAKE, batch, OBJECTIVE, KNOBS)
    torch.testing.assert_close(found, of(name), rtol=0, atol=0)


@EVERY
@pytest.mark.parametrize("law", LAWS["penalty"])
def test_every_law_holds(name, law):
    """What a user's own penalty is held to as well."""
    assert not LAWS["penalty"][law](PENALTIES[name])


@EVERY
def test_nothing_is_detached(name):
    """Through the fakes the penalty reaches the generator's vector, where it looks at fakes."""
    fake = FAKE.clone().requires_grad_()
    terms = of(name, vector_of(name).clone().requires_grad_(), fake=fake)
    (slope,) = torch.autograd.grad(terms.sum(), fake, allow_unused=True)
    assert (slope is not None) == (name in SEES_FAKES)
    if slope is not None:  # wherever there is a price; a one-sided one may be 0
        moves, paid = slope.abs().sum(-1) > 1e-6, terms > 0
        assert moves.any() and paid[moves].all()
        if not name.startswith("lp-both"):  # where a real point may be all that is paid for
            assert (moves == paid).all()


@SLOPES
def test_derivative_is_finite_where_the_slope_vanishes(name):
    """Critic's weights 0: centre 0 rests there (derivative exactly 0), centre 1 has no NaN."""
    vector = torch.zeros_like(VECTOR).requires_grad_()
    terms = of(name, vector)
    (slope,) = torch.autograd.grad(terms.sum(), vector)
    if PENALTIES[name].pull == "1":
        count = 2.0 if PENALTIES[name].where == "both" else 1.0
        torch.testing.assert_close(terms, torch.full_like(terms, count), rtol=0, atol=1e-5)
        assert torch.isfinite(slope).all()
    else:
        assert (terms == 0).all() and (slope == 0).all()


@EVERY
def test_points_of_any_shape_are_summed_over_all_their_numbers(name):
    """Images as 1×1×2 have the slope of the same two numbers in a row."""
    network = mlp((1, 1, 2), width=4, depth=2, activation="tanh")
    row = PENALTIES[name]
    flat = asked_for(row)
    batch = Batch(
        mix=flat.mix.view(5, 1, 1, 1) if row.mix else None,
        around=flat.around.view(5, 1, 1, 2) if row.around else None,
    )
    images = [points.view(5, 1, 1, 2) for points in (REAL, FAKE)]
    found = row.function(critic_of(VECTOR, network), *images, batch, OBJECTIVE, KNOBS)
    torch.testing.assert_close(found, of(name), rtol=1e-12, atol=1e-14)


def test_roth_uses_the_objective_s_weights():
    """The penalty sees the objective: other weights give another penalty."""
    twice = OBJECTIVE._replace(weight=tuple((lambda t, w=w: 2 * w(t)) for w in OBJECTIVE.weight))
    row = PENALTIES["roth"]
    found = row.function(critic_of(VECTOR), REAL, FAKE, Batch(), twice, {})
    torch.testing.assert_close(found, 2 * of("roth"))
    assert {name: row.needs for name, row in PENALTIES.items() if row.needs} == {
        "roth": "weight",
        "roth-f": "curvature",
    }


@pytest.mark.parametrize(
    "name, logit", [(n, way) for n, row in OBJECTIVES.items() for way in row.readings]
)
def test_roth_for_every_f_divergence(name, logit):
    """Eq. 19: ½ E_Q f*''(T)|∇T|², T by autograd from the critic's number, f*'' from f*(T)."""
    objective = played(OBJECTIVES[name], logit=logit)
    if objective.curvature is None:
        assert "f*'' = 0" in objective.unweighted
        return
    found = PENALTIES["roth-f"].function(critic_of(VECTOR), REAL, FAKE, Batch(), objective, {})
    read = objective.readings[logit]
    for i in range(5):
        v = logit_at(FAKE[i]).detach().requires_grad_()
        (slope,) = torch.autograd.grad(read.statistic(v, {}), v, create_graph=True)
        (rise,) = torch.autograd.grad(read.conjugate(v, {}), v, create_graph=True)
        (bend,) = torch.autograd.grad(rise / slope, v)  # d f*'(T)/dv = f*''(T)·dT/dv
        rate = float(slope.detach())
        expected = float(bend) / rate * (rate * slope_at(FAKE[i], plain)) ** 2 / 2
        assert found[i].item() == pytest.approx(expected, rel=1e-9)


def test_without_dropout_two_passes_agree_and_a_margin_lets_differences_pass():
    critic = Judge(lambda x, role: NETWORK.apply(VECTOR, x), VECTOR)
    knobs = {"margin": torch.zeros(1, dtype=torch.float64)}
    row = PENALTIES["ct"]
    assert (row.function(critic, REAL, FAKE, Batch(), OBJECTIVE, knobs) == 0).all()
    for name in ("ct", "ct-ratio"):
        function = PENALTIES[name].function
        free = function(critic_of(VECTOR), REAL, FAKE, Batch(), OBJECTIVE, knobs)
        margin = {"margin": free.median().unsqueeze(0)}
        held = function(critic_of(VECTOR), REAL, FAKE, Batch(), OBJECTIVE, margin)
        torch.testing.assert_close(held, (free - free.median()).relu())
        assert (held == 0).sum() == 3


def test_two_equal_real_points_cost_nothing_and_leave_a_finite_derivative():
    """A finite set may bring one point twice in a row: the denominator has its ε."""
    vector, real = VECTOR.clone().requires_grad_(), REAL[[0, 0, 1]]
    row = PENALTIES["ct-ratio"]
    terms = row.function(critic_of(vector), real, FAKE[:3], Batch(), OBJECTIVE, KNOBS)
    (slope,) = torch.autograd.grad(terms.sum(), vector)
    assert terms[0] == 0 and slope.isfinite().all()


@EVERY
def test_the_critic_is_told_which_points_it_sees(name):
    """Dropout masks belong to real, fake and in-between points; a penalty must name them."""
    roles = []

    def critic(x, role="real"):
        roles.append(role)
        return Output(mlp_by_hand(VECTOR, x, WIDTHS).squeeze(-1), x)

    row = PENALTIES[name]
    row.function(Judge(critic, VECTOR), REAL, FAKE, asked_for(row), OBJECTIVE, KNOBS)
    expected = {"ct": ["real", "again"], "ct-ratio": ["real"], "l2": []}
    where = {"both": ["real", "fake"], "beside": ["around"]}
    assert roles == expected.get(name, where.get(row.where, [row.where]))
    assert set(row.roles) == set(roles) - {"real", "fake", "between"}, "masks are drawn for these"
