"""A run moves to the other engine process: all of it, in order, and its page hears nothing."""

import json
import os
import signal
from collections import namedtuple

import numpy as np
import pytest
import torch

from tests.engine_pages import SMALL, Desk, Page, played, same, until
from toylab.engine import luggage
from toylab.engine.packing import Packed, unpacked
from toylab.engine.protocol import encode
from toylab.engine.routes import Route
from toylab.engine.weight import FEW
from toylab.games import Players
from toylab.health import Memory
from toylab.schedules import parse
from toylab.states import State

HEAVY = {"generator_width": 256, "critic_width": 256, "batch": 1024}  # some 40 ms a step


# ------------------------------------------------------------------ values on a pipe


def equal(one, other):
    """Whether two nested values are of the same kinds and equal bit for bit."""
    if isinstance(one, (np.ndarray, torch.Tensor)):
        one, other = np.asarray(one), np.asarray(other)
        return one.dtype == other.dtype and one.shape == other.shape and (one == other).all()
    if isinstance(one, dict):
        return list(one) == list(other) and equal(list(one.values()), list(other.values()))
    if isinstance(one, (list, tuple)):
        alike = type(one) is type(other) and len(one) == len(other)
        return alike and all(equal(*pair) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and (one == other or one != one and other != other)


def test_a_packed_value_comes_back_bit_for_bit_and_what_was_one_is_one():
    vector = torch.randn(5, generator=torch.Generator().manual_seed(0))
    state = State(Players(vector, vector * 2), ((vector,), ()), (), torch.tensor(3.0), 7)
    value = {
        "states": [state, state._replace(step=8)],
        ("layer", "quantity"): (0.1, float("inf"), float("nan"), None, True, -3),
        "memory": Memory(found=np.array([True, False]), lost=np.arange(3), looks=((1, "a"),)),
        "knob": parse("linear(0.5, 0, 2500)"),
        "empty": np.zeros((0, 2), np.float32),
        "count": np.int64(4),
    }
    box = Packed()
    told = json.loads(json.dumps(box.pack(value), allow_nan=False))
    parts = list(box.parts(most=20))
    assert len(parts) > 2, "large arrays travel in several messages"
    back = unpacked(told, {name: array for part in parts for name, array in part.items()})
    assert back.pop("knob") == value.pop("knob") and back.pop("count") == value.pop("count")
    assert equal(back, value)
    one, other = back["states"]
    assert one.players.generator is other.memory[0][0], "shared tensors would count twice"


def test_only_what_is_known_is_packed_and_unpacked():
    for wrong in ({1, 2}, object(), Desk):
        with pytest.raises(TypeError, match="cannot be packed"):
            Packed().pack([wrong])
    for name in ("Point", "State"):  # no tuple with names but ours, also under one of our names
        with pytest.raises(TypeError, match=f"{name} is not among State, Players"):
            Packed().pack([namedtuple(name, "x y")(1, 2)])
    with pytest.raises(ValueError, match="'Desk' is unknown"):
        unpacked([{"Desk": []}], {})


# ------------------------------------------------------------------ from one desk to another


def move(desk, other):
    """The whole of run 0 from one process's desk to another's, as the web server hands it on."""
    said = desk.send(do="leave")
    assert [header["say"] for header, _ in said] == ["luggage"] * (len(said) - 1) + ["left"]
    for header, arrays in said[:-1]:
        assert other.send(do=header["do"], arrays=arrays) == []
    header, arrays = said[-1]
    assert ("s", 0) not in desk.worker.lanes and not desk.turn()
    told = {name: value for name, value in header.items() if name not in ("say", "lane", "session")}
    silent = other.send(do="open", arrays=arrays, continued=True, **told)
    assert silent == [] and not other.worker.luggage.arrays
    return other


def lived(desk):
    """A run with a past: changes, one player's steps, a restart, and something taken back."""
    desk.open(seed=4)
    desk.send(do="stop", found=900)
    desk.steps(6)
    desk.send(do="knob", changes={"penalty_weight": 3.0})
    desk.steps(4)
    desk.send(do="swap", changes={"rule": "momentum"})
    desk.steps(5, "critic")
    desk.send(do="restart", changes={"latent": 3})
    desk.steps(7)
    desk.send(do="look", options={"surface": "raw", "extent": [0, 0, 3]})
    desk.send(do="knob", changes={"noise": "linear(1, 0, 50)"})
    desk.steps(2)
    desk.ask(do="undo")
    for _ in range(3):
        desk.send(do="want", layers=["fake", "surface", "force"])
        desk.turn()
        desk.steps(3)
    return desk


def moment(desk):
    """All that a page could notice of its run."""
    lane = desk.lane()
    run = lane.run
    return (
        desk.state(),
        run.settings,
        run.first,
        run.log,
        run.pictures.chosen,
        run.pictures.memory(),
        [state.step for state in run.recording.states],
        [words for words, _ in lane.history.done],
        [words for words, _ in lane.history.undone],
        lane.stops.rules,
        lane.wanted,
        lane.drawn,
        lane.shown,
    )


def test_all_of_a_run_moves_and_it_goes_on_bit_for_bit(monkeypatch):
    """Everything at once, then again after steps, undo, redo, and back."""
    monkeypatch.setattr("toylab.engine.worker.SLICE", 0.0)
    monkeypatch.setattr("toylab.engine.lane.RECORD_EVERY", -1.0)  # no real time in the recording
    one, straight = lived(Desk()), lived(Desk())
    for desk in (one, straight):
        desk.send(do="want", layers=["fake"])
    first, held = moment(one), one.lane().ledger.bytes
    other = move(one, Desk(slow=True))
    assert equal(moment(other), first)
    assert other.lane().ledger.bytes == held, "what snapshots share is there once"
    for act in (
        dict(do="step", count=4),
        dict(do="recall", step=2, layers=["fake"]),
        dict(do="undo"),
        dict(do="undo"),
        dict(do="step", count=3, who="generator"),
        dict(do="redo"),
        dict(do="undo"),
    ):
        drawn = []
        for desk in (other, straight):
            said = desk.send(**act)
            while desk.lane().turns:
                said += desk.turn()
            drawn += [arrays["fake"] for header, arrays in said if header["say"] == "frame"]
        assert len(drawn) in (0, 2) and (len(drawn) == 2 or act["do"] != "recall")
        assert not drawn or (drawn[0] == drawn[1]).all(), act
        assert equal(moment(other)[6:], moment(straight)[6:]), act
        assert same(other.state(), straight.state()), act
        if act["do"] == "undo":
            other = move(other, Desk())
            assert other.lane().history.done and other.lane().run.log == straight.lane().run.log


def test_a_run_moves_in_the_middle_of_what_it_was_asked_for():
    one, straight = Desk(), Desk()
    for desk in (one, straight):
        desk.open()
        desk.send(do="step", count=3, who="critic")
        desk.send(do="step", count=2)
    one.lane().run.step()
    one.lane().turns[0][0] -= 1
    straight.lane().run.step()
    straight.lane().turns[0][0] -= 1
    other = move(one, Desk())
    assert other.lane().turns == [[2, "critic"], [2, "both"]]
    for desk in (other, straight):
        while desk.lane().turns:
            desk.turn()
    assert same(other.state(), straight.state())
    other.send(do="play", pace=2.0)
    due = other.lane().pace.due
    again = move(other, Desk())
    assert again.lane().playing and again.lane().pace.steps == 2.0
    assert again.lane().pace.due == pytest.approx(due, abs=1e-6), "its next step is due then too"


def test_a_recording_that_is_too_long_is_thinned_and_its_ends_stay(monkeypatch):
    desk = Desk()
    desk.open()
    desk.send(do="play", pace=0)
    for _ in range(30):
        desk.lane()._recorded = 0.0
        desk.turn()
    desk.send(do="pause")
    steps = [state.step for state in desk.lane().run.recording.states]
    monkeypatch.setattr(luggage, "MOST", desk.lane().ledger.bytes // 4)
    other = move(desk, Desk())
    left = [state.step for state in other.lane().run.recording.states]
    assert set(left) < set(steps) and (left[0], left[-1]) == (steps[0], steps[-1])
    assert other.lane().ledger.bytes <= luggage.MOST


def test_a_run_that_moved_is_not_weighed_again(monkeypatch):
    """Else one whose steps take now more, now less would go to and fro."""
    monkeypatch.setattr("toylab.engine.weight.HEAVY", 5.0)  # no machine is so slow at small steps
    desk, other = Desk(), Desk(slow=True)
    desk.open()
    for _ in range(FEW):
        desk.lane().run.weight.stepped(9.0)
    assert [header for header, _ in desk.steps(1) if header["say"] == "weighs"]
    move(desk, other)
    assert not [header for header, _ in other.steps(FEW + 2) if header["say"] == "weighs"]
    other.send(do="reset")
    said = other.steps(FEW + 2)
    assert [header["heavy"] for header, _ in said if header["say"] == "weighs"] == [False]


def test_luggage_of_a_run_that_is_closed_is_thrown_away():
    desk, other = Desk(), Desk()
    desk.open()
    desk.steps(3)
    for closing in ({"do": "close"}, {"do": "close", "lane": 0}):
        other.send(do="luggage", arrays={"0": np.zeros(4, np.uint8)})
        assert other.worker.luggage.arrays
        message = encode({"session": "s", **closing})
        other.worker.receive(message)
        assert not other.worker.luggage.arrays


def test_without_its_luggage_a_run_goes_on_as_after_a_death_and_says_so():
    desk, other = Desk(), Desk()
    desk.open()
    desk.steps(5)
    *_, (header, arrays) = desk.send(do="leave")
    told = {name: value for name, value in header.items() if name not in ("say", "lane", "session")}
    opened, _ = other.ask(do="open", arrays=arrays, continued=True, **told)
    assert opened["say"] == "opened" and opened["continued"] and opened["step"] == 5
    desk.open()
    desk.lane().fail("it went wrong")
    assert "stays where it is" in desk.refusal(do="leave") and desk.lane()


# ------------------------------------------------------------------ routes


class Place:
    """A process that only takes note of what it is sent."""

    def __init__(self, ready=True):
        self.ready = self.running = ready
        self.failure, self.sent = None, []

    def start(self):
        self.running = True

    def send(self, message, arrays=None):
        self.sent.append(message["do"])

    def forward(self, message):
        self.sent.append(message)


class Shop:
    """An engine of two such processes, with one run."""

    def __init__(self):
        self.quick, self.slow, self.name, self.routes = Place(), Place(False), "s1", {}
        self.route = self.routes[0] = Route(self, self, 0)

    def tidy(self):
        pass

    def do(self, *names):
        for name in names:
            self.route.send({"do": name})

    def hear(self, say, **fields):
        return self.route.heard({"say": say, **fields}, {}, f"<{say}>")


def test_messages_wait_while_a_run_is_on_its_way_and_follow_it_in_order():
    shop = Shop()
    shop.do("open", "play")
    assert shop.hear("weighs", heavy=True) and shop.slow.running
    shop.do("knob")
    assert shop.quick.sent == ["open", "play", "knob"], "until the other process is ready it stays"
    shop.slow.ready = True
    shop.route.leave()
    shop.do("swap", "want")
    assert shop.hear("luggage") and not shop.hear("frame")
    assert shop.route.place is shop.quick, "pictures that were made before still come"
    shop.do("step")
    assert shop.hear("left", luggage=[], step=3)
    assert shop.quick.sent == ["open", "play", "knob", "leave"]
    assert shop.slow.sent == ["<luggage>", "open", "swap", "want", "step"]
    shop.do("undo")
    assert shop.slow.sent[-1] == "undo"
    assert shop.hear("weighs", heavy=False)
    shop.do("pause")
    assert shop.slow.sent[-2:] == ["undo", "leave"]
    shop.hear("left", luggage=[], step=4)
    assert shop.quick.sent[-2:] == ["open", "pause"] and shop.route.place is shop.quick
    assert shop.route.transport == {"playing": False}
    shop.do("open")
    assert shop.quick.sent[-1] == "open" and "close" not in shop.slow.sent


def test_a_run_that_cannot_leave_stays_and_its_messages_are_not_lost():
    shop = Shop()
    shop.do("open")
    shop.slow.ready = shop.slow.running = True
    shop.hear("weighs", heavy=True)
    shop.do("knob")
    assert shop.hear("refused", about={"do": "leave"}, text="")
    assert shop.quick.sent == ["open", "leave", "knob"] and not shop.slow.sent
    assert not shop.hear("refused", about={"do": "knob"}, text="")


@pytest.mark.parametrize("dead", ["quick", "slow"])
def test_whichever_process_dies_in_the_middle_of_a_move_the_run_goes_on_once(dead):
    shop = Shop()
    shop.do("open")
    shop.slow.ready = shop.slow.running = True
    shop.hear("kept", step=2)
    shop.hear("weighs", heavy=True)
    shop.do("knob")
    if dead == "quick":
        shop.route.again()  # what its successor's hello brings about
        assert shop.quick.sent == ["open", "leave", "open", "knob"] and not shop.slow.sent
        assert not shop.route.moving and shop.route.kept[0]["step"] == 2
        return
    shop.slow.ready = False
    shop.hear("left", luggage=[], step=3)
    assert not shop.slow.sent, "it is not there yet"
    shop.do("swap")
    shop.slow.ready = True
    shop.route.again()
    assert shop.slow.sent == ["open", "knob", "swap"] and shop.route.kept[0]["step"] == 3


def test_where_the_slow_process_was_given_up_heavy_runs_stay():
    shop = Shop()
    shop.do("open")
    shop.slow.failure = "it ended at once 5 times in a row"
    shop.hear("weighs", heavy=True)
    shop.do("knob")
    assert shop.quick.sent == ["open", "knob"] and not shop.slow.running
    shop.slow.failure, shop.slow.ready, shop.slow.running = None, True, True
    shop.hear("weighs", heavy=True)
    shop.slow.failure = "it ended at once 5 times in a row"
    shop.hear("left", luggage=[], step=3)
    assert shop.quick.sent == ["open", "knob", "leave", "open"]


# ------------------------------------------------------------------ real processes


def test_a_heavy_run_moves_beside_light_ones_and_either_process_may_die():
    """Nothing is heard of the move; afterwards each death concerns its own runs alone.

    At this pace every step has one picture, so one that is lost or comes twice is seen.
    """

    async def story(engine):
        light, heavy = Page(engine), Page(engine)
        await light.open(playing=True)
        await heavy.open(playing=True, pace=4, seed=6, **HEAVY)
        route = heavy.session.routes[0]
        steps = []
        while not steps or route.place is not engine.slow or route.moving:
            header, _ = await heavy.frame()
            steps.append(header["step"])
        heavy.send(do="knob", changes={"penalty_weight": 2.0})
        told, _ = await heavy.next("opened", "lost", "changed")
        assert told["say"] == "changed" and told["undo"], "the page heard of it"
        assert steps == list(range(len(steps))) and steps[-1] >= FEW
        assert light.session.routes[0].place is engine.quick
        assert {header["say"] for header, _ in await light.quiet(0.1)} <= {"frame"}

        await until(lambda: route.kept[0].get("changes"))
        os.kill(engine.slow.popen.pid, signal.SIGKILL)
        assert (await heavy.next("lost"))[0]["again"]
        told, _ = await heavy.next("opened")
        assert told["continued"] and told["settings"]["penalty_weight"] == 2.0
        assert await light.quiet(0.1) == []
        os.kill(engine.quick.popen.pid, signal.SIGKILL)
        assert (await light.next("lost"))[0]["again"]
        assert (await light.next("opened"))[0]["continued"]
        heavy.send(do="pause")
        header, arrays = await heavy.frame()
        assert not any(h["say"] in ("lost", "opened") for h, _ in await heavy.quiet(0.1))

        await until(lambda: route.kept[0]["step"] == header["step"])
        straight = Desk()
        straight.open(seed=6, **HEAVY)
        for step, changes in route.kept[0]["changes"]:
            straight.steps(step - straight.lane().run.state.step)
            straight.send(do="knob", changes=changes)
        if header["step"] > straight.lane().run.state.step:
            straight.steps(header["step"] - straight.lane().run.state.step)
        assert same(route.kept[1], {n: a.astype("int32") if a.dtype.kind == "i" else a
                                    for n, a in straight.state().items()})  # fmt: skip

        heavy.send(do="restart", changes={"batch": 32, **SMALL})
        await heavy.next("opened")
        heavy.send(do="step", count=FEW + 1)
        await until(lambda: route.place is engine.quick and not route.moving)
        assert not engine.slow.running, "it has nothing left to train"
        heavy.send(do="undo")
        assert (await heavy.next("undone"))[0]["step"] == header["step"]

    torch.set_num_threads(1)
    played(story)
