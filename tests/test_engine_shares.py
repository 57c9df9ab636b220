"""Fair shares: equal processor time for unequal steps, and no turn at all where nothing is to do.

The clock is the tests' own: what a step or a picture costs is said, never measured.
"""

import random
from types import SimpleNamespace

import pytest

from tests.engine_pages import Desk
from toylab.engine.protocol import decode, encode
from toylab.engine.shares import Shares
from toylab.engine.weight import FEW, HEAVY, LAST, Weight
from toylab.engine.worker import SLICE, Worker

STEPS = {"light": 0.0002, "usual": 0.001, "long": 0.015, "heavy": 0.06}


def turn(shares, ready, costs=STEPS):
    """One turn of a slice, at least one step; returns whose it was and what it cost."""
    key = shares.next(ready)
    cost = costs[key] * max(1, round(SLICE / costs[key]))
    shares.charge(key, cost)
    return key, cost


def test_whatever_a_step_costs_all_get_the_same_time():
    """At every moment: nobody is ahead of another by more than one turn."""
    shares, used = Shares(), dict.fromkeys(STEPS, 0.0)
    for _ in range(2000):
        key, cost = turn(shares, list(STEPS))
        used[key] += cost
        assert max(used.values()) - min(used.values()) <= STEPS["heavy"] + 1e-9
    assert min(used.values()) > 1.5


def test_who_comes_or_wakes_up_is_served_at_once_and_has_no_claim_on_what_was():
    shares, names = Shares(), ["light", "long"]
    for _ in range(1000):
        turn(shares, names)
    for newcomer in ("usual", "light"):  # one that never was, one that slept
        others = [name for name in STEPS if name not in (newcomer, "heavy")]
        for _ in range(1000):
            turn(shares, others)
        ready, used = [*others, newcomer], dict.fromkeys([*others, newcomer], 0.0)
        first = [turn(shares, ready)[0] for _ in range(len(ready))]
        assert newcomer in first, "it waited for more than one turn of each other"
        for _ in range(1000):
            key, cost = turn(shares, ready)
            used[key] += cost
            assert max(used.values()) - min(used.values()) <= 3 * STEPS["long"], "a backlog"


def test_a_long_turn_is_paid_for_also_over_a_sleep():
    shares = Shares()
    shares.charge("light", 1.0)
    turns = [turn(shares, ["light", "usual"])[0] for _ in range(240)]
    assert set(turns) == {"usual"}
    assert "light" in [turn(shares, ["light", "usual"])[0] for _ in range(12)]
    shares.charge("light", 1.0)
    shares.forget("light")
    assert shares.used("light") == shares.now


def test_of_any_that_are_ready_the_one_with_the_least_is_next():
    chance, shares = random.Random(3), Shares()
    before = 0.0
    for _ in range(3000):
        ready = chance.sample(range(9), chance.randint(1, 9))
        stood = {key: shares.used(key) for key in ready}
        key = shares.next(ready)
        assert stood[key] == min(stood.values()) == shares.now >= before, "time goes back"
        before = shares.now
        shares.charge(key, chance.expovariate(100))


class Clock:
    """Processor seconds that are said to pass, by lane too."""

    def __init__(self):
        self.now, self.by = 0.0, {}

    def __call__(self):
        return self.now

    def costs(self, thing, method, name, seconds):
        """From now on each call of a method costs so much, on account of `name`."""
        act = getattr(thing, method)

        def charged(*values):
            self.now += seconds
            self.by[name] = self.by.get(name, 0.0) + seconds
            return act(*values)

        setattr(thing, method, charged)


@pytest.mark.parametrize(
    ("runs", "cost", "pause"),
    [(1, 0.004, 1 / 15), (1, 0.02, 0.1), (5, 0.004, 0.1), (12, 0.004, 0.24), (16, 0.02, 0.35)],
)
def test_pictures_of_all_runs_take_a_fifth_at_most_unless_they_would_come_too_seldom(
    runs, cost, pause, monkeypatch
):
    """Runs that stand still do not count, nor does what a picture costs before it is drawn."""
    clock = Clock()
    desk = Desk(clock=clock)
    for lane in range(min(runs + 1, 16)):
        desk.open(lane=lane)
        if lane < runs:
            desk.send(do="play", pace=0, lane=lane)
    lane = desk.lane()
    clock.costs(lane, "frame", 0, cost)
    desk.send(do="want", layers=["fake"])
    monkeypatch.setattr("toylab.engine.lane.time", SimpleNamespace(monotonic=lambda: 100.0))
    desk.worker.show(("s", 0), lane)
    assert lane._drawable_at == pytest.approx(100 + pause) and not lane.wanted


def test_lanes_of_the_worker_have_equal_time_pictures_included(monkeypatch):
    monkeypatch.setattr("toylab.engine.worker.SLICE", 0.0)  # a turn is one step: no real time in it
    clock = Clock()
    desk = Desk(clock=clock)
    largest = []
    charge = desk.worker.shares.charge
    desk.worker.shares.charge = lambda key, cost: (largest.append(cost), charge(key, cost))
    for lane, step in enumerate((0.0005, 0.002, 0.015, 0.002)):
        desk.open(lane=lane)
        desk.send(do="play", pace=0, lane=lane)
        clock.costs(desk.lane(lane).run, "step", lane, step)
        clock.costs(desk.lane(lane), "frame", lane, 0.009)
    del largest[:]
    for number in range(400):
        if number % 10 == 0:
            desk.send(do="want", layers=["fake"], lane=3)
            desk.lane(3)._drawable_at = 0.0
        desk.worker.serve()
        used = [clock.by.get(lane, 0.0) for lane in range(4)]
        assert max(used) - min(used) <= max(largest) + 1e-9
    assert min(used) > 0.1 and sum(header["say"] == "frame" for header, _ in desk.said) > 5
    desk.send(do="pause", lane=2)
    for _ in range(200):
        desk.worker.serve()
    desk.send(do="play", pace=0, lane=2)
    clock.by.clear()
    for _ in range(200):
        desk.worker.serve()
        used = [clock.by.get(lane, 0.0) for lane in range(4)]
        assert max(used) - min(used) <= 2 * max(largest) + 1e-9
    assert used[2] > 0.05


class Script:
    """A pipe that brings these messages, one a turn, and then closes when nothing is left to do."""

    def __init__(self, *messages):
        self.messages, self.said, self.waits = list(messages), [], []

    def poll(self, timeout):
        self.waits.append(timeout)
        if timeout == 0.0 and self.messages and len(self.waits) % 2:
            return False  # a turn for whoever may train
        if timeout is None and not self.messages:
            raise EOFError
        return bool(self.messages)

    def recv_bytes(self):
        return self.messages.pop(0)

    def send_bytes(self, message):
        self.said.append(decode(message)[0])


def message(do, **fields):
    return encode({"session": "s", "lane": 0, "do": do, **fields})


def test_where_nobody_trains_and_no_picture_is_owed_the_worker_sleeps_without_end():
    """The loop's own wait has no limit then, so not one wake-up is left."""
    small = {"generator_width": 8, "critic_width": 8, "batch": 16}
    pipe = Script(
        message("open", settings=small),
        message("want", layers=["fake"]),
        message("play", pace=0),
        message("want", layers=["fake"]),
        message("pause"),
        message("want", layers=["fake"]),
        message("want", layers=["fake"]),
    )
    with pytest.raises(EOFError):
        Worker(pipe).run()
    assert pipe.waits[-1] is None and len(pipe.waits) < 60
    said = [header["say"] for header in pipe.said]
    assert said[:2] == ["hello", "opened"] and said.count("frame") >= 2
    assert 1 <= said.count("kept") <= 4, "a state that is kept is not kept again"


def test_a_picture_that_is_owed_comes_before_a_long_step():
    desk = Desk()
    desk.open()
    desk.steps(2)
    desk.send(do="play", pace=0)
    desk.send(do="want", layers=["fake"])
    first, *_ = [header for header, _ in desk.turn() if header["say"] == "frame"]
    assert first["step"] == 2 < desk.lane().run.state.step


def test_a_run_at_a_slow_pace_that_nobody_looks_at_wakes_nobody():
    desk = Desk()
    desk.open()
    desk.send(do="stop", idle=None)
    desk.send(do="play", pace=1)
    desk.turn()
    desk.turn()
    assert desk.worker.rest() is None, "its next step waits for a picture that nobody wants"
    desk.send(do="knob", changes={"noise": 0.1})
    desk.lane()._kept_at += 1e6  # as if it had just been kept, however long this takes
    assert 0 < desk.worker.rest() < 1, "but what was changed is kept, though nobody looks"
    desk.lane()._kept_at -= 2e6
    assert [header["say"] for header, _ in desk.turn()] == ["kept"]
    assert desk.worker.rest() is None
    desk.send(do="want", layers=["fake"])
    assert desk.worker.rest() == 0.0


def test_a_run_stops_by_itself_though_it_waits_for_its_pace():
    desk = Desk()
    desk.open()
    desk.send(do="play", pace=1)
    desk.turn()
    desk.turn()
    desk.send(do="stop", idle=0.1)
    desk.lane().stops.touch(desk.lane().stops.touched - 1.0)
    assert desk.worker.rest() == 0.0
    desk.worker.serve()
    assert "stopped" in [header["say"] for header, _ in desk.said]
    desk.turn()
    assert desk.worker.rest() is None


def test_a_run_is_heavy_by_its_median_step_and_stays_so():
    """One long step, which the first one of a process is, makes no run heavy."""
    long, short = 1.5 * HEAVY, 0.5 * HEAVY
    weight = Weight()
    for cost in (long, short):
        weight.stepped(cost)
    assert weight.heavy is None
    weight.stepped(short)
    assert weight.heavy is False
    for _ in range(LAST):
        weight.stepped(short)
    for _ in range(LAST // 2):
        weight.stepped(long)
        assert weight.heavy is False
    weight.stepped(long)
    assert weight.heavy is True
    for _ in range(3 * LAST):
        weight.stepped(short)
    assert weight.heavy is True
    other = Weight()
    for _ in range(FEW):
        assert other.heavy is None
        other.stepped(long)
    assert other.heavy is True


@pytest.mark.parametrize("slow", [False, True])
def test_a_process_tells_of_a_run_that_belongs_in_the_other_one_once(slow):
    desk = Desk(slow=slow)
    desk.open()

    def told():
        desk.steps(1)
        return [header["heavy"] for header, _ in desk.said if header["say"] == "weighs"]

    desk.steps(FEW)
    desk.lane().run.weight.__init__()
    del desk.said[:]
    for _ in range(FEW + 1):
        desk.lane().run.weight.stepped(0.0 if slow else 9.0)
    assert told() == [not slow] == told()
    desk.ask(do="reset")
    weight = desk.lane().run.weight
    assert weight.heavy is None, "another run is weighed anew"
    for _ in range(FEW):
        weight.stepped(9.0 if slow else 0.0)
    assert told() == [not slow], "one that is where it belongs"
