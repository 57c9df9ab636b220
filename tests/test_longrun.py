"""The README's longer runs: the script that makes them, on the small digits, and what is told."""

import csv
import importlib.util
import json
from pathlib import Path

import pytest
import torch

from toylab.image import checkpoint, config

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def longrun(monkeypatch):
    """The script as a module, its runs so small that they take seconds."""
    spec = importlib.util.spec_from_file_location("longrun", ROOT / "docs" / "longrun.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SCORED", (10,))
    monkeypatch.setattr(module, "IMAGES", 60)
    whole = module.penalties

    def small(seeds):
        words = ["data=digits", "features=8", "batch=8", "critic_steps=1"]
        return [arm._replace(words=[*arm.words, *words]) for arm in whole(seeds)]

    monkeypatch.setattr(module, "penalties", small)
    return module


def test_its_runs_are_the_papers_five_penalties_in_both_settings(longrun):
    made = {arm.name: config.load(arm.preset, config.overrides(arm.words)).experiment
            for arm in longrun.penalties(1)}  # fmt: skip
    betas = {"": (0.5, 0.9), "-beta0.9": (0.9, 0.99)}
    wanted = {"none": "none", "real": "0-gp-sample", "one": "1-gp", "zero": "0-gp",
              "one-of-d": "1-gp-probability"}  # fmt: skip
    assert {
        name: (found.penalty, found.penalty_weight, found.beta1, found.beta2)
        for name, found in made.items()
    } == {
        f"{name}{ending}-seed0": (penalty, 100, *adam)
        for name, penalty in wanted.items()
        for ending, adam in betas.items()
    }
    for arm in longrun.critics(2):
        found = config.load(arm.preset, config.overrides(arm.words))
        regularised = arm.name.startswith("reg")
        assert (found.experiment.penalty == "roth") == regularised
        assert not regularised or found.experiment.penalty_weight == 0.1


def test_begun_again_it_goes_on_and_tells_every_score(longrun, monkeypatch, tmp_path):
    """Stopped in the middle, begun again, lengthened: as one run at a stretch, bit for bit."""
    whole = longrun.penalties
    monkeypatch.setattr(longrun, "penalties", lambda seeds: [*whole(seeds)[:1], *whole(seeds)[5:6]])
    monkeypatch.setattr(
        longrun, "SETTINGS", {"Adam (0.5, 0.9)": "", "Adam (0.9, 0.99)": "-beta0.9"}
    )
    halves, stretch = tmp_path / "halves", tmp_path / "stretch"
    longrun.compared(halves, 1, 10)
    longrun.compared(halves, 1, 20)
    asked = len(list(halves.rglob("*.json")))
    longrun.compared(halves, 1, 20)
    assert len(list(halves.rglob("*.json"))) == asked
    first = longrun.penalties(1)[0]
    assert longrun.reached(longrun.trained(stretch, first, 20)) == 20
    states = [
        torch.load(checkpoint.last(longrun.lying(folder, first) / "checkpoints"), weights_only=True)
        for folder in (halves, stretch)
    ]
    for name, tensor in states[0]["state"].items():
        assert torch.equal(tensor, states[1]["state"][name]), name

    found = longrun.rows(halves, 1)
    assert [(row.get("adam"), row.get("step")) for row in found] == [
        ("Adam (0.5, 0.9)", 10), ("Adam (0.5, 0.9)", 20),
        ("Adam (0.9, 0.99)", 10), ("Adam (0.9, 0.99)", 20), (None, None),
    ]  # fmt: skip
    run = longrun.lying(halves, first)
    told = json.loads((run / "eval" / "step-00000020-classifier-seed0.json").read_text())
    assert found[1]["fid"] == pytest.approx(told["scores"]["fid"], abs=1e-4)
    assert found[-1]["recall"] == pytest.approx(told["baseline"]["recall"], abs=1e-4)
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert found[1]["critic_loss"] == pytest.approx(last["critic"], abs=1e-4)
    longrun.table(tmp_path / "penalties.csv", found)
    with open(tmp_path / "penalties.csv", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["10", "20", "10", "20", ""]


def test_a_line_of_scores_has_the_mean_the_least_and_the_most_of_its_seeds(longrun):
    numbers = {"recall": 0.5, "coverage": 0.25, "precision": 1.0}
    arm = {"penalty": "0-GP", "adam": "Adam (0.5, 0.9)", **numbers}
    found = [
        {**arm, "seed": 0, "step": 10, "fid": 99.0, "classes": 1},
        {**arm, "seed": 0, "step": 20, "fid": 40.0, "classes": 10},
        {**arm, "seed": 1, "step": 20, "fid": 50.0, "classes": 7, "recall": 0.75},
        {"penalty": "real images", "fid": 2.0, "classes": 10, **numbers},
    ]
    assert longrun.scores(found) == [
        "| 0-GP | Adam (0.5, 0.9) | 20 | 45 (40–50) | 8 (7–10) | 0.62 (0.50–0.75) | 0.25 | 1.00 |",
        "| real images |  |  | 2 | 10 | 0.50 | 0.25 | 1.00 |",
    ]


def test_a_cross_test_s_lines_are_means_over_those_asked(longrun):
    """Cell (i, j) of the two kinds' two seeds has 0.1 i + 0.01 j."""
    rows = [
        [{"fp": 0.1 * i + 0.01 * j, "fn": 0.2 * i, "auc": 1 - 0.1 * i} for j in range(4)]
        for i in range(4)
    ]
    told = {"runs": ["reg-seed0", "reg-seed1", "unreg-seed0", "unreg-seed1"], "rows": rows}
    told["steps"] = [30] * 4
    assert longrun.crossed(told) == [
        # own (0, 0), (1, 1); of the same seed (0, 2), (1, 3); others (0, 2), (0, 3), (1, 2), (1, 3)
        "| regularised, γ = 0.1 | 30 | 0.06 (0.00–0.11) | 0.10 (0.00–0.20) "
        "| 0.07 (0.02–0.13) | 0.08 (0.02–0.13) | 0.95 (0.90–1.00) |",
        "| unregularised | 30 | 0.28 (0.22–0.33) | 0.50 (0.40–0.60) "
        "| 0.26 (0.20–0.31) | 0.26 (0.20–0.31) | 0.75 (0.70–0.80) |",
    ]


def test_the_readme_tells_the_furthest_scores_and_the_cross_test(longrun):
    """Every line as the committed numbers give it, none of an earlier step."""
    told = (ROOT / "README.md").read_text()
    kept = ROOT / "docs" / "longrun"
    lines = []
    for scored in (kept / "penalties.csv", kept / "further" / "penalties.csv"):
        with open(scored, newline="") as file:
            found = list(csv.DictReader(file))
        furthest = {}
        for row in found[:-1]:
            arm = row["penalty"], row["adam"]
            furthest[arm] = max(int(row["step"]), furthest.get(arm, 0))
        own = longrun.scores(found)
        assert [line.split(" | ")[:3] for line in own[:-1]] == [
            [f"| {penalty}", adam, str(furthest[penalty, adam])]
            for adam in longrun.SETTINGS
            for penalty, *_ in longrun.COMPARED.values()
            if (penalty, adam) in furthest
        ]
        lines += own
    for path in kept.glob("crosstest-*.json"):
        lines += longrun.crossed(json.loads(path.read_text()))
    for line in lines:
        assert f"\n{line}\n" in told, line
