"""Game optimizers against closed forms, a hand-written loop, and a GAN written tensor by tensor."""

import math

import pytest
import torch

from tests.helpers import assert_near, normal
from toylab.batches import Batch
from toylab.constraints import CONSTRAINTS
from toylab.games import Game, Players, bilinear, dirac, gan, gradients, quadratic
from toylab.moving import constrained
from toylab.networks import mlp
from toylab.objectives import OBJECTIVES
from toylab.optimizers import FIRST, OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.rules import RULES

EVERY = pytest.mark.parametrize("name", OPTIMIZERS)
SGD = Players(RULES["sgd"], RULES["sgd"])


def one(value):
    return torch.tensor([value], dtype=torch.float64)


NUMBERS = {"adjustment": 1.0, "solver_tolerance": 1e-14, "acgd_beta": 0.99, "acgd_epsilon": 1e-5}


def rates(generator, critic, **more):
    others = {name: one(value) for name, value in {**NUMBERS, **more}.items()}
    return Players({"rate": one(generator), **others}, {"rate": one(critic), **others})


def built(name, rules=SGD, critic_steps=1, first="critic", **more):
    """The optimizer with these rules, or with those that it brings."""
    row = OPTIMIZERS[name]
    if row.rule is not None:
        rules = Players(row.rule, constrained(row.rule, CONSTRAINTS["none"]))
    more |= {"solver_steps": 50} if "solver_steps" in row.settings else {}
    return row.build(rules, critic_steps, first, **more)


def follow(name, game, start, eta, steps, **how):
    """Players after every step, the same game at each, plain gradient descent."""
    optimizer = built(name, **how)
    players, memory = start, optimizer.init(start)
    numbers = eta if isinstance(eta, Players) else rates(eta, eta)
    found = [players]
    for _ in range(steps):
        games = [game] * len(optimizer.draws)
        players, memory = optimizer.step(games, players, memory, numbers)
        found.append(players)
    return found


def radius(players):
    return math.sqrt(sum(float(vector.square().sum()) for vector in players))


@pytest.mark.parametrize("sigma, eta", [(1.0, 0.2), (3.0, 0.2), (0.5, 1.5)])
def test_factor_a_step_on_bilinear_games(sigma, eta):
    """At once √(1 + q²), extragradient and LCGD √((1−q²)² + q²), CGD 1/√(1 + q²), q = ησ, in every
    direction alike; consensus and the symplectic adjustment √((1−qσ)² + q²)."""
    rotation = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    game, q = bilinear(sigma * rotation), eta * sigma
    start = Players(normal(2, seed=1), normal(2, seed=2))
    factors = {
        "simultaneous": math.sqrt(1 + q**2),
        **dict.fromkeys(("extragradient", "lcgd"), math.sqrt((1 - q**2) ** 2 + q**2)),
        **dict.fromkeys(("cgd", "cgd-zero-sum"), 1 / math.sqrt(1 + q**2)),
        **dict.fromkeys(("consensus", "symplectic"), math.sqrt((1 - q * sigma) ** 2 + q**2)),
    }
    for name, factor in factors.items():
        path = [radius(players) for players in follow(name, game, start, eta, 20)]
        for before, after in zip(path, path[1:], strict=False):
            assert after / before == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("first", FIRST)
def test_taking_turns_keeps_an_ellipse_on_the_bilinear_game(first):
    """x² + y² ± q·xy stays what it was, q = ησ < 2: bounded for ever, never at the centre."""
    q = 0.6
    start = Players(one(0.9), one(-0.2))
    path = follow("alternating", bilinear(one(3.0)[None]), start, 0.2, 300, first=first)
    sign = -1 if first == "generator" else 1
    kept = [float(p.generator**2 + p.critic**2 + sign * q * p.generator * p.critic) for p in path]
    assert kept == pytest.approx([kept[0]] * 301, rel=1e-10)
    assert min(radius(p) for p in path) > 0.5 and max(radius(p) for p in path) < 1.5
    newest = path[0].critic + q * path[0].generator  # who begins moves from the old place
    expected = {
        "critic": Players(path[0].generator - q * newest, newest),
        "generator": Players(
            path[0].generator - q * path[0].critic,
            path[0].critic + q * (path[0].generator - q * path[0].critic),
        ),
    }
    assert_near(path[1], expected[first], 1e-14)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_zero_sum_says_whose_loss_is_asked_for(name):
    """Where the row says so the generator's own loss is never looked at, elsewhere it is."""
    inside, asked = bilinear(one(3.0)[None]), []

    def heard(players):
        asked.append(players)
        return inside.generator(players)

    follow(name, Game(heard, inside.critic), Players(one(0.9), one(-0.2)), 0.2, 2)
    assert bool(asked) is not OPTIMIZERS[name].zero_sum


QUADRATICS = [
    (1.0, 10.0, 1.0, 0.09, 0.01),
    (1.0, 10.0, 1.0, 0.05, 0.05),
    (0.5, -2.0, 0.3, 0.1, 0.2),
]


@pytest.mark.parametrize("a, b, c, of_generator, of_critic", QUADRATICS)
def test_quadratic_games_are_matrix_powers(a, b, c, of_generator, of_critic):
    """Each player with its own rate; w ← (I − ηJ)w and what follows from it for the others.

    Unrolled: y₃ = r³y + sx, r = 1 + 2cη, s = ηb (1 + r + r²), and dL/dx = ∂_x f + s ∂_y f at y₃.
    Competitive: (I + ηK) Δ = −ηJw, K the part of J off its diagonal; LCGD its first order.
    """
    eta = torch.diag(torch.tensor([of_generator, of_critic], dtype=torch.float64))
    jacobian = torch.tensor([[2 * a, b], [-b, -2 * c]], dtype=torch.float64)
    identity, field = torch.eye(2, dtype=torch.float64), eta @ jacobian
    x, y = torch.diag(identity[0]), torch.diag(identity[1])  # who moves
    across = jacobian - torch.diag(torch.diag(jacobian))
    r = 1 + 2 * c * of_critic
    s = of_critic * b * (1 + r + r * r)
    up = torch.tensor([[2 * a, b], [b, 2 * c]], dtype=torch.float64)  # ∂f of (x, y)
    at_third = up @ torch.tensor([[1.0, 0.0], [s, r**3]], dtype=torch.float64)
    seen = torch.stack([at_third[0] + s * at_third[1], jacobian[1]])
    answered = torch.linalg.solve(identity + eta @ across, field)
    move = {
        "simultaneous": identity - field,
        "unrolled": identity - eta @ seen,
        "consensus": identity - eta @ (jacobian + jacobian.T @ jacobian),
        "lcgd": identity - eta @ (jacobian - across @ field),
        "cgd": identity - answered,
        "cgd-zero-sum": identity - answered,
        "extragradient": identity - field @ (identity - field),
        "alternating": (identity - x @ field) @ (identity - y @ field),
    }
    start = Players(one(0.7), one(-0.4))
    for name, matrix in move.items():
        numbers = rates(of_generator, of_critic)
        how = {"unroll": 3} if name == "unrolled" else {}
        end = torch.cat(follow(name, quadratic(a, b, c), start, numbers, 30, **how)[-1])
        expected = torch.linalg.matrix_power(matrix, 30) @ torch.cat(start)
        torch.testing.assert_close(end, expected, rtol=1e-11, atol=1e-13)


def test_unequal_rates_can_save_what_equal_rates_lose():
    """x² + 10xy + y², at once: largest factor 0.9625 with rates (0.09, 0.01), 1.114 with (0.05,
    0.05), although y climbs away from its worst point; Schäfer et al. 2020."""
    for first, second, factor in ((0.09, 0.01, 0.9625), (0.05, 0.05, 1.114), (0.03, 0.03, 1.042)):
        start = Players(one(0.7), one(-0.4))
        path = follow("simultaneous", quadratic(1, 10, 1), start, rates(first, second), 400)
        found = (radius(path[400]) / radius(path[200])) ** (1 / 200)
        assert found == pytest.approx(factor, abs=2e-3)


def test_dirac_gan_radii():
    """Minimax, h = 0.2, from (1, 1) in the sign of Mescheder et al. 2018, (1, −1) in ours: at once
    it spirals out, taking turns it stays on a cycle, R1 (γ = 0.3) and extragradient lead home."""
    start = Players(one(1.0), one(-1.0))
    free = dirac()
    priced = Game(free.generator, lambda p: free.critic(p) + 0.15 * p.critic.square().sum(-1))
    measured = [
        (free, "simultaneous", (1.68, 1.96, 3.10)),
        (free, "alternating", (1.38, 1.40, 1.42)),
        (priced, "simultaneous", (0.28, 0.099, 2.6e-6)),
        (priced, "alternating", (0.22, 0.061, 2.3e-7)),
    ]
    for game, name, radii in measured:
        path = follow(name, game, start, 0.2, 500, first="generator")
        assert [radius(path[i]) for i in (50, 100, 500)] == pytest.approx(radii, rel=0.03)
    for first in FIRST:
        turns = follow("alternating", free, start, 0.2, 500, first=first)
        assert all(1.3 < radius(players) < 1.5 for players in turns)
        assert 1.36 <= radius(turns[500]) <= 1.46
    assert radius(follow("extragradient", free, start, 0.2, 500)[-1]) < 0.15


@pytest.mark.parametrize("critic_steps", [1, 2, 5])
@pytest.mark.parametrize("first", FIRST)
def test_any_number_of_critic_steps_and_who_begins(critic_steps, first):
    """Against a loop in plain numbers; every turn has its own game, given in the order of draws."""
    optimizer = OPTIMIZERS["alternating"].build(SGD, critic_steps, first)
    turns = ["critic"] * critic_steps
    turns = [*turns, "generator"] if first == "critic" else ["generator", *turns]
    assert list(optimizer.draws) == turns
    games = [quadratic(0.5 + i, 2.0 - i, -0.3 * i) for i in range(len(turns))]
    players, memory = Players(one(0.7), one(-0.4)), Players((), ())
    x, y = 0.7, -0.4
    for _ in range(3):
        players, memory = optimizer.step(games, players, memory, rates(0.03, 0.05))
        for i, turn in enumerate(turns):
            a, b, c = 0.5 + i, 2.0 - i, -0.3 * i
            if turn == "critic":
                y += 0.05 * (b * x + 2 * c * y)
            else:
                x -= 0.03 * (2 * a * x + b * y)
    assert [float(v) for v in players] == pytest.approx([x, y], rel=1e-13)


def test_extragradient_moves_from_where_it_was_with_the_second_minibatch():
    """w½ from the first game, then w − η v₂(w½); Adam's memory passes through both halves."""
    first, second = quadratic(0.5, 2, -0.3), quadratic(1.5, -1, 0.2)
    adam = RULES["adam"]
    optimizer = OPTIMIZERS["extragradient"].build(Players(adam, adam))
    assert optimizer.draws == ("both", "both")
    start = Players(one(0.7), one(-0.4))
    values = {"beta1": one(0.5), "beta2": one(0.9), "epsilon": one(1e-8)}
    knobs = Players(values | {"rate": one(0.03)}, values | {"rate": one(0.05)})
    players, memory = start, optimizer.init(start)
    expected, held = start, optimizer.init(start)

    def both_moved(slopes, here, held):
        moved = [
            adam.update(slope, vector, memory, own)
            for slope, vector, memory, own in zip(slopes, here, held, knobs, strict=True)
        ]
        return (Players(*part) for part in zip(*moved, strict=True))

    for _ in range(3):
        players, memory = optimizer.step([first, second], players, memory, knobs)
        ahead, held = both_moved(gradients(first, expected), expected, held)
        expected, held = both_moved(gradients(second, ahead), expected, held)
    assert_near(players, expected, 0.0)


B = 6


def gan_of(batch, penalty):
    networks = Players(
        mlp((2,), (2,), width=4, depth=1, activation="tanh"),
        mlp((2,), None, width=4, depth=1, activation="tanh"),
    )
    penalties = [] if penalty is None else [("penalty_weight", PENALTIES[penalty].function)]
    knobs = {"penalty_weight": one(0.7)}
    row = OBJECTIVES["non-saturating"]
    return networks, gan(networks, row, penalties, CONSTRAINTS["none"], batch, knobs)


def batches(count):
    return [
        Batch(
            real=normal(B, 2, seed=10 * i),
            latent=normal(B, 2, seed=10 * i + 1),
            mix=normal(B, 1, seed=10 * i + 2).sigmoid(),
        )
        for i in range(count)
    ]


# The same GAN once more: a list of tensors a player, σ and log, sums over samples, SGD in place.
CUTS = {"generator": ((0, (2, 4)), (16, (4,)), (32, (4, 2)), (48, (2,)))}
CUTS["critic"] = ((0, (2, 4)), (16, (4,)), (32, (4, 1)), (48, (1,)))


def tensors_of(players):
    return {
        name: [
            getattr(players, name)[at : at + math.prod(shape)].view(shape).clone().requires_grad_()
            for at, shape in CUTS[name]
        ]
        for name in CUTS
    }


def forward(parts, x):
    return torch.tanh(x @ parts[0] + parts[1]) @ parts[2] + parts[3]


def plain_losses(tensors, batch, penalty):
    def critic(x):
        return forward(tensors["critic"], x)[:, 0]

    fake = forward(tensors["generator"], batch.latent)
    loss = sum(
        -torch.log(torch.sigmoid(critic(batch.real)[i]))
        - torch.log(1 - torch.sigmoid(critic(fake)[i]))
        for i in range(B)
    )
    if penalty is not None:
        x = batch.real.clone().requires_grad_()
        if penalty == "1-gp":
            x = batch.mix * batch.real + (1 - batch.mix) * fake
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        length = (slope[:, 0] ** 2 + slope[:, 1] ** 2).sqrt()
        loss = loss + 0.7 * ((length - 1) ** 2 if penalty == "1-gp" else length**2 / 2).sum()
    return {
        "critic": loss / B,
        "generator": -torch.log(torch.sigmoid(critic(fake))).sum() / B,
    }


def plain_move(tensors, names, batch, penalty, base=None):
    """New tensors: `base` (or these) minus the rates times the slopes found at these."""
    moved = dict(base or tensors)
    for name in names:
        loss = plain_losses(tensors, batch, penalty)[name]
        slopes = torch.autograd.grad(loss, tensors[name])
        rate = {"generator": 0.05, "critic": 0.08}[name]
        moved[name] = [
            (part - rate * slope).detach().requires_grad_()
            for part, slope in zip(moved[name], slopes, strict=True)
        ]
    return moved


@pytest.mark.parametrize("name", ["alternating", "simultaneous", "extragradient"])
@pytest.mark.parametrize("penalty", [None, "r1", "1-gp"])
def test_dense_reference_on_a_small_gan(name, penalty):
    """By a list of tensors a player; the others in test_dense_steps."""
    optimizer = OPTIMIZERS[name].build(SGD, 2, "critic")
    steps = 8
    drawn = batches(steps * len(optimizer.draws))
    networks, _ = gan_of(drawn[0], penalty)
    players = Players(*(0.6 * normal(network.size, seed=5) for network in networks))
    dead = torch.ones(64, dtype=torch.bool)
    for vector, cuts in zip(players, CUTS.values(), strict=True):
        dead[:] = True
        for at, shape in cuts:
            dead[at : at + math.prod(shape)] = False
        vector[dead] = 0
    tensors, memory = tensors_of(players), optimizer.init(players)
    both = ("generator", "critic")
    for step in range(steps):
        mine = [drawn[step * len(optimizer.draws) + i] for i in range(len(optimizer.draws))]
        games = [gan_of(batch, penalty)[1] for batch in mine]
        players, memory = optimizer.step(games, players, memory, rates(0.05, 0.08))
        if name == "alternating":
            for turn, batch in zip(("critic", "critic", "generator"), mine, strict=True):
                tensors = plain_move(tensors, (turn,), batch, penalty)
        elif name == "simultaneous":
            tensors = plain_move(tensors, both, mine[0], penalty)
        else:
            ahead = plain_move(tensors, both, mine[0], penalty)
            tensors = plain_move(ahead, both, mine[1], penalty, base=tensors)
    for vector, own, cuts in zip(players, tensors.values(), CUTS.values(), strict=True):
        for part, (at, shape) in zip(own, cuts, strict=True):
            found = vector[at : at + math.prod(shape)].view(shape)
            assert (found - part).abs().max() < 1e-12


@EVERY
def test_constraint_holds_after_every_critic_step_and_not_before(name):
    """Clipping as in the paper: the first slope is found at the vector as it was given, every later
    one within ±c, and so is what the step returns. The generator is free.

    Who looks ahead with the slopes of the past has moved by 0, and clipped, before the first one;
    unrolled, the critic's own slope comes after those that were foreseen. RMSProp's sizes look once
    more, where the step has led."""
    seen = []

    def watched(player):
        def loss(players):
            seen.append((player, players.critic.detach().abs().max().item()))
            return ((players.generator.sum() - 3) * players.critic.sum()).reshape(())

        return loss

    game = Game(watched("generator"), watched("critic"))
    rule = OPTIMIZERS[name].rule or SGD.critic
    rules = Players(rule, constrained(rule, CONSTRAINTS["clip"]))
    optimizer = OPTIMIZERS[name].build(rules, 3, "critic")
    start = Players(normal(4, seed=1), normal(4, seed=2))
    assert start.critic.abs().max() > 0.5
    knobs = Players(*(own | {"clip": one(0.1)} for own in rates(1.0, 1.0)))
    players, _ = optimizer.step([game] * len(optimizer.draws), start, optimizer.init(start), knobs)
    by_critic = [size for player, size in seen if player == "critic"]
    given = start.critic.abs().max().item()
    fresh = {"past": [], "unrolled": [0, 5]}.get(name, [0])
    for number, size in enumerate(by_critic):
        assert size == given if number in fresh else size <= 0.1
    looks = {"unrolled": 6, "alternating": 3, "extragradient": 2, "cgd-rmsprop": 2}
    assert len(by_critic) == looks.get(name, 1)
    assert players.critic.abs().max() == 0.1 and players.generator.abs().max() > 0.1


def test_no_constraint_changes_nothing():
    free = constrained(SGD.critic, CONSTRAINTS["none"])
    vector, gradient = normal(4, seed=1), normal(4, seed=2)
    found, _ = free.update(gradient, vector, (), {"rate": one(0.3)})
    assert torch.equal(found, vector - 0.3 * gradient)
    assert free.knobs == SGD.critic.knobs


@EVERY
def test_a_step_is_pure(name):
    """What was given stays as it was, and the same step gives the same answer, bit for bit."""
    optimizer = built(name, Players(RULES["adam"], RULES["momentum"]), 2, "generator")
    drawn = batches(len(optimizer.draws))
    games = [gan_of(batch, "r1")[1] for batch in drawn]
    networks, _ = gan_of(drawn[0], None)
    players = Players(*(0.6 * normal(network.size, seed=5) for network in networks))
    numbers = {"beta1": one(0.5), "beta2": one(0.9), "epsilon": one(1e-8), "momentum": one(0.9)}
    knobs = Players(*(own | numbers for own in rates(0.05, 0.08)))
    players, memory = optimizer.step(games, players, optimizer.init(players), knobs)
    memory_parts = [*memory.generator, *memory.critic]
    parts = [*players, *(part for part in memory_parts if isinstance(part, torch.Tensor))]
    held = [part.clone() for part in parts]
    first, kept = optimizer.step(games, players, memory, knobs)
    second, again = optimizer.step(games, players, memory, knobs)
    assert all(torch.equal(a, b) for a, b in zip(parts, held, strict=True))
    assert_near(first, second, 0.0)
    assert not torch.equal(first.critic, players.critic)
    assert not torch.equal(first.generator, players.generator)
    for held_before, held_after in zip(memory, kept, strict=True):
        assert not torch.equal(held_before[0], held_after[0])
    for one_half, other in zip(kept, again, strict=True):
        for a, b in zip(one_half, other, strict=True):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
            assert isinstance(a, int) or not a.requires_grad
    assert not any(part.requires_grad for part in first)


def test_only_taking_turns_reads_critic_steps_and_who_begins():
    """`takes_turns` is what the page greys the two settings out by."""
    for row in OPTIMIZERS.values():
        made = {row.build(SGD, steps, first).draws for steps in (1, 3) for first in FIRST}
        assert (len(made) > 1) == row.takes_turns
