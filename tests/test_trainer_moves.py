"""One player moves, the other stands still: every optimizer, every rule, both orders."""

import pytest
import torch

from tests.helpers import F64, PAIRS, assert_near, assert_same, run, setup64, small
from toylab.constraints import CONSTRAINTS, Constraint
from toylab.games import Game, Players
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES
from toylab.states import flatten
from toylab.trainer import train

OTHER = {"critic": "generator", "generator": "critic"}
everywhere = pytest.mark.parametrize("optimizer, rule, first", PAIRS)
FIRST_ORDER = ("alternating", "simultaneous", "extragradient", "past")
whoever = pytest.mark.parametrize("who", OTHER)


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


def adjusted(game, players, who, name, adjustment):
    """The mover's own part of v + γ Jᵀv, or v + γλ Aᵀv, in one vector w of both players."""
    w = torch.cat(players).requires_grad_()
    here = Players(*w.split([len(vector) for vector in players]))
    v = torch.cat(
        [
            torch.autograd.grad(getattr(game, name)(here), getattr(here, name), create_graph=True)[
                0
            ]
            for name in here._fields
        ]
    )
    jacobian = torch.stack([torch.autograd.grad(each, w, retain_graph=True)[0] for each in v])
    v, back = v.detach(), jacobian.T @ v.detach()
    more = back
    if name == "symplectic":
        more = (jacobian - jacobian.T).T @ v / 2
        more = more * torch.sign((v @ back) * (more @ back) / len(w) + 0.1)
    found = v + adjustment * more
    return getattr(Players(*found.split([len(vector) for vector in players])), who)


def adaptive(slopes, vector, memory, knobs, name, slopes_at):
    """w − A ∂L and the first of what is remembered, where nobody answers."""
    if name == "cgd-rmsprop":
        vector = vector - knobs["rate"] / memory[0].sqrt() * slopes
        there, beta = slopes_at(vector), knobs["acgd_beta"]
        return vector, (beta * memory[0] + (1 - beta) * there**2, memory[1] + 1)
    square = knobs["acgd_beta"] * memory[0] + (1 - knobs["acgd_beta"]) * slopes**2
    whole = 1 - knobs["acgd_beta"] ** (memory[1] + 1)
    size = whole.sqrt() / (square.sqrt() + knobs["acgd_epsilon"])
    if name == "acgd-paper":
        size = 1 / ((square / whole).sqrt() + knobs["acgd_epsilon"])
    return vector - knobs["rate"] * size * slopes, (square, memory[1] + 1)


def textbook(setup, state, who):
    """(vector, memory) of the player after a step in which only it moves, by the equations.

    alternating:   w ← w − η ∂L(w), as often as it has turns
    simultaneous:  w ← w − η ∂L(w), and so unrolled and competitive: nobody answers
    zero-sum:      the generator's loss is −L_D
    extragradient: w½ = w − η ∂L(w);  w ← w − η ∂L(w½), or with the last ∂L(w½) in the first half
    """
    experiment = setup.experiment
    name = experiment.optimizer
    knobs = setup.knobs(state.step)
    knobs["rate"] = knobs[f"rate_{who}"]
    rule, games = RULES[experiment.rule], setup.games(state, knobs)

    def down(slopes, at, memory):
        vector, memory = rule.update(slopes, at, memory, knobs)
        return (vector.clamp(-0.5, 0.5) if who == "critic" else vector), memory

    def slopes_at(game, at):
        if name in ("cgd-zero-sum", "cgd-rmsprop", "acgd", "acgd-paper"):
            game = Game(lambda players: -game.critic(players), game.critic)
        return slope(game, state.players._replace(**{who: at}), who)

    at, memory = getattr(state.players, who), getattr(state.memory, who)
    start = at
    if name == "extragradient":
        ahead, memory = down(slopes_at(games[0], at), at, memory)
        return down(slopes_at(games[1], ahead), start, memory)
    if name == "past":
        ahead, held = down(memory[-1], at, memory[:-1])
        found = slopes_at(games[0], ahead)
        vector, held = down(found, start, held)
        return vector, (*held, found)
    if name in ("consensus", "symplectic"):
        return down(adjusted(games[0], state.players, who, name, knobs["adjustment"]), at, memory)
    if OPTIMIZERS[name].rule is not None:

        def held(vector):
            return vector.clamp(-0.5, 0.5) if who == "critic" else vector

        def there(vector):
            return slopes_at(games[0], held(vector))

        vector, memory = adaptive(there(at), at, memory, knobs, name, there)
        return held(vector), memory
    if name != "alternating":
        return down(slopes_at(games[0], at), at, memory)
    turns = ["critic"] * experiment.critic_steps
    turns = [*turns, "generator"] if experiment.first == "critic" else ["generator", *turns]
    for turn, game in zip(turns, games, strict=True):
        if turn == who:
            at, memory = down(slopes_at(game, at), at, memory)
    return at, memory


@everywhere
@whoever
def test_the_mover_does_what_the_textbook_says_and_the_other_nothing(optimizer, rule, first, who):
    """The other's numbers, memory and average stay bit for bit; the mover sees where it stands."""
    shared = settings_of(optimizer, rule, first)
    state = run(small(**shared), 5)
    setup, other = setup64(small(**shared, moves=who)), OTHER[who]
    for _ in range(3):
        vector, memory = textbook(setup, state, who)
        after = setup.step(state)
        assert after.step == state.step + 1
        limit = 1e-15 if optimizer in FIRST_ORDER else 1e-8
        assert_near(getattr(after.players, who), vector, limit)
        found = getattr(after.memory, who)[: len(memory)]
        for one, expected in zip(found, memory, strict=True):
            assert_near(one, expected, limit)
        assert not torch.equal(getattr(after.players, who), getattr(state.players, who))
        assert torch.equal(getattr(after.players, other), getattr(state.players, other))
        for one, before in zip(
            getattr(after.memory, other), getattr(state.memory, other), strict=True
        ):
            assert one is before
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
@whoever
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
