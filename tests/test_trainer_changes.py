"""Changing an experiment while it trains: live numbers, swapped names, and what needs a new run."""

import pytest
import torch

from tests.helpers import F64, KNOBS, assert_same, run, setup64, small
from toylab import structure
from toylab.schedules import jumps
from toylab.states import flatten
from toylab.trainer import train

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
    ("generator_loss", "non-saturating"),
    ("logit", "nowozin"),
    ("penalty", "r1"),
    ("penalty", "none"),
    ("penalty_interval", 3),
    ("penalty_2", "l2"),
    ("penalty_2_interval", 3),
    ("penalty_3", "1-gp"),
    ("penalty_3_interval", 3),
    ("penalised", "both"),
    ("noise_copies", 4),
    ("constraint", "clip"),
    ("optimizer", "simultaneous"),
    ("rule", "rmsprop"),
    ("moves", "critic"),
    ("critic_steps", 3),
    ("first", "generator"),
    ("batch", 12),
    ("batch_generator", 12),
    ("unroll", 2),
    ("solver_steps", 1),
]


# Where a whole number means something.
def test_every_swap_is_tried():
    assert {name for name, _ in SWAPS} == set(structure.SWAP)


# Settings under which a swap means something.
WITHIN = {
    "generator_loss": {"objective": "js"},
    "logit": {"objective": "kl"},
    "penalty_2_interval": {"penalty_2": "r1"},
    "penalty_3_interval": {"penalty_3": "r1"},
    "unroll": {"optimizer": "unrolled"},
    "solver_steps": {"optimizer": "cgd"},
}


@pytest.mark.parametrize("name, value", SWAPS)
def test_a_swap_keeps_the_players_and_resets_only_its_own_memory(name, value):
    """The run goes on as a new experiment with that name started from the old run's state."""
    start = {"average": 0.9, **WITHIN.get(name, {})}
    half = run(small(**start), 9)
    new = setup64(small(**{**start, name: value}))
    expected = half
    if name == "rule":
        expected = half._replace(memory=new.optimizer.init(half.players))
    if name == "constraint":
        expected = half._replace(constraint=new.constraint.init(half.players.critic))
    experiment = small(**start)
    setup = setup64(experiment)
    setattr(experiment, name, value)
    followed, state = setup.followed(half)
    assert_same(state, expected)
    assert_same(followed.step(state), new.step(expected))
    changed = [*train(small(**start), steps=12, changes=[(9, {name: value})], **F64)]
    reference = [*train(small(**{**start, name: value}), state=expected, steps=3, **F64)]
    assert_same(changed[-1], reference[-1])
    plain = run(small(**start), 12)
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


@pytest.mark.parametrize(
    "before, after",
    [
        ("alternating", "acgd"),
        ("alternating", "past"),
        ("past", "acgd-general"),
        ("acgd", "simultaneous"),
        ("acgd", "acgd-paper"),
    ],
)
def test_what_an_optimizer_remembers_is_not_handed_to_another(before, after):
    """ACGD's squares and Adam's moments, the slopes of the past: alike in form, not in meaning."""
    experiment = small(optimizer=before, rule="optimistic")
    setup, half = setup64(experiment), run(small(optimizer=before, rule="optimistic"), 5)
    experiment.optimizer = after
    followed, state = setup.followed(half)
    assert_same(state, half._replace(memory=followed.optimizer.init(half.players)))
    assert_same(
        followed.step(state), setup64(small(optimizer=after, rule="optimistic")).step(state)
    )


def test_a_rule_that_an_optimizer_does_not_read_changes_nothing():
    """ACGD brings its own: another rule beside it leaves its memory, and the run, as they are."""
    changed = [*train(small(optimizer="acgd"), steps=9, changes=[(4, {"rule": "sgd"})], **F64)]
    assert_same(changed[-1], run(small(optimizer="acgd"), 9))


def test_each_player_may_have_its_own_batch():
    """The generator's turns draw as many latents as they ask for; the critic's stay as they are."""
    setup = setup64(small(batch=8, batch_generator=20, objective="minimax"))
    plain = setup64(small(batch=8, objective="minimax"))
    critic, generator = setup.draws(5)
    assert critic.latent.shape == (8, 2) and generator.latent.shape == (20, 2)
    assert torch.equal(critic.real, plain.draws(5)[0].real)
    assert plain.draws(5)[1].latent.shape == (8, 2)


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


@pytest.mark.parametrize("name", structure.RESTART)
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
    for name in structure.RESTART:
        data = {"data": "lines" if name == "fakes" else "8gaussians"}
        plain, other = run(small(**data), 3), run(small(**data, **{name: RESTARTS[name]}), 3)
        same = plain.players.critic.shape == other.players.critic.shape
        same = same and torch.equal(plain.players.critic, other.players.critic)
        assert not same, name


# Other data of the same dimension.


@pytest.mark.parametrize("data", ["ring", "8gaussians-x10", "25gaussians", "swissroll", "lines"])
def test_other_data_keep_the_players_and_teach_from_the_next_step_on(data):
    """Players, memory, batch and latents stay; the next real points are the new card's."""
    half = run(small(average=0.9), 9)
    experiment = small(average=0.9)
    setup = setup64(experiment)
    experiment.data = data
    followed, state = setup.followed(half)
    assert_same(state, half)
    assert followed.experiment.batch == 8
    brought = setup64(small(), networks=setup.networks)
    brought.experiment.data = data
    assert brought.followed(run(small(), 1))[0].networks is setup.networks
    fresh = setup64(small(data=data))
    for one, other in zip(followed.draws(9), fresh.draws(9), strict=True):
        assert torch.equal(one.latent, other.latent)
        if one.real is not None:
            assert torch.equal(one.real, other.real)
    assert_same(followed.step(state), setup64(small(data=data, average=0.9)).step(half))
    assert not torch.equal(setup.step(half).players.critic, followed.step(half).players.critic)


def test_other_data_bring_their_own_numbers_but_for_those_that_come_with_them():
    experiment = small(data="8gaussians", spread=0.2, size=3.0)
    experiment.data = "ring"
    assert experiment.numbers() == {"spread": 0.01, "size": 1.0}
    experiment.param.update(data="8gaussians-x10", spread=0.01)
    assert experiment.numbers() == {"spread": 0.01, "size": 7.072135785007072}
    experiment.data = "lines"
    assert experiment.numbers() == {"theta": 1.0} and experiment.spread is None
    experiment.theta = 0.5
    experiment.data = "lines"
    assert experiment.theta == 0.5, "the same data are no other data"
    assert experiment.batch == 8, "the batch is the run's"


def test_a_list_of_changes_swaps_data_bit_for_bit():
    changes = [
        (3, {"data": "ring", "spread": 0.1}),
        (6, {"data": "swissroll"}),
        (8, {"noise": 0.1}),
    ]
    listed = [*train(small(), steps=11, changes=changes, **F64)]
    experiment, by_hand = small(), []
    for state in train(experiment, steps=11, **F64):
        by_hand.append(state)
        for step, change in changes:
            if state.step == step:
                experiment.param.update(**change)
    for one, other in zip(listed, by_hand, strict=True):
        assert_same(one, other)
    cut = [*train(small(), state=listed[6], steps=4, changes=changes, **F64)]
    assert_same(cut[-1], listed[-1])


def test_fixed_and_perfect_fakes_are_those_of_the_new_data():
    for fakes in ("fixed", "perfect"):
        experiment = small(data="lines", fakes=fakes)
        setup = setup64(experiment)
        state = setup.step(setup.start())
        experiment.data = "points"
        followed, state = setup.followed(state)
        fake = followed.draws(1)[0].latent
        assert torch.equal(fake, setup64(small(data="points", fakes=fakes)).draws(1)[0].latent)


def test_data_of_another_dimension_need_a_new_run():
    experiment = small()
    states = train(experiment, **F64)
    next(states)
    experiment.data = "roth3d"
    with pytest.raises(ValueError, match="the data's dimension cannot change within a run"):
        next(states)


def test_a_schedule_of_the_data_goes_on_where_it_was_after_a_swap():
    """Followed at step 5, the points are those of step 5, not of step 0."""
    moving = {"data": "lines", "fakes": "fixed", "theta": jumps(1.0, (5, 0.25))}
    experiment = small(**moving)
    setup = setup64(experiment)
    state = run(small(**moving), 6)
    for change in ({"rate_critic": 0.02}, {"objective": "hinge"}):
        experiment.param.update(**change)
        setup, state = setup.followed(state)
        assert setup.numbers == {"theta": 0.25}
        assert (setup.draws(6)[0].latent[:, 0] == 0.25).all()
