"""Stop rules: a playing run pauses by itself, at the step that was asked for, in words."""

import pytest

from tests.engine_pages import Desk
from toylab.engine.protocol import STOPS
from toylab.engine.stops import Stops


def played(desk, turns=2000):
    """Plays until the engine says that it has stopped."""
    desk.send(do="play", pace=0)
    for _ in range(turns):
        for header, _ in desk.turn():
            if header["say"] == "stopped":
                return header
    pytest.fail("it never stopped")


def test_at_a_step_means_exactly_that_step_and_play_goes_on_beyond_it():
    desk = Desk()
    desk.open()
    for step in (1, 2, 37, 400):
        desk.send(do="stop", step=step)
        told = played(desk)
        assert told["reason"] == "step" and told["step"] == step and f"{step}" in told["text"]
        assert desk.lane().run.state.step == step and not desk.lane().playing
        assert not desk.turn(), "not one step more"
    desk.send(do="play", pace=0)
    desk.turn()
    assert desk.lane().run.state.step > 400 and desk.lane().playing
    desk.send(do="pause")
    desk.send(do="reset")
    assert played(desk)["step"] == 400, "the rule holds for the next run too"
    desk.steps(5)
    assert desk.lane().run.state.step == 405, "steps that were asked for are not cut short"


def test_found_means_held_for_so_many_steps():
    """A perfect generator finds all clusters at once; the run stops as soon as they were held."""
    desk = Desk()
    desk.open(fakes="perfect")
    desk.send(do="stop", found=30)
    told = played(desk)
    assert told["reason"] == "found" and 30 <= told["step"]
    lane = desk.lane()
    assert told["step"] - lane.stops.held_since >= 30
    again = played(desk)
    assert again["step"] >= told["step"] + 30, "play again, and it must be held anew"
    desk.open(fakes="learned", rate_critic=0.0, rate_generator=0.0)
    desk.send(do="stop", found=1, step=300)
    assert played(desk)["reason"] == "step", "an untrained generator has not found them"


def test_lost_clusters_are_counted_from_anew():
    stops = Stops(now=0.0)
    stops.set({"found": 100})
    for step, found, met in (
        (10, [1, 1, 0], False),
        (20, [1, 1, 1], False),
        (110, [1, 1, 1], False),
        (111, [1, 0, 1], False),
        (119, [1, 1, 1], False),
        (218, [1, 1, 1], False),
        (219, [1, 1, 1], True),
        (300, None, False),
    ):
        stops.measured(step, found)
        assert bool(stops.met(step, 0.0)) == met, step


def test_idle_means_that_nobody_but_the_painter_asked_for_anything():
    desk = Desk()
    desk.open()
    desk.send(do="play")
    lane = desk.lane()
    began = lane.stops.touched
    assert STOPS["idle"] == 600.0 == lane.stops.rules["idle"]
    lane.watch(began + 599.9)
    assert lane.playing
    for message in (dict(do="want", layers=["fake"]), dict(do="want", layers=[])):
        desk.send(**message)
        assert lane.stops.touched == began
    lane.watch(began + 600.1)
    ((header, _),) = [said for said in desk.turn() if said[0]["say"] == "stopped"]
    assert header["reason"] == "idle" and "10 minutes" in header["text"] and not lane.playing
    desk.send(do="play")
    assert lane.stops.touched > began
    desk.send(do="stop", idle=None)
    lane.watch(began + 1e9)
    assert lane.playing
    desk.send(do="pause")
    desk.send(do="stop", idle=1.0)
    lane.watch(began + 1e9)
    assert not [said for said in desk.turn() if said[0]["say"] == "stopped"], "it did not play"


def test_the_engine_wakes_when_nobody_was_there_for_long():
    """Also at a slow pace, where it waits for a page that does not ask."""
    desk = Desk()
    desk.open()
    desk.send(do="play", pace=1)
    while desk.lane().worth_keeping(1e12):
        desk.lane().keep()
    assert 590 < desk.worker.rest() <= 600
    desk.send(do="stop", idle=None)
    desk.lane().keep()
    assert desk.worker.rest() is None


def test_rules_are_set_one_by_one():
    desk = Desk()
    desk.open()
    desk.send(do="stop", step=50)
    desk.send(do="stop", found=300)
    assert desk.lane().stops.rules == {"step": 50, "found": 300, "idle": 600.0}
    desk.send(do="stop", step=None)
    told, _ = desk.ask(do="reset")
    assert told["stops"] == {"step": None, "found": 300, "idle": 600.0}
    for wrong in ({"step": 0}, {"step": 1.5}, {"found": "all"}, {"idle": -1}, {"idle": True}):
        assert next(iter(wrong)) in desk.refusal(do="stop", **wrong)
    assert desk.lane().stops.rules == told["stops"]
