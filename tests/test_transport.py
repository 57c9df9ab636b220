"""The transport's rules in numbers and words, without a page."""

import pytest

from toylab.engine.protocol import SLOW
from toylab.ui import phases, transport

TURNS = {"order": "turns", "first": "critic", "critic_loss": 1.25, "penalty": 0.5}
ALL = {"batch_real": 64, "batch_force": 64, "penalty_points": 64}
GAME = {"batch": 256, "critic_steps": 1, "penalty_weight": 1.0, "penalty_interval": 1}


@pytest.mark.parametrize("pace", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("count", [5, 6])
def test_the_phases_of_a_step_fill_its_time(pace, count):
    move = phases.seconds("move", pace, count)
    others = (count - 1) * phases.seconds("loss", pace, count)
    assert move + others == pytest.approx(1 / pace)
    assert move >= phases.GLIDE


def test_who_begins_is_shown_first_and_the_halves_are_never_mixed():
    critic_first, generator_first = phases.order(TURNS), phases.order({"first": "generator"})
    assert critic_first == ("sample", "score", "loss", "penalty", "push", "move")
    assert generator_first == ("push", "move", "sample", "score", "loss", "penalty")
    assert phases.order({"first": None}) == critic_first  # both at once


def test_what_a_step_does_not_have_is_named_with_the_reason():
    assert phases.missing(TURNS, ALL, GAME) == {}
    free = phases.missing({**TURNS, "penalty": None}, {**ALL, "penalty_points": 0}, GAME)
    assert free == {"penalty": "This game has no penalty."}
    lazy = phases.missing(TURNS, {**ALL, "penalty_points": 0}, {**GAME, "penalty_interval": 4})
    assert "every 4th step" in lazy["penalty"]
    alone = phases.missing(TURNS, {**ALL, "batch_real": 0, "penalty_points": 0}, GAME)
    assert set(alone) == set(phases.CRITIC)
    assert set(phases.missing(TURNS, {**ALL, "batch_force": 0}, GAME)) == set(phases.GENERATOR)


def test_the_sentences_tell_the_numbers_and_the_order_of_this_step():
    said = phases.sentences(TURNS, ALL, {**GAME, "critic_steps": 5})
    assert "256 real points" in said["sample"] and "64 of each" in said["sample"]
    assert "Round 1 of the critic’s 5" in said["sample"]
    assert "1.25" in said["loss"] and "0.5 more (weight 1.0)" in said["penalty"]
    assert said["push"].startswith("The critic has moved")
    at_once = phases.sentences({**TURNS, "order": "once", "first": None}, ALL, GAME)
    assert "both players move at once" in at_once["push"]
    assert "Round" not in at_once["sample"]
    generator_first = phases.sentences({**TURNS, "first": "generator"}, ALL, GAME)
    assert generator_first["push"].startswith("The generator begins")
    assert generator_first["move"].endswith("Then the critic answers.")


def test_the_dial_goes_from_a_fifth_of_a_step_to_no_limit():
    assert transport.DIAL[0] == 0.2 and transport.DIAL[-2:] == (100.0, 0.0)
    assert list(transport.DIAL[:-1]) == sorted(transport.DIAL[:-1])
    # Slow motion, every step drawn, and the stops of the keys are on it.
    assert {phases.SLOW_MOTION, SLOW, *transport.PACES} <= set(transport.DIAL)
    for notch, pace in enumerate(transport.DIAL):
        assert transport.notch_of(pace) == notch
    assert transport.notch_of(0.01) == 0 and transport.notch_of(10_000) == len(transport.DIAL) - 2


def test_faster_and_slower_are_each_other_s_way_back():
    pace = transport.PACES[0]
    for wanted in transport.PACES[1:]:
        slower, pace = pace, transport.faster(pace, 1)
        assert pace == wanted and transport.faster(pace, -1) == slower
    assert transport.faster(0.0, 1) == 0.0 and transport.faster(0.2, -1) == 0.2
    assert transport.faster(3.0, 1) == 5.0 and transport.faster(3.0, -1) == 2.0
