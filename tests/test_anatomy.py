"""The inside of the next step: what is shown is what the step does, whoever moves first."""

import numpy as np
import pytest
import torch

from tests.helpers import mlp_by_hand, setup64, small
from toylab import probes
from toylab.anatomy import MOST, anatomy, overheard
from toylab.games import Judge, gradients
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.slopes import POINTS
from toylab.trainer import losses, train

WIDTHS = (2, 6, 6, 1)


def at(steps=4, **settings):
    """(setup, state) of a small run in float64 after a few steps."""
    settings = {"penalty": "none", "noise": 0.0, **settings}
    setup = setup64(small(**settings))
    *_, state = train(setup.experiment, steps=steps, setup=setup)
    return setup, state


def view_of(setup):
    return probes.window(setup.experiment.card, **setup.numbers)


def scores(vector, points):
    return mlp_by_hand(vector, torch.as_tensor(points, dtype=torch.float64), WIDTHS)[:, 0]


def made(vector, latents):
    return mlp_by_hand(vector, latents, (2, 6, 6, 2)).numpy()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("first", ["critic", "generator"])
def test_listening_changes_nothing_and_hears_every_loss(optimizer, first):
    setup, state = at(optimizer=optimizer, first=first, critic_steps=2, penalty="r1")
    after, heard = overheard(setup, state)
    plain = setup.step(state)
    assert torch.equal(after.players.generator, plain.players.generator)
    assert torch.equal(after.players.critic, plain.players.critic)
    assert after.step == state.step + 1
    assert setup.games.__self__ is setup, "the ear is another setup"
    numbers = {id(batch.latent): number for number, batch in enumerate(setup.draws(state.step))}
    told = [(one.player, numbers[id(one.batch.latent)]) for one in heard]
    assert told == {
        ("alternating", "critic"): [("critic", 0), ("critic", 1), ("generator", 2)],
        ("alternating", "generator"): [("generator", 0), ("critic", 1), ("critic", 2)],
    }.get((optimizer, first), told)
    if optimizer == "simultaneous":
        assert sorted(told) == [("critic", 0), ("generator", 0)]
    if optimizer == "extragradient":
        assert sorted(told) == [(name, n) for name in ("critic", "generator") for n in (0, 1)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_whether_the_pushing_critic_is_only_foreseen(optimizer):
    """Where both move at once: by looking ahead, or by unrolling; the words of the push say so."""
    setup, state = at(optimizer=optimizer)
    _, told = anatomy(setup, state, view_of(setup))
    assert told["ahead"] is (optimizer in ("extragradient", "past", "unrolled"))
    start = setup.start()
    _, told = anatomy(setup, start, view_of(setup))
    assert told["ahead"] is (optimizer in ("extragradient", "unrolled")), "nothing is past yet"


def test_taking_turns_the_push_is_by_the_critic_that_has_moved():
    setup, state = at(critic_steps=2)
    after = setup.step(state)
    arrays, told = anatomy(setup, state, view_of(setup))
    batches = setup.draws(state.step)
    latents = batches[2].latent
    fakes = made(state.players.generator, latents)
    assert arrays["batch_force"][:, :2] == pytest.approx(fakes, abs=1e-5)
    assert arrays["batch_moved"] == pytest.approx(made(after.players.generator, latents), abs=1e-5)
    for player, same in ((after.players, True), (state.players, False)):
        x = torch.tensor(fakes, requires_grad=True)
        loss = torch.nn.functional.softplus(-scores(player.critic, x)).sum()
        push = -torch.autograd.grad(loss, x)[0].numpy()
        assert (abs(arrays["batch_force"][:, 2:] - push).max() < 1e-5) == same
    assert told["order"] == "turns" and told["first"] == "critic"
    x = torch.from_numpy(fakes)
    loss = torch.nn.functional.softplus(-scores(after.players.critic, x)).mean()
    assert told["generator_loss"] == pytest.approx(loss.item())
    # The critic's half is of its first minibatch, before anybody has moved.
    assert arrays["batch_real"] == pytest.approx(batches[0].real.numpy(), abs=1e-6)
    shown = made(state.players.generator, batches[0].latent)
    assert arrays["batch_fake"] == pytest.approx(shown, abs=1e-5)
    for side, points in (("real", batches[0].real), ("fake", shown)):
        expected = torch.sigmoid(scores(state.players.critic, points)).numpy()
        assert arrays[f"score_{side}"] == pytest.approx(expected, abs=1e-6)


def test_where_the_generator_begins_the_critic_s_fakes_have_moved():
    setup, state = at(first="generator")
    after = setup.step(state)
    arrays, told = anatomy(setup, state, view_of(setup))
    generator, critic = setup.draws(state.step)
    assert told["first"] == "generator"
    assert arrays["batch_fake"] == pytest.approx(
        made(after.players.generator, critic.latent), abs=1e-5
    )
    assert arrays["batch_force"][:, :2] == pytest.approx(
        made(state.players.generator, generator.latent), abs=1e-5
    )


def test_at_once_both_halves_are_of_one_minibatch():
    setup, state = at(optimizer="simultaneous")
    arrays, told = anatomy(setup, state, view_of(setup))
    assert told["order"] == "once" and told["first"] is None
    assert arrays["batch_force"][:, :2] == pytest.approx(arrays["batch_fake"], abs=1e-6)


def test_looking_ahead_the_push_is_the_one_seen_there():
    """Extragradient: both players where one step of descent would take them, second minibatch."""
    setup, state = at(optimizer="extragradient", rule="sgd")
    arrays, told = anatomy(setup, state, view_of(setup))
    slopes = gradients(setup.games(state, setup.knobs(0))[0], state.players)
    ahead = [vector - 0.01 * slope for vector, slope in zip(state.players, slopes, strict=True)]
    latents = setup.draws(state.step)[1].latent
    places = made(ahead[0], latents)
    assert arrays["batch_force"][:, :2] == pytest.approx(places, abs=1e-6)
    x = torch.tensor(places, requires_grad=True)
    loss = torch.nn.functional.softplus(-scores(ahead[1], x)).sum()
    push = -torch.autograd.grad(loss, x)[0].numpy()
    assert arrays["batch_force"][:, 2:] == pytest.approx(push, abs=1e-6)
    after = setup.step(state).players.generator
    assert arrays["batch_moved"] == pytest.approx(made(after, latents), abs=1e-6)
    assert told["order"] == "once"


@pytest.mark.parametrize("optimizer", [n for n, row in OPTIMIZERS.items() if row.zero_sum])
def test_with_one_loss_for_both_the_push_raises_the_critic_s(optimizer):
    setup, state = at(optimizer=optimizer)
    arrays, told = anatomy(setup, state, view_of(setup))
    assert told["order"] == "once" and told["first"] is None
    assert told["generator_loss"] == -told["critic_loss"]
    batch = setup.draws(state.step)[0]
    x = torch.tensor(made(state.players.generator, batch.latent), requires_grad=True)
    loss = torch.nn.functional.softplus(scores(state.players.critic, x)).sum()
    assert arrays["batch_force"][:, :2] == pytest.approx(x.detach().numpy(), abs=1e-6)
    push = torch.autograd.grad(loss, x)[0].numpy()
    assert arrays["batch_force"][:, 2:] == pytest.approx(push, abs=1e-6)
    moved = made(setup.step(state).players.generator, batch.latent)
    assert arrays["batch_moved"] == pytest.approx(moved, abs=1e-6)


def test_unrolled_the_push_is_by_the_critic_that_is_foreseen():
    setup, state = at(optimizer="unrolled", rule="sgd", unroll=2)
    arrays, told = anatomy(setup, state, view_of(setup))
    game, critic = setup.games(state, setup.knobs(0))[0], state.players.critic
    for _ in range(2):
        players = state.players._replace(critic=critic)
        critic = critic - 0.01 * gradients(game, players, ("critic",)).critic
    places = made(state.players.generator, setup.draws(state.step)[0].latent)
    x = torch.tensor(places, requires_grad=True)
    loss = torch.nn.functional.softplus(-scores(critic, x)).sum()
    push = -torch.autograd.grad(loss, x)[0].numpy()
    assert arrays["batch_force"][:, 2:] == pytest.approx(push, abs=1e-6)
    assert arrays["batch_fake"] == pytest.approx(places, abs=1e-6)
    assert told["critic_loss"] == pytest.approx(losses(setup, state)["critic"], abs=1e-9)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_of_the_points_are_the_loss_of_the_minibatch(objective):
    """Each pair's parts add up to the objective's own term, and the means to `trainer.losses`."""
    setup, state = at(objective=objective)
    arrays, told = anatomy(setup, state, view_of(setup))
    batch = setup.draws(state.step)[0]
    real = scores(state.players.critic, batch.real)
    fake = scores(state.players.critic, made(state.players.generator, batch.latent))
    row = setup.judged(state)
    terms = row.critic(real, fake)
    assert arrays["loss"].sum(0) == pytest.approx(terms.numpy(), abs=1e-5)
    assert told["critic_loss"] == pytest.approx(losses(setup, state)["critic"], abs=1e-9)
    # A real point of twice the score pays less, a fake of twice the score more.
    order = np.argsort(real.numpy())
    assert (
        (np.diff(arrays["loss"][0][order]) <= 1e-6).all()
        or objective == "least-squares"
        or row.needs_real
    )
    middle = row.threshold
    middle = float((real.mean() + fake.mean()) / 2) if middle is None else middle
    expected = 1 / (1 + np.exp(middle - fake.numpy()))
    assert arrays["score_fake"] == pytest.approx(expected, abs=1e-6)


def test_the_log_loss_of_a_point_is_its_own_term():
    setup, state = at()
    arrays, _ = anatomy(setup, state, view_of(setup))
    batch = setup.draws(state.step)[0]
    real = scores(state.players.critic, batch.real)
    fake = scores(state.players.critic, made(state.players.generator, batch.latent))
    softplus = torch.nn.functional.softplus
    assert arrays["loss"][0] == pytest.approx(softplus(-real).numpy(), abs=1e-6)
    assert arrays["loss"][1] == pytest.approx(softplus(fake).numpy(), abs=1e-6)


@pytest.mark.parametrize("name", [name for name, row in PENALTIES.items() if row.where])
def test_penalty_points_and_slopes_are_those_that_are_charged(name):
    setup, state = at(penalty=name, penalty_weight=3.0)
    row = PENALTIES[name]
    arrays, told = anatomy(setup, state, view_of(setup))
    batch = setup.draws(state.step)[0]
    fake = torch.from_numpy(made(state.players.generator, batch.latent))
    judge = Judge(None, state.players.critic)
    chosen = POINTS[row.where](judge, batch.real, fake, batch, setup.knobs(0))
    places = torch.cat([points for points, _ in chosen])
    assert arrays["penalty_points"] == pytest.approx(places.numpy(), abs=1e-5)
    x = places.clone().requires_grad_()
    out = scores(state.players.critic, x)
    out = torch.sigmoid(out) if row.of == "probability" else out
    slopes = torch.autograd.grad(out.sum(), x)[0].numpy()
    assert arrays["penalty_slopes"] == pytest.approx(slopes, abs=1e-5)
    charged = losses(setup, state)["penalty"]
    assert told["penalty"] == pytest.approx(3.0 * charged, rel=1e-6)
    if not row.needs:
        length = np.linalg.norm(slopes, axis=1)
        off = {"0": length, "1": length - 1, "≤1": np.maximum(length - 1, 0)}[row.pull]
        by_hand = row.factor * len(chosen) * np.mean(off**2)
        assert told["penalty"] == pytest.approx(3.0 * by_hand, rel=1e-5)


def test_several_penalties_are_charged_together_and_points_are_shown_of_all():
    setup, state = at(penalty="1-gp", penalty_2="r1", penalty_2_weight=3.0, penalty_3="l2")
    arrays, told = anatomy(setup, state, view_of(setup))
    found = losses(setup, state)
    expected = found["penalty"] + 3.0 * found["penalty_2"] + found["penalty_3"]
    assert told["penalty"] == pytest.approx(expected, rel=1e-6)
    assert len(arrays["penalty_points"]) == 16


def test_without_a_penalty_there_are_no_points_and_a_lazy_one_is_charged_at_its_steps():
    setup, state = at()
    arrays, told = anatomy(setup, state, view_of(setup))
    assert arrays["penalty_points"].shape == arrays["penalty_slopes"].shape == (0, 2)
    assert told["penalty"] is None
    setup, state = at(4, penalty="r1", penalty_interval=4)
    arrays, told = anatomy(setup, state, view_of(setup))
    assert told["penalty"] > 0 and len(arrays["penalty_points"]) == 8
    arrays, told = anatomy(setup, setup.step(state), view_of(setup))
    assert told["penalty"] == pytest.approx(0, abs=1e-12) and len(arrays["penalty_points"]) == 0


def test_points_are_shown_as_the_critic_sees_them_with_noise_and_dropout():
    setup, state = at(noise=0.4, critic_dropout=0.3)
    arrays, _ = anatomy(setup, state, view_of(setup))
    batch = setup.draws(state.step)[0]
    seen = batch.real + 0.4 * batch.noise[0]
    assert arrays["batch_real"] == pytest.approx(seen.numpy(), abs=1e-6)
    masked = mlp_by_hand(state.players.critic, seen, WIDTHS, masks=batch.masks["real"])[:, 0]
    assert arrays["score_real"] == pytest.approx(torch.sigmoid(masked).numpy(), abs=1e-6)


def test_the_user_s_own_penalty_shows_its_points_too():
    def mine(critic, real, fake, batch):
        """Middle of the pairs."""
        x = ((real + fake) / 2).detach().requires_grad_()
        (slope,) = torch.autograd.grad(critic(x).value.sum(), x, create_graph=True)
        return slope.square().sum(-1)

    PENALTIES["mine"] = mine
    try:
        setup, state = at(penalty="mine")
        arrays, told = anatomy(setup, state, view_of(setup))
    finally:
        del PENALTIES["mine"]
    middle = (arrays["batch_real"] + arrays["batch_fake"]) / 2
    assert arrays["penalty_points"] == pytest.approx(middle, abs=1e-5)
    length = np.linalg.norm(arrays["penalty_slopes"], axis=1)
    assert told["penalty"] == pytest.approx((length**2).mean(), rel=1e-5)


def test_at_most_64_points_and_in_space_the_sheet_s_coordinates():
    setup, state = at(1, data="roth3d", batch=200, penalty="roth")
    view = view_of(setup)
    arrays, _ = anatomy(setup, state, view)
    sizes = {name: array.shape for name, array in arrays.items()}
    assert sizes == {
        **{name: (MOST, 2) for name in ("batch_real", "batch_fake", "batch_moved")},
        **{name: (MOST,) for name in ("score_real", "score_fake")},
        **{name: (MOST, 2) for name in ("penalty_points", "penalty_slopes")},
        **{"loss": (2, MOST), "batch_force": (MOST, 4)},
    }
    real = view.flat(setup.draws(state.step)[0].real.numpy())[:MOST]
    assert arrays["batch_real"] == pytest.approx(real, abs=1e-5)


@pytest.mark.parametrize("moves", ["critic", "generator"])
def test_a_player_that_rests_stays_where_it_is(moves):
    setup, state = at(moves=moves)
    arrays, _ = anatomy(setup, state, view_of(setup))
    still = abs(arrays["batch_moved"] - arrays["batch_force"][:, :2]).max() < 1e-6
    assert still == (moves == "critic")
