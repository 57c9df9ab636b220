"""The trainer against classic PyTorch; ensembles, resuming, changing, keeping."""

import inspect

import pytest
import torch
from torch.nn.functional import softplus

from tests.helpers import assert_near, assert_same, copied, normal, run, setup64, small
from toylab import trainer
from toylab.batches import Batch
from toylab.experiment import Experiment
from toylab.networks import mlp
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.randomness import Keys
from toylab.rules import RULES
from toylab.schedules import exponential, jumps, linear
from toylab.states import flatten, restore
from toylab.trainer import Setup, losses, sample, train

F64 = {"dtype": torch.float64}


# Classic PyTorch: modules, torch.optim, backward.


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


# Ensembles.

ENSEMBLES = [
    (optimizer, penalty, noise, dropout)
    for optimizer in OPTIMIZERS
    for penalty in ("none", "0-gp", "roth", "1-gp")
    for noise, dropout in ((0.0, 0.0), (0.1, 0.0), (0.1, 0.3))
]


@pytest.mark.parametrize("optimizer, penalty, noise, dropout", ENSEMBLES)
def test_member_of_an_ensemble_is_the_single_run(optimizer, penalty, noise, dropout):
    settings = {
        "optimizer": optimizer,
        "penalty": penalty,
        "noise": noise,
        "critic_dropout": dropout,
        "average": 0.9,
        "data": "ring" if noise else "two-gaussians",
    }
    whole = run(small(members=3, seed=7, **settings), 30)
    for e in range(3):
        single = flatten(run(small(seed=7 + e, **settings), 30))
        for name, tensor in flatten(whole).items():
            if name != "step":
                member = tensor[e] if tensor.dim() > 1 else tensor  # Adam's count is shared
                assert_near(member, single[name], 1e-12)


KNOBS = [
    ("penalty_weight", (0.0, 1.0, 5.0), {}),
    ("noise", (0.0, 0.1, 0.5), {}),
    ("rate_critic", (0.001, 0.01, 0.02), {}),
    ("rate_generator", (0.001, 0.01, 0.02), {}),
    ("clip", (0.05, 0.1, 0.3), {"constraint": "clip"}),
    ("average", (0.0, 0.5, 0.9), {}),
    ("beta1", (-0.5, 0.0, 0.9), {"rule": "adam"}),
    ("beta2", (0.9, 0.99, 0.999), {"rule": "adam"}),
    ("epsilon", (1e-8, 1e-4, 1e-2), {"rule": "rmsprop"}),
    ("momentum", (-0.3, 0.0, 0.9), {"rule": "momentum"}),
    ("decay", (0.8, 0.9, 0.99), {"rule": "rmsprop"}),
]


def test_every_live_number_is_tried_in_an_ensemble():
    assert {name for name, _, _ in KNOBS} == set(trainer.NUMBERS)


@pytest.mark.parametrize("name, values, settings", KNOBS)
@pytest.mark.parametrize("optimizer", ["alternating", "extragradient"])
def test_one_value_a_member_equals_single_runs(name, values, settings, optimizer):
    settings = settings | {"optimizer": optimizer, "penalty": "r1"}
    whole = run(small(members=3, **settings, **{name: values}), 15)
    for e, value in enumerate(values):
        single = run(small(seed=e, **settings, **{name: value}), 15)
        for part in ("generator", "critic"):
            assert_near(getattr(whole.players, part)[e], getattr(single.players, part), 1e-12)
        assert_near(whole.average[e], single.average, 1e-12)
    alike = run(small(members=3, **settings, **{name: values[0]}), 15)
    assert not torch.equal(whole.average[1:], alike.average[1:]), f"{name} changes nothing"


def test_ensemble_of_one_is_the_single_run():
    whole, single = run(small(members=1), 10), run(small(), 10)
    assert whole.players.critic.shape == (1, *single.players.critic.shape)
    assert_near(whole.players.critic[0], single.players.critic, 1e-12)


# Resuming, and what a step depends on.


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rule", RULES)
def test_resuming_is_bit_for_bit(optimizer, rule):
    """40 steps are 23, a checkpoint, and 17 in a fresh set-up."""
    settings = {
        "optimizer": optimizer,
        "rule": rule,
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


# Changing while training.

CHANGES = [
    *((name, values[0], values[2], settings) for name, values, settings in KNOBS),
    ("rate_critic", 0.01, 0.0, {}),
]


@pytest.mark.parametrize("name, before, after, settings", CHANGES)
def test_a_number_changed_at_step_k_is_the_schedule_that_jumps_there(name, before, after, settings):
    """By the consumer between two states, by `changes`, and by a schedule: bit for bit."""
    start = settings | {name: before}
    planned = [*train(small(**settings, **{name: jumps(before, (7, after))}), steps=14, **F64)]
    listed = [*train(small(**start), steps=14, changes=[(7, {name: after})], **F64)]
    experiment = small(**start)
    by_hand = []
    for state in train(experiment, steps=14, **F64):
        by_hand.append(state)
        if state.step == 7:
            setattr(experiment, name, after)
    for a, b, c in zip(planned, listed, by_hand, strict=True):
        assert_same(a, b)
        assert_same(a, c)
    unchanged = run(small(**start), 14)
    assert any(
        not torch.equal(tensor, flatten(unchanged)[key]) for key, tensor in flatten(a).items()
    ), "the change changed nothing"


def test_changes_in_a_list_act_in_order_of_their_steps_and_again_after_resuming():
    changes = [(9, {"noise": 0.2}), (4, {"rate_critic": 0.03, "penalty": "r1"})]
    whole = [*train(small(), steps=14, changes=changes, **F64)]
    half = [*train(small(), steps=6, changes=changes, **F64)][-1]
    rest = [*train(small(), state=half, steps=8, changes=changes, **F64)]
    assert_same(whole[5], half)
    assert_same(whole[-1], rest[-1])


SWAPS = [
    ("data", "ring"),
    ("objective", "minimax"),
    ("penalty", "r1"),
    ("penalty", "none"),
    ("penalty_interval", 3),
    ("constraint", "clip"),
    ("optimizer", "simultaneous"),
    ("rule", "rmsprop"),
    ("moves", "critic"),
    ("critic_steps", 3),
    ("first", "generator"),
    ("batch", 12),
]


def test_every_swap_is_tried():
    assert {name for name, _ in SWAPS} == set(trainer.SWAP)


@pytest.mark.parametrize("name, value", SWAPS)
def test_a_swap_keeps_the_players_and_resets_only_its_own_memory(name, value):
    """The run goes on as a new experiment with that name started from the old run's state."""
    half = run(small(average=0.9), 9)
    new = setup64(small(average=0.9, **{name: value}))
    expected = half
    if name == "rule":
        expected = half._replace(memory=new.optimizer.init(half.players))
    if name == "constraint":
        expected = half._replace(constraint=new.constraint.init(half.players.critic))
    experiment = small(average=0.9)
    setup = setup64(experiment)
    setattr(experiment, name, value)
    followed, state = setup.followed(half)
    assert_same(state, expected)
    assert_same(followed.step(state), new.step(expected))
    changed = [*train(small(average=0.9), steps=12, changes=[(9, {name: value})], **F64)]
    reference = [*train(small(average=0.9, **{name: value}), state=expected, steps=3, **F64)]
    assert_same(changed[-1], reference[-1])
    plain = run(small(average=0.9), 12)
    assert not torch.equal(plain.players.critic, changed[-1].players.critic)


def test_a_new_rule_never_starts_from_another_ones_memory():
    """Momentum's velocity and RMSProp's mean square have one shape, and mean different things."""
    experiment = small(rule="momentum")
    setup = setup64(experiment)
    half = run(small(rule="momentum"), 9)
    experiment.rule = "rmsprop"
    _, state = setup.followed(half)
    for memory, old in zip(state.memory, half.memory, strict=True):
        assert old[0].abs().sum() > 0 and memory[0].abs().sum() == 0


RESTARTS = {
    "fakes": "fixed",
    "latent": 3,
    "latent_law": "uniform",
    "initialisation": "he",
    "seed": 1,
    "members": 2,
    **{f"{player}_width": 7 for player in ("generator", "critic")},
    **{f"{player}_depth": 1 for player in ("generator", "critic")},
    **{f"{player}_activation": "relu" for player in ("generator", "critic")},
    "critic_dropout": 0.5,
}


@pytest.mark.parametrize("name", trainer.RESTART)
def test_a_restart_field_raises_and_says_what_to_do(name):
    data = "lines" if name == "fakes" else "8gaussians"
    experiment = small(data=data)
    states = train(experiment, **F64)
    next(states)
    setattr(experiment, name, RESTARTS[name])
    with pytest.raises(ValueError, match=f"{name} cannot change within a run: start a new one"):
        next(states)


def test_every_structural_setting_changes_the_run():
    """Each of them reaches the networks, the latents or the seeds."""
    for name in trainer.RESTART:
        data = {"data": "lines" if name == "fakes" else "8gaussians"}
        plain, other = run(small(**data), 3), run(small(**data, **{name: RESTARTS[name]}), 3)
        same = plain.players.critic.shape == other.players.critic.shape
        same = same and torch.equal(plain.players.critic, other.players.critic)
        assert not same, name


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
    expected = OBJECTIVES["non-saturating"].critic(real, fake, {}).mean()
    assert_near(game.critic(state.players), expected, 1e-15)
    after = run(small(data="lines", fakes="fixed", penalty="none"), 300)
    real, fake = (judge(after.players.critic, x).value for x in (batch.real, batch.latent))
    assert real.mean() > 1 and fake.mean() < -1  # it tells the lines apart


def test_latent_law_reaches_the_generator():
    drawn = setup64(small(latent_law="uniform", latent=3, batch=500)).draws(0)[-1].latent
    assert drawn.shape == (500, 3) and drawn.abs().max() <= 1 and drawn.abs().max() > 0.99
    drawn = setup64(small(latent_law="normal", batch=500)).draws(0)[-1].latent
    assert drawn.shape == (500, 2) and drawn.abs().max() > 2


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
