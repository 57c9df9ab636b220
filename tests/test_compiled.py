"""A compiled step is the plain one; nothing is compiled twice; what cannot be runs plainly.

The default suite has a handful of structures; `-m long` covers every pair of rows of the tables.
"""

import itertools
import logging
import random
import subprocess
import sys

import pytest
import torch

from tests.helpers import assert_near
from toylab import ahead, artefacts, compiled, native
from toylab.compiled import Compiled
from toylab.constraints import CONSTRAINTS
from toylab.experiment import Experiment
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.schedules import linear
from toylab.states import flatten
from toylab.structure import NUMBERS
from toylab.trainer import Setup, train

TINY = {
    **{f"{who}_width": 8 for who in ("generator", "critic")},
    **{f"{who}_depth": 1 for who in ("generator", "critic")},
    **{"batch": 6, "solver_steps": 2, "unroll": 2},
}
FACTORS = {
    "optimizer": list(OPTIMIZERS),
    "objective": list(OBJECTIVES),
    "penalty": ["none", *PENALTIES.written()],
    "constraint": list(CONSTRAINTS),
    "members": [0, 3],
}
FEW = [
    {"penalty": "0-gp", "penalty_interval": 2},
    {"optimizer": "cgd-zero-sum", "penalty": "r1", "members": 3},
    {"constraint": "spectral-norm", "noise": 0.1, "critic_dropout": 0.2},
    {"optimizer": "consensus", "penalty": "roth", "constraint": "clip", "gradient_clip": 1.0},
]
DOZEN = [
    *FEW,
    {"optimizer": "extragradient", "penalty": "1-gp", "objective": "wasserstein"},
    {"optimizer": "acgd", "penalty": "0-gp"},
    {"optimizer": "acgd-general", "members": 3},
    {"optimizer": "unrolled", "rule": "rmsprop", "penalty": "ct"},
    {"optimizer": "past", "rule": "optimistic-adam", "penalty": "dragan"},
    {"critic_steps": 3, "first": "generator", "rule": "lookahead", "members": 3},
    {"moves": "critic", "penalty": "lp", "constraint": "clip-before"},
    {"optimizer": "symplectic", "penalty": "r1", "penalty_2": "r2", "penalised": "both"},
]


def allowed(row):
    return not Experiment(**TINY, **row).conflicts()


def covering(factors, seed=0):
    """Rows in which every allowed pair of two factors' values occurs; the same ones every time."""
    draw = random.Random(seed)
    names = list(factors)
    open_pairs = {
        pair
        for one, other in itertools.combinations(names, 2)
        for pair in itertools.product(
            ((one, value) for value in factors[one]), ((other, value) for value in factors[other])
        )
        if allowed(dict(pair))
    }
    rows = []
    while open_pairs:
        row = dict(min(open_pairs, key=repr))
        for name in names:
            if name in row:
                continue
            values = list(factors[name])
            draw.shuffle(values)
            gain = {value: _news(row, (name, value), open_pairs) for value in values}
            fitting = sorted(values, key=gain.get, reverse=True)
            row[name] = next(value for value in fitting if allowed({**row, name: value}))
        rows.append(row)
        ordered = sorted(row.items(), key=_order)
        open_pairs -= set(itertools.combinations(ordered, 2))
    return rows


def _news(row, new, open_pairs):
    """How many open pairs a row gets with one value more."""
    return sum(tuple(sorted((new, old), key=_order)) in open_pairs for old in row.items())


def _order(pair):
    return list(FACTORS).index(pair[0])


def worst(one, other):
    """The largest difference of two states, relative to numbers above 1."""
    one, other = flatten(one), flatten(other)
    assert one.keys() == other.keys()
    return max(
        float(((one[name] - other[name]).abs() / other[name].abs().clamp_min(1)).max())
        for name in one
        if one[name].numel()
    )


def both(settings, backend, steps, dtype=torch.float64, sizes=TINY):
    """(compiled, plain) states after that many steps, and the compiled setup."""
    how = {"dtype": dtype, "backend": backend, "strict": True}
    setup = Setup(Experiment(**{**sizes, **settings}), **how)
    *_, ours = train(setup.experiment, steps=steps, setup=setup)
    *_, plain = train(Experiment(**{**sizes, **settings}), steps=steps, dtype=dtype)
    return ours, plain, setup


def words(row):
    return "-".join(str(value) for value in row.values())


@pytest.mark.parametrize("row", FEW, ids=words)
def test_a_compiled_step_is_the_plain_one(row):
    ours, plain, setup = both(row, "aot_eager", 4)
    assert worst(ours, plain) < 1e-12
    assert setup.compiled.route == "aot_eager"


def interpreted(step, tensors, count, key=None):
    """The route that builds native code, up to there: the rewritten graph, run in Python."""
    traced = ahead.trace(step, tensors)
    return native.runner(lambda read: traced.graph(*read), traced.reads, traced.plan)


@pytest.mark.parametrize("row", [*FEW[:2], {"moves": "critic", "critic_steps": 2}], ids=words)
def test_the_rewritten_graph_is_the_step(row, monkeypatch):
    """Thin products written out, biases added by themselves, unread inputs left out."""
    monkeypatch.setitem(compiled.ROUTES, "auto", interpreted)
    ours, plain, _ = both({"critic_depth": 2, **row}, "auto", 3)
    assert worst(ours, plain) < 1e-12


def test_each_number_stays_the_one_that_it_was(monkeypatch):
    """Numbers that begin to move, and stand still again, are those that the graph has them for."""
    monkeypatch.setitem(compiled.ROUTES, "auto", interpreted)
    changes = [
        (2, {"penalty_weight": linear(1, 5, 9), "noise": linear(0.1, 0.5, 9)}),
        (4, {"rate_critic": linear(1e-2, 1e-3, 9), "noise": 0.3}),
        (6, {"penalty_weight": 3.0}),
    ]
    found = []
    for backend in ("auto", "plain"):
        experiment = Experiment(**TINY, penalty="0-gp", noise=0.2)
        setup = Setup(experiment, dtype=torch.float64, backend=backend, strict=True)
        *_, state = train(experiment, steps=8, changes=changes, setup=setup)
        found.append(state)
    assert worst(*found) < 1e-12


def test_thin_products_are_written_out_and_no_bias_goes_into_a_product():
    tensors = [torch.ones(6, 2), torch.ones(2, 8), torch.ones(8), torch.ones(8, 5), torch.ones(5)]

    def step(x, first, bias, second, other):
        return [torch.addmm(other, torch.addmm(bias, x, first), second)]

    calls = [node.target for node in ahead.trace(step, tensors).graph.graph.nodes]
    assert calls.count(torch.ops.aten.mm.default) == 1  # the 8 × 5 one
    assert torch.ops.aten.addmm.default not in calls


def test_the_faster_library_multiplies_what_is_large(monkeypatch):
    """oneDNN where it is measured to be faster, and only for large float32 products."""
    asked = []

    def faster(*sizes):
        asked.append(sizes)
        return sizes[3] == (True, False)

    monkeypatch.setattr(ahead, "faster", faster)
    x, y = torch.randn(128, 128), torch.randn(128, 64)

    def step(x, y):
        return [x @ y, x.mT @ y, x[:8] @ y]

    traced = ahead.trace(step, [x, y])
    assert asked == [(128, 128, 64, (False, False)), (128, 128, 64, (True, False))]
    calls = [node.target for node in traced.graph.graph.nodes]
    assert calls.count(torch.ops.toylab.onednn.default) == 1
    for found, right in zip(traced.graph(x, y), step(x, y), strict=True):
        assert_near(found, right, 1e-4)
    ahead.trace(step, [x.double(), y.double()])
    assert len(asked) == 2


@pytest.mark.long
def test_the_other_library_s_products_run_in_an_artefact(monkeypatch):
    monkeypatch.setattr(ahead, "faster", lambda *sizes: True)
    sizes = {**TINY, "generator_width": 128, "critic_width": 128, "batch": 64}
    sizes |= {"critic_depth": 2, "penalty": "r1"}
    ours, plain, _ = both({}, "ahead", 20, torch.float32, sizes)
    assert worst(ours, plain) < 1e-4


@pytest.mark.long
def test_the_covering_set_has_every_pair():
    rows = covering(FACTORS)
    for one, other in itertools.combinations(FACTORS, 2):
        for pair in itertools.product(FACTORS[one], FACTORS[other]):
            row = dict(zip((one, other), pair, strict=True))
            assert not allowed(row) or any(row.items() <= found.items() for found in rows)


@pytest.mark.long
@pytest.mark.parametrize("part", range(8))
def test_every_pair_of_rows_compiles_to_the_plain_step(part):
    for row in covering(FACTORS)[part::8]:
        ours, plain, _ = both(row, "aot_eager", 3)
        assert worst(ours, plain) < 1e-10, row
        torch._dynamo.reset()


@pytest.mark.long
@pytest.mark.parametrize("members", FACTORS["members"])
@pytest.mark.parametrize("name", [name for name in PENALTIES if name not in PENALTIES.written()])
def test_every_custom_penalty_compiles_to_the_plain_step(name, members):
    """They are the named rows' function with other arguments, and not paired with every row."""
    ours, plain, _ = both({"penalty": name, "members": members}, "aot_eager", 3)
    assert worst(ours, plain) < 1e-10
    torch._dynamo.reset()


@pytest.mark.long
@pytest.mark.parametrize("backend", ["inductor", "ahead"])
@pytest.mark.parametrize("row", DOZEN, ids=words)
def test_real_backends_compute_the_plain_step(row, backend):
    ours, plain, setup = both(row, backend, 10)
    assert worst(ours, plain) < 1e-9
    assert setup.compiled.route == backend


@pytest.mark.long
@pytest.mark.parametrize("row", [{"penalty": "0-gp"}, {"penalty": "roth"}, DOZEN[4]], ids=words)
def test_a_hundred_steps_in_float32_agree(row):
    sizes = {**TINY, "generator_width": 64, "critic_width": 64, "batch": 64}
    ours, plain, _ = both(row, "ahead", 100, torch.float32, sizes)
    assert worst(ours, plain) < 1e-4


def other_values(experiment):
    """A different value for each number that is there: halves, where that is allowed."""
    for name in NUMBERS:
        value = getattr(experiment, name)
        if isinstance(value, float) and value:
            yield name, value * 0.75


def test_no_number_schedule_or_count_of_steps_compiles_anything_again():
    settings = {"penalty": "1-gp", "noise": 0.1, "gradient_clip": 5.0, "average": 0.5}
    experiment = Experiment(**TINY, **settings, members=2, solver_tolerance=1e-3)
    setup = Setup(experiment, backend="aot_eager", strict=True)
    states, moved = train(experiment, setup=setup), []
    next(states)
    for name, value in other_values(experiment):
        setattr(experiment, name, value)
        next(states)
        setattr(experiment, name, (value, value * 0.9))
        next(states)
        moved.append(name)
    assert {"rate_critic", "penalty_weight", "noise", "beta1", "average"} <= set(moved)
    experiment.rate_critic = linear(1e-3, 0.0, 500)
    for _ in range(1000):
        state = next(states)
    assert setup.compiled.compilations == 1
    assert setup.compiled.route == "aot_eager" and state.step == 1 + 2 * len(moved) + 1000


def test_each_structure_compiles_once():
    """A penalty every third step: two structures, whatever comes between them."""
    experiment = Experiment(**TINY, penalty="r1", penalty_interval=3)
    setup = Setup(experiment, backend="aot_eager", strict=True)
    list(train(experiment, steps=9, setup=setup))
    assert setup.compiled.compilations == 2
    list(train(experiment, steps=4, setup=setup))  # from the start again
    assert setup.compiled.compilations == 2


def test_states_that_are_held_stay_what_they_were():
    setup = Setup(Experiment(**TINY), backend="aot_eager", strict=True)
    states = train(setup.experiment, setup=setup)
    held = [next(states) for _ in range(3)]
    copies = [{name: tensor.clone() for name, tensor in flatten(s).items()} for s in held]
    for _ in range(5):
        next(states)
    for state, copy in zip(held, copies, strict=True):
        assert all(torch.equal(tensor, copy[name]) for name, tensor in flatten(state).items())


def broken(step, tensors, count, key=None):
    raise RuntimeError("no such thing\nand more")


@pytest.fixture
def without_compiler(monkeypatch):
    monkeypatch.setitem(compiled.ROUTES, "auto", broken)


def test_what_cannot_be_compiled_runs_plainly_with_one_line(without_compiler, caplog):
    experiment = Experiment(**TINY)
    setup = Setup(experiment, backend="auto")
    with caplog.at_level(logging.WARNING):
        *_, ours = train(experiment, steps=3, setup=setup)
    (line,) = caplog.records
    assert line.getMessage() == (
        "the step runs uncompiled: auto failed: RuntimeError: no such thing"
    )
    *_, plain = train(Experiment(**TINY), steps=3)
    assert worst(ours, plain) == 0 and setup.compiled.route == "plain"


@pytest.mark.parametrize("factor", [1.5, -1.0, float("nan")])
def test_a_route_whose_step_is_another_is_not_taken(factor, monkeypatch):
    """Its first step is compared with the plain one; half as long a step again is not rounding."""

    def wrong(step, tensors, count, key=None):
        return lambda tensors: [tensor * factor for tensor in step(*tensors)]

    monkeypatch.setitem(compiled.ROUTES, "auto", wrong)
    *_, ours = train(Experiment(**TINY), steps=3, backend="auto")
    *_, plain = train(Experiment(**TINY), steps=3)
    assert worst(ours, plain) == 0
    with pytest.raises(ArithmeticError, match="not the plain one"):
        next(train(Experiment(**TINY), backend="auto", strict=True))


def test_a_moved_player_is_seen_though_his_numbers_are_large():
    """What is compared is how far a step leads, not where: here a thousandth of the numbers."""
    before, step = torch.full((50,), 1.0), torch.full((50,), 1e-3)
    plain = before + step
    assert compiled.alike([plain + 1e-6], [plain], [before])
    assert not compiled.alike([before + 0.5 * step], [plain], [before])
    assert not compiled.alike([before], [plain], [before])


def test_strict_raises_what_would_be_a_line(without_compiler):
    with pytest.raises(RuntimeError, match="no such thing"):
        next(train(Experiment(**TINY), backend="auto", strict=True))


def test_an_unknown_backend_is_named_at_once():
    with pytest.raises(KeyError, match="did you mean 'inductor'"):
        Setup(Experiment(**TINY), backend="inductr")


def test_without_a_compiler_the_step_is_plain(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    experiment = Experiment(**TINY)
    setup = Setup(experiment, backend="ahead")
    with caplog.at_level(logging.WARNING, "toylab"):
        *_, ours = train(experiment, steps=2, setup=setup)
    assert [r.name for r in caplog.records if r.name.startswith("toylab")] == ["toylab.compiled"]
    *_, plain = train(Experiment(**TINY), steps=2)
    assert worst(ours, plain) == 0 and setup.compiled.route == "plain"
    left = (tmp_path / "toylab" / "steps").iterdir()
    assert [path.suffix for path in left] == [artefacts.LOCK], "an empty file, and nothing built"


def test_native_code_gets_no_tensor_of_another_size(monkeypatch):
    """Every input has the sizes that its code was made for, whoever brought it."""
    seen = []

    def route(step, tensors, count, key=None):
        made_for = compiled.sizes(tensors)

        def run(tensors):
            seen.append(compiled.sizes(tensors) == made_for)
            return step(*tensors)

        count()
        return run

    monkeypatch.setitem(compiled.ROUTES, "auto", route)
    double = Compiled(
        lambda due, parts, batches, knobs: ((parts[0] * 2 + batches[0] * knobs["a"]),), "auto", True
    )

    def knobs(count):
        return {"a": torch.ones(count)}

    for parts, batches, numbers in (
        (torch.ones(4), torch.ones(4), knobs(1)),
        (torch.ones(8), torch.ones(8), knobs(1)),  # another state
        (torch.ones(4), torch.ones(1), knobs(1)),  # another minibatch
        (torch.ones(4), torch.ones(4), knobs(4)),  # other numbers
        (torch.ones(4), torch.ones(4, dtype=torch.float64), knobs(4)),
        (torch.ones(2, 4).t()[:, 0], torch.ones(4), knobs(4)),  # not contiguous
    ):
        (found,) = double((), (parts,), (batches,), numbers)
        assert torch.equal(found, parts * 2 + batches * numbers["a"])
    held = (torch.ones(4),)
    for count in (1, 4, 1):  # its own parts come back, the numbers change
        held = double((), held, (torch.ones(4),), knobs(count))
    assert_near(held[0], torch.full((4,), 15.0), 0)
    held, same = (torch.ones(4),), knobs(1)
    for count in (4, 1, 4):  # its own parts come back, the minibatch changes
        held = double((), held, (torch.ones(count),), same)
    assert_near(held[0], torch.full((4,), 15.0), 0)
    for count in (4, 8, 4):  # another state, with what was there before
        (found,) = double((), (torch.ones(count),), (torch.ones(1),), same)
        assert_near(found, torch.full((count,), 3.0), 0)
    assert all(seen) and len(seen) == 15 + double.compilations  # each was tried out once


def test_training_needs_no_compilation_module():
    code = (
        "import sys; sys.modules['toylab.compiled'] = None\n"
        "from toylab.experiment import Experiment; from toylab.trainer import train\n"
        "print(list(train(Experiment(batch=4), steps=2))[-1].step)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "2", done.stderr
