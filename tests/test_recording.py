"""The recording: evenly spread over a run in log age, and never more bytes than there may be."""

import math

import numpy as np
import pytest
import torch

from tests.engine_pages import SMALL, Desk
from tests.helpers import small
from toylab.engine import worker
from toylab.games import Players
from toylab.recording import Ledger, Recording
from toylab.states import State
from toylab.trainer import Setup, train


def state(step, *tensors):
    """A state of so many bytes as these tensors have."""
    return State(Players(*tensors), (), (), tensors[0], step)


def numbered(count):
    return [state(step, torch.zeros(4), torch.zeros(2)) for step in range(count)]


def steps_of(recording):
    return [each.step for each in recording.states]


@pytest.mark.parametrize("most", [12, 60, 300])
def test_snapshots_lie_evenly_in_log_age(most):
    """Neighbours' ages are in a ratio of about n^(1/k), from the newest step to the first."""
    n, recording = 20_000, Recording(most=most)
    for each in numbered(n + 1):
        recording.offer(each)
    steps = np.array(steps_of(recording))
    assert len(steps) == most and steps[0] == 0 and steps[-1] == n and (np.diff(steps) > 0).all()
    ages = n + 1 - steps
    ratios = ages[:-1] / ages[1:]
    fair = n ** (1 / (most - 1))
    wide = ages[1:] > 8  # nearer than that, ages are small whole numbers
    assert ratios[wide].max() < fair**4
    counted = [(wide & (ages[:-1] > low) & (ages[:-1] <= 5 * low)).sum() for low in (40, 200, 1000)]
    assert min(counted) >= math.log(5) / math.log(fair) / 4, "no age is left bare"


def test_the_first_and_the_newest_always_stay():
    recording = Recording(most=2)
    for each in numbered(50):
        recording.offer(each)
        assert steps_of(recording) == [0, each.step][: each.step + 1]
    assert not recording.thin()


def test_a_state_that_is_not_newer_is_not_taken_again():
    recording = Recording()
    states = numbered(3)
    for each in (*states, states[1], states[2]):
        recording.offer(each)
    assert steps_of(recording) == [0, 1, 2]


def test_the_nearest_is_the_nearest():
    recording = Recording()
    assert recording.nearest(5) is None
    states = numbered(40)
    for each in (states[0], states[10], states[30]):
        recording.offer(each)
    assert [recording.nearest(step).step for step in (-3, 4, 6, 19, 21, 99)] == [
        0,
        0,
        10,
        10,
        30,
        30,
    ]


def test_beside_a_step_there_is_another_one_as_long_as_there_is_any():
    recording = Recording()
    states = numbered(40)
    for each in (states[0], states[10], states[30]):
        recording.offer(each)
    assert [recording.nearest(step, -1).step for step in (10, 11, 29, 30, 0)] == [0, 10, 10, 10, 0]
    assert [recording.nearest(step, 1).step for step in (0, 9, 10, 11, 30)] == [10, 10, 30, 30, 30]


def test_bytes_are_counted_once_however_many_states_share_a_tensor():
    ledger, shared, own = Ledger(), torch.zeros(100), torch.zeros(50)
    one, other = state(0, shared, torch.zeros(10)), state(1, shared, own)
    view = state(2, own[:5], own[5:9])  # keeps the whole of it
    sizes = []
    for each in (one, other, view):
        ledger.hold(each)
        sizes.append(ledger.bytes)
    assert sizes == [440, 640, 640]
    for each in (other, one, view):
        ledger.release(each)
        sizes.append(ledger.bytes)
    assert sizes[3:] == [640, 200, 0]


def test_a_cut_recording_is_its_own_and_shares_its_bytes():
    ledger = Ledger()
    whole = Recording(ledger)
    for each in numbered(10):
        whole.offer(each)
    size = ledger.bytes
    early = whole.until(4)
    assert steps_of(early) == [0, 1, 2, 3, 4] and ledger.bytes == size
    whole.close()
    assert ledger.bytes == size / 2 and steps_of(early) == [0, 1, 2, 3, 4]
    early.close()
    assert ledger.bytes == 0


def test_the_ledger_counts_what_a_real_run_holds():
    """Adam's moments, both players, the average: every tensor of every snapshot, each once."""
    experiment = small(average=0.9)
    recording, setup = Recording(), Setup(experiment)
    states = [setup.start(), *train(experiment, steps=5, setup=setup)]
    for each in states:
        recording.offer(each)
    vectors = sum(vector.numel() for vector in setup.start().players)
    # A start shares its average with its generator; after it nothing is shared.
    of_start = 4 * (3 * vectors + 2)
    of_step = 4 * (3 * vectors + 2 + states[0].players.generator.numel())
    assert recording.ledger.bytes == of_start + 5 * of_step


BUDGET = 2_000_000


def held(desk):
    """The bytes of all tensors that the lanes' snapshots hold, counted from outside."""
    seen = {}
    for lane in desk.worker.lanes.values():
        recordings = [lane.run.recording, *lane.history.recordings()]
        states = [each for recording in recordings for each in recording.states]
        states += [past.state for _, past in (*lane.history.done, *lane.history.undone)]
        for each in states:
            for tensor in (*each.players, each.average, *each.memory[0], *each.memory[1]):
                seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(seen.values())


def test_many_lanes_share_one_budget_and_each_still_shows_its_whole_run():
    """One lane alone takes it all; with twelve it makes room, and what it keeps lies evenly."""
    desk = Desk(budget=BUDGET)
    desk.open(batch=8)
    for _ in range(250):
        desk.steps(2)
    alone = len(desk.lane().run.recording.states)
    assert 0.5 * BUDGET < held(desk) <= BUDGET
    for lane in range(1, 12):
        desk.open(lane=lane, batch=8, seed=lane)
        assert held(desk) <= BUDGET
    assert len(desk.lane().run.recording.states) < alone / 6
    for lane in range(12):
        for _ in range(40):
            desk.steps(2, lane=lane)
        assert held(desk) <= BUDGET
    for lane in range(12):
        steps = np.array(steps_of(desk.lane(lane).run.recording))
        assert steps[0] == 0 and steps[-1] == desk.lane(lane).run.state.step and len(steps) >= 6
        ages = steps[-1] + 1 - steps
        assert (ages[:-1] / ages[1:]).max() < 12, "a part of the run is bare"


def test_what_can_be_undone_counts_too_and_goes_last():
    desk = Desk(budget=600_000)
    desk.open(batch=8)
    for number in range(30):
        desk.steps(3)
        desk.send(do="swap", changes={"batch": 9 + number})
        desk.send(do="restart", changes={"seed": number}) if number % 10 == 9 else None
        assert desk.lane().ledger.bytes == held(desk) <= 600_000
    assert desk.lane().history.done
    before = desk.lane().run.first["seed"]
    while desk.lane().run.first["seed"] == before:
        desk.ask(do="undo")
    assert steps_of(desk.lane().run.recording)[-1] >= 3


def test_no_message_leaves_more_snapshots_than_there_may_be(monkeypatch):
    """A new run's first snapshot counts at once, not from its first step on."""
    monkeypatch.setattr(worker, "SLICE", 0)  # a snapshot of every step, however fast the machine
    desk = Desk(budget=600_000)
    desk.open(batch=8)
    changes = [
        {"do": "swap", "changes": {"batch": 9}},
        {"do": "restart", "changes": {"seed": 1}},
        {"do": "reset"},
        {"do": "undo"},
        {"do": "redo"},
        {"do": "open", "lane": 1, "settings": {**SMALL, "batch": 8}},
        {"do": "undo"},
    ]
    for message in changes:
        fullest = 0
        while held(desk) > fullest:  # until one step more would be one too many
            fullest = held(desk)
            desk.steps(1)
        assert fullest > 450_000 or len(desk.worker.lanes) > 1, "there is room anyway"
        desk.ask(**message)
        assert held(desk) <= 600_000, message
    assert desk.lane().ledger.bytes + desk.lane(1).ledger.bytes == held(desk)


def test_a_network_too_large_for_the_budget_still_trains():
    desk = Desk(budget=1000)
    desk.open()
    desk.steps(30)
    assert len(desk.lane().run.recording.states) == 2 and desk.lane().run.state.step == 30
