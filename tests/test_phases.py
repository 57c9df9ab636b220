"""The words of slow motion: what is said of a step is what the step does."""

import pytest

from toylab.ui.phases import CRITIC, GENERATOR, POINTS, missing, order, sentences

SETTINGS = {"batch": 64, "critic_steps": 1, "penalty_weight": 2.0, "penalty_interval": 4}
COUNTS = dict.fromkeys(POINTS, 64)
ONCE = {"order": "once", "first": None, "ahead": False, "critic_loss": 0.5, "penalty": -0.25}
TURNS = {**ONCE, "order": "turns", "first": "critic"}
BEGINS = {**TURNS, "first": "generator"}


@pytest.mark.parametrize(
    "anatomy, push",
    [
        (TURNS, "The critic has moved. Now its slope pushes the fakes."),
        (BEGINS, "The generator begins: the critic’s slope pushes the fakes."),
        (ONCE, "The same critic pushes the fakes: both players move at once."),
        (
            {**ONCE, "ahead": True},
            "The critic, as it is foreseen, pushes the fakes: both players move at once.",
        ),
    ],
)
def test_whose_push_it_is(anatomy, push):
    assert sentences(anatomy, COUNTS, SETTINGS)["push"] == push


def test_numbers_and_rounds_are_those_of_the_step():
    said = sentences(TURNS, COUNTS, SETTINGS)
    assert said["sample"] == "64 real points and 64 fakes are drawn."
    assert "cost it 0.5 on average" in said["loss"]
    assert said["penalty"] == "Its slope at the crosses costs −0.25 more (weight 2.0)."
    more = {**SETTINGS, "batch": 256, "critic_steps": 5}
    said = sentences(TURNS, COUNTS, more)["sample"]
    assert said.endswith("drawn; 64 of each are shown. Round 1 of the critic’s 5.")
    assert "Round" not in sentences(ONCE, COUNTS, more)["sample"]
    assert sentences({**TURNS, "penalty": None}, COUNTS, SETTINGS)["penalty"].startswith(
        "Its slope at the crosses costs —"
    )
    moves = [sentences(told, COUNTS, SETTINGS)["move"] for told in (TURNS, BEGINS)]
    assert moves[1] == f"{moves[0]} Then the critic answers."


def test_phases_come_in_the_step_s_order_and_what_it_lacks_says_why():
    assert order(TURNS) == order(ONCE) == CRITIC + GENERATOR
    assert order(BEGINS) == GENERATOR + CRITIC
    assert missing(TURNS, COUNTS, SETTINGS) == {}
    without = {**COUNTS, "penalty_points": 0}
    assert "every 4th step" in missing(TURNS, without, SETTINGS)["penalty"]
    none = missing({**TURNS, "penalty": None}, without, SETTINGS)
    assert none == {"penalty": "This game has no penalty."}
    resting = missing(TURNS, {**COUNTS, "batch_force": 0}, SETTINGS)
    assert set(resting) == set(GENERATOR)
    assert set(missing(TURNS, {**COUNTS, "batch_real": 0}, SETTINGS)) == set(CRITIC)
