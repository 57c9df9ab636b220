"""Ensembles: a member is the single run."""

import pytest
import torch

from tests.helpers import KNOBS, assert_near, run, small
from toylab import structure
from toylab.optimizers import OPTIMIZERS
from toylab.states import flatten

ENSEMBLES = [
    (optimizer, penalty, noise, dropout)
    for optimizer in ("alternating", "simultaneous", "extragradient")
    for penalty in ("none", "0-gp", "roth", "1-gp")
    for noise, dropout in ((0.0, 0.0), (0.1, 0.0), (0.1, 0.3))
]
ENSEMBLES += [
    (optimizer, *case)
    for optimizer in OPTIMIZERS
    if optimizer not in [first for first, *_ in ENSEMBLES]
    for case in (("none", 0.0, 0.0), ("0-gp", 0.1, 0.3))
]


@pytest.mark.parametrize("optimizer, penalty, noise, dropout", ENSEMBLES)
def test_member_of_an_ensemble_is_the_single_run(optimizer, penalty, noise, dropout):
    settings = {
        "optimizer": optimizer,
        "penalty": penalty,
        "noise": noise,
        "critic_dropout": dropout,
        "average": 0.9,
        "data": "ring" if noise else "two-gaussians",
    }
    steps, limit = 30, 1e-12
    if OPTIMIZERS[optimizer].settings:
        # Solved to the end: where a solver ends early, rounding may decide at which iteration.
        settings |= {"solver_tolerance": 1e-13, "solver_steps": 20}
        steps, limit = 6, 1e-10
    whole = run(small(members=3, seed=7, **settings), steps)
    for e in range(3):
        single = flatten(run(small(seed=7 + e, **settings), steps))
        for name, tensor in flatten(whole).items():
            if name != "step":
                member = tensor[e] if tensor.dim() > 1 else tensor  # Adam's count is shared
                assert_near(member, single[name], limit)


def test_every_live_number_is_tried_in_an_ensemble():
    assert {name for name, _, _ in KNOBS} == set(structure.NUMBERS)


@pytest.mark.parametrize("name, values, settings", KNOBS)
@pytest.mark.parametrize("optimizer", ["alternating", "extragradient"])
def test_one_value_a_member_equals_single_runs(name, values, settings, optimizer):
    settings = {"optimizer": optimizer, "penalty": "r1"} | settings
    # A solver's iterations make more of rounding than a step does.
    limit = 1e-11 if settings["optimizer"] == "acgd" else 1e-12
    whole = run(small(members=3, **settings, **{name: values}), 15)
    for e, value in enumerate(values):
        single = run(small(seed=e, **settings, **{name: value}), 15)
        for part in ("generator", "critic"):
            assert_near(getattr(whole.players, part)[e], getattr(single.players, part), limit)
        assert_near(whole.average[e], single.average, limit)
    alike = run(small(members=3, **settings, **{name: values[0]}), 15)
    assert not torch.equal(whole.average[1:], alike.average[1:]), f"{name} changes nothing"


def test_ensemble_of_one_is_the_single_run():
    whole, single = run(small(members=1), 10), run(small(), 10)
    assert whole.players.critic.shape == (1, *single.players.critic.shape)
    assert_near(whole.players.critic[0], single.players.critic, 1e-12)
