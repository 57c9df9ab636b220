"""Several processes: two that share every minibatch walk the trajectory of one."""

import os
import subprocess
import sys

import pytest
import torch

from tests.image_runs import PACKAGE
from tests.two_processes import CASES, made, walked
from toylab.processes import average, following, share, world

ROOT = PACKAGE.parents[1]


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


def test_alone_everything_is_itself():
    x = torch.randn(6, 3)
    assert world() == 1 and average(x) is x and share(x, 0) is x
    assert torch.equal(following(x, 0), x.roll(-1, 0))
