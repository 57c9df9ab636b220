"""Native code takes over between two steps, for the same run; whatever goes wrong, it trains on.

One structure is built, once, as the engine has it built (`built`); the other tests find it there.
"""

import asyncio
import logging
import os
import shutil
import signal
import time
from types import SimpleNamespace

import pytest
import torch

from tests.engine_pages import SMALL, Desk, Page, played, same
from toylab import compiled, native
from toylab.engine import builder, speed
from toylab.engine.builder import Builder
from toylab.engine.speed import Speed
from toylab.experiment import Experiment
from toylab.penalties import PENALTIES
from toylab.states import flatten
from toylab.trainer import Setup, train

LANES = 6  # runs of an engine that want two structures

pytestmark = pytest.mark.xdist_group("test_speed")  # where the browser's test needs it too


class Bench(Builder):
    """A builder at which nothing is built until the test says so."""

    def __init__(self):
        super().__init__()
        self.started, self.code = [], None

    def _start(self, settings):
        self.code = None
        self.started.append(settings)
        self.process = SimpleNamespace(poll=lambda: self.code)

    def _words(self, code):
        return f"code {code}"

    def close(self):
        self.process = None


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Other tests keep all processors busy: a builder of the lowest priority would not get on."""
    monkeypatch.setattr(builder, "PRIORITY", 0)


@pytest.fixture
def cache(built, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(built))
    monkeypatch.setattr(speed, "PATIENCE", 0.0)
    return built


@pytest.fixture
def desk(cache):
    return Desk(speed=Speed(Bench()))


def opened(desk, lane=0, backend="auto", **settings):
    desk.ask(do="open", lane=lane, settings={**SMALL, **settings}, backend=backend)


def turned(desk, lane=0, kind="compiled"):
    """Plays until the lane is trained like that; returns what was said of it."""
    desk.send(do="play", lane=lane)
    before = len(desk.said)
    for _ in range(50):
        desk.turn()
        if desk.lane(lane).gear.kind == kind:
            return [header for header, _ in desk.said[before:] if header["say"] == "speed"]
    raise AssertionError(f"{desk.lane(lane).gear.kind}: {desk.lane(lane).gear.why}")


def ran(desk, lane=0):
    """The state that the exported script reaches."""
    script = desk.ask(do="export", lane=lane)[0]["script"]
    found = {}
    exec(script, found)
    return {name: tensor.numpy() for name, tensor in flatten(found["state"]).items()}


def apart(one, other):
    """The largest difference of two states, relative to numbers above 1."""
    return max(
        (abs(one[name] - other[name]) / abs(other[name]).clip(1)).max() for name in one
        if one[name].size
    )  # fmt: skip


def by_hand(steps, changes=(), **settings):
    *_, state = train(Experiment(**{**SMALL, **settings}), steps=steps, changes=changes)
    return {name: tensor.numpy() for name, tensor in flatten(state).items()}


def test_it_takes_over_at_a_step_and_no_number_of_the_state_moves(desk, monkeypatch):
    opened(desk)
    lane = desk.lane()
    with monkeypatch.context() as patch:
        patch.setattr(speed, "PATIENCE", 1e9)
        desk.steps(3)
    before = desk.state()
    with monkeypatch.context() as patch:
        patch.setattr(lane, "slice", lambda seconds: None)  # turns without a step
        (told,) = turned(desk)
    assert (told["kind"], told["why"]) == ("compiled", "")
    assert same(desk.state(), before)
    desk.send(do="pause")
    run = lane.run
    assert run.setup.compiled.route == "stored" and run.routes == ()
    desk.steps(60)
    assert run.routes == ((3, "auto"),)
    assert 0 < apart(desk.state(), by_hand(63)) < 1e-4
    assert same(ran(desk), desk.state())


def test_loading_leaves_nothing_behind(cache, tmp_path, monkeypatch):
    """The loader unpacks where temporary files go; that code runs on without its file."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (path,) = (cache / "toylab" / "steps").glob("*.pt2")
    native.load.cache_clear()
    desk = Desk(speed=Speed(Bench()))
    opened(desk)
    turned(desk)
    assert native.load.cache_info().misses == 1 and os.environ["TMPDIR"] == str(tmp_path)
    assert not list(tmp_path.iterdir()) and not list(path.parent.glob("building-*"))
    desk.steps(2)
    assert desk.lane().run.routes[-1][1] == "auto"


def test_numbers_and_schedules_move_without_another_compilation(desk, monkeypatch):
    monkeypatch.setattr("toylab.engine.worker.SLICE", 0.0)  # few steps: rounding grows with them
    opened(desk, seed=5)
    turned(desk)
    desk.send(do="pause")
    step = desk.lane().run.state.step
    changes = {"rate_critic": 3e-3, "penalty_weight": "linear(1, 5, 200)", "beta1": 0.3}
    desk.ask(do="knob", changes=changes)
    desk.steps(40)
    run = desk.lane().run
    assert run.setup.compiled.compilations == 0 and run.setup.compiled.route == "stored"
    assert apart(desk.state(), by_hand(step + 40, run.log, seed=5)) < 1e-4
    assert same(ran(desk), desk.state())


def test_another_structure_is_plain_at_once_and_compiled_when_it_comes_back(desk):
    opened(desk)
    turned(desk)
    desk.send(do="pause")
    start = desk.lane().run.state.step
    desk.steps(2)
    desk.ask(do="swap", changes={"objective": "hinge"})
    assert desk.lane().run.setup.compiled is None
    said = [header for header, _ in desk.steps(3) if header["say"] == "speed"]
    assert [told["kind"] for told in said] == ["compiling"]  # asked for at once
    desk.ask(do="swap", changes={"objective": "non-saturating"})
    desk.turn()
    desk.steps(2)
    run = desk.lane().run
    assert run.routes[-2:] == ((start + 2, "plain"), (start + 5, "auto"))
    assert desk.worker.speed.builder.started == []  # the builder's turn comes in `work`
    assert same(ran(desk), desk.state())


def test_undo_goes_on_from_what_was_and_its_script_too(desk):
    opened(desk, average=0.9)
    turned(desk)
    desk.send(do="pause")
    desk.steps(3)
    routes = desk.lane().run.routes
    desk.ask(do="knob", changes={"rate_critic": 0.01})
    desk.steps(4)
    desk.ask(do="undo")
    desk.steps(5)
    assert desk.lane().run.routes[: len(routes)] == routes
    assert same(ran(desk), desk.state())
    desk.ask(do="reset")
    assert desk.lane().run.routes == ()
    desk.steps(4)
    assert same(ran(desk), desk.state())


def test_a_kept_run_goes_on_in_another_engine(desk, monkeypatch):
    opened(desk)
    turned(desk)
    desk.send(do="pause")
    desk.steps(3)
    header, arrays = desk.lane().keep()
    other = Desk(speed=Speed(Bench()))
    told, _ = other.ask(arrays=arrays, **{**header, "do": "open", "backend": "auto"})
    assert told["step"] == header["step"] and same(other.state(), desk.state())
    with monkeypatch.context() as patch:
        patch.setattr(speed, "PATIENCE", 1e9)
        other.steps(2)
    turned(other)
    other.send(do="pause")
    other.steps(3)
    assert [by for _, by in other.lane().run.routes] == ["auto", "plain", "auto"]
    assert same(ran(other), other.state())


@pytest.mark.parametrize("routes", [3, [[1]], [[-1, "auto"]], [[1, "inductor"]]])
def test_routes_that_make_no_sense_are_refused(desk, routes):
    opened(desk)
    header, arrays = desk.lane().keep()
    asked = {**header, "do": "open", "routes": routes}
    assert "must" in desk.refusal(arrays=arrays, **asked) or "backend" in desk.said[-1][0]["text"]


def test_plain_is_never_compiled_and_bit_for_bit(desk):
    opened(desk, backend="plain")
    desk.send(do="play")
    said = [header for _ in range(20) for header, _ in desk.turn()]
    assert "speed" not in {header["say"] for header in said}
    desk.send(do="pause")
    run, bench = desk.lane().run, desk.worker.speed.builder
    assert run.setup.compiled is None and run.routes == () and not bench.waiting
    assert same(desk.state(), by_hand(run.state.step))
    assert "known: auto, plain" in desk.refusal(do="open", settings=SMALL, backend="inductor")


def test_a_run_that_takes_its_time_is_not_compiled(desk):
    opened(desk)
    for pace in (1, 5):
        desk.send(do="play", pace=pace)
        for _ in range(10):
            desk.turn()
        assert desk.lane().gear.kind == "plain" and not desk.worker.speed.builder.waiting


def test_one_build_serves_every_session_and_structures_wait_in_turn(desk, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # nothing is there yet
    bench = desk.worker.speed.builder
    for lane in range(LANES):
        opened(desk, lane, seed=lane, penalty="r1" if lane % 2 else "0-gp")
        desk.send(do="play", lane=lane)
    for _ in range(3):
        desk.turn()
        desk.worker.speed.work(time.monotonic())
    assert len(bench.started) == 1 and len(bench.waiting) == 1
    assert {desk.lane(lane).gear.kind for lane in range(LANES)} == {"compiling"}
    bench.code = 1
    desk.worker.speed.work(time.monotonic())
    desk.turn()
    assert [each["penalty"] for each in bench.started] == ["0-gp", "r1"]
    kinds = [(desk.lane(lane).gear.kind, desk.lane(lane).gear.why) for lane in range(LANES)]
    assert set(kinds[::2]) == {("plain", "code 1")} and set(kinds[1::2]) == {("compiling", "")}
    opened(desk, 0, penalty="1-gp")
    desk.send(do="play", lane=0)
    desk.turn()
    desk.worker.speed.work(time.monotonic())
    assert len(bench.started) == 2 and len(bench.waiting) == 1
    for lane in range(LANES):
        desk.send(do="pause", lane=lane)
    bench.code = 0
    desk.worker.speed.work(time.monotonic() + 2 * builder.FRESH)  # nobody wants anything now
    assert len(bench.started) == 2 and not bench.waiting


def test_a_truncated_artefact_is_built_again(cache, tmp_path, monkeypatch):
    steps = shutil.copytree(cache, tmp_path / "cache") / "toylab" / "steps"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (artefact,) = steps.glob("*.pt2")
    whole = artefact.read_bytes()
    artefact.write_bytes(whole[: len(whole) // 2])
    desk = Desk(speed=Speed(Bench()))
    opened(desk)
    turned(desk, kind="compiling")
    assert not artefact.exists()
    bench = desk.worker.speed.builder
    bench.look(time.monotonic())
    artefact.write_bytes(whole)
    bench.code = 0
    bench.look(time.monotonic())
    turned(desk)


def test_what_is_built_and_is_not_there_is_not_asked_for_again(desk, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bench = desk.worker.speed.builder
    opened(desk)
    turned(desk, kind="compiling")
    bench.look(time.monotonic())
    bench.code = 0
    bench.look(time.monotonic())
    desk.turn()
    assert desk.lane().gear.why == "what was built for it is not there"
    bench.look(time.monotonic())
    desk.turn()
    assert len(bench.started) == 1


def test_a_step_that_differs_is_not_taken_over(desk, monkeypatch, caplog):
    """As if other code lay under this name: the one comparison sees it."""
    told = compiled.alike
    monkeypatch.setattr(
        compiled, "alike", lambda ours, *more: told([t * 1.01 for t in ours], *more)
    )
    opened(desk)
    with caplog.at_level(logging.WARNING):
        desk.send(do="play")
        for _ in range(5):
            desk.turn()
    gear = desk.lane().gear
    assert gear.kind == "plain" and gear.why == "ArithmeticError: its step is not the plain one"
    assert len(caplog.records) == 1
    desk.send(do="pause")
    assert same(desk.state(), by_hand(desk.lane().run.state.step))


def test_a_row_of_one_s_own_is_not_mistaken_for_another(desk, monkeypatch):
    monkeypatch.setitem(PENALTIES.data, "0-gp", PENALTIES["r1"])
    opened(desk)
    turned_ = [desk.send(do="play"), desk.turn()]
    assert turned_ and desk.lane().gear.why == "0-gp of your own is in its step"
    assert desk.lane().run.setup.identity is None


def test_a_server_that_builds_nothing_says_so(cache):
    desk = Desk(speed=Speed(None))
    opened(desk)
    desk.send(do="play")
    (told,) = [header for header, _ in desk.turn() if header["say"] == "speed"]
    assert (told["kind"], told["why"]) == ("plain", "this server builds no native code")


def test_every_kind_of_step_that_comes_is_tried_out():
    setup = Setup(Experiment(**SMALL, penalty="0-gp", penalty_interval=2, penalty_2="r1",
                             penalty_2_interval=3, penalty_3="r2"))  # fmt: skip
    seen = []
    setup.try_out(lambda due, parts, batches, knobs: seen.append(due), setup.start())
    assert set(seen) == {setup._due(step) for step in range(60)} and len(seen) == 4


# ------------------------------------------------------------------ the process that builds


def waited(bench):
    """Looks until nothing is being built any more."""
    while bench.process is not None:
        bench.look(time.monotonic())
        time.sleep(0.05)


def family(leader):
    """The processes of a group."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _of(pid, leader)]


def _of(pid, leader):
    try:
        state, _, group = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(group) == leader and state != "Z"


def gone(leader):
    """Whether all of a group have ended; who was killed with the leader may end a little later."""
    for _ in range(600):
        if not family(leader):
            return True
        time.sleep(0.1)
    return False


def ordered(settings=SMALL):
    bench = Builder()
    bench.ask("a", settings, time.monotonic())
    bench.look(time.monotonic())
    return bench


def test_a_killed_builder_leaves_the_run_plain_with_one_line(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(speed, "PATIENCE", 0.0)
    bench = Builder()
    desk = Desk(speed=Speed(bench))
    opened(desk)
    turned(desk, kind="compiling")
    bench.look(time.monotonic())
    assert os.getpriority(os.PRIO_PROCESS, bench.process.pid) >= 0
    os.kill(bench.process.pid, signal.SIGKILL)
    with caplog.at_level(logging.WARNING):
        waited(bench)
        for _ in range(5):
            desk.turn()
    (line,) = caplog.records
    assert line.getMessage() == "the step goes on uncompiled: the builder ended (signal 9)"
    gear = desk.lane().gear
    assert (gear.kind, gear.why) == ("plain", "the builder ended (signal 9)")
    desk.send(do="pause")
    assert same(desk.state(), by_hand(desk.lane().run.state.step))


def test_a_builder_that_takes_too_long_ends_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bench = ordered()
    leader = bench.process.pid
    assert family(leader)
    bench.look(bench.began + builder.LONGEST - 1)
    assert bench.process is not None
    bench.look(bench.began + builder.LONGEST + 1)
    assert bench.answers == {"a": "building it took more than 5 minutes"} and gone(leader)


def test_a_builder_whose_engine_has_gone_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bench = ordered()
    bench.process.stdin.close()
    assert bench.process.wait(120) == -signal.SIGKILL
    assert gone(bench.process.pid)


def test_without_a_compiler_the_reason_is_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    bench = ordered()
    with caplog.at_level(logging.WARNING):
        waited(bench)
    assert bench.answers["a"].startswith("InvalidCxxCompiler") and len(caplog.records) == 1


# ------------------------------------------------------------------ a real engine


def test_a_real_engine_takes_what_is_there_and_its_script_is_the_run(built, monkeypatch):
    """Played as a page plays it; the whole state, bit for bit, from the script that it exports."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(built))
    found = {}

    async def story(engine):
        page = Page(engine)
        page.send(do="open", settings=SMALL, playing=True, pace=0, backend="auto")
        kinds = []
        while "compiled" not in kinds:
            kinds.append((await page.next("speed"))[0]["kind"])
        assert kinds in (["plain", "compiled"], ["compiled"])
        at = (await page.frame())[0]["step"]
        while (await page.frame())[0]["step"] < at + 20:
            pass
        page.send(do="pause")
        page.send(do="export")
        found["told"], _ = await page.next("exported")
        route = page.session.routes[0]
        while route.kept[0]["step"] < found["told"]["step"]:
            await asyncio.sleep(0.05)
        found["kept"] = route.kept

    played(story)
    header, state = found["kept"]
    ((_, by),) = header["routes"]
    assert by == "auto" and "'backend': 'auto'" in found["told"]["script"]
    names = {}
    exec(found["told"]["script"], names)
    replayed = {name: tensor.numpy() for name, tensor in flatten(names["state"]).items()}
    assert same(replayed, state) and torch.get_num_threads() == 1


@pytest.mark.long
def test_a_real_engine_has_built_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    async def story(engine):
        page = Page(engine)
        page.send(do="open", settings=SMALL, playing=True, pace=0, backend="auto")
        kinds = []
        while "compiled" not in kinds:
            header, _ = await asyncio.wait_for(page.inbox.get(), 600)
            kinds += [header["kind"]] if header["say"] == "speed" else []
        assert kinds == ["plain", "compiling", "compiled"]

    played(story)
