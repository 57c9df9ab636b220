"""Games: gradients against losses written by hand, and the law of the mixed derivative."""

import itertools

import pytest
import torch

from tests.helpers import assert_near, mlp_by_hand, normal, objective
from toylab.batches import Batch
from toylab.constraints import CONSTRAINTS
from toylab.games import Judge, Players, bilinear, dirac, gan, gradients, mixed, quadratic, reduce
from toylab.networks import Output, mlp
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES

B = 5
GENERATOR_WIDTHS, CRITIC_WIDTHS = (2, 4, 2), (2, 4, 4, 1)


def possible(objective):
    """The penalties tried with an objective: all of them with one, with the others what asks it."""
    row = OBJECTIVES[objective]
    for name, penalty in PENALTIES.items():
        if penalty.needs and getattr(row, penalty.needs) or objective == "non-saturating":
            yield name


MASKED = [
    (objective, penalty, noise, dropout)
    for objective in OBJECTIVES
    for penalty in ("none", *possible(objective))
    for noise, dropout in itertools.product((False, True), repeat=2)
    if noise == dropout or penalty in ("none", "0-gp", "roth")
]
PRICES = {"margin": 0.01, "around": 0.5}  # what some penalties read
CASES = pytest.mark.parametrize("objective, penalty, noise, dropout", MASKED)


def case(objective, penalty, noise, dropout, lead=()):
    """(game, players, batch, knobs) on fixed random numbers; `lead` is the ensemble's axis."""
    networks = Players(
        mlp((2,), (2,), width=4, depth=1, activation="tanh"),
        mlp((2,), None, width=4, depth=2, activation="tanh", dropout=0.3 if dropout else 0.0),
    )
    players = Players(
        0.6 * normal(*lead, networks.generator.size, seed=1),
        0.6 * normal(*lead, networks.critic.size, seed=2),
    )
    masks = None
    if dropout:
        masks = {
            role: [(normal(*lead, B, 4, seed=10 * i + j) > -0.5).double() / 0.7 for j in range(2)]
            for i, role in enumerate(("real", "fake", "between", "around", "again"))
        }
    batch = Batch(
        real=normal(*lead, B, 2, seed=3),
        latent=normal(*lead, B, 2, seed=4),
        mix=normal(*lead, B, 1, seed=5).sigmoid(),
        noise=(normal(*lead, B, 2, seed=6), normal(*lead, B, 2, seed=7)) if noise else None,
        masks=masks,
        around=normal(*lead, B, 2, seed=9),
    )
    shape = (*lead, 1) if lead else (1,)
    numbers = (("noise", 0.3), ("penalty_weight", 2.0), *PRICES.items())
    knobs = {name: torch.full(shape, value, dtype=torch.float64) for name, value in numbers}
    penalties = [] if penalty == "none" else [("penalty_weight", PENALTIES[penalty].function)]
    row = OBJECTIVES[objective]
    game = gan(networks, row, penalties, CONSTRAINTS["none"], batch, knobs)
    return game, players, batch, knobs


def losses_by_hand(objective, penalty, players, batch):
    """(generator's, critic's) loss without gan() or Network: points, noise, masks in the open."""
    row = OBJECTIVES[objective]

    def judged(x, role):
        masks = batch.masks and batch.masks[role]
        hidden = []

        def tanh(layer):
            hidden.append(torch.tanh(layer))
            return hidden[-1]

        value = mlp_by_hand(players.critic, x, CRITIC_WIDTHS, tanh, masks=masks).squeeze(-1)
        return value, hidden[-1] if masks is None else hidden[-1] * masks[-1]

    def critic(x, role):
        return judged(x, role)[0]

    real, fake = batch.real, mlp_by_hand(players.generator, batch.latent, GENERATOR_WIDTHS)
    if batch.noise is not None:
        real, fake = real + 0.3 * batch.noise[0], fake + 0.3 * batch.noise[1]
    loss = row.critic(critic(real, "real"), critic(fake, "fake"), {}).mean()
    if penalty != "none":
        knobs = {name: torch.tensor([value], dtype=torch.float64) for name, value in PRICES.items()}
        judge = Judge(lambda x, role: Output(*judged(x, role)), players.critic)
        found = PENALTIES[penalty].function(judge, real, fake, batch, row, knobs)
        loss = loss + 2.0 * found.mean()
    return row.generator(critic(real, "real"), critic(fake, "fake"), {}).mean(), loss


@CASES
def test_losses_and_gradients_by_hand(objective, penalty, noise, dropout):
    """Instance noise on both sides and in both losses, each point its own mask, weight · mean."""
    game, players, batch, _ = case(objective, penalty, noise, dropout)
    leaves = Players(*(vector.clone().requires_grad_() for vector in players))
    by_generator, by_critic = losses_by_hand(objective, penalty, leaves, batch)
    assert game.generator(players).item() == pytest.approx(by_generator.item(), rel=1e-12)
    assert game.critic(players).item() == pytest.approx(by_critic.item(), rel=1e-12)
    expected = Players(
        torch.autograd.grad(by_generator, leaves.generator, retain_graph=True)[0],
        torch.autograd.grad(by_critic, leaves.critic)[0],
    )
    assert_near(gradients(game, players), expected, 1e-13)


@CASES
def test_mixed_derivative_law(objective, penalty, noise, dropout):
    """How a move of one player turns the other's gradient: finite differences of `gradients`, both
    ways, and never zero. A detached fake would make it zero."""
    game, players, _, _ = case(objective, penalty, noise, dropout)
    h = 1e-5
    for of, by in (("critic", "generator"), ("generator", "critic")):
        direction = normal(*getattr(players, by).shape, seed=8)
        ahead, behind = (
            players._replace(**{by: getattr(players, by) + shift * direction}) for shift in (h, -h)
        )
        slopes = [getattr(gradients(game, place, (of,)), of) for place in (ahead, behind)]
        expected = (slopes[0] - slopes[1]) / (2 * h)
        found = mixed(game, players, direction, of=of, by=by)
        assert_near(found, expected, 1e-8 * max(1.0, expected.abs().max().item()))
        assert found.abs().max() > 1e-4


@CASES
def test_ensemble_member_is_the_single_game(objective, penalty, noise, dropout):
    game, players, batch, knobs = case(objective, penalty, noise, dropout, lead=(3,))
    whole = gradients(game, players)
    turned = mixed(game, players, players.generator)
    single, _, _, _ = case(objective, penalty, noise, dropout)

    def member(part, e):
        if isinstance(part, torch.Tensor):
            return part[e]
        if isinstance(part, dict):
            return {key: member(value, e) for key, value in part.items()}
        return part and [member(value, e) for value in part]

    networks = Players(
        mlp((2,), (2,), width=4, depth=1, activation="tanh"),
        mlp((2,), None, width=4, depth=2, activation="tanh"),
    )
    penalties = [] if penalty == "none" else [("penalty_weight", PENALTIES[penalty].function)]
    for e in range(3):
        own = Batch(*(member(part, e) for part in batch))
        numbers = member(knobs, e)
        row, free = OBJECTIVES[objective], CONSTRAINTS["none"]
        single = gan(networks, row, penalties, free, own, numbers)
        here = Players(*(vector[e] for vector in players))
        assert_near(Players(*(g[e] for g in whole)), gradients(single, here), 1e-13)
        assert_near(turned[e], mixed(single, here, here.generator), 1e-12)


@pytest.mark.parametrize("penalty", ["none", "r1", "1-gp"])
def test_gradients_that_can_be_differentiated_are_the_same(penalty):
    game, players, _, _ = case("non-saturating", penalty, False, False)
    leaves = Players(*(vector.clone().requires_grad_() for vector in players))
    kept = gradients(game, leaves, create_graph=True)
    assert_near(Players(*(g.detach() for g in kept)), gradients(game, players), 1e-14)
    weight = normal(*players.critic.shape, seed=9)
    (turned,) = torch.autograd.grad(kept.critic @ weight, leaves.generator)
    h = 1e-5

    def along(direction):
        up, down = (
            gradients(game, players._replace(generator=players.generator + s * h * direction))
            for s in (1, -1)
        )
        return ((up.critic - down.critic) / (2 * h)) @ weight

    direction = normal(*players.generator.shape, seed=10)
    assert (turned @ direction).item() == pytest.approx(along(direction).item(), rel=1e-6)


def test_gradients_of_one_player_leave_the_other_out_and_players_untouched():
    game, players, _, _ = case("minimax", "0-gp", True, False)
    only = gradients(game, players, ("critic",))
    assert only.generator is None
    assert torch.equal(only.critic, gradients(game, players).critic)
    assert not players.generator.requires_grad and not players.critic.requires_grad
    assert not only.critic.requires_grad


def test_minimax_is_zero_sum_and_non_saturating_is_not():
    """Antisymmetric mixed derivatives: ⟨D²L_D·u, w⟩ = −⟨D²L_G·w, u⟩ for minimax without penalty."""
    for name, zero_sum in (("minimax", True), ("wasserstein", True), ("non-saturating", False)):
        game, players, _, _ = case(name, "none", False, False)
        u, w = (normal(*vector.shape, seed=11) for vector in players)
        forth = mixed(game, players, u, of="critic", by="generator") @ w
        back = mixed(game, players, w, of="generator", by="critic") @ u
        assert (abs((forth + back).item()) < 1e-12) == zero_sum


def test_bilinear_game():
    matrix = normal(3, 2, seed=1)
    players = Players(normal(3, seed=2), normal(2, seed=3))
    game = bilinear(matrix)
    assert_near(
        gradients(game, players),
        Players(matrix @ players.critic, -(matrix.T @ players.generator)),
        1e-14,
    )
    direction = normal(2, seed=4)
    found = mixed(game, players, direction, of="generator", by="critic")
    assert_near(found, matrix @ direction, 1e-14)
    assert_near(mixed(game, players, players.generator), -(matrix.T @ players.generator), 1e-14)


def test_quadratic_game():
    a, b, c, x, y = 1.5, 10.0, -0.5, 0.3, -0.7
    players = Players(*(torch.tensor([v], dtype=torch.float64) for v in (x, y)))
    found = gradients(quadratic(a, b, c), players)
    assert found.generator.item() == pytest.approx(2 * a * x + b * y)
    assert found.critic.item() == pytest.approx(-(b * x + 2 * c * y))
    one = torch.ones(1, dtype=torch.float64)
    assert mixed(quadratic(a, b, c), players, one).item() == pytest.approx(-b)


def test_dirac_gan():
    """The field of Mescheder et al. 2018 in our sign: θ up by ψσ(θψ), ψ down by θσ(θψ)."""
    theta, psi = 0.8, -1.3
    players = Players(*(torch.tensor([v], dtype=torch.float64) for v in (theta, psi)))
    sigma = 1 / (1 + torch.tensor(-theta * psi, dtype=torch.float64).exp())
    found = gradients(dirac(), players)
    assert found.generator.item() == pytest.approx(-(psi * sigma).item())
    assert found.critic.item() == pytest.approx((theta * sigma).item())
    zero = Players(*(torch.zeros(1, dtype=torch.float64) for _ in range(2)))
    one = torch.ones(1, dtype=torch.float64)
    turned = mixed(dirac(), zero, one), mixed(dirac(), zero, one, of="generator", by="critic")
    assert [t.item() for t in turned] == [0.5, -0.5]  # eigenvalues ±i/2


def test_dirac_is_minimax_with_a_point_and_a_line():
    """The same numbers as minimax with real 0, fake θ, critic φ(x) = ψx, up to the constant."""
    theta, psi = 0.8, -1.3
    players = Players(*(torch.tensor([v], dtype=torch.float64) for v in (theta, psi)))
    row, fake = objective("minimax"), torch.tensor([psi * theta], dtype=torch.float64)
    real = torch.zeros(1, dtype=torch.float64)
    constant = torch.log(torch.tensor(2.0, dtype=torch.float64))
    assert_near(dirac().critic(players) + constant, row.critic(real, fake)[0], 1e-14)
    assert_near(dirac().generator(players), row.generator(real, fake)[0], 1e-14)


def test_every_gradient_passes_through_reduce(monkeypatch):
    """All of data parallelism is one all-reduce of flat gradients and of second products."""
    assert torch.equal(reduce(normal(3)), normal(3))
    game, players, _, _ = case("minimax", "none", False, False)
    plain, turned = gradients(game, players), mixed(game, players, players.generator)
    monkeypatch.setattr("toylab.games.reduce", lambda tensor: 2 * tensor)
    doubled = gradients(game, players)
    assert_near(doubled, Players(*(2 * g for g in plain)), 0.0)
    assert_near(mixed(game, players, players.generator), 2 * turned, 0.0)
