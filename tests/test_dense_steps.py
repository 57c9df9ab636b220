"""Every step of every optimizer against dense algebra, on a small GAN with a penalty.

The reference knows no flat vectors, no `toylab.games` and no solver: the GAN is a list of tensors
a player, its second derivatives are whole matrices by a loop over rows, and every system is solved
by numpy. 48 parameters, float64.
"""

import numpy as np
import pytest
import torch

from tests.helpers import assert_near, normal
from toylab.batches import Batch
from toylab.constraints import CONSTRAINTS
from toylab.games import Curvature, Players, gan, gradients
from toylab.moving import constrained, resting
from toylab.networks import mlp
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.rules import RULES

B, WIDTH = 6, 5
SHAPES = Players(((2, WIDTH), (WIDTH,), (WIDTH, 2), (2,)), ((2, WIDTH), (WIDTH,), (WIDTH, 1), (1,)))
STARTS = (0, 16, 32, 48)  # each tensor begins at a multiple of 16 numbers
RATES = Players(0.3, 0.5)
NUMBERS = {
    "adjustment": 0.7,
    "solver_tolerance": 1e-15,
    "acgd_beta": 0.9,
    "acgd_epsilon": 1e-3,
    "penalty_weight": 0.5,
    "clip": 0.4,
    "beta1": 0.5,
    "beta2": 0.9,
    "epsilon": 1e-6,
}
SOLVING = [name for name, row in OPTIMIZERS.items() if "solver_steps" in row.settings]
GAMES = pytest.mark.parametrize(
    "objective, penalty",
    [("non-saturating", "0-gp"), ("minimax", "none"), ("wasserstein", "1-gp"), ("minimax", "roth")],
)


def one(value):
    return torch.tensor([value], dtype=torch.float64)


KNOBS = Players(*({**{k: one(v) for k, v in NUMBERS.items()}, "rate": one(rate)} for rate in RATES))
LIVE = Players(
    *(
        torch.cat(
            [torch.arange(at, at + int(np.prod(s))) for at, s in zip(STARTS, own, strict=True)]
        )
        for own in SHAPES
    )
)


def minibatch(seed):
    return Batch(
        real=normal(B, 2, seed=seed) + 1,
        latent=normal(B, 2, seed=seed + 1),
        mix=normal(B, 1, seed=seed + 2).sigmoid(),
    )


def game_of(objective, penalty, batch):
    networks = Players(
        mlp((2,), (2,), width=WIDTH, depth=1, activation="tanh"),
        mlp((2,), None, width=WIDTH, depth=1, activation="tanh"),
    )
    rows = [] if penalty == "none" else [("penalty_weight", PENALTIES[penalty].function)]
    row = OBJECTIVES[objective]
    return gan(networks, row, rows, CONSTRAINTS["none"], batch, KNOBS.critic)


def started():
    """Players of 0 wherever no network looks."""
    players = Players(torch.zeros(64).double(), torch.zeros(64).double())
    for vector, live, seed in zip(players, LIVE, (5, 6), strict=True):
        vector[live] = 0.8 * normal(len(live), seed=seed)
    return players


# The same GAN once more.


def forward(numbers, shapes, x):
    a, b, c, d = (
        part.view(shape)
        for part, shape in zip(
            numbers.split([int(np.prod(shape)) for shape in shapes]), shapes, strict=True
        )
    )
    return torch.tanh(x @ a + b) @ c + d


def losses(objective, penalty, batch, x, y):
    """(generator's, critic's) of two vectors without gaps."""

    def critic(points):
        return forward(y, SHAPES.critic, points)[:, 0]

    real, fake = batch.real, forward(x, SHAPES.generator, batch.latent)
    p, q = torch.sigmoid(critic(real)), torch.sigmoid(critic(fake))
    mine, theirs = {
        "non-saturating": (-q.log(), -p.log() - (1 - q).log()),
        "minimax": ((1 - q).log(), -p.log() - (1 - q).log()),
        "wasserstein": (-critic(fake), critic(fake) - critic(real)),
    }[objective]

    def slope(points, squashed):
        points = points if points.requires_grad else points.clone().requires_grad_()
        out = critic(points)
        out = (torch.sigmoid(out) if squashed else out).sum()
        return torch.autograd.grad(out, points, create_graph=True)[0].square().sum(1)

    between = batch.mix * real + (1 - batch.mix) * fake
    price = {
        "none": lambda: 0.0 * p,
        "0-gp": lambda: slope(between, True),
        "1-gp": lambda: ((slope(between, False) + 1e-12).sqrt() - 1) ** 2,
        "roth": lambda: 0.5 * ((1 - p) ** 2 * slope(real, False) + q**2 * slope(fake, False)),
    }[penalty]()
    return mine.mean(), theirs.mean() + NUMBERS["penalty_weight"] * price.mean()


class Dense:
    """Both losses' slopes and all blocks of second derivatives at one point, as numpy arrays.

    slope[l, a] = ∂L_l/∂a, block[l, a, b] = ∂²L_l/∂a∂b; l, a, b of "g", "d".
    """

    def __init__(self, objective, penalty, batch, x, y):
        at = {"g": torch.tensor(x, requires_grad=True), "d": torch.tensor(y, requires_grad=True)}
        self.slope, self.block = {}, {}
        for name, loss in zip("gd", losses(objective, penalty, batch, *at.values()), strict=True):
            for a in "gd":
                (slope,) = torch.autograd.grad(
                    loss, at[a], create_graph=True, materialize_grads=True
                )
                self.slope[name, a] = slope.detach().numpy()
                for b in "gd":
                    rows = [
                        torch.autograd.grad(
                            number, at[b], retain_graph=True, materialize_grads=True
                        )[0]
                        for number in slope
                    ]
                    self.block[name, a, b] = torch.stack(rows).numpy()

    def field(self):
        """(v, J): both own slopes as one vector, and its Jacobian."""
        v = np.concatenate([self.slope["g", "g"], self.slope["d", "d"]])
        rows = [[self.block[a, a, b] for b in "gd"] for a in "gd"]
        return v, np.block(rows)

    def equilibrium(self, sizes, zero_sum):
        """Δ of the game that is linear in either move: Δa = −A_a (∂_a L_a + D_ab L_a Δb)."""
        of = {"g": "d" if zero_sum else "g", "d": "d"}
        sign = {"g": -1.0 if zero_sum else 1.0, "d": 1.0}
        a = {name: np.diag(size) for name, size in zip("gd", sizes, strict=True)}
        across = {
            (one, other): a[one] @ (sign[one] * self.block[of[one], one, other])
            for one, other in ("gd", "dg")
        }
        n, m = len(sizes[0]), len(sizes[1])
        system = np.block([[np.eye(n), across["g", "d"]], [across["d", "g"], np.eye(m)]])
        target = [a[name] @ (sign[name] * self.slope[of[name], name]) for name in "gd"]
        return np.split(-np.linalg.solve(system, np.concatenate(target)), [n])


class Reference:
    """The textbook, one step after the other: x, y and whatever is remembered."""

    def __init__(self, name, objective, penalty, x, y):
        self.name, self.about, self.x, self.y = name, (objective, penalty), x, y
        self.before = np.zeros(len(x) + len(y))
        self.squares, self.count, self.sizes = [0.0, 0.0], 0, None
        self.roots = [1.0, 1.0]

    def dense(self, batch, x=None, y=None):
        return Dense(*self.about, batch, self.x if x is None else x, self.y if y is None else y)

    def descend(self, slopes):
        """w − ηv of the joined vector v, as a pair."""
        g, d = np.split(slopes, [len(self.x)])
        return self.x - RATES.generator * g, self.y - RATES.critic * d

    def step(self, batches):
        first = self.dense(batches[0])
        v, jacobian = first.field()
        if self.name == "alternating":
            for batch in batches[:2]:
                slope = self.dense(batch).slope["d", "d"]
                self.y = self.y - RATES.critic * slope
            self.x = self.x - RATES.generator * self.dense(batches[2]).slope["g", "g"]
            return
        slopes = {
            "simultaneous": lambda: v,
            "extragradient": lambda: self.dense(batches[1], *self.descend(v)).field()[0],
            "past": lambda: self.dense(batches[0], *self.descend(self.before)).field()[0],
            "unrolled": lambda: np.concatenate([self.foreseen(batches[0]), first.slope["d", "d"]]),
            "consensus": lambda: v + NUMBERS["adjustment"] * jacobian.T @ v,
            "symplectic": lambda: v + NUMBERS["adjustment"] * self.adjustment(v, jacobian),
            "lcgd": lambda: self.expected(first),
        }
        if self.name in slopes:
            found = slopes[self.name]()
            self.before, (self.x, self.y) = found, self.descend(found)
            return
        zero_sum = self.name in ("cgd-zero-sum", "cgd-rmsprop", "acgd", "acgd-paper")
        self.sizes = [
            np.full(len(w), rate) for w, rate in zip((self.x, self.y), RATES, strict=True)
        ]
        if self.name.startswith("acgd"):
            self.adapt(first, zero_sum)
        if self.name == "cgd-rmsprop":
            sizes = zip(self.sizes, self.roots, strict=True)
            self.sizes = [size / np.sqrt(root) for size, root in sizes]
        move = first.equilibrium(self.sizes, zero_sum)
        self.last = first, move
        self.x, self.y = self.x + move[0], self.y + move[1]
        there, beta = self.dense(batches[0]), NUMBERS["acgd_beta"]
        self.roots = [
            beta * root + (1 - beta) * there.slope["d", name] ** 2
            for root, name in zip(self.roots, "gd", strict=True)
        ]

    def adapt(self, dense, zero_sum):
        beta, epsilon, self.count = NUMBERS["acgd_beta"], NUMBERS["acgd_epsilon"], self.count + 1
        slopes = dense.slope["d" if zero_sum else "g", "g"], dense.slope["d", "d"]
        self.squares = [
            beta * old + (1 - beta) * slope**2
            for old, slope in zip(self.squares, slopes, strict=True)
        ]
        whole = 1 - beta**self.count
        self.sizes = [
            rate / (np.sqrt(square / whole) + epsilon)
            if self.name == "acgd-paper"
            else rate * np.sqrt(whole) / (np.sqrt(square) + epsilon)
            for square, rate in zip(self.squares, RATES, strict=True)
        ]

    def expected(self, dense):
        """Linearised: each slope where the other stands after its own plain step."""
        g, d = dense.slope["g", "g"], dense.slope["d", "d"]
        return np.concatenate(
            [
                g - RATES.critic * dense.block["g", "g", "d"] @ d,
                d - RATES.generator * dense.block["d", "d", "g"] @ g,
            ]
        )

    def adjustment(self, v, jacobian):
        turned = (jacobian - jacobian.T).T @ v / 2
        back = jacobian.T @ v
        return np.sign((v @ back) * (turned @ back) / 128 + 0.1) * turned

    def foreseen(self, batch, steps=3):
        """dL_G/dx where the critic is after some steps of its own, by the chain rule in matrices:
        S = dy/dx grows by −η (D_yx + D_yy S) a step."""
        y, s = self.y, np.zeros((len(self.y), len(self.x)))
        for _ in range(steps):
            here = self.dense(batch, y=y)
            s = s - RATES.critic * (here.block["d", "d", "g"] + here.block["d", "d", "d"] @ s)
            y = y - RATES.critic * here.slope["d", "d"]
        there = self.dense(batch, y=y)
        return there.slope["g", "g"] + s.T @ there.slope["g", "d"]


def built(name, rules=None, wrap=lambda rule: rule):
    row = OPTIMIZERS[name]
    rule = row.rule or RULES["sgd"]
    more = {"unroll": 3, "solver_steps": 200}
    more = {setting: more[setting] for setting in row.settings}
    return row.build(rules or Players(rule, wrap(rule)), 2, "critic", **more)


@GAMES
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_three_steps_are_those_of_dense_algebra(name, objective, penalty):
    optimizer, players = built(name), started()
    memory = optimizer.init(players)
    place = (vector[live].numpy() for vector, live in zip(players, LIVE, strict=True))
    reference = Reference(name, objective, penalty, *place)
    for step in range(3):
        batches = [minibatch(10 * (3 * step + i)) for i in range(len(optimizer.draws))]
        games = [game_of(objective, penalty, batch) for batch in batches]
        players, memory = optimizer.step(games, players, memory, KNOBS)
        reference.step(batches)
        for vector, live, expected in zip(players, LIVE, (reference.x, reference.y), strict=True):
            limit = 1e-8 * max(1.0, abs(expected).max())
            assert_near(vector[live], torch.from_numpy(expected), limit)
            assert vector.count_nonzero() <= len(live), "numbers that no network reads have moved"
        if name in ("acgd", "acgd-paper", "cgd-rmsprop"):
            dense, moves = reference.last
            for held, live, size, move, sign in zip(
                memory, LIVE, reference.sizes, moves, (1, 1), strict=True
            ):
                assert held[1] == step + 1 and held[3] == (step + 1) % 2
                warm = torch.from_numpy(-sign * move / np.sqrt(size))
                assert_near(held[2][live], warm, 1e-8)


@pytest.mark.parametrize("name", SOLVING)
def test_few_iterations_are_not_the_answer_and_warm_ones_come_nearer(name):
    """The dense test would not see a solver that never runs."""
    row, batch = OPTIMIZERS[name], minibatch(0)
    rule = row.rule or RULES["sgd"]
    game, start = game_of("minimax", "none", batch), started()
    ends = []
    for most in (1, 2, 200):
        optimizer = row.build(Players(rule, rule), solver_steps=most)
        ends.append(optimizer.step([game], start, optimizer.init(start), KNOBS)[0].generator)
    assert (ends[0] - ends[2]).norm() > (ends[1] - ends[2]).norm() > 0


def test_warm_starts_save_iterations():
    """ACGD on the same minibatch: one iteration a step ends nearer if it goes on from the last."""
    row, game = OPTIMIZERS["acgd"], game_of("minimax", "none", minibatch(0))
    start = started()
    slow = Players(*({**own, "rate": own["rate"] * 0.03} for own in KNOBS))
    truth, one_each = (
        row.build(Players(row.rule, row.rule), solver_steps=most) for most in (200, 1)
    )
    cold = warm = 0.0
    players, memory = start, truth.init(start)
    for _ in range(6):
        exact, after = truth.step([game], players, memory, slow)
        forgotten = Players(*((*own[:2], 0 * own[2], own[3]) for own in memory))
        for kept, name in ((memory, "warm"), (forgotten, "cold")):
            found, _ = one_each.step([game], players, kept, slow)
            off = float((found.generator - exact.generator).norm())
            warm, cold = (warm + off, cold) if name == "warm" else (warm, cold + off)
        players, memory = exact, after
        if memory.generator[1] == 1:
            warm = cold = 0.0  # the first step has no last one
    assert warm < 0.7 * cold


@GAMES
def test_products_of_the_jacobian_are_finite_differences(objective, penalty):
    """J forth, Jᵀ back, and the slope of one player's loss by the other's numbers."""
    game, players, h = game_of(objective, penalty, minibatch(0)), started(), 1e-5
    directions = Players(normal(64, seed=21), normal(64, seed=22))
    bent = Curvature(game, players)
    assert_near(bent.slopes, gradients(game, players), 1e-15)
    ahead, behind = (
        gradients(game, Players(*(v + s * h * d for v, d in zip(players, directions, strict=True))))
        for s in (1, -1)
    )
    change = Players(*((a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)))
    assert_near(bent.forward(directions), change, 1e-7)
    others = Players(normal(64, seed=23), normal(64, seed=24))
    back = bent.backward(others)
    forth = sum(float(a @ b) for a, b in zip(change, others, strict=True))
    found = sum(float(a @ b) for a, b in zip(back, directions, strict=True))
    assert found == pytest.approx(forth, abs=1e-6)
    for loss, by in (("critic", "generator"), ("generator", "critic")):
        values = [
            getattr(game, loss)(
                players._replace(**{by: getattr(players, by) + s * h * getattr(directions, by)})
            ).item()
            for s in (1, -1)
        ]
        along = float(bent.slope(loss, by) @ getattr(directions, by))
        assert along == pytest.approx((values[0] - values[1]) / (2 * h), abs=1e-7)
        assert abs(along) > 1e-3


def test_products_pass_through_reduce(monkeypatch):
    """All of data parallelism: every flat vector that leaves games.py was all-reduced."""
    game, players = game_of("minimax", "0-gp", minibatch(0)), started()

    def found():
        bent = Curvature(game, players)
        parts = bent.slopes, bent.forward(players), bent.backward(players)
        return *parts, bent.slope("critic", "generator")

    plain = found()
    monkeypatch.setattr("toylab.games.reduce", lambda tensor: 2 * tensor)
    for part, doubled in zip(plain, found(), strict=True):
        twice = Players(*(2 * each for each in part)) if isinstance(part, Players) else 2 * part
        assert_near(doubled, twice, 0.0)


@pytest.mark.parametrize("rule", ["adam", "momentum", "rmsprop"])
def test_unrolled_is_the_slope_of_what_it_foresees(rule):
    """Finite differences of the generator's loss after three real moves of the critic, by its rule
    with what that rule remembers, clipped."""
    game, players, h = game_of("non-saturating", "r1", minibatch(0)), started(), 1e-6
    knobs = {**KNOBS.critic, "rate": one(0.02), "momentum": one(0.8), "decay": one(0.9)}
    own = constrained(RULES[rule], CONSTRAINTS["clip"])
    memory = RULES[rule].init(players.critic)
    for seed in (1, 2):
        _, memory = RULES[rule].update(0.1 * normal(64, seed=seed), players.critic, memory, knobs)

    def foreseen(generator):
        critic, held = players.critic, memory
        for _ in range(3):
            slope = gradients(game, Players(generator, critic), ("critic",)).critic
            critic, held = own.update(slope, critic, held, knobs)
        return game.generator(Players(generator, critic)).item()

    optimizer = OPTIMIZERS["unrolled"].build(Players(RULES["sgd"], own), unroll=3)
    whole = Players({**knobs, "rate": one(1.0)}, knobs)
    after, kept = optimizer.step([game], players, Players((), memory), whole)
    slope = players.generator - after.generator
    for seed in (3, 4):
        u = normal(64, seed=seed)
        change = foreseen(players.generator + h * u) - foreseen(players.generator - h * u)
        assert float(slope @ u) == pytest.approx(change / (2 * h), rel=1e-4, abs=1e-7)
    expected, held = own.update(
        gradients(game, players, ("critic",)).critic, players.critic, memory, knobs
    )
    assert_near(after.critic, expected, 1e-14)
    for a, b in zip(kept.critic, held, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("still", Players._fields)
def test_who_rests_is_met_where_it_stands(name, still):
    """The other one expects no answer: without a look ahead it moves down its own slope alone."""
    row, mover = OPTIMIZERS[name], {"generator": "critic", "critic": "generator"}[still]
    rule = row.rule or RULES["sgd"]
    rules = Players(rule, rule)._replace(**{still: resting(rule)})
    game, players = game_of("minimax", "none", minibatch(0)), started()
    optimizer = built(name, rules)
    memory = optimizer.init(players)
    games = [game] * len(optimizer.draws)
    after, kept = optimizer.step(games, players, memory, KNOBS)
    assert torch.equal(getattr(after, still), getattr(players, still))
    for a, b in zip(getattr(kept, still), getattr(memory, still), strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    slope = getattr(gradients(game, players), mover)
    plain = getattr(players, mover) - getattr(RATES, mover) * slope
    if name in ("simultaneous", "past", "unrolled", "lcgd", "cgd", "cgd-zero-sum"):
        assert_near(getattr(after, mover), plain, 1e-12)
    elif row.rule is not None:
        whole = 1 - NUMBERS["acgd_beta"]
        square = whole * slope**2
        size = getattr(RATES, mover) * whole**0.5 / (square.sqrt() + NUMBERS["acgd_epsilon"])
        if name == "acgd-paper":
            size = getattr(RATES, mover) / (slope.abs() + NUMBERS["acgd_epsilon"])
        if name == "cgd-rmsprop":
            size = getattr(RATES, mover)  # s is 1
        assert_near(getattr(after, mover), getattr(players, mover) - size * slope, 1e-9)
    else:
        assert not torch.equal(getattr(after, mover), getattr(players, mover))
