"""What the schema says beside the fields: conflicts with a way out, odd choices, parts, words."""

import itertools
import json

import pytest
import torch

from tests.helpers import run, setup64, small
from toylab import cards
from toylab.engine.protocol import LAYERS
from toylab.experiment import Experiment
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES
from toylab.schema import schema
from toylab.trainer import train

SCHEMA = schema()
FIELDS = {field["name"]: field for field in SCHEMA["fields"]}
CHARTS = ("clusters", "losses", "says", "slopes", "wasserstein", "histogram")


def values(field):
    return [choice["value"] for choice in FIELDS[field]["choices"]]


def impossible(experiment):
    """The rows of the schema that forbid what the experiment has, as the page reads them."""
    settings = experiment.settings()
    return [
        row
        for row in SCHEMA["conflicts"]
        if settings[row["field"]] == row["value"]
        and all(settings[name] in held for name, held in row["with"].items())
    ]


def pairs(one, other):
    return [{one: a, other: b} for a, b in itertools.product(values(one), values(other))]


@pytest.mark.parametrize(
    "chosen", [*pairs("penalty", "objective"), *pairs("data", "fakes")], ids=str
)
def test_the_page_forbids_exactly_what_the_experiment_refuses(chosen):
    """At both of its fields, in the same words; and the way out, where there is one, is one."""
    experiment = Experiment(**chosen)
    rows = impossible(experiment)
    assert {row["why"] for row in rows} == set(experiment.conflicts())
    assert {row["field"] for row in rows} == (set(chosen) if rows else set())
    for row in rows:
        assert row["field"] not in row["fix"] and set(row["fix"]) <= set(row["with"])
        mended = Experiment(**{**chosen, **row["fix"]})
        assert not mended.conflicts() or not row["fix"]
        assert getattr(mended, row["field"]) == row["value"], "what was chosen is kept"


def test_a_way_out_is_offered_wherever_a_name_can_be_made_possible():
    without = {(row["field"], row["value"]) for row in SCHEMA["conflicts"] if not row["fix"]}
    assert without == {("fakes", "fixed")}, "only a card cannot be given fakes of its own"


def test_penalties_say_what_they_are_made_of_and_the_parts_have_words():
    parts = {part["name"]: part for part in SCHEMA["parts"]}
    assert list(parts) == ["where", "pull", "of"]
    for choice in FIELDS["penalty"]["choices"]:
        if choice["value"] != "none":
            row = PENALTIES[choice["value"]]
            assert choice["factor"] == row.factor
            for name, part in parts.items():
                assert choice[name] == getattr(row, name)
                assert choice[name] in [one["value"] for one in part["choices"]]
    made = [tuple(row[name] for name in parts) for row in FIELDS["penalty"]["choices"][1:]]
    assert len(made) == len(set(made)), "three choices mean one row"
    assert all(part["label"] and part["doc"].endswith(".") for part in parts.values())


def test_every_choice_of_a_network_has_its_formula():
    for field in ("generator_activation", "critic_activation", "latent_law"):
        assert all(choice["formula"] for choice in FIELDS[field]["choices"])
    label = {choice["value"]: choice for choice in FIELDS["moves"]["choices"]}
    assert "generator stands still" in label["critic"]["doc"]
    assert "moves, then" in FIELDS["first"]["choices"][0]["doc"]


def is_odd(row, settings):
    """Whether a row of `odd` applies, as the page reads it."""
    for name, wanted in row["when"].items():
        value = settings.get(name)
        if isinstance(wanted, list):
            if value not in wanted:
                return False
        elif not isinstance(value, (int, float)) or not wanted["least"] <= value <= wanted["most"]:
            return False
    return True


def oddities(**settings):
    """[(field, text as the page writes it)] of what is odd about these settings."""
    settings = Experiment(**settings).settings()
    return [
        (row["field"], row["text"].format(**settings))
        for row in SCHEMA["odd"]
        if is_odd(row, settings)
    ]


def test_odd_rows_name_what_exists():
    for row in SCHEMA["odd"]:
        assert row["field"] in FIELDS and row["field"] in row["when"]
        assert row["text"].endswith(".")
        for name, wanted in row["when"].items():
            if isinstance(wanted, list):
                assert wanted and set(wanted) <= set(values(name))
            else:
                field = FIELDS[name]
                assert wanted["least"] <= wanted["most"] and wanted["least"] <= field["most"]
                assert wanted["most"] >= field["least"]


@pytest.mark.parametrize("data", cards.names())
def test_nothing_is_odd_about_the_defaults(data):
    assert oddities(data=data) == []
    assert oddities(data=data, rate_critic=Experiment().rate_critic) == []


def test_odd_choices_are_said_at_their_field():
    said = oddities(objective="wasserstein", penalty="1-gp", penalty_weight=0.1)
    ((field, text),) = said
    assert field == "penalty_weight"
    assert text.startswith("λ = 0.1 with slope 1: expect a slope near 2, not 1.")
    assert oddities(objective="wasserstein", penalty="1-gp", penalty_weight=10.0) == []
    assert [field for field, _ in oddities(objective="wasserstein", penalty="none")] == ["penalty"]
    assert oddities(objective="wasserstein", penalty="none", constraint="clip", clip=0.1) == []
    assert [f for f, _ in oddities(objective="hinge", penalty="0-gp")] == ["penalty"]
    assert [f for f, _ in oddities(rule="adam", beta1=0.9)] == ["beta1"]
    assert oddities(rule="sgd", beta1=0.9) == []
    assert [f for f, _ in oddities(moves="critic")] == ["moves"]
    for optimizer in ("cgd-zero-sum", "acgd"):
        ((field, text),) = oddities(optimizer=optimizer, rule="sgd")
        assert field == "optimizer" and "its own, non-saturating, is not asked" in text
        for objective in ("minimax", "wasserstein"):
            told = {"objective": objective, "penalty": "r1", "rule": "sgd"}
            assert oddities(optimizer=optimizer, **told) == []
    assert [f for f, _ in oddities(optimizer="cgd")] == ["rule"]
    assert oddities(optimizer="cgd", rule="sgd") == oddities(optimizer="acgd-general") == []
    assert [f for f, _ in oddities(optimizer="past", rule="lookahead")] == ["rule"]
    assert [f for f, _ in oddities(optimizer="consensus", adjustment=0.0)] == ["adjustment"]
    told = {"optimizer": "acgd-general", "solver_tolerance": 1.0}
    assert [f for f, _ in oddities(**told)] == ["solver_tolerance"]
    assert [f for f, _ in oddities(rate_critic=0.0)] == ["rate_critic"]
    assert [f for f, _ in oddities(constraint="clip")] == ["clip"]
    assert oddities(penalty_weight=0.0) == [("penalty_weight", "λ = 0 is the same as no penalty.")]


def slope_between(settings, steps):
    """The critic's mean slope on the segment between the two points at distance 1."""
    experiment = small(data="points", fakes="fixed", critic_width=16, **settings)
    *_, state = train(experiment, steps=steps, dtype=torch.float64)
    judge = setup64(experiment).networks.critic.apply
    place = torch.linspace(0.1, 0.9, 30, dtype=torch.float64)
    x = torch.stack([place, torch.zeros_like(place)], 1).requires_grad_()
    (slope,) = torch.autograd.grad(judge(state.players.critic, x).value.sum(), x)
    return slope.norm(dim=1).mean().item()


@pytest.mark.parametrize("weight", [0.3, 0.5])
def test_what_is_said_of_a_small_weight_is_true(weight):
    """Two points at distance 1 (so W = 1): minimise −s + λ(s − 1)², so s = 1 + 1/(2λ)."""
    settings = {"objective": "wasserstein", "penalty": "1-gp", "penalty_weight": weight}
    assert oddities(**settings)
    found = slope_between({**settings, "rate_critic": 0.01}, 1500)
    assert found == pytest.approx(1 + 1 / (2 * weight), rel=0.05)


def test_what_is_said_of_wasserstein_without_bounds_is_true():
    """The slope has no limit: it grows as long as one trains."""
    settings = {"objective": "wasserstein", "penalty": "none"}
    early, late = slope_between(settings, 100), slope_between(settings, 400)
    assert late > 3 * early > 3


def test_what_is_said_of_a_tight_clip_is_true():
    settings = {"objective": "wasserstein", "penalty": "none", "constraint": "clip"}
    assert slope_between({**settings, "clip": 0.02}, 300) < 0.01


def test_what_is_said_of_the_answer_to_another_rule_is_true():
    """With Adam CGD's foresight of plain steps of 0.001 is all but none; of 0.1 it is much."""

    def apart(**settings):
        given = {"objective": "minimax", "penalty": "none", **settings}
        ends = [
            run(small(optimizer=name, **given), 20).players.generator
            for name in ("cgd", "simultaneous")
        ]
        start = setup64(small(**given)).start().players.generator
        return float((ends[0] - ends[1]).norm() / (ends[1] - start).norm())

    rates = {"rate_critic": 1e-3, "rate_generator": 1e-3}
    assert apart(rule="adam", **rates) < 0.01
    assert apart(rule="sgd", rate_critic=0.3, rate_generator=0.3) > 0.05


def test_what_is_said_of_squashing_a_score_is_true():
    """At φ = 20 the penalty of σ(φ) has no slope left, of the logit it has all of it."""
    knobs, batch = {}, type("Batch", (), {"mix": torch.full((5, 1), 0.5)})
    real = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))

    def critic(x, role="real"):
        return type("Output", (), {"value": 20 + x.sum(-1)})

    objective = OBJECTIVES["hinge"]
    squashed = PENALTIES["0-gp"].function(critic, real, real + 0.1, batch, objective, knobs)
    straight = PENALTIES["0-gp-logit"].function(critic, real, real + 0.1, batch, objective, knobs)
    assert squashed.max() < 1e-12 and straight == pytest.approx(2.0)


def test_other_words_lead_to_what_exists():
    lines = ("clusters", "saturated", "cycling", "pushed")
    known = {"field": FIELDS, "layer": LAYERS, "chart": CHARTS, "health": lines, "choice": FIELDS}
    seen = set()
    for row in SCHEMA["aliases"]:
        assert row["name"] in known[row["kind"]], row
        assert bool(row["value"]) == (row["kind"] == "choice")
        assert row["kind"] != "choice" or row["value"] in values(row["name"])
        assert row["text"] == row["text"].strip().lower() and tuple(row.values()) not in seen
        seen.add(tuple(row.values()))
    texts = {row["text"] for row in SCHEMA["aliases"]}
    for wanted in ("mode collapse", "gradient penalty", "discriminator", "beta1", "ttur", "roth"):
        assert wanted in texts
    assert {"ema", "instance noise"} <= texts


def test_it_is_still_json():
    assert json.loads(json.dumps(schema(), allow_nan=False)) == json.loads(json.dumps(SCHEMA))
