"""The lengths of the players' gradients, against finite differences of the losses themselves."""

import pytest
import torch

from tests.helpers import setup64, small
from toylab.pulls import pulls


def slopes(loss, at, step=1e-6):
    """∂loss/∂at by central differences, one number after another."""
    found = torch.zeros_like(at)
    for k in range(len(at)):
        move = torch.zeros_like(at)
        move[k] = step
        found[k] = (loss(at + move) - loss(at - move)) / (2 * step)
    return found


@pytest.mark.parametrize("interval", [1, 3])
def test_pulls_are_lengths_of_each_player_s_own_gradient(interval):
    """Also where a lazy penalty is not due: it counts with its weight, not three times it."""
    how = dict(penalty="r1", penalty_weight=5.0, critic_steps=2, critic_width=3, generator_width=3)
    every = setup64(small(**how, penalty_interval=1))
    setup = setup64(small(**how, penalty_interval=interval))
    state = setup.step(setup.start())
    found = pulls(setup, state)
    first, *_, last = every.games(state, every.knobs(state.step))
    g, d = state.players
    critic = slopes(lambda at: first.critic(state.players._replace(critic=at)), d)
    generator = slopes(lambda at: last.generator(state.players._replace(generator=at)), g)
    assert found["critic_gradient"] == pytest.approx(critic.norm().item(), rel=1e-6)
    assert found["generator_gradient"] == pytest.approx(generator.norm().item(), rel=1e-6)
    alone = pulls(setup64(small(**{**how, "penalty": "none"})), state)
    assert alone["critic_gradient"] != pytest.approx(found["critic_gradient"], rel=1e-3)


def test_members_have_pulls_of_their_own():
    setup = setup64(small(members=3, penalty="r1"))
    state = setup.step(setup.start())
    found = pulls(setup, state)
    for member, value in enumerate(found["critic_gradient"]):
        one = setup64(small(members=0, penalty="r1", seed=setup.experiment.seeds[member]))
        assert value == pytest.approx(
            pulls(one, one.step(one.start()))["critic_gradient"], rel=1e-9
        )
