"""Experiment and schema: one list of settings, checked when set, described as JSON."""

import json
import re

import pytest
import torch

from tests.helpers import run, small
from toylab import cards, schedules, trainer
from toylab.about import GROUPS, HIDDEN, SETTINGS
from toylab.constraints import CONSTRAINTS
from toylab.experiment import CARD_NUMBERS, Experiment, names
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.rules import RULES
from toylab.schema import schema
from toylab.settings import Knob, Name, Whole
from toylab.structure import NUMBERS, RESTART, SWAP
from toylab.tables import FEW
from toylab.trainer import Setup, train

FIELDS = {field["name"]: field for field in schema()["fields"]}
KNOBS = [name for name in names() if isinstance(Experiment.param[name], Knob)]
WHOLES = [name for name in names() if isinstance(Experiment.param[name], Whole)]
CHOICES = [name for name in names() if isinstance(Experiment.param[name], Name)]
HOME = {"theta": "lines"}  # the card on which a number means something


def test_every_setting_has_a_row_and_every_row_a_setting():
    assert list(FIELDS) == [name for name in SETTINGS if name not in HIDDEN]
    assert sorted(SETTINGS) == sorted(names())
    assert {about.group for about in SETTINGS.values()} == set(GROUPS)


def test_trainer_and_schema_agree_on_what_a_change_means():
    """Live numbers, swapped names, restarts: the page promises what the trainer does."""
    kinds = {
        kind: {name for name, about in SETTINGS.items() if about.kind == kind}
        for kind in ("live", "swap", "restart")
    }
    assert kinds["restart"] == set(RESTART)
    assert kinds["swap"] == set(SWAP)
    assert kinds["live"] == set(NUMBERS) | set(CARD_NUMBERS)
    assert set().union(*kinds.values()) == set(names())


def test_schema_is_json():
    """Strict JSON (no NaN), the same after a round trip, the same every time."""
    text = json.dumps(schema(), allow_nan=False)
    assert json.loads(text) == schema() == json.loads(json.dumps(schema()))


@pytest.mark.parametrize("name", FIELDS)
def test_field_says_what_the_page_needs(name):
    field = FIELDS[name]
    assert field["label"] and field["doc"].endswith(".")
    assert field["kind"] == SETTINGS[name].kind and field["group"] in GROUPS
    assert field["default"] == Experiment.param[name].default
    for other, values in (*field["needs"].items(), *field["either"].items()):
        assert other in FIELDS and field["why"]
        offered = [choice["value"] for choice in FIELDS[other]["choices"]]
        assert values and set(values) < set(offered)
    if field["type"] == "choice":
        assert field["default"] in [choice["value"] for choice in field["choices"]]
        for choice in field["choices"]:
            assert choice["label"] and choice["doc"]
    else:
        assert field["least"] <= field["low"] < field["high"] <= field["most"]
        assert (field["type"] == "integer") == (name in WHOLES)
        assert not field["log"] or field["low"] > 0 or name in CARD_NUMBERS


def test_choices_are_the_rows_of_the_tables_in_their_words():
    tables = {
        "objective": OBJECTIVES,
        "penalty": PENALTIES,
        "constraint": CONSTRAINTS,
        "optimizer": OPTIMIZERS,
        "rule": RULES,
    }
    for name, table in tables.items():
        told = {choice["value"]: choice for choice in FIELDS[name]["choices"]}
        assert set(told) - {"none"} == set(table) - {"none"}
        for key, row in table.items():
            for part in ("label", "doc", "formula", "source"):
                assert told[key][part] == getattr(row, part)
    told = [choice["value"] for choice in FIELDS["data"]["choices"]]
    assert sorted(told) == list(cards.names()) and told[0] == Experiment().data
    ranks = [cards.load(name).rank for name in told]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("name", [*CHOICES, "data"])
def test_every_choice_that_is_offered_is_accepted_and_runs(name):
    for choice in FIELDS[name]["choices"]:
        settings = {name: choice["value"]}
        if name == "fakes":
            settings["data"] = "lines"
        experiment = small(**settings)
        assert getattr(experiment, name) == choice["value"]
        assert not experiment.conflicts()
        before = Setup(experiment, dtype=torch.float64).start().players
        after = run(experiment, 1).players
        assert any(not torch.equal(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize("name", KNOBS)
def test_knob_bounds(name):
    field = FIELDS[name]
    data = {"data": HOME.get(name, "8gaussians")}
    low, high = field["least"], field["most"]
    for value in (low, high, schedules.linear(low, high, 10)):
        assert getattr(Experiment(**data, **{name: value}), name) == value
    beyond = [low - 1e-3 * abs(low) - 1e-9, high * 1.001, float("nan"), float("inf")]
    wrong = [*beyond, True, "1", [low], schedules.linear(low, 2 * high + 1, 10), (low, 2 * high)]
    experiment = Experiment(**data)
    before = getattr(experiment, name)
    for value in wrong:
        with pytest.raises(ValueError, match=f"{name} must be a number from .* got"):
            Experiment(**data, **{name: value})
        with pytest.raises(ValueError, match=f"{name} must be a number from .* got"):
            setattr(experiment, name, value)
        assert getattr(experiment, name) == before


@pytest.mark.parametrize("name", WHOLES)
def test_whole_number_bounds(name):
    low, high = Experiment.param[name].bounds
    for value in (low, high):
        assert getattr(Experiment(**{name: value}), name) == value
    for value in (low - 1, high + 1, 1.5, True, "1", float("nan")):
        with pytest.raises(ValueError, match=f"{name} must be a whole number from {low} to {high}"):
            Experiment(**{name: value})


def test_dropout_bounds():
    for value in (-0.1, 0.96, float("nan"), "0.5", True):
        with pytest.raises(ValueError, match="critic_dropout"):
            Experiment(critic_dropout=value)
    assert Experiment(critic_dropout=0.95).critic_dropout == 0.95


@pytest.mark.parametrize("name", CHOICES)
def test_unknown_names_give_the_known_and_the_nearest(name):
    known = Experiment.param[name].choices
    wrong = known[-1][:-1] + "_"
    for value in (3, ["§"], "§"):  # near to none
        with pytest.raises(ValueError, match=f"{name} .* is unknown; known: ") as caught:
            Experiment(**{name: value})
        assert all(choice in str(caught.value) for choice in known)
    with pytest.raises(ValueError, match=f"{name} .* is unknown; .*did you mean") as caught:
        Experiment(**{name: wrong})
    few = all(choice in str(caught.value) for choice in known)
    assert few == (len(known) <= FEW), "of many only the nearest is told"
    assert few or f"{len(known)} are known" in str(caught.value)
    experiment = Experiment()
    before = getattr(experiment, name)
    with pytest.raises(ValueError, match="is unknown"):
        setattr(experiment, name, wrong)
    assert getattr(experiment, name) == before


def test_unknown_setting_and_card():
    with pytest.raises(
        ValueError, match="'penalty_wieght' is unknown.*did you mean 'penalty_weight'"
    ):
        Experiment(penalty_wieght=1.0)
    with pytest.raises(ValueError, match="card '8gausians'.*did you mean '8gaussians'"):
        Experiment(data="8gausians")


def test_card_brings_its_batch_and_numbers():
    assert Experiment(data="roth3d").batch == 512
    assert Experiment(data="roth3d", batch=32).batch == 32
    assert (
        Experiment(data="8gaussians-x10").size
        == cards.load("8gaussians-x10").numbers["size"].default
    )
    lines = Experiment(data="lines", theta=0.5)
    assert lines.numbers() == {"theta": 0.5}
    assert Experiment(data="lines", theta=schedules.linear(1, 0, 4)).numbers(1) == {"theta": 0.75}
    assert "spread" not in lines.settings() and lines.settings()["theta"] == 0.5


@pytest.mark.parametrize("name", cards.names())
def test_settings_make_the_same_experiment_again(name):
    one = Experiment(data=name, rate_critic=schedules.cosine(1e-3, 1e-5, 100), seed=3)
    again = Experiment(**one.settings())
    assert again.settings() == one.settings()


def test_seeds():
    assert Experiment(seed=4).seeds == 4
    assert Experiment(seed=4, members=3).seeds == (4, 5, 6)
    assert Experiment(seed=4, members=1).seeds == (4,)


def test_version_counts_every_change():
    experiment = Experiment()
    before = experiment.version
    experiment.noise = 0.1
    assert experiment.version == before + 1
    experiment.param.update(rate_critic=0.1, penalty="r1")
    assert experiment.version > before + 1


def test_conflicts():
    """Roth's weights need an objective that has them; fixed fakes must exist. Said once."""
    for name, row in OBJECTIVES.items():
        for slot, penalty, weight in (
            ("penalty", "roth", row.weight),
            ("penalty_2", "roth", row.weight),
            ("penalty", "roth-f", row.curvature),
            ("penalty_3", "roth-f", row.curvature),
        ):
            told = Experiment(objective=name, **{slot: penalty}).conflicts()
            assert bool(told) == (weight is None)
            if told:
                word = "f*'' = 0" if name == "total-variation" else "minimax or non-saturating"
                assert word in told[0]
                with pytest.raises(ValueError, match=re.escape(word)):
                    Setup(Experiment(objective=name, **{slot: penalty}))
        for penalty in set(PENALTIES) - {"roth", "roth-f"}:
            assert not Experiment(objective=name, penalty=penalty).conflicts()
    assert "no fixed fakes" in Experiment(data="ring", fakes="fixed").conflicts()[0]
    assert not Experiment(data="lines", fakes="fixed").conflicts()


def test_conflict_made_while_training_raises_and_can_be_mended():
    experiment = small(penalty="roth")
    states = train(experiment, dtype=torch.float64)
    next(states)
    experiment.objective = "hinge"
    with pytest.raises(ValueError, match="minimax or non-saturating"):
        next(states)


@pytest.mark.parametrize(
    "members, value", [(0, (1.0, 2.0)), (3, (1.0, 2.0)), (3, ()), (1, (1.0, 2.0))]
)
def test_one_value_a_member(members, value):
    """Otherwise a single run would silently become an ensemble by broadcasting."""
    for name in ("penalty_weight", "rate_critic"):
        with pytest.raises(
            ValueError, match=f"{name} has {len(value)} values for {members} members"
        ):
            Setup(small(members=members, **{name: value}))
    experiment = small(members=members)
    setup = Setup(experiment)
    experiment.penalty_weight = value
    with pytest.raises(ValueError, match="penalty_weight has"):
        setup.followed(setup.start())


def test_data_numbers_are_one_for_all_members():
    with pytest.raises(ValueError, match=r"spread must be a number from .*got \(0.1, 0.2\)"):
        small(members=2, spread=(0.1, 0.2))


def test_a_penalty_added_at_run_time_is_a_choice_everywhere():
    row = PENALTIES["r1"]._replace(
        label="Mine",
        doc="Twice R1.",
        function=lambda *args: 2 * PENALTIES["r1"].function(*args),
    )
    assert "mine" not in [c["value"] for c in FIELDS["penalty"]["choices"]]
    PENALTIES["mine"] = row
    try:
        told = {field["name"]: field for field in schema()["fields"]}
        (choice,) = [c for c in told["penalty"]["choices"] if c["value"] == "mine"]
        assert choice["label"] == "Mine" and choice["doc"] == "Twice R1."
        assert "mine" in told["penalty_weight"]["needs"]["penalty"]
        found = run(small(penalty="mine", penalty_weight=1.0), 5).players
    finally:
        del PENALTIES["mine"]
    expected = run(small(penalty="r1", penalty_weight=2.0), 5).players
    assert torch.allclose(found.critic, expected.critic, rtol=0, atol=1e-12)
    assert "mine" not in str(schema())
    with pytest.raises(ValueError, match="penalty 'mine' is unknown"):
        Experiment(penalty="mine")


def test_public_names_of_the_package():
    import toylab

    assert toylab.Experiment is Experiment and toylab.train is train
    assert toylab.PENALTIES is PENALTIES and toylab.State is trainer.State
    assert set(toylab.__all__) <= set(dir(toylab))
    for name in toylab.__all__:
        assert getattr(toylab, name) is not None
    with pytest.raises(AttributeError, match="toylab has no 'nothing'"):
        _ = toylab.nothing
