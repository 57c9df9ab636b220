"""One step against classic PyTorch, and what a step is made of."""

import inspect

import pytest
import torch
from torch.nn.functional import softplus

from tests.helpers import F64, assert_near, assert_same, normal, objective, run, setup64, small
from toylab.batches import Batch
from toylab.experiment import Experiment
from toylab.games import Judge, gradients
from toylab.networks import mlp
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.randomness import Keys
from toylab.schedules import exponential, linear
from toylab.trainer import losses, sample, train


def modules(vector, widths):
    """nn.Linear layers with LeakyReLU(0.2) between them, filled from a flat vector."""
    layers, position = [], 0
    for i, o in zip(widths, widths[1:], strict=False):
        layer = torch.nn.Linear(i, o, dtype=torch.float64)
        layer.weight.data = vector[position : position + i * o].view(i, o).T.contiguous()
        position = -(-(position + i * o) // 16) * 16
        layer.bias.data = vector[position : position + o].clone()
        position = -(-(position + o) // 16) * 16
        layers += [layer, torch.nn.LeakyReLU(0.2)]
    return torch.nn.Sequential(*layers[:-1])


def flat(module):
    parts = []
    for layer in module:
        if isinstance(layer, torch.nn.Linear):
            for part in (layer.weight.T, layer.bias):
                part = part.detach().flatten()
                parts += [part, part.new_zeros(-len(part) % 16)]
    return torch.cat(parts)


@pytest.mark.parametrize("first", ["critic", "generator"])
@pytest.mark.parametrize("critic_steps", [1, 2])
def test_alternating_adam_with_r1_is_classic_pytorch(first, critic_steps):
    """nn.Linear, torch.optim.Adam, detached fakes, loss.backward(): 60 steps, 1e-10."""
    experiment = Experiment(
        generator_width=16,
        critic_width=16,
        batch=32,
        penalty="r1",
        penalty_weight=0.7,
        rate_critic=2e-3,
        rate_generator=1e-3,
        first=first,
        critic_steps=critic_steps,
    )
    setup = setup64(experiment)
    state = setup.start()
    generator = modules(state.players.generator, (2, 16, 16, 2))
    critic = modules(state.players.critic, (2, 16, 16, 1))
    of_critic = torch.optim.Adam(critic.parameters(), 2e-3, (0.5, 0.999), 1e-8)
    of_generator = torch.optim.Adam(generator.parameters(), 1e-3, (0.5, 0.999), 1e-8)
    turns = ["critic"] * critic_steps
    turns = [*turns, "generator"] if first == "critic" else ["generator", *turns]
    drawn = setup64(experiment).draws
    states = train(experiment, steps=60, setup=setup)
    for step in range(60):
        state = next(states)
        for turn, batch in zip(turns, drawn(step), strict=True):
            if turn == "critic":
                of_critic.zero_grad()
                real = batch.real.clone().requires_grad_()
                logit = critic(real)
                fake = generator(batch.latent).detach()
                loss = softplus(-logit).mean() + softplus(critic(fake)).mean()
                slope = torch.autograd.grad(logit.sum(), real, create_graph=True)[0]
                (loss + 0.35 * slope.square().sum(1).mean()).backward()
                of_critic.step()
            else:
                of_generator.zero_grad()
                softplus(-critic(generator(batch.latent))).mean().backward()
                of_generator.step()
    assert state.step == 60
    assert_near(state.players.critic, flat(critic), 1e-10)
    assert_near(state.players.generator, flat(generator), 1e-10)


# What one step is made of.


@pytest.mark.parametrize("interval", [2, 5])
def test_lazy_penalty_is_k_times_the_weight_every_kth_step(interval):
    lazy = setup64(small(penalty="r1", penalty_weight=0.3, penalty_interval=interval))
    full = setup64(small(penalty="r1", penalty_weight=0.3 * interval))
    free = setup64(small(penalty="none"))
    state = lazy.start()
    for step in range(11):
        expected = (full if step % interval == 0 else free).step(state)
        state = lazy.step(state)
        assert_near(state.players, expected.players, 1e-15)


def priced(setup, state, *prices):
    """The critic's loss on the next minibatch by hand: its objective and what is charged."""
    batch = setup.draws(state.step)[0]
    fake = setup.networks.generator.apply(state.players.generator, batch.latent).value
    judge = Judge(
        lambda x, role: setup.networks.critic.apply(
            state.players.critic, x, batch.masks and batch.masks[role]
        ),
        state.players.critic,
    )
    loss = setup.objective.critic(
        judge(batch.real, "real").value, judge(fake, "fake").value, {}
    ).mean()
    knobs = setup.knobs(0)
    for name, weight in prices:
        terms = PENALTIES[name].function(judge, batch.real, fake, batch, setup.objective, knobs)
        loss = loss + weight * terms.mean()
    return loss


def test_several_penalties_at_once_each_with_its_weight_and_interval():
    """CT-GAN: a slope of 1, consistency under dropout; and L2. The second only at even steps."""
    setup = setup64(
        small(
            objective="wasserstein",
            critic_dropout=0.5,
            penalty="1-gp",
            penalty_weight=10.0,
            penalty_2="ct",
            penalty_2_weight=2.0,
            penalty_2_interval=2,
            penalty_3="l2",
            penalty_3_weight=0.1,
        )
    )
    state = setup.start()
    for step in range(4):
        second = [("ct", 2 * 2.0)] if step % 2 == 0 else []
        expected = priced(setup, state, ("1-gp", 10.0), *second, ("l2", 0.1))
        game = setup.games(state, setup.knobs(step))[0]
        assert_near(game.critic(state.players), expected, 1e-12)
        assert priced(setup, state, ("ct", 1.0)) > priced(setup, state)
        state = setup.step(state)
    found = losses(setup, state)
    assert set(found) == {"critic", "generator", "penalty", "penalty_2", "penalty_3"}
    expected = 0.5 * state.players.critic.square().sum().item()
    assert found["penalty_3"] == pytest.approx(expected, rel=1e-9)


def test_the_two_dropout_passes_of_ct_have_masks_of_their_own():
    batch = setup64(small(penalty="ct", critic_dropout=0.5)).draws(0)[0]
    assert set(batch.masks) == {"real", "fake", "between", "again"}
    assert not torch.equal(batch.masks["real"][0], batch.masks["again"][0])
    plain = setup64(small(penalty="r1", critic_dropout=0.5)).draws(0)[0]
    assert set(plain.masks) == {"real", "fake", "between"}
    assert torch.equal(plain.masks["real"][0], batch.masks["real"][0]), "other streams stay"


@pytest.mark.parametrize("penalty", ["0-gp", "dragan", "l2"])
def test_penalties_can_be_paid_by_the_generator_too(penalty):
    """The generator's gradient gains λ times the price's, through the fakes; L2 is on whoever
    pays. The critic's loss stays what it was."""
    alone, both = (
        setup64(small(penalty=penalty, penalty_weight=3.0, penalised=who))
        for who in ("critic", "both")
    )
    state = alone.start()
    games = [setup.games(state, setup.knobs(0)) for setup in (alone, both)]
    torch.testing.assert_close(games[0][0].critic(state.players), games[1][0].critic(state.players))
    first, second = (game[1].generator(state.players) for game in games)
    batch = both.draws(0)[1]
    generator = state.players.generator.clone().requires_grad_()
    fake = both.networks.generator.apply(generator, batch.latent).value

    def says(x, role):
        return both.networks.critic.apply(state.players.critic, x)

    terms = PENALTIES[penalty].function(
        Judge(says, generator), batch.real, fake, batch, both.objective, both.knobs(0)
    )
    assert_near(second - first, 3.0 * terms.detach().mean(), 1e-12)
    extra = [gradients(game[1], state.players, ("generator",)).generator for game in games]
    price = torch.autograd.grad(3.0 * terms.mean(), generator, materialize_grads=True)
    # DRAGAN's price looks at no fake, so it moves no generator.
    expected = torch.zeros_like(generator) if penalty == "dragan" else price[0]
    assert_near(extra[1] - extra[0], expected, 1e-12)


def test_roth_s_annealing_is_a_schedule_of_the_weight():
    """γ₀·0.01^{t/T}, Algorithm 1 of Roth et al. 2017: from 2 to 0.02."""
    weight = exponential(2.0, 0.02, 50)
    setup = setup64(small(penalty="roth", penalty_weight=weight))
    state = setup.start()
    for step in (0, 10, 50, 80):
        expected = 2.0 * 0.01 ** min(step / 50, 1.0)
        assert setup.knobs(step)["penalty_weight"].item() == pytest.approx(expected, rel=1e-6)
        state = state._replace(step=step)
        game = setup.games(state, setup.knobs(step))[0]
        assert_near(game.critic(state.players), priced(setup, state, ("roth", expected)), 1e-9)


@pytest.mark.parametrize(
    "schedule", [0.4, linear(0.4, 0.0, 10), exponential(0.4, 0.04, 10)], ids=str
)
def test_instance_noise_has_the_standard_deviation_of_its_schedule(schedule):
    setup = setup64(small(noise=schedule, penalty="none"))
    for step in (0, 4, 10):
        std = {0.4: 0.4}.get(schedule) if isinstance(schedule, float) else schedule(step)
        state = setup.start()._replace(step=step)
        batch = setup.draws(step)[0]
        generate, judge = (network.apply for network in setup.networks)
        fake = generate(state.players.generator, batch.latent).value
        real, fake = batch.real + std * batch.noise[0], fake + std * batch.noise[1]
        on_real, on_fake = (judge(state.players.critic, x).value for x in (real, fake))
        expected = (softplus(-on_real) + softplus(on_fake)).mean()
        assert_near(setup.games(state, setup.knobs(step))[0].critic(state.players), expected, 1e-12)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_weight_zero_is_no_penalty(penalty):
    free, priced = run(small(penalty="none"), 5), run(small(penalty=penalty, penalty_weight=0.0), 5)
    assert_near(free.players, priced.players, 1e-15)


def test_average_is_an_exponential_one_of_the_generator():
    beta, expected = 0.8, setup64(small()).start().players.generator
    for state in train(small(average=beta), steps=20, **F64):
        expected = beta * expected + (1 - beta) * state.players.generator
        assert_near(state.average, expected, 1e-14)
    state = run(small(average=0.0), 5)
    assert torch.equal(state.average, state.players.generator)


def test_constraint_holds_for_every_state_and_only_for_the_critic():
    free = False
    for state in train(small(constraint="clip", clip=0.2, critic_steps=3), steps=5, **F64):
        assert state.players.critic.abs().max() <= 0.2
        free = free or state.players.generator.abs().max() > 0.2
    assert free


def test_rates_belong_to_their_players():
    start = setup64(small()).start().players
    still = run(small(rate_critic=0.0), 3).players
    assert torch.equal(still.critic, start.critic)
    assert not torch.equal(still.generator, start.generator)
    still = run(small(rate_generator=0.0), 3).players
    assert torch.equal(still.generator, start.generator)
    assert not torch.equal(still.critic, start.critic)


def test_fixed_fakes_teach_only_the_critic():
    """The generator without parameters hands its latents through: the card's own fakes."""
    setup = setup64(small(data="lines", fakes="fixed", penalty="none"))
    batch = setup.draws(0)[0]
    state = setup.start()
    assert state.players.generator.shape == (0,)
    game = setup.games(state, setup.knobs(0))[0]
    judge = setup.networks.critic.apply
    real, fake = (judge(state.players.critic, x).value for x in (batch.real, batch.latent))
    expected = objective("non-saturating").critic(real, fake).mean()
    assert_near(game.critic(state.players), expected, 1e-15)
    after = run(small(data="lines", fakes="fixed", penalty="none"), 300)
    real, fake = (judge(after.players.critic, x).value for x in (batch.real, batch.latent))
    assert real.mean() > 1 and fake.mean() < -1  # it tells the lines apart


def test_latent_law_reaches_the_generator():
    drawn = setup64(small(latent_law="uniform", latent=3, batch=500)).draws(0)[-1].latent
    assert drawn.shape == (500, 3) and drawn.abs().max() <= 1 and drawn.abs().max() > 0.99
    drawn = setup64(small(latent_law="normal", batch=500)).draws(0)[-1].latent
    assert drawn.shape == (500, 2) and drawn.abs().max() > 2


@pytest.mark.parametrize("optimizer", [n for n, row in OPTIMIZERS.items() if row.zero_sum])
@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_a_zero_sum_generator_loses_what_the_critic_gains(optimizer, objective):
    """Whatever the objective's own generator loss is: nobody asks for it."""
    setup = setup64(small(optimizer=optimizer, objective=objective, members=2))
    found = losses(setup, setup.step(setup.start()))
    assert found["generator"] == [-value for value in found["critic"]]
    own = losses(setup64(small(objective=objective, members=2)), setup.start())
    assert own["generator"] != [-value for value in own["critic"]]


@pytest.mark.parametrize("penalty", ["none", "roth"])
@pytest.mark.parametrize("members", [0, 2])
def test_losses_are_those_of_the_next_minibatch_unweighted(penalty, members):
    experiment = small(penalty=penalty, penalty_weight=7.0, members=members)
    setup = setup64(experiment)
    state = setup.step(setup.start())
    found = losses(setup, state)
    batch = setup.draws(1)[0]
    generate, judge = (network.apply for network in setup.networks)
    fake = generate(state.players.generator, batch.latent).value
    real, fake_logit = (judge(state.players.critic, x).value for x in (batch.real, fake))
    expected = {
        "critic": (softplus(-real) + softplus(fake_logit)).mean(-1),
        "generator": softplus(-fake_logit).mean(-1),
    }
    if penalty == "roth":
        terms = PENALTIES["roth"].function(
            lambda x, role: judge(state.players.critic, x),
            batch.real,
            fake,
            Batch(),
            OBJECTIVES["non-saturating"],
            {},
        )
        expected["penalty"] = terms.mean(-1)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value.tolist(), rel=1e-9, abs=1e-12)
        assert isinstance(found[name], list) == bool(members)


def test_samples_are_of_the_averaged_generator():
    """Fresh latents from the seed; member e of an ensemble draws with seed + e."""
    experiment = small(average=0.9)
    setup, state = setup64(experiment), run(experiment, 10)
    found = sample(experiment, state, 50, seed=3, setup=setup)
    latent = torch.from_numpy(setup.sources[1].sample(50, Keys(3, "sample"))).double()
    expected = setup.networks.generator.apply(state.average, latent).value
    assert_near(torch.from_numpy(found), expected, 0.0)
    now = setup.networks.generator.apply(state.players.generator, latent).value
    assert (now - expected).abs().max() > 1e-3
    ensemble = small(average=0.9, members=2)
    whole = sample(ensemble, run(ensemble, 10), 50, seed=3, setup=setup64(ensemble))
    assert_near(torch.from_numpy(whole[0]), expected, 1e-12)
    alone = small(average=0.9, seed=1)
    other = sample(alone, run(alone, 10), 50, seed=4, setup=setup64(alone))
    assert_near(torch.from_numpy(whole[1]), torch.from_numpy(other), 1e-12)


def test_images_walk_the_same_trajectory_as_points():
    """A 2-D source given as 1×1×2 images through networks of that shape: the same numbers."""

    class Images:
        shape = (1, 1, 2)

        def __init__(self, plane):
            self.plane = plane

        def sample(self, n, keys):
            return self.plane.sample(n, keys).reshape(n, 1, 1, 2)

    settings = {"penalty": "0-gp", "noise": 0.1, "average": 0.9}
    plain = setup64(small(**settings))
    sizes = {"width": 6, "depth": 2, "activation": "tanh", "initialisation": "glorot"}
    networks = type(plain.networks)(mlp((2,), (1, 1, 2), **sizes), mlp((1, 1, 2), None, **sizes))
    real, latent = plain.sources
    images = run(small(**settings), 20, networks=networks, sources=(Images(real), latent))
    assert_same(images, run(small(**settings), 20))


def test_training_is_a_generator_without_end_or_of_so_many_steps():
    states = train(small(), **F64)
    assert inspect.isgenerator(states)
    assert [next(states).step for _ in range(3)] == [1, 2, 3]
    assert [state.step for state in train(small(), steps=4, **F64)] == [1, 2, 3, 4]
    state = run(small(), 4)
    assert [s.step for s in train(small(), state=state, steps=2, **F64)] == [5, 6]
    assert [*train(small(), steps=0, **F64)] == []


def test_a_schedule_is_read_at_every_step():
    """Plain descent with a linear rate: the critic's move over its gradient is the schedule."""
    experiment = small(rule="sgd", optimizer="simultaneous", rate_critic=linear(0.1, 0.0, 10))
    setup = setup64(experiment)
    state = setup.start()
    still = setup64(small(rule="sgd", optimizer="simultaneous", rate_critic=1.0))
    for step in range(12):
        moved = setup.step(state)
        whole = still.step(state).players.critic - state.players.critic
        rate = 0.1 * (1 - min(step / 10, 1))
        assert_near(moved.players.critic - state.players.critic, rate * whole, 1e-14)
        state = moved


def test_normal_is_what_it_says():
    """The helper's numbers: the same every time, another set for another seed."""
    assert torch.equal(normal(3, seed=1), normal(3, seed=1))
    assert not torch.equal(normal(3, seed=1), normal(3, seed=2))
