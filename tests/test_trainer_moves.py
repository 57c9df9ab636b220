"""One player moves, the other stands still: every optimizer, every rule, both orders."""

import pytest
import torch

from tests.helpers import F64, assert_near, assert_same, run, setup64, small
from toylab.constraints import CONSTRAINTS, Constraint
from toylab.games import Players
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES
from toylab.states import flatten
from toylab.trainer import train

OTHER = {"critic": "generator", "generator": "critic"}
EVERYWHERE = [
    pytest.mark.parametrize("who", OTHER),
    pytest.mark.parametrize("rule", RULES),
    pytest.mark.parametrize("optimizer", OPTIMIZERS),
    pytest.mark.parametrize("first", OTHER),
]


def everywhere(test):
    for mark in EVERYWHERE:
        test = mark(test)
    return test


def settings_of(optimizer, rule, first, **more):
    return {
        "optimizer": optimizer,
        "rule": rule,
        "first": first,
        "critic_steps": 2,
        "penalty": "0-gp",
        "noise": 0.1,
        "average": 0.9,
        "constraint": "clip",
        "clip": 0.5,
        **more,
    }


def slope(game, players, who):
    """The player's gradient of its own loss, by autograd alone."""
    at = {name: vector.clone() for name, vector in players._asdict().items()}
    at[who].requires_grad_()
    loss = getattr(game, who)(Players(**at)).sum()
    return torch.autograd.grad(loss, at[who], materialize_grads=True)[0]


def textbook(setup, state, who):
    """(vector, memory) of the player after a step in which only it moves, by the equations.

    alternating:   w ← w − η ∂L(w), as often as it has turns
    simultaneous:  w ← w − η ∂L(w)
    extragradient: w½ = w − η ∂L(w);  w ← w − η ∂L(w½)
    """
    experiment = setup.experiment
    knobs = setup.knobs(state.step)
    knobs["rate"] = knobs[f"rate_{who}"]
    rule, games = RULES[experiment.rule], setup.games(state, knobs)

    def moved(game, at, memory, start=None):
        slopes = slope(game, state.players._replace(**{who: at}), who)
        vector, memory = rule.update(slopes, at if start is None else start, memory, knobs)
        return (vector.clamp(-0.5, 0.5) if who == "critic" else vector), memory

    at, memory = getattr(state.players, who), getattr(state.memory, who)
    if experiment.optimizer == "extragradient":
        ahead, memory = moved(games[0], at, memory)
        return moved(games[1], ahead, memory, start=at)
    if experiment.optimizer == "simultaneous":
        return moved(games[0], at, memory)
    turns = ["critic"] * experiment.critic_steps
    turns = [*turns, "generator"] if experiment.first == "critic" else ["generator", *turns]
    for turn, game in zip(turns, games, strict=True):
        if turn == who:
            at, memory = moved(game, at, memory)
    return at, memory


@everywhere
def test_the_mover_does_what_the_textbook_says_and_the_other_nothing(optimizer, rule, first, who):
    """The other's numbers, memory and average stay bit for bit; the mover sees where it stands."""
    shared = settings_of(optimizer, rule, first)
    state = run(small(**shared), 5)
    setup, other = setup64(small(**shared, moves=who)), OTHER[who]
    for _ in range(3):
        vector, memory = textbook(setup, state, who)
        after = setup.step(state)
        assert after.step == state.step + 1
        assert_near(getattr(after.players, who), vector, 1e-15)
        for one, expected in zip(getattr(after.memory, who), memory, strict=True):
            assert_near(one, expected, 1e-15)
        assert not torch.equal(getattr(after.players, who), getattr(state.players, who))
        assert torch.equal(getattr(after.players, other), getattr(state.players, other))
        for one, before in zip(
            getattr(after.memory, other), getattr(state.memory, other), strict=True
        ):
            assert torch.equal(one, before)
        assert torch.equal(after.average, state.average) == (who == "critic")
        state = after


@pytest.mark.parametrize("members", [0, 3])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "optimizer, first, who",
    [
        ("alternating", "critic", "critic"),
        ("alternating", "generator", "generator"),
        ("simultaneous", "critic", "critic"),
        ("simultaneous", "critic", "generator"),
    ],
)
def test_where_a_step_begins_with_one_player_it_is_that_half(optimizer, first, who, rule, members):
    shared = settings_of(optimizer, rule, first, members=members)
    state = run(small(**shared), 3)
    whole = setup64(small(**shared)).step(state)
    half = setup64(small(**shared, moves=who)).step(state)
    assert torch.equal(getattr(half.players, who), getattr(whole.players, who))
    for one, other in zip(getattr(half.memory, who), getattr(whole.memory, who), strict=True):
        assert torch.equal(one, other)


@everywhere
def test_a_member_of_an_ensemble_is_the_single_run(optimizer, rule, first, who):
    shared = settings_of(optimizer, rule, first, moves=who)
    whole = run(small(members=3, seed=4, **shared), 6)
    for e in range(3):
        single = flatten(run(small(seed=4 + e, **shared), 6))
        for name, tensor in flatten(whole).items():
            if name != "step":
                member = tensor[e] if tensor.dim() > 1 else tensor
                assert_near(member, single[name], 1e-12)


def test_the_memory_of_a_constraint_belongs_to_the_critic():
    """A constraint that counts its critic's moves (spectral norm's vectors stay the same way)."""
    counting = Constraint(
        label="Counting",
        init=lambda vector: (vector.new_zeros(1),),
        effective=lambda vector, memory: (vector, (memory[0] + 1,)),
        project=lambda vector, knobs: vector,
        knobs=(),
        doc="Counts.",
        formula="",
        source="",
    )
    CONSTRAINTS["counting"] = counting
    try:
        state = setup64(small(constraint="counting")).start()
        for who, expected in (("both", 1), ("generator", 1), ("critic", 2), ("generator", 2)):
            state = setup64(small(constraint="counting", moves=who)).step(state)
            assert state.constraint[0].item() == expected, who
    finally:
        del CONSTRAINTS["counting"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_player_s_steps_in_the_middle_are_a_change_like_any_other(optimizer):
    """By hand, as a list, and as three runs one after the other: the same, bit for bit."""
    changes = [(4, {"moves": "critic"}), (7, {"moves": "generator"}), (9, {"moves": "both"})]
    listed = [*train(small(optimizer=optimizer), steps=12, changes=changes, **F64)][-1]
    experiment, state = small(optimizer=optimizer), None
    for moves, steps in (("both", 4), ("critic", 3), ("generator", 2), ("both", 3)):
        experiment.moves = moves
        state = run(experiment, steps, state=state)
    assert_same(listed, state)
    assert not torch.equal(listed.players.critic, run(small(optimizer=optimizer), 12).players[1])
