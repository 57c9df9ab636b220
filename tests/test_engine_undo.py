"""Undo and redo: states are immutable, so what was is simply taken up again."""

import numpy as np
import pytest

from tests.engine_pages import Desk, same
from toylab.engine.history import MOST, History
from toylab.recording import Ledger

CHANGES = {
    "a knob": dict(do="knob", changes={"penalty_weight": 5.0}),
    "a moved data set": dict(do="knob", changes={"spread": 0.2}),
    "a new rule": dict(do="swap", changes={"rule": "sgd"}),
    "another objective": dict(do="swap", changes={"objective": "hinge", "penalty": "r1"}),
    "other data": dict(do="swap", changes={"data": "ring"}),
    "one player's steps": dict(do="step", count=7, who="critic"),
    "a restart": dict(do="restart", changes={"generator_width": 8, "data": "roth3d"}),
    "a reset": dict(do="reset"),
    "a new seed": dict(do="reset", seed=3),
}


def moment(desk):
    """Everything that undo must bring back: state, settings, log, data, recorded steps."""
    lane = desk.lane()
    steps = [state.step for state in lane.run.recording.states]
    window = lane.run.pictures.view.extent
    return desk.state(), lane.run.settings, lane.run.log, window, steps


def alike(one, other):
    return same(one[0], other[0]) and one[1:] == other[1:]


@pytest.mark.parametrize("change", CHANGES)
def test_undo_brings_back_the_moment_before_and_redo_the_newer_run(change):
    """Bit for bit, and from both the run goes on as it would have."""
    desk = Desk()
    desk.open(seed=2)
    desk.steps(20)
    desk.send(do="knob", changes={"noise": 0.1})
    desk.steps(10)
    before = moment(desk)
    desk.send(**CHANGES[change])
    while desk.lane().turns:
        desk.turn()
    desk.steps(15)
    after = moment(desk)
    assert not alike(before, after)
    told, arrays = desk.ask(do="undo")
    assert told["say"] == "undone" and told["redo"] and told["undo"] and told["text"]
    assert told["step"] == 30 and told["changes"] == [[20, {"noise": 0.1}]]
    assert told["settings"] == before[1] and arrays["real"].shape == (500, 2)
    assert alike(moment(desk), before)
    told, arrays = desk.ask(do="redo")
    assert told["undo"] and not told["redo"] and told["settings"] == after[1]
    assert ("real3" in arrays) == (change == "a restart")
    assert alike(moment(desk), after)
    desk.ask(do="undo")
    desk.steps(25)
    straight = Desk()
    straight.open(seed=2)
    straight.steps(20)
    straight.send(do="knob", changes={"noise": 0.1})
    straight.steps(35)
    assert same(desk.state(), straight.state())
    assert desk.lane().run.log == straight.lane().run.log


def test_undo_goes_back_through_everything_and_redo_forth_again():
    desk = Desk()
    desk.open()
    moments = []
    for change in CHANGES.values():
        desk.steps(3)
        if "penalty_weight" in change.get("changes", ()):
            change = {**change, "changes": {"penalty_weight": 2.0 + len(moments)}}
        moments.append(moment(desk))
        desk.send(**change)
        while desk.lane().turns:
            desk.turn()
    last = moment(desk)
    for expected in reversed(moments):
        desk.ask(do="undo")
        assert alike(moment(desk), expected)
    assert "nothing to take back" in desk.refusal(do="undo")
    for expected in [*moments[1:], last]:
        told, _ = desk.ask(do="redo")
        assert told["text"].startswith("Brought back: ") and alike(moment(desk), expected)
    assert "nothing to bring back" in desk.refusal(do="redo")


def test_a_new_change_forgets_what_was_taken_back():
    desk = Desk()
    desk.open()
    desk.send(do="swap", changes={"rule": "sgd"})
    desk.ask(do="undo")
    told, _ = desk.ask(do="swap", changes={"rule": "rmsprop"})
    assert told["undo"] and not told["redo"]
    assert "nothing to bring back" in desk.refusal(do="redo")


def test_steps_and_play_are_no_change_and_a_change_that_changes_nothing_neither():
    desk = Desk()
    desk.open()
    desk.steps(5)
    desk.ask(do="swap", changes={"rule": "adam"})
    desk.send(do="play")
    desk.turn()
    desk.send(do="pause")
    assert "nothing to take back" in desk.refusal(do="undo")
    assert desk.lane().run.log == ()


def test_a_slider_s_movement_is_one_change():
    """Knobs of one field within a second, and only of one field."""
    desk = Desk()
    desk.open()
    desk.steps(5)
    for weight in (2.0, 3.0, 4.0):
        desk.send(do="knob", changes={"penalty_weight": weight})
        desk.steps(1)
    desk.send(do="knob", changes={"noise": 0.5})
    told, _ = desk.ask(do="undo")
    assert told["settings"]["penalty_weight"] == 4.0 and told["settings"]["noise"] == 0.0
    told, _ = desk.ask(do="undo")
    assert told["settings"]["penalty_weight"] == 1.0 and told["step"] == 5


def test_two_movements_of_one_slider_a_second_apart_are_two_changes():
    history, desk = History(Ledger()), Desk()
    desk.open()
    run = desk.lane().run
    for now in (0.0, 0.9, 1.8, 2.9):
        history.remember(run.past(), str(now), kind=("noise",), now=now)
    assert [words for words, _ in history.done] == ["0.0", "2.9"]
    history.remember(run.past(), "name", now=2.9)
    history.remember(run.past(), "name", now=2.9)
    assert len(history.done) == 4


def test_at_least_twenty_changes_can_be_taken_back():
    desk = Desk()
    desk.open()
    states = []
    for number in range(MOST + 5):
        desk.steps(1)
        states.append(desk.state())
        desk.send(do="swap", changes={"batch": 8 + number})
    assert MOST >= 20
    for expected in reversed(states[-MOST:]):
        desk.ask(do="undo")
        assert same(desk.state(), expected)
    assert "nothing to take back" in desk.refusal(do="undo")


def test_swapping_there_and_back_at_one_step_loses_no_memory():
    """A change acts at the next step: until then it can be changed back, and leaves no trace."""
    desk = Desk()
    desk.open()
    desk.steps(9)
    before = desk.state()
    desk.send(do="swap", changes={"rule": "sgd"})
    desk.send(do="swap", changes={"rule": "adam"})
    assert same(desk.state(), before) and desk.lane().run.log == ()
    desk.steps(6)
    straight = Desk()
    straight.open()
    straight.steps(15)
    assert same(desk.state(), straight.state())


def test_of_two_changes_at_one_step_the_first_stays_when_the_second_is_taken_back():
    """It has not acted yet, and acts at the next step as if the second had never been."""
    desk = Desk()
    desk.open()
    desk.steps(4)
    desk.send(do="swap", changes={"rule": "sgd"})
    first = moment(desk)
    desk.send(do="swap", changes={"objective": "hinge"})
    both = moment(desk)
    desk.ask(do="undo")
    assert alike(moment(desk), first) and desk.lane().run.settings["rule"] == "sgd"
    desk.ask(do="redo")
    assert alike(moment(desk), both) and desk.lane().run.settings["objective"] == "hinge"
    desk.ask(do="undo")
    desk.steps(5)
    straight = Desk()
    straight.open()
    straight.steps(4)
    straight.send(do="swap", changes={"rule": "sgd"})
    straight.steps(5)
    assert same(desk.state(), straight.state())


def test_what_is_refused_changes_nothing():
    desk = Desk()
    desk.open(data="lines", fakes="fixed")
    desk.steps(4)
    before = moment(desk)
    for changes in (
        {"data": "ring"},  # has no fixed fakes
        {"objective": "hinge", "penalty": "roth"},
        {"penalty": "r1", "rule": "what"},
        {"batch": 12, "critic_steps": 0},
    ):
        desk.refusal(do="swap", changes=changes)
        assert alike(moment(desk), before)
    desk.refusal(do="knob", changes={"theta": 0.5, "noise": -1})
    desk.refusal(do="restart", changes={"data": "roth3d", "latent": 0})
    assert alike(moment(desk), before)
    desk.steps(5)
    straight = Desk()
    straight.open(data="lines", fakes="fixed")
    straight.steps(9)
    assert same(desk.state(), straight.state())


def test_undo_of_what_broke_a_run_mends_it_and_redo_brings_the_break_back():
    desk = Desk()
    desk.open(rule="sgd", objective="least-squares", penalty="none")
    desk.steps(10)
    before = desk.state()
    desk.send(do="knob", changes={"rate_critic": 10.0, "rate_generator": 10.0})
    said = desk.steps(400)
    (failed,) = [header for header, _ in said if header["say"] == "failed"]
    assert "finite" in failed["text"]
    assert "reset" in desk.refusal(do="play")
    desk.ask(do="undo")
    assert same(desk.state(), before)
    desk.steps(3)
    assert np.isfinite(desk.state()["players.0"]).all()
    desk.ask(do="redo")
    (failed,) = [header for header, _ in desk.turn() if header["say"] == "failed"]
    assert "finite" in failed["text"]


def test_the_recording_is_cut_back_and_comes_again():
    desk = Desk()
    desk.open()
    for _ in range(4):
        desk.steps(10)
    desk.send(do="swap", changes={"batch": 16})
    for _ in range(3):
        desk.steps(10)
    steps = [state.step for state in desk.lane().run.recording.states]
    desk.ask(do="undo")
    header, _ = desk.ask(do="recall", step=10**6)
    assert header["step"] == 40 and header["recorded"]
    cut = [state.step for state in desk.lane().run.recording.states]
    assert cut == [step for step in steps if step <= 40]
    desk.ask(do="redo")
    assert desk.ask(do="recall", step=10**6)[0]["step"] == 70
    assert [state.step for state in desk.lane().run.recording.states] == steps


def test_a_change_in_the_middle_of_one_player_s_steps():
    """Both players move again as before once they are taken or stopped, whatever came between."""
    desk = Desk()
    desk.open(moves="generator")
    desk.send(do="step", count=10**6, who="critic")
    desk.turn()
    at = desk.lane().run.state.step
    assert desk.lane().run.settings["moves"] == "critic"
    desk.send(do="knob", changes={"noise": 0.1})
    desk.turn()
    assert desk.lane().run.settings["moves"] == "critic" and desk.lane().run.state.step > at
    desk.send(do="pause")
    assert desk.lane().run.settings["moves"] == "generator" and not desk.lane().turns
    desk.send(do="step", count=10**6, who="critic")
    desk.turn()
    told, _ = desk.ask(do="reset")
    assert told["settings"]["moves"] == "generator" and told["step"] == 0
    assert not desk.lane().turns


def test_a_movement_after_undo_is_a_new_one():
    """Taken back in the midst of a movement: what the hand does next can be taken back too."""
    desk = Desk()
    desk.open()
    desk.send(do="knob", changes={"noise": 0.1})
    desk.steps(1)
    desk.ask(do="undo")
    desk.send(do="knob", changes={"noise": 0.2})
    told, _ = desk.ask(do="undo")
    assert told["settings"]["noise"] == 0.0 and not told["undo"]
