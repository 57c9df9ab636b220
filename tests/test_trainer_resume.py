"""A run goes on from any of its states bit for bit, and nothing inside a state ever changes."""

import pytest
import torch

from tests.helpers import F64, PAIRS, assert_near, assert_same, copied, run, setup64, small
from toylab.optimizers import OPTIMIZERS
from toylab.randomness import Keys
from toylab.schedules import exponential
from toylab.states import flatten, restore
from toylab.trainer import Setup, train


@pytest.mark.parametrize("optimizer, rule, first", PAIRS)
def test_resuming_is_bit_for_bit(optimizer, rule, first):
    """40 steps are 23, a checkpoint, and 17 in a fresh set-up."""
    settings = {
        "optimizer": optimizer,
        "rule": rule,
        "first": first,
        "critic_steps": 2,
        "penalty": "0-gp",
        "penalty_interval": 3,
        "noise": 0.1,
        "average": 0.9,
        "rate_critic": exponential(0.01, 0.001, 40),
        "critic_dropout": 0.2,
    }
    whole = run(small(**settings), 40)
    half = run(small(**settings), 23)
    saved = {name: tensor.clone() for name, tensor in flatten(half).items()}
    fresh = restore(setup64(small(**settings)).start(), saved)
    assert_same(fresh, half)
    assert_same(run(small(**settings), 17, state=fresh), whole)


def test_restore_refuses_another_structure():
    start = setup64(small()).start()
    with pytest.raises(ValueError, match="another structure: lacks .*memory"):
        restore(start, flatten(setup64(small(rule="sgd")).start()))
    other = flatten(setup64(small(critic_width=30)).start())
    with pytest.raises(ValueError, match=r"must have shape \(\d+,\), got \(\d+,\)"):
        restore(start, other)


def test_a_step_is_pure():
    """The same state steps to the same state, in any order, and nothing inside it changes."""
    setup = setup64(small(noise=0.1, average=0.5, constraint="clip", clip=0.5))
    first = setup.start()
    second = setup.step(first)
    third = setup.step(second)
    held = copied(second)
    for _ in range(70):
        third = setup.step(third)
    assert_same(setup.step(first), second)
    assert all(torch.equal(held[name], tensor) for name, tensor in flatten(second).items())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_three_held_states_survive_further_training(optimizer):
    kept, copies = [], []
    settings = {"optimizer": optimizer, "average": 0.9, "constraint": "clip", "clip": 0.3}
    for state in train(small(**settings), steps=70, **F64):
        if state.step in (1, 5, 30):
            kept.append(state)
            copies.append(copied(state))
    for state, copy in zip(kept, copies, strict=True):
        for name, tensor in flatten(state).items():
            assert torch.equal(tensor, copy[name]), name
    assert len({state.players.critic.sum().item() for state in kept}) == 3


def test_each_player_starts_from_its_own_stream():
    setup = setup64(small(seed=3, initialisation="uniform"))
    start = setup.start()
    for name, vector in start.players._asdict().items():
        network = getattr(setup.networks, name)
        expected = network.init(Keys(3, f"init/{name}").rng())
        assert torch.equal(vector, torch.from_numpy(expected).double())
    assert not torch.equal(start.players.generator[:12], start.players.critic[:12])
    assert torch.equal(start.average, start.players.generator) and start.step == 0


def test_same_seed_same_run_other_seed_another():
    assert_same(run(small(seed=3), 10), run(small(seed=3), 10))
    one, other = run(small(seed=3), 10), run(small(seed=4), 10)
    assert not torch.equal(one.players.generator, other.players.generator)
    torch.manual_seed(1)
    assert_same(run(small(seed=3), 10), run(small(seed=3), 10))


def test_single_precision_walks_the_same_way_at_first():
    double, single = run(small(), 10), run(small(), 10, dtype=torch.float32)
    assert single.players.critic.dtype == torch.float32
    assert_near(single.players.critic.double(), double.players.critic, 1e-4)
    assert_near(single.players.generator.double(), double.players.generator, 1e-4)
    start = Setup(small()).start()
    assert torch.equal(start.players.critic.double(), setup64(small()).start().players.critic)
