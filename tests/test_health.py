"""Health: a perfect generator reads all well, a collapsed one lights its line and says why."""

import json
import math

import numpy as np
import pytest

from toylab import data, health
from toylab.experiment import Experiment
from toylab.frames import Pictures
from toylab.games import Players
from toylab.health import Health, Vitals
from toylab.networks import identity, mlp
from toylab.randomness import Keys
from toylab.trainer import Setup, train

ALL = np.ones(8, bool)
FAKES = Keys(0, "fakes").rng().standard_normal((300, 2))


def vitals(step, **more):
    """A healthy moment unless told otherwise."""
    well = {
        "step": step,
        "game": "non-saturating",
        "fakes": FAKES,
        "radius": 1.0,
        "found": ALL,
        "shares": np.full(8, 0.11),
        "homes": np.full(8, 0.125),
        "led": None,
        "right": (0.6, 0.5),
        "slope": 1.3,
        "push": 0.63,
    }
    return Vitals(**{**well, **more})


def only(*found):
    return np.isin(np.arange(8), found)


def named(lines):
    return {line["name"]: line for line in lines}


def told_of(told, steps=range(0, 1001, 50), **more):
    """The lines after the same moment was seen at all these steps."""
    for step in steps:
        lines = told.judge(vitals(step, **more))
    return named(lines)


def test_all_is_well():
    lines = told_of(Health())
    assert list(lines) == ["clusters", "saturated", "cycling", "pushed"]
    assert {line["level"] for line in lines.values()} == {"ok"}
    assert {line["since"] for line in lines.values()} == {0}
    assert [(line["text"], line["value"], line["reason"]) for line in lines.values()] == [
        ("All clusters found", "8 of 8", ""),
        ("Critic not saturated", "55 %", ""),
        ("No cycling", "drift 0.00", ""),
        ("Generator is pushed", "0.63", ""),
    ]


def test_missing_clusters_say_whether_any_push_leads_there():
    for led, reason in (
        (only(), "no push leads there"),
        (only(3, 4, 5), "fakes are on their way"),
        (only(4, 7), "no push leads to 2 of them"),
        (None, ""),
    ):
        found = ~only(3, 4, 5)
        line = named(Health().judge(vitals(0, found=found, led=led)))["clusters"]
        assert (line["level"], line["text"]) == ("warn", "3 clusters missing")
        assert (line["value"], line["reason"], line["missing"]) == ("5 of 8", reason, [3, 4, 5])
    line = named(Health().judge(vitals(0, found=~only(2))))["clusters"]
    assert line["text"] == "1 cluster missing"


def test_the_last_look_along_the_push_holds_until_the_next():
    told = Health()
    told.judge(vitals(0, found=only(0), led=only()))
    assert named(told.judge(vitals(5, found=only(0))))["clusters"]["reason"] == (
        "no push leads there"
    )
    assert named(told.judge(vitals(9, found=only(0), led=ALL)))["clusters"]["reason"] == (
        "fakes are on their way"
    )
    told.judge(vitals(12))  # all found: what was seen on the way there is over
    assert named(told.judge(vitals(15, found=only(0))))["clusters"]["reason"] == ""


def test_missing_since_the_step_where_the_last_of_them_was_lost():
    told = Health()
    told.judge(vitals(10))
    told.judge(vitals(20, found=~only(3)))
    line = told.judge(vitals(30, found=~only(3, 6)))[0]
    assert (line["since"], line["missing"]) == (30, [3, 6])
    assert told.judge(vitals(40, found=~only(3)))[0]["since"] == 20
    assert told.judge(vitals(50))[0]["since"] == 50, "all found, since now"
    assert told.judge(vitals(60, found=~only(3)))[0]["since"] == 60
    assert Health().judge(vitals(70, found=~only(3)))[0]["since"] == 0, "never found"


def test_collapse_is_sharp_fakes_on_few_clusters_and_no_gain_for_long():
    sharp = {"found": only(2, 5), "shares": np.full(8, 0.1)}
    line = told_of(Health(), range(0, 401, 50), **sharp)["clusters"]
    assert (line["level"], line["text"]) == ("bad", "Collapsed: 6 clusters missing")
    assert told_of(Health(), range(0, 400, 50), **sharp)["clusters"]["level"] == "warn"
    blurred = {**sharp, "shares": np.full(8, 0.06)}
    assert told_of(Health(), **blurred)["clusters"]["level"] == "warn"
    many = {**sharp, "found": ~only(2, 5, 6)}
    assert told_of(Health(), **many)["clusters"]["level"] == "warn"
    told = Health()
    told_of(told, range(0, 301, 50), **sharp)
    told.judge(vitals(350, **{**sharp, "found": only(2, 5, 6)}))  # one was gained
    assert told_of(told, range(400, 701, 50), **sharp)["clusters"]["level"] == "warn"
    assert told_of(told, range(750, 801, 50), **sharp)["clusters"]["level"] == "bad"


def test_saturated_is_right_on_both_sides_for_a_while():
    told = Health()
    right = {"right": (0.996, 0.99), "slope": 0.0031}
    told.judge(vitals(0))
    line = named(told.judge(vitals(40, **right)))["saturated"]
    assert (line["level"], line["since"], line["value"]) == ("warn", 40, "99 %")
    assert line["reason"] == "right on 100 % of reals and 99 % of fakes, slope at the fakes 0.0031"
    assert named(told.judge(vitals(139, **right)))["saturated"]["level"] == "warn"
    line = named(told.judge(vitals(140, **right)))["saturated"]
    assert (line["level"], line["since"]) == ("bad", 40)
    assert named(told.judge(vitals(150)))["saturated"]["level"] == "ok"
    assert named(told.judge(vitals(400, **right)))["saturated"]["level"] == "warn", "starts anew"
    one = told_of(Health(), right=(1.0, 0.98))
    assert one["saturated"]["level"] == "ok"


def test_going_round_is_wandering_from_look_to_look():
    told = Health()
    for look in range(9):
        angle = 2.5 * look
        place = 1.4 * np.array([math.cos(angle), math.sin(angle)])
        homes = np.eye(8)[look % 8]
        moment = vitals(50 * look, fakes=0.01 * FAKES + place, radius=1.4, homes=homes)
        lines = named(told.judge(moment))
    line = lines["cycling"]
    way = 2 * math.sin(1.25)  # in radii
    assert line["level"] == "bad" and line["text"] == "Going round"
    assert line["value"] == f"drift {2 * way:.2f}", "in 100 steps, two looks"
    assert line["reason"] == (
        f"fakes move {way:.1f} radii from look to look, the fullest cluster changed at 8 of 8"
    )
    assert line["since"] == 300, "six of eight looks"
    at_rest = vitals(500, fakes=0.01 * FAKES + place, radius=1.4, homes=homes)
    line = named(told.judge(at_rest))["cycling"]  # 100 steps later, nothing has moved
    assert (line["level"], line["value"]) == ("bad", f"drift {100 * 7 * way / 450:.2f}")


def test_looks_are_fifty_steps_apart_however_often_a_run_is_seen():
    told = Health()
    for step in range(0, 451, 5):
        angle = 2.5 * step / 50
        place = np.array([math.cos(angle), math.sin(angle)])
        line = named(told.judge(vitals(step, fakes=0.01 * FAKES + place)))["cycling"]
    assert line["level"] == "bad" and line["value"] == f"drift {4 * math.sin(1.25):.2f}"


def test_a_single_journey_is_no_cycle_and_steps_between_looks_do_not_count():
    told = Health()
    for step in range(0, 3001, 10):
        way = min(step / 200, 1.0) * 3.0  # three radii in 200 steps, then rest
        line = named(told.judge(vitals(step, fakes=FAKES + way)))["cycling"]
        assert line["level"] in ("ok", "warn"), step
    assert line["value"] == "drift 0.00"
    slow = Health()
    for step in range(0, 1001, 50):
        line = named(slow.judge(vitals(step, fakes=FAKES + [step / 1000, 0.0])))["cycling"]
    assert (line["level"], line["value"]) == ("ok", "drift 0.10")


def test_a_push_is_gone_below_a_hundredth_of_its_strongest_where_the_critic_is_right():
    told = Health()
    told.judge(vitals(0, push=2.0, right=(0.9, 0.9)))
    gone = {"push": 0.019, "right": (0.9, 0.8), "slope": 0.01}
    line = named(told.judge(vitals(10, **gone)))["pushed"]
    assert (line["level"], line["since"], line["value"]) == ("warn", 10, "0.019")
    assert line["text"] == "Generator is not pushed" and line["reason"].startswith("0.9 %")
    assert named(told.judge(vitals(110, **gone)))["pushed"]["level"] == "bad"
    # No push leads anywhere then, whatever way the slopes point.
    lines = named(told.judge(vitals(120, found=only(1), led=ALL, **gone)))
    assert lines["clusters"]["reason"] == "no push leads there"
    well = {**gone, "right": (0.7, 0.7)}
    assert named(told.judge(vitals(130, **well)))["pushed"]["level"] == "ok", "none is needed"
    assert named(told.judge(vitals(140, **{**gone, "push": 0.021})))["pushed"]["level"] == "ok"
    other = named(told.judge(vitals(150, game="minimax", **gone)))["pushed"]
    assert other["level"] == "ok", "another game is paid otherwise"


def test_data_without_clusters_have_three_lines():
    bare = {"found": None, "shares": None, "homes": None}
    lines = told_of(Health(), **bare)
    assert list(lines) == ["saturated", "cycling", "pushed"]
    wild = Health()
    for step in range(0, 501, 50):
        fakes = FAKES * (-1) ** (step // 50)
        lines = named(wild.judge(vitals(step, fakes=fakes, **bare)))
    assert lines["cycling"]["level"] == "bad" and "cluster" not in lines["cycling"]["reason"]


def test_numbers_that_are_not_finite_are_said_and_json_carries_them():
    told = Health()
    broken = {"fakes": FAKES * math.nan, "slope": math.nan, "push": math.inf}
    broken |= {"right": (0.0, 0.0), "found": only(), "shares": np.zeros(8)}
    for step in (0, 50, 100):
        lines = named(told.judge(vitals(step, **broken)))
    for name in ("saturated", "cycling", "pushed"):
        assert (lines[name]["level"], lines[name]["value"]) == ("bad", "–"), name
        assert lines[name]["reason"] == "a number is no longer finite"
    assert lines["clusters"]["text"] == "8 clusters missing"
    json.dumps(list(lines.values()), allow_nan=False)


def test_a_run_that_goes_back_forgets_what_came_after_and_the_past_stays_known():
    told = Health()
    for step in range(0, 2001, 50):
        told.judge(vitals(step, found=ALL if step < 1000 else ~only(3)))
    assert named(told.at(990))["clusters"]["level"] == "ok"
    assert named(told.at(1010))["clusters"]["since"] == 1000
    assert Health().at(5) == [] and told.at(-1) == []
    told.judge(vitals(600, found=~only(3, 4)))
    assert named(told.at(5000))["clusters"]["missing"] == [3, 4]
    assert named(told.at(5000))["clusters"]["since"] == 600
    assert named(told.at(580))["clusters"]["level"] == "ok"
    same = Health()
    for step in [*range(0, 551, 50), 600]:
        again = same.judge(vitals(step, found=ALL if step < 600 else ~only(3, 4)))
    assert again == told.at(600), "as if what was taken back had never been"


def test_memory_stays_small_and_the_newest_is_exact():
    told = Health()
    for step in range(2000):
        told.judge(vitals(step, push=1 + step / 2000))
    assert len(told._steps) <= health.KEPT
    assert named(told.at(1999))["pushed"]["value"] == "2" and told._steps[0] == 0
    assert named(told.at(500))["pushed"]["value"] in ("1.2", "1.3"), "1.25"
    held = [memory.looks for memory, _ in told._kept]
    assert sum(map(bool, held)) == 1, "the individuals' ways are kept once"


# ------------------------------------------------------------------ judged on runs


def pictured(setup, every, steps, layers=(), **more):
    """Numbers and lines of a run's last state, looked at every so many steps."""
    pictures = Pictures(setup)
    for state in train(setup.experiment, steps=steps, setup=setup, **more):
        if state.step % every == 0:
            if setup.experiment.version != setup.version:
                setup, _ = setup.followed(state)
                pictures.follow(setup)
            told = pictures.frame(state, layers, exact=True, now=state.step / 100)
    return told.scalars, named(told.scalars["health"])


@pytest.mark.parametrize("name", ["8gaussians", "roth3d", "25gaussians"])
def test_exact_samples_read_all_found_and_all_well(name):
    """A generator without parameters whose latents are fresh points of the data's own law."""
    experiment = Experiment(data=name, penalty="0-gp", critic_width=32, batch=128)
    real = data.source(name)
    networks = Players(identity(real.shape), mlp(real.shape, None, 32, 2))
    setup = Setup(experiment, networks, (real, data.law(name)))
    scalars, lines = pictured(setup, 25, 300, ("wasserstein",))
    assert scalars["modes"] == scalars["modes_total"] == len(scalars["found"])
    assert {line["level"] for line in lines.values()} == {"ok"}, lines
    assert lines["clusters"]["text"] == "All clusters found"
    assert scalars["wasserstein"] < 3 * scalars["wasserstein_floor"]


def test_a_collapsed_run_lights_the_right_line_with_the_right_reason():
    """Five critic steps at rate 3e-3, minimax at first, then not: sharp fakes, few clusters.

    Far enough from the edge that it collapses on any processor, however that rounds.
    """
    experiment = Experiment(
        objective="minimax", penalty="none", critic_steps=5, rate_critic=3e-3, beta1=0.5,
        batch=64, generator_width=16, critic_width=64,
    )  # fmt: skip
    changes = [(400, {"objective": "non-saturating"})]
    scalars, lines = pictured(Setup(experiment), 50, 950, changes=changes)
    assert scalars["modes"] <= 3 and scalars["share"] >= 0.5
    assert lines["clusters"]["level"] == "bad"
    assert lines["clusters"]["text"].startswith("Collapsed")
    assert lines["clusters"]["reason"].startswith("no push leads t")  # there, or to some of them
    assert lines["cycling"]["level"] == "ok"


def test_a_perfect_critic_of_the_minimax_game_no_longer_pushes():
    """Parallel lines, fakes that never move, the saturating loss."""
    experiment = Experiment(
        data="lines", fakes="fixed", objective="minimax", penalty="none",
        critic_activation="tanh", critic_width=64, rate_critic=1e-3,
    )  # fmt: skip
    scalars, lines = pictured(Setup(experiment), 25, 700)
    assert scalars["accuracy"] == 1
    assert lines["pushed"]["level"] == "bad" and lines["saturated"]["level"] == "bad"
    assert "slope at the fakes" in lines["pushed"]["reason"]
    assert "clusters" not in lines
