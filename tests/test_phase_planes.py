"""The papers' games of two numbers to the digits that are known of them, and eight Gaussians."""

import math

import pytest
import torch
from torch.nn.functional import softplus

from tests.helpers import normal
from toylab.constraints import CONSTRAINTS
from toylab.experiment import Experiment
from toylab.games import Curvature, Game, Players, bilinear, quadratic
from toylab.moving import constrained, resting
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES
from toylab.states import flatten
from toylab.trainer import Setup, train

# What a page's name stands for: (optimizer, rule).
METHODS = {
    "GDA": ("simultaneous", "sgd"),
    "AltGDA": ("alternating", "sgd"),
    "LCGD": ("lcgd", "sgd"),
    "EG": ("extragradient", "sgd"),
    "SGA": ("symplectic", "sgd"),
    "ConOpt": ("consensus", "sgd"),
    "OGDA": ("simultaneous", "optimistic"),
    "CGD": ("cgd", "sgd"),
    "CGD, zero-sum": ("cgd-zero-sum", "sgd"),
}


def one(value):
    return torch.tensor([value], dtype=torch.float64)


def walk(method, game, start, eta, steps, adjustment=1.0, wrap=lambda rule: rule, rests=None):
    """The players after every step; the generator begins where they take turns."""
    name, rule = METHODS.get(method, (method, "sgd"))
    rule = OPTIMIZERS[name].rule or RULES[rule]
    turns = [Players(rule, wrap(rule))]
    if rests:  # one after the other, each by the same optimizer
        turns = [turns[0]._replace(**{still: resting(wrap(rule))}) for still in rests]
    built = [OPTIMIZERS[name].build(rules, first="generator") for rules in turns]
    numbers = {"rate": eta, "adjustment": adjustment, "clip": 1.0, "solver_tolerance": 1e-12}
    own = {key: one(value) for key, value in numbers.items()}
    players, memory = start, built[0].init(start)
    path = [players]
    for _ in range(steps):
        for optimizer in built:
            games = [game] * len(optimizer.draws)
            players, memory = optimizer.step(games, players, memory, Players(own, own))
        path.append(players)
    return path


def radius(players):
    return math.hypot(*(float(vector) for vector in players))


RADII = {  # of xy·α after 50 steps of 0.2 from (½, ½); Schäfer and Anandkumar 2019, figure 2
    1: {"GDA": 1.89, "AltGDA": 0.69, "LCGD": 0.27, "EG": 0.27, "SGA": 4.6e-5, "ConOpt": 4.6e-5,
        "OGDA": 0.26, "CGD": 0.265, "CGD, zero-sum": 0.265},
    3: {"GDA": 1.5e3, "AltGDA": 0.59, "LCGD": 1.0e-3, "EG": 1.0e-3, "SGA": 0.707, "ConOpt": 0.707,
        "OGDA": 18, "CGD": 3.2e-4, "CGD, zero-sum": 3.2e-4},
    6: {"GDA": 3.4e9, "AltGDA": 0.36, "LCGD": 1.5e5, "EG": 1.5e5, "ConOpt": 7e39,
        "OGDA": 2e18, "CGD": 1.5e-10, "CGD, zero-sum": 1.5e-10},
}  # fmt: skip


def shown(value, like):
    """The value with as many digits as the number in the table has."""
    digits = len(f"{like:.10g}".split("e")[0].replace(".", "").strip("0"))
    return float(f"{value:.{max(digits - 1, 0)}e}")


@pytest.mark.parametrize("alpha", RADII)
@pytest.mark.parametrize("method", METHODS)
def test_radius_on_the_bilinear_plane(alpha, method):
    """To the digits of the table; SGA at α = 6 has a test of its own."""
    if method not in RADII[alpha]:
        return
    path = walk(method, bilinear(one(float(alpha))[None]), Players(one(0.5), one(0.5)), 0.2, 50)
    told = RADII[alpha][method]
    assert shown(radius(path[-1]), told) == pytest.approx(told, rel=1e-9)


def test_strongly_coupled_symplectic_adjustment_has_the_papers_radius_but_for_its_sign():
    """α = 6: ⟨v, Jᵀv⟩ is 0 in exact numbers, so the alignment's λ is 1 until rounding outweighs its
    1/10. The paper's method, always λ = 1, ends at 7e39; a step with λ = −1 leads farther out."""
    game, start = bilinear(one(6.0)[None]), Players(one(0.5), one(0.5))
    players = start
    for _ in range(50):
        bent = Curvature(game, players)
        forth, back = bent.forward(bent.slopes), bent.backward(bent.slopes)
        moves = (s + (b - f) / 2 for s, b, f in zip(bent.slopes, back, forth, strict=True))
        players = Players(*(w - 0.2 * move for w, move in zip(players, moves, strict=True)))
    assert shown(radius(players), 7e39) == pytest.approx(7e39)
    factors = {sign: math.hypot(1 - sign * 0.2 * 36, 1.2) for sign in (1, -1)}
    path = walk("SGA", game, start, 0.2, 50)
    for before, after in zip(path, path[1:], strict=False):
        grown = radius(after) / radius(before)
        found = min(factors, key=lambda sign: abs(factors[sign] - grown))
        assert grown == pytest.approx(factors[found], rel=1e-9)
        assert found == 1 or radius(before) > 1e3
    assert factors[1] < factors[-1] and radius(path[-1]) >= 0.999 * radius(players)


SEPARABLE = {  # of α(x² − y²): the factor of x a step of 0.2, from the equations
    "GDA": lambda a: 1 - 0.4 * a,
    "SGA": lambda a: 1 - 0.4 * a,
    "LCGD": lambda a: 1 - 0.4 * a,
    "CGD": lambda a: 1 - 0.4 * a,
    "CGD, zero-sum": lambda a: 1 - 0.4 * a,
    "ConOpt": lambda a: 1 - 0.2 * (2 * a + 4 * a * a),
    "EG": lambda a: 1 - 0.4 * a * (1 - 0.4 * a),
}


@pytest.mark.parametrize("method", SEPARABLE)
@pytest.mark.parametrize("alpha", [1.0, 3.0, 6.0, -1.0])
def test_where_nothing_couples_the_players(alpha, method):
    """CGD is then plain descent. Consensus finds a point that repels everybody (α = −1)."""
    path = walk(method, quadratic(alpha, 0.0, -alpha), Players(one(0.5), one(0.5)), 0.2, 100)
    factor = SEPARABLE[method](alpha)
    for vector in path[-1]:
        assert float(vector) == pytest.approx(0.5 * factor**100, rel=1e-9)
    told = {("GDA", 1): 3e-23, ("GDA", 3): 6e-71, ("ConOpt", 1): 6e-71, ("ConOpt", -1): 3e-23}
    if (method, alpha) in told:
        assert shown(float(path[-1].generator), 3.0) == pytest.approx(told[method, alpha])


def test_optimism_where_nothing_couples_the_players():
    """The larger root of z² = z − 2q·z + q, q = 2αη: 0.74 at α = 1, and beyond −1 at α = 3."""
    for alpha in (1.0, 3.0):
        q = 0.4 * alpha
        roots = [(1 - 2 * q + s * math.sqrt((1 - 2 * q) ** 2 + 4 * q)) / 2 for s in (1, -1)]
        largest = max(roots, key=abs)
        path = walk("OGDA", quadratic(alpha, 0.0, -alpha), Players(one(0.5), one(0.5)), 0.2, 100)
        if alpha == 1.0:
            assert shown(float(path[-1].generator), 3e-14) == pytest.approx(3e-14)
        found = float(path[-1].generator / path[-2].generator)
        assert found == pytest.approx(largest, rel=1e-6)
        assert (abs(found) < 1) == (alpha == 1.0)


def test_unequal_rates_save_x2_10xy_y2_and_competition_does_without():
    """x² + 10xy + y², whose y climbs away: at once only 0.9625 with (0.09, 0.01), and 1.114 with
    (0.05, 0.05); CGD converges with those. Schäfer et al. 2020."""
    game, start = quadratic(1.0, 10.0, 1.0), Players(one(0.5), one(0.5))

    def factor(method):
        path = walk(method, game, start, 0.05, 400)
        return (radius(path[400]) / radius(path[200])) ** (1 / 200)

    assert factor("GDA") == pytest.approx(1.114, abs=2e-3)
    answered = torch.tensor([[1.0, 0.5], [-0.5, 1.0]], dtype=torch.float64)
    field = 0.05 * torch.tensor([[2.0, 10.0], [-10.0, -2.0]], dtype=torch.float64)
    step = torch.eye(2, dtype=torch.float64) - torch.linalg.solve(answered, field)
    expected = torch.linalg.eigvals(step).abs().max().item()
    for method in ("CGD", "CGD, zero-sum"):
        assert factor(method) == pytest.approx(expected, rel=1e-3)
    assert expected < 1


def test_alignment_turns_the_adjustment_round_where_both_climb():
    """J = [[−s, b], [−b, −s]]: the equilibrium repels, and unaligned they would walk to it."""
    s, b, eta = 2.0, 3.0, 0.01
    game = quadratic(-s / 2, b, s / 2)
    repelled = walk("SGA", game, Players(one(1.0), one(0.5)), eta, 100)
    attracted = walk("SGA", quadratic(s / 2, b, -s / 2), Players(one(1.0), one(0.5)), eta, 100)
    for before, after in zip(repelled, repelled[1:], strict=False):
        v = torch.cat(before)
        jacobian = torch.tensor([[-s, b], [-b, -s]], dtype=torch.float64)
        skew = (jacobian - jacobian.T) / 2
        expected = v - eta * (jacobian @ v - skew.T @ (jacobian @ v))
        assert torch.allclose(torch.cat(after), expected, rtol=1e-12)
        assert radius(after) > radius(before)
    assert radius(attracted[-1]) < 1e-2 * radius(attracted[0])


# The Dirac-GAN as Mescheder et al. 2018 have it, f(t) = −log(1 + e^−t): θ, ψ move along (dθ, dψ).


def payoff(t):
    return -softplus(-t)


def dirac_game(generator, critic):
    """Both losses of two numbers."""
    return Game(
        lambda p: generator(p.generator, p.critic).sum(-1),
        lambda p: critic(p.generator, p.critic).sum(-1),
    )


PLAIN = {
    "GAN": (lambda g, d: payoff(g * d), lambda g, d: -payoff(g * d)),
    "NS-GAN": (lambda g, d: -payoff(-g * d), lambda g, d: -payoff(g * d)),
    "WGAN": (lambda g, d: g * d, lambda g, d: -g * d),
    "WGAN-GP": (lambda g, d: g * d, lambda g, d: -g * d + 0.35 * (d.abs() - 1) ** 2),
    "GP .3": (lambda g, d: payoff(g * d), lambda g, d: -payoff(g * d) + 0.15 * d**2),
    "GP 1": (lambda g, d: payoff(g * d), lambda g, d: -payoff(g * d) + 0.5 * d**2),
}
DIRAC = {  # radius after 50, 100, 500 steps of 0.2 from (1, 1): at once, and in turn
    "GAN": ((1.68, 1.96, 3.10), (1.38, 1.40, 1.42)),
    "NS-GAN": ((0.86, 0.74, 0.64), (0.73, 0.58, 0.28)),
    "WGAN": ((1.27, 1.27, 1.0), (1.03, 0.98, 1.02)),
    "WGAN-GP": ((1.89, 1.80, 1.80), (1.44, 1.44, 1.22)),
    "GP .3": ((0.28, 0.099, 2.6e-6), (0.22, 0.061, 2.3e-7)),
    "GP 1": ((0.036, 4e-4, 1e-21), (0.047, 1e-3, 7e-17)),
    "consensus": ((0.23, 0.023, 2.6e-10), (0.18, 0.014, 1.7e-11)),
}


@pytest.mark.parametrize("name", DIRAC)
@pytest.mark.parametrize("order", ["at once", "in turn"])
def test_dirac_table(name, order):
    """Every row to its digits; consensus in turn is each player's half of it, one after another."""
    game, start = dirac_game(*PLAIN.get(name, PLAIN["GAN"])), Players(one(1.0), one(1.0))
    clip = (lambda rule: constrained(rule, CONSTRAINTS["clip"])) if name == "WGAN" else None
    how = {"wrap": clip} if clip else {}
    method = {"at once": "GDA", "in turn": "AltGDA"}[order]
    if name == "consensus":
        method, how = "ConOpt", {"rests": ("critic", "generator")} if order == "in turn" else {}
    path = walk(method, game, start, 0.2, 500, **how)
    for at, told in zip((50, 100, 500), DIRAC[name][order == "in turn"], strict=True):
        assert shown(radius(path[at]), told) == pytest.approx(told, rel=1e-9), at


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_eight_gaussians_for_200_steps(name):
    """Four seeds as one ensemble, in float32: finite all along, and the fakes go to the ring."""
    sizes = {"generator_width": 32, "critic_width": 32, "batch": 64}
    rule = {"lcgd": "sgd", "cgd": "sgd", "cgd-zero-sum": "sgd"}.get(name, "adam")
    rate = {"sgd": 0.1, "adam": 1e-3}[rule]
    rate = 0.01 if name == "cgd-rmsprop" else rate  # its sizes begin with those of SGD
    objective = "minimax" if "zero-sum" in OPTIMIZERS[name].label else "non-saturating"
    experiment = Experiment(
        data="8gaussians", members=4, optimizer=name, rule=rule, objective=objective,
        rate_critic=rate, rate_generator=rate, solver_steps=5, **sizes,
    )  # fmt: skip
    setup = Setup(experiment)
    start = setup.start()
    for state in train(experiment, steps=200, setup=setup):
        assert all(tensor.isfinite().all() for tensor in flatten(state).values()), state.step
    latents = normal(1, 500, 2).float().expand(4, -1, -1)
    sizes = [
        setup.networks.generator.apply(each.players.generator, latents).value.norm(dim=-1).mean(-1)
        for each in (start, state)
    ]
    assert ((sizes[1] - math.sqrt(2)).abs() < (sizes[0] - math.sqrt(2)).abs()).all()
    assert len({float(size) for size in sizes[1]}) == 4
