"""Several processes: two that share every minibatch walk the trajectory of one."""

import json
import os
import subprocess
import sys

import pytest
import torch

from tests.image_runs import PACKAGE, TINY, reached, trained
from tests.two_processes import CASES, made, walked
from toylab.image.__main__ import main
from toylab.processes import average, following, share, world
from toylab.states import flatten

ROOT = PACKAGE.parents[1]
TINY64 = (*TINY, "precision=float64", "threads=1")


def torchrun(*words, folder, count=2, code=0):
    """What it printed; any other exit code fails the test."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={count}", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What both processes ended with: [{case: (state, losses)}, …]."""
    folder = tmp_path_factory.mktemp("ranks")
    torchrun(ROOT / "tests" / "two_processes.py", folder, folder=folder)
    return [torch.load(folder / f"rank{n}.pt", weights_only=True) for n in range(2)]


def worst(one, other):
    """The largest difference of two tables, as a share of the largest number in its tensor."""
    assert set(one) == set(other)
    apart = {}
    for name in one:
        size = max(1.0, one[name].abs().max().item()) if one[name].numel() else 1.0
        apart[name] = (one[name] - other[name]).abs().max().item() / size if size else 0.0
    return max(apart.values())


@pytest.mark.parametrize("case", CASES)
def test_two_processes_walk_as_one(case, ranks):
    setup = made(case)
    state, losses = walked(setup)
    start = setup.start()
    assert (state["players.1"] - start.players.critic).abs().max() > 1e-2
    for rank in ranks:
        assert worst(state, rank[case][0]) < 1e-12
        assert worst(losses, rank[case][1]) < 1e-11
    assert all(torch.equal(ranks[0][case][0][n], ranks[1][case][0][n]) for n in state)


def trained_by_two(folder, *words, code=0):
    """What torchrun printed of a tiny run of digits-smoke by two processes in a folder."""
    line = ["-m", "toylab.image", "train", *words, *(() if "--resume" in words else TINY64)]
    return torchrun(*line, folder=folder, code=code)


def test_a_run_of_two_processes_is_that_of_one(tmp_path):
    """Written once, by the first; gone on with by one process; scored while it trains."""
    told = trained_by_two(tmp_path, "digits-smoke", "steps=6", "eval_every=6", "eval_images=60")
    assert told.count("step 6/6") == 1 and told.count("runs/00000-digits-smoke: 6 steps") == 1
    (folder,) = (tmp_path / "runs").glob("*")
    assert json.loads((folder / "env.json").read_text())["processes"] == 2
    assert (folder / "eval" / "step-00000006-classifier-seed0.json").is_file()
    straight = trained(tmp_path / "alone", *TINY64, "steps=9", "log_every=3")
    assert main(["train", "--resume", str(folder), "steps=9"]) == 0
    assert worst(flatten(reached(straight)), flatten(reached(folder))) < 1e-11
    rows = [
        {row["step"]: row for row in map(json.loads, (one / "metrics.jsonl").open())}
        for one in (straight, folder)
    ]
    for name in ("critic", "generator", "penalty"):
        assert rows[0][6][name] == pytest.approx(rows[1][6][name], rel=1e-10)


def test_two_processes_go_back_together(tmp_path):
    """A run that explodes three times: the same events as one process has, and the same end."""
    words = ["digits-smoke", "rule=sgd", "rate_critic=0.3", "rate_generator=0.3", "steps=9"]
    words += ["penalty_weight=30", "log_every=3", "save_every=4", "on_divergence=rollback"]
    trained_by_two(tmp_path, *words)
    (folder,) = (tmp_path / "runs").glob("*")
    alone = trained(tmp_path / "alone", *TINY64, *words[1:])
    events = [
        [(row["event"], row["step"], row.get("terms")) for row in map(json.loads, one.open())]
        for one in (folder / "events.jsonl", alone / "events.jsonl")
    ]
    assert events[0] == events[1] and [row[0] for row in events[0]].count("rolled back") == 3
    assert worst(flatten(reached(alone)), flatten(reached(folder))) < 1e-11


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path):
    told = trained_by_two(
        tmp_path, "digits-smoke", "batch_generator=9", code=1
    )  # torchrun's own code
    assert "2 processes share every minibatch evenly, got one of 9" in told
    assert not (tmp_path / "runs").exists()


def test_alone_everything_is_itself():
    x = torch.randn(6, 3)
    assert world() == 1 and average(x) is x and share(x, 0) is x
    assert torch.equal(following(x, 0), x.roll(-1, 0))
