"""A sweep's runs are the single runs, however they are packed; its file says what is meant."""

import json

import numpy as np
import pytest
import torch

from tests.helpers import SMALL
from toylab.compiled import ROUTES
from toylab.experiment import Experiment
from toylab.sweep import plan, runs, spec, training
from toylab.sweep.measures import MEASURES, Ended, measured
from toylab.sweep.ranges import Range
from toylab.trainer import Setup, train

BASE = {**SMALL, "data": "8gaussians", "penalty": "r1"}
RATES = "rate_critic, rate_generator"


def swept(**told):
    """A sweep of a few steps in float64, as its file would say it."""
    lines = [*told.get("grid", {}), *told.get("random", {})]
    moved = {name for line in lines for name in line.split(", ")}
    experiment = {**BASE, **told.pop("experiment", {})}
    experiment = {name: value for name, value in experiment.items() if name not in moved}
    usual = {"steps": 12, "precision": "float64", "measure": ["wasserstein", "slope", "critic"]}
    return spec.parse({"experiment": experiment, **usual, **told})


def trained(sweep, jobs=1):
    """{key: row} of every run of a sweep, by way of JSON, as files and pipes carry it."""
    tasks = plan.tasks(sweep, jobs=jobs)
    made = [row for task in tasks for row in training.trained(json.loads(json.dumps(task)))]
    return {row["key"]: row for row in json.loads(json.dumps(made))}


def alone(run, sweep):
    """The measures of one run, trained by `train` without an ensemble."""
    settings = {name: runs.typed(name, value) for name, value in run.settings.items()}
    experiment = Experiment(seed=run.seed, **settings)
    setup = Setup(experiment, dtype=torch.float64)
    for last in train(experiment, steps=sweep.steps, setup=setup):
        state = last
    return measured(Ended(setup, state, run.seed), sweep.measure)


LAWS = {  # a sweep, and how many ensembles its runs must make
    "rates and seeds": ({"grid": {RATES: [1e-3, 1e-2]}, "seeds": [7, 3, 900]}, 1),
    "penalties and weights": (
        {"grid": {"penalty": ["r1", "0-gp"], "penalty_weight": [0.1, 5]}, "seeds": 2},
        2,
    ),
    "noise or none": ({"grid": {"noise": [0.0, 0.1, 0.5]}, "experiment": {"average": 0.9}}, 2),
    "clipped or not": ({"grid": {"gradient_clip": [0.0, 1e-3, 0.1]}}, 2),
    "a schedule among numbers": (
        {"grid": {"penalty_weight": ["linear(1, 0, 10)", 0.5, 2.0]}, "seeds": 2},
        2,
    ),
    "widths, by all measures": (
        {
            "grid": {"critic_width, generator_width": [4, 6]},
            "seeds": 2,
            "measure": list(MEASURES),
        },
        2,
    ),
    "spectral norm and dropout": (
        {
            "experiment": {"constraint": "spectral-norm", "critic_dropout": 0.3},
            "grid": {"beta1": [-0.3, 0.5]},
            "seeds": [1, 5],
        },
        1,
    ),
    "another order of moves": (
        {"experiment": {"optimizer": "extragradient"}, "grid": {"smoothing": [0.1, 0.2]}},
        1,
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_run_of_a_sweep_is_the_single_run(name):
    told, ensembles = LAWS[name]
    sweep = swept(**told)
    assert len(runs.packed(sweep.runs)) == ensembles
    rows, seen = trained(sweep), set()
    for run in sweep.runs:
        row = rows[run.key]
        assert row["seed"] == run.seed and row["settings"] == run.settings
        assert row["failure"] == "" and row["settled"] and row["seconds"] > 0
        assert row["backend"] == "plain"
        assert row["measures"] == pytest.approx(alone(run, sweep), rel=1e-9, abs=1e-9), run
        seen.add(row["measures"]["slope_fake"])
    assert len(seen) == len(sweep.runs), "some runs are the same"


def test_ensembles_are_even_and_small_enough(monkeypatch):
    sweep = swept(grid={"penalty": ["r1", "r2"], RATES: [1e-3, 2e-3, 3e-3]}, seeds=7)
    for most, jobs, sizes in (
        (16, 1, [7] * 6),
        (50, 1, [21, 21]),
        (50, 6, [7] * 6),
        (6, 1, [5, 5, 5, 6] * 2),
    ):
        monkeypatch.setattr(runs, "MOST", most)
        packs = runs.packed(sweep.runs, jobs)
        assert [len(pack) for pack in packs] == sizes
        assert [run for pack in packs for run in pack] == list(sweep.runs)
    monkeypatch.setattr(runs, "MEMORY", 5 * runs.bytes_of_member(sweep.runs[0].settings))
    assert max(len(pack) for pack in runs.packed(sweep.runs)) <= 5


def members(tasks):
    return [[run["key"] for run in task["runs"]] for task in tasks]


def test_what_is_left_after_a_kill_is_trained_in_the_ensembles_of_the_whole():
    """And by the same backend; in turn, so that no two workers want the same build first."""
    grid = {"penalty": ["r1", "r2"], "penalty_weight": [1.0, 2.0]}
    sweep = swept(grid=grid, seeds=12, steps=plan.PAYS // 2)
    whole = plan.tasks(sweep)
    assert [len(task["runs"]) for task in whole] == [12, 12, 12, 12]
    kinds = [task["runs"][0]["settings"]["penalty"] for task in whole]
    assert kinds == ["r1", "r2", "r1", "r2"]
    for count in range(1, 4):
        done = {key for task in members(whole[:count]) for key in task}
        assert plan.tasks(sweep, done) == whole[count:]
    done = {*members(whole)[0], *members(whole)[1][:3]}  # an ensemble that another file had in part
    left = plan.tasks(sweep, done)
    assert members(left) == [members(whole)[2], members(whole)[3], members(whole)[1][3:]]


def test_what_is_short_is_not_worth_a_build_and_a_name_is_that_and_nothing_else():
    def how(**told):
        return {(t["backend"], t["strict"]) for t in plan.tasks(swept(seeds=20, **told))}

    assert how(steps=plan.PAYS // 2) == {("ahead", False)}  # two ensembles
    assert how(steps=plan.PAYS // 2 - 1) == {("plain", False)}
    assert how(steps=3, backend="inductor") == {("inductor", True)}
    assert how(steps=plan.PAYS, backend="plain") == {("plain", True)}


def test_compiled_rows_are_the_plain_rows_and_say_so(monkeypatch):
    told = {"grid": {RATES: [1e-3, 1e-2]}, "seeds": 2}
    plain, ours = swept(**told, backend="plain"), swept(**told, backend="aot_eager")
    rows, others = trained(ours), trained(plain)
    for run, other in zip(ours.runs, plain.runs, strict=True):
        assert rows[run.key]["backend"] == "aot_eager" and rows[run.key]["failure"] == ""
        near = pytest.approx(others[other.key]["measures"], rel=1e-9, abs=1e-9)
        assert rows[run.key]["measures"] == near

    def broken(step, tensors, count, key=None):
        raise RuntimeError("no compiler")

    monkeypatch.setitem(ROUTES, "ahead", broken)
    monkeypatch.setattr(plan, "PAYS", 1)
    rows = trained(swept(**told))  # runs plainly, and says so
    assert {(row["backend"], row["failure"]) for row in rows.values()} == {("plain", "")}
    rows = trained(swept(**told, backend="ahead"))
    failures = {(row["backend"], row["failure"], row["settled"]) for row in rows.values()}
    assert failures == {("ahead", "error: RuntimeError: no compiler", False)}


def test_the_memory_of_a_member_grows_with_what_it_holds():
    small = swept().runs[0].settings
    for more in ({"batch": 512}, {"critic_width": 512}, {"generator_depth": 9}):
        assert runs.bytes_of_member({**small, **more}) > 1.2 * runs.bytes_of_member(small), more


@pytest.mark.parametrize(
    "change",
    [
        {"experiment": {"critic_width": 7}},
        {"experiment": {"beta1": 0.25}},
        {"steps": 13},
        {"precision": "float32"},
        {"backend": "plain"},
        {"seeds": [1]},
        {"experiment": {"data": "ring"}},
    ],
)
def test_a_run_with_anything_else_has_another_key(change):
    assert swept(**change).runs[0].key != swept().runs[0].key


def test_a_run_has_the_same_key_however_it_is_written():
    one = swept(experiment={"penalty_weight": 2}, measure=["jsd"])
    two = swept(grid={"penalty_weight": [1, 2.0]}, seeds=3)
    assert one.runs[0].key == two.runs[3].key and len({run.key for run in two.runs}) == 6


def test_other_code_is_another_run_and_no_worker_of_ours(monkeypatch):
    before = swept()
    monkeypatch.setattr(runs, "code", lambda: "another")
    assert swept().runs[0].key != before.runs[0].key
    (row,) = training.trained({**training.task(before.runs, before), "code": "another"})
    assert not row["settled"] and "another" in row["failure"]


def test_a_card_of_ones_own_is_known_by_what_it_says(tmp_path):
    keys = []
    for number in (3, 4):
        card = tmp_path / f"{number}" / "mine.toml"
        card.parent.mkdir()
        card.write_text('[real]\nfamily = "file"\npath = "points.csv"\n')
        (card.parent / "points.csv").write_text(f"0,0\n1,{number}\n")
        keys.append(runs._data(str(card)))
    assert keys[0] != keys[1]


def test_what_diverges_says_so_and_harms_no_other_member():
    experiment = {"rule": "sgd", "objective": "least-squares"}
    experiment["critic_activation"] = experiment["generator_activation"] = "leaky-relu"
    sweep = swept(grid={RATES: [0.01, 10.0]}, seeds=2, experiment=experiment, steps=150)
    assert len(runs.packed(sweep.runs)) == 1
    rows = [trained(sweep)[run.key] for run in sweep.runs]
    assert [row["failure"] for row in rows[:2]] == ["", ""]
    for row in rows[2:]:
        assert row["failure"] == "diverged: not finite any more at step 100"
        assert row["measures"] == {} and row["settled"]
    for run, row in list(zip(sweep.runs, rows, strict=True))[:2]:
        assert row["measures"] == pytest.approx(alone(run, sweep), rel=1e-7)


def test_an_error_is_the_row_of_the_member_that_is_to_blame(monkeypatch):
    def measured(ended, names):
        if ended.experiment_seed == 1:
            raise ArithmeticError("no such number")
        return {"modes": 3}

    class Named(Ended):
        def __init__(self, setup, state, seed, member=None):
            self.experiment_seed = seed

    monkeypatch.setattr(training, "measured", measured)
    monkeypatch.setattr(training, "Ended", Named)
    rows = list(trained(swept(seeds=3)).values())
    assert [row["failure"] for row in rows] == ["", "error: ArithmeticError: no such number", ""]
    assert [row["settled"] for row in rows] == [True, False, True]


def test_measures_are_blank_where_they_mean_nothing():
    sweep = swept(experiment={"data": "swissroll"}, steps=2, measure=list(MEASURES))
    (row,) = trained(sweep).values()
    blank = {name for name, value in row["measures"].items() if value is None}
    assert blank == {"modes", "modes_total", "quality"}
    assert list(row["measures"]) == sweep.columns


def test_a_range_is_drawn_by_its_law():
    for law, where in (
        ("uniform", lambda v: (v - 0.5) / 31.5),
        ("log-uniform", lambda v: np.log(v / 0.5) / np.log(64)),
    ):
        made = Range({law: [0.5, 32.0]})
        shares = np.sort([where(made.draw(3, "clip", n)) for n in range(1000)])
        assert np.abs(shares - (np.arange(1000) + 0.5) / 1000).max() < 0.06, law
    letters = [Range({"choice": ["a", "b", "c"]}).draw(0, "x", n) for n in range(900)]
    assert all(240 < letters.count(letter) < 360 for letter in "abc")
    whole = {Range({"uniform": [1, 3]}, whole=True).draw(0, "x", n) for n in range(50)}
    assert whole == {1, 2, 3} and all(type(number) is int for number in whole)


def test_more_draws_keep_the_first_ones_and_go_with_the_whole_grid():
    def drawn(count, seed=5):
        random = {"count": count, "seed": seed, "penalty_weight": {"log-uniform": [0.01, 10]}}
        random[RATES] = {"log-uniform": [1e-4, 1e-2]}
        return swept(random=random, grid={"penalty": ["r1", "r2"]}, seeds=2)

    few, many = drawn(3), drawn(5)
    assert len(few.runs) == 12 and len(many.runs) == 20 == many.points * 2
    assert [run.key for run in few.runs] == [run.key for run in many.runs[:12]]
    assert not {run.key for run in few.runs} & {run.key for run in drawn(3, seed=6).runs}
    for run in many.runs:
        assert run.settings["rate_critic"] == run.settings["rate_generator"]
    assert len({run.settings["penalty_weight"] for run in many.runs}) == 5


def test_what_cannot_be_combined_is_a_row_and_not_a_run():
    sweep = swept(
        grid={"objective": ["wasserstein", "minimax"], "penalty": ["roth", "r1"]}, seeds=2
    )
    assert len(sweep.runs) == 6 and len(sweep.impossible) == 2
    for row in sweep.impossible:
        assert row["settings"]["objective"] == "wasserstein"
        assert row["failure"].startswith("impossible: Roth")
