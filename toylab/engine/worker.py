"""The process that trains: many sessions of a server in one loop, in fair slices.

``python -m toylab.engine.worker FD [slow]`` talks over the inherited socket of that number, which
its parent made for it alone. It ends when the parent closes it. There are two of them at most: the
quick one, and the slow one for runs whose steps are so long that the others would wait for them.
"""

import contextlib
import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection

import torch

from toylab.engine import luggage, reading, told
from toylab.engine.address import WITH
from toylab.engine.builder import Builder
from toylab.engine.lane import KEEP_EVERY, Lane
from toylab.engine.protocol import STOPS, decode, encode
from toylab.engine.shares import Shares
from toylab.engine.speed import WITHOUT, Gear, Speed
from toylab.laws import judge
from toylab.own import LOOK_EVERY, Own
from toylab.schema import schema
from toylab.tables import nearest

SLICE = 0.004  # seconds of training before another lane has its turn
BUDGET = 512 * 2**20  # bytes of snapshots, of all lanes together
LANES = 16  # runs of one page
LONGEST = 600  # characters of a refusal, which may quote what a page sent


class Worker:
    """The loop: messages first, then a turn for the lane that has used the least of this process.

    own -- the user's own file, if one was named when the server was started
    slow -- whether this is the process for heavy runs
    clock -- what lanes pay with, processor seconds
    speed -- what trains them by native code, if anything does
    """

    def __init__(
        self, pipe, own=None, budget=BUDGET, slow=False, clock=time.process_time, speed=None
    ):
        self.pipe, self.lanes, self.budget = pipe, {}, budget
        self.own, self.slow, self.clock, self.speed = own, slow, clock, speed or Speed()
        self.shares, self.luggage = Shares(), luggage.Luggage()

    def say(self, key, header, arrays=None):
        session, lane = key
        self.pipe.send_bytes(encode({**header, "session": session, "lane": lane}, arrays))

    def tell_all(self, header):
        self.pipe.send_bytes(encode(header))

    def schema(self):
        """The tables as they are now, with the user's own rows under the laws they hold."""
        return self.own.mark(schema(), judge) if self.own else {**schema(), "with": None}

    def run(self):
        if self.own:
            self.own.load()
        self.tell_all({"say": "hello", "schema": self.schema()})
        while True:
            while self.pipe.poll(self.rest()):
                self.receive(self.pipe.recv_bytes())
            if self.own and self.own.edited(time.monotonic()):
                self.tell_all({"say": "edited", "file": self.own.name})
            self.speed.work(time.monotonic())
            self.serve()

    def serve(self):
        """A turn for one lane, which it pays for."""
        now = time.monotonic()
        if waiting := [key for key, lane in self.lanes.items() if self.waits(lane, now)]:
            key = self.shares.next(waiting)
            with self.charged(key):
                self.guarded(key, self.lanes[key], self.turn)

    @contextlib.contextmanager
    def charged(self, key):
        """Whatever happens within it is done for that lane."""
        began = self.clock()
        try:
            yield
        finally:
            self.shares.charge(key, self.clock() - began)

    def waits(self, lane, now):
        """Whether a turn would do anything for a lane."""
        return (
            lane.ready(now)
            or lane.has_news(now)
            or lane.worth_keeping(now)
            or (lane.playing and lane.stops.overdue(now))
            or self.speed.answered(lane)
        )

    def turn(self, key, lane):
        """One lane's turn: a slice of training, a picture, its state for safekeeping.

        A picture that is owed comes first: where steps are long it would wait for another one.
        """
        self.show(key, lane)
        if lane.ready(time.monotonic()):
            self.speed.train(lane, SLICE)
            self.make_room()
        lane.watch(time.monotonic())
        self.show(key, lane)
        if lane.worth_keeping(time.monotonic()):
            self.say(key, *lane.keep())
        self.weigh(key, lane.run.weight)

    def make_room(self):
        """No lane keeps more snapshots than its share; a step or a message may add some."""
        for lane in self.lanes.values():
            lane.fit(self.budget // len(self.lanes))

    def show(self, key, lane):
        """A picture, if one is owed, after what must be known to draw it."""
        lane.follow(time.monotonic())
        self.speed.look(lane, time.monotonic())
        self.post(key, lane)
        if lane.has_news(time.monotonic()):
            began = self.clock()
            self.say(key, *lane.frame())
            lane.drew(self.clock() - began, sum(each.playing for each in self.lanes.values()))

    def weigh(self, key, weight):
        """A run that belongs in the other process is told of, once."""
        if weight.heavy is (not self.slow) and weight.told != weight.heavy:
            weight.told = weight.heavy
            self.say(key, {"say": "weighs", "heavy": weight.heavy})

    def post(self, key, lane):
        """What the lane has to say by itself."""
        while lane.outbox:
            self.say(key, *lane.outbox.pop(0))

    def rest(self):
        """How long to wait for a message: 0 while anything can train or be drawn."""
        now = time.monotonic()
        wakes = [now + LOOK_EVERY if self.own else None, self.speed.wakes(now)]
        for lane in self.lanes.values():
            if self.waits(lane, now):
                return 0.0
            keep = now + KEEP_EVERY if lane.unkept and not lane.run.failure else None
            wakes += lane.wakes(), keep
        soonest = min((t for t in wakes if t is not None), default=None)
        return None if soonest is None else max(soonest - now, 0.001)

    def guarded(self, key, lane, act):
        """A failing game tells its own page and harms no other."""
        try:
            act(key, lane)
        except (Exception, SystemExit) as error:
            text = self.words(error)
            if isinstance(error, (OSError, EOFError)) and not text:
                raise  # the pipe
            traceback.print_exc()
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            lane.fail(text or said)
            lane.wanted.clear()
        if lane.run.failure and not lane.warned:
            lane.warned = True
            failed = {"say": "failed", "text": lane.run.failure, "step": lane.run.state.step}
            self.say(key, failed)

    def words(self, error):
        """File and line of the user's own file where that raised the error, else ""."""
        return self.own.words(error) if self.own else ""

    def receive(self, message):
        """Does what one message asks; anything wrong with it is answered in words."""
        key, about = ("", 0), None
        try:
            header, arrays = decode(message)
            do, about = header.get("do"), {"do": header.get("do"), "changes": header.get("changes")}
            lane = reading.whole("lane", header.get("lane", 0), 0, LANES - 1)
            key = (str(header.get("session", "")), lane)
            act = getattr(self, f"do_{do}", None)
            if act is None:
                known = [name[3:] for name in dir(self) if name.startswith("do_")]
                raise ValueError(f"{do!r} is unknown; {nearest(do, known)}")
            if key in self.lanes and do not in ("want", "leave"):
                self.lanes[key].stops.touch()
            with self.charged(key):
                act(key, {**header, "arrays": arrays})
                self.make_room()
            if key not in self.lanes or do == "open":
                self.shares.forget(key)
        except (Exception, SystemExit) as error:  # whatever it is, the other runs go on
            text = self.words(error) or (str(error) if isinstance(error, ValueError) else "")
            if isinstance(error, OSError) and not text:
                raise  # the pipe
            if not text:
                traceback.print_exc()
                text = f"{type(error).__name__}: {error}"
            self.say(key, {"say": "refused", "text": text[:LONGEST], "about": about})

    def lane(self, key):
        if key not in self.lanes:
            raise ValueError("this run is not open; open it first")
        return self.lanes[key]

    def do_open(self, key, header):
        kept = header if header["arrays"] else None
        lane = Lane(header.get("settings", {}), kept)
        lane.gear = Gear(reading.backend(header.get("backend")))
        for ask, what in ((lane.look, "look"), (lane.stop, "stops")):
            if header.get(what) is not None:
                ask(header[what])
        if header.get("playing"):
            lane.pace.begin(reading.pace(header.get("pace")))
            lane.playing = not lane.turns
        self.lanes[key] = lane
        if not (kept and self.luggage.unpack(key, lane, header.get("luggage"))):
            self.opened(key, lane, continued=bool(header.get("continued")))

    def do_luggage(self, key, header):
        self.luggage.put(key, header["arrays"])

    def do_leave(self, key, header):
        """All of a lane, for the other process; from then on it is not here."""
        lane = self.lane(key)
        self.post(key, lane)
        messages = luggage.leaving(lane)
        del self.lanes[key]
        for header, arrays in messages:
            self.say(key, header, arrays)

    def opened(self, key, lane, **more):
        """The whole run, to its page; pictures of the run before it are owed no more."""
        lane.wanted.clear()
        header, arrays = told.opened(lane)
        self.post(key, lane)
        self.say(key, {**header, **more}, arrays)

    def do_restart(self, key, header):
        lane = self.lane(key)
        lane.restart(header.get("changes"))
        self.opened(key, lane, continued=False)

    def do_reset(self, key, header):
        lane = self.lane(key)
        lane.reset(header.get("seed"))
        self.opened(key, lane, continued=False)

    def do_undo(self, key, header):
        lane = self.lane(key)
        self.opened(key, lane, say="undone", text=lane.undo())

    def do_redo(self, key, header):
        lane = self.lane(key)
        self.opened(key, lane, say="undone", text=lane.redo())

    def do_knob(self, key, header):
        self._change(key, "live", header)

    def do_swap(self, key, header):
        self._change(key, "swap", header)

    def _change(self, key, kind, header):
        lane, changes = self.lane(key), header.get("changes")
        moved = lane.change(kind, changes)
        header = {"say": "changed", "kind": kind, "made": changes, **told.changes(lane)}
        if moved:
            header["data"] = told.data(lane.run)
        self.post(key, lane)
        self.say(key, header, told.data_arrays(lane.run) if moved else None)

    def do_play(self, key, header):
        self.lane(key).play(header.get("pace"))

    def do_pause(self, key, header):
        self.lane(key).pause()

    def do_step(self, key, header):
        self.lane(key).take(header.get("count", 1), header.get("who"))

    def do_want(self, key, header):
        self.lane(key).want(header.get("layers", ()))

    def do_redraw(self, key, header):
        self.lane(key).redraw()

    def do_look(self, key, header):
        lane = self.lane(key)
        look = lane.look(header.get("options"))
        extent = lane.run.pictures.view.extent
        self.say(key, {"say": "looked", "look": look, "window": {"extent": extent}})

    def do_stop(self, key, header):
        rules = {name: header[name] for name in STOPS if name in header}
        self.lane(key).stop(rules)

    def do_recall(self, key, header):
        lane = self.lane(key)
        asked = header.get("step"), header.get("layers", ()), header.get("side", 0)
        self.say(key, *lane.recall(*asked))

    def do_export(self, key, header):
        run, at = self.lane(key).run, header.get("step")
        state = None if at is None else run.recording.nearest(reading.whole("step", at, 0, 10**12))
        used = self.own and self.own.used([run.first, *(changes for _, changes in run.log)])
        self.say(key, *told.exported(run, self.own.path if used else None, state))

    def do_reload(self, key, header):
        if self.own is None:
            raise ValueError("no file of your own was named at the start: make lab WITH=mine.py")
        if self.own.load():
            for other, lane in self.lanes.items():
                self.guarded(other, lane, self.renew)
        self.tell_all({"say": "schema", "schema": self.schema()})

    def renew(self, key, lane):
        """A lane with the rows of the file that was run again; one whose row is gone fails."""
        try:
            lane.renew()
        except ValueError as error:
            lane.fail(f"{self.own.name} was run again, and this run cannot go on: {error}")

    def do_close(self, key, header):
        here = {*self.lanes, *self.luggage.arrays}
        for each in [key] if "lane" in header else [each for each in here if each[0] == key[0]]:
            self.lanes.pop(each, None)
            self.luggage.arrays.pop(each, None)
            self.shares.forget(each)


def main():
    """Serves the pipe whose descriptor stands on the command line, until it closes."""
    torch.set_num_threads(1)
    # Ctrl-C, or a notebook's interrupt, is meant for the server; the pipe says when that has gone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        named, pipe = os.environ.get(WITH), Connection(int(sys.argv[1]))
        speed = Speed(None if os.environ.get(WITHOUT) == "plain" else Builder())
        slow = sys.argv[2:] == ["slow"]
        Worker(pipe, Own(named) if named else None, slow=slow, speed=speed).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the server has gone


if __name__ == "__main__":
    main()
