"""The process that trains: all sessions of a server in one loop, in fair slices.

``python -m toylab.engine.worker FD`` talks over the inherited socket of that number, which its
parent made for it alone. It ends when the parent closes it. One thread: small networks gain
nothing from a second one, and the web server needs the other core.
"""

import sys
import time
import traceback
from multiprocessing.connection import Connection

import torch

from toylab.engine.lane import Lane
from toylab.engine.protocol import ProtocolError, decode, encode
from toylab.schema import schema
from toylab.tables import nearest

SLICE = 0.004  # seconds of training before another lane has its turn


class Worker:
    """The loop: messages first, then a slice for each lane that may train, then pictures."""

    def __init__(self, pipe):
        self.pipe, self.lanes = pipe, {}

    def say(self, key, header, arrays=None):
        session, lane = key
        self.pipe.send_bytes(encode({**header, "session": session, "lane": lane}, arrays))

    def run(self):
        self.pipe.send_bytes(encode({"say": "hello", "schema": schema()}))
        while True:
            while self.pipe.poll(self.rest()):
                self.receive(self.pipe.recv_bytes())
            for key in list(self.lanes):
                while self.pipe.poll(0):  # a click acts before the next lane's turn
                    self.receive(self.pipe.recv_bytes())
                if key in self.lanes:
                    self.guarded(key, self.lanes[key], self.turn)

    def turn(self, key, lane):
        """One lane's turn: a slice of training, a picture, its state for safekeeping."""
        if lane.ready(time.monotonic()):
            lane.slice(SLICE)
        if lane.has_news():
            self.say(key, *lane.frame())
        if lane.worth_keeping(time.monotonic()):
            self.say(key, *lane.keep())

    def rest(self):
        """How long to wait for a message: 0 while anything can train or be drawn."""
        now, soonest = time.monotonic(), None
        for lane in self.lanes.values():
            if lane.has_news() or lane.ready(now) or lane.worth_keeping(now):
                return 0.0
            wakes = lane.wakes()
            if wakes is not None and (soonest is None or wakes < soonest):
                soonest = wakes
        return None if soonest is None else max(soonest - now, 0.001)

    def guarded(self, key, lane, act):
        """A failing game tells its own page and harms no other."""
        try:
            act(key, lane)
        except (OSError, EOFError):
            raise
        except Exception as error:
            traceback.print_exc()
            where = traceback.extract_tb(error.__traceback__)[-1]
            lane.stop(f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})")
            lane.wanted.clear()
        if lane.failure and not lane.told:
            lane.told = True
            self.say(key, {"say": "failed", "text": lane.failure, "step": lane.state.step})

    def receive(self, message):
        """Does what one message asks; anything wrong with it is answered in words."""
        key = ("", 0)
        try:
            header, arrays = decode(message)
            key = (str(header.get("session", "")), int(header.get("lane", 0)))
            do = header.get("do")
            act = getattr(self, f"do_{do}", None)
            if act is None:
                known = [name[3:] for name in dir(self) if name.startswith("do_")]
                raise ValueError(f"{do!r} is unknown; {nearest(do, known)}")
            act(key, {**header, "arrays": arrays})
        except (ProtocolError, ValueError, TypeError, KeyError) as error:
            text = str(error) or type(error).__name__
            self.say(key, {"say": "refused", "text": text, "about": _about(message)})

    def lane(self, key):
        if key not in self.lanes:
            raise ValueError("this run is not open; open it first")
        return self.lanes[key]

    def begin(self, key, settings, playing=False, pace=0.0, kept=None, continued=False):
        """A new run in place of whatever was there; only once it could be made."""
        lane = Lane(settings, kept)
        old = self.lanes.get(key)
        if old is not None:
            lane.wanted = old.wanted
        if playing:
            lane.play(pace)
        self.lanes[key] = lane
        opened, arrays = lane.opened()
        self.say(key, {**opened, "continued": continued}, arrays)

    def do_open(self, key, header):
        settings, continued = header.get("settings", {}), bool(header.get("continued"))
        playing, pace = header.get("playing", False), header.get("pace")
        self.begin(key, settings, playing, pace, kept=header["arrays"], continued=continued)

    def do_restart(self, key, header):
        lane = self.lane(key)
        self.begin(key, lane.settings_with(header["changes"]), lane.playing, lane.pace)

    def do_reset(self, key, header):
        lane, changes = self.lane(key), {}
        if header.get("seed") is not None:
            changes["seed"] = header["seed"]
        playing = header.get("playing", lane.playing)
        self.begin(key, {**lane.experiment.settings(), **changes}, playing, lane.pace)

    def do_knob(self, key, header):
        self._change(key, "live", header)

    def do_swap(self, key, header):
        self._change(key, "swap", header)

    def _change(self, key, kind, header):
        lane = self.lane(key)
        moved = lane.change(kind, header["changes"])
        opened, arrays = lane.opened()
        told = {
            "say": "changed",
            "kind": kind,
            "changes": header["changes"],
            "settings": opened["settings"],
            "step": lane.state.step,
        }
        if moved:
            told["data"] = opened["data"]
        self.say(key, told, arrays if moved else None)

    def do_play(self, key, header):
        self.lane(key).play(header.get("pace"))

    def do_pause(self, key, header):
        self.lane(key).pause()

    def do_step(self, key, header):
        self.lane(key).take(header.get("count", 1))

    def do_want(self, key, header):
        self.lane(key).want(header.get("layers", ()))

    def do_recall(self, key, header):
        lane = self.lane(key)
        state = lane.recording.nearest(int(header["step"]))
        layers = header.get("layers", ())
        self.say(key, *lane.draw(state, layers, recorded=True))

    def do_close(self, key, header):
        if "lane" in header:
            self.lanes.pop(key, None)
        else:
            for other in [other for other in self.lanes if other[0] == key[0]]:
                del self.lanes[other]


def _about(message):
    """What the page asked for, so that it can put a control back."""
    try:
        header, _ = decode(message)
        return {"do": header.get("do"), "changes": header.get("changes")}
    except ProtocolError:
        return None


def main():
    """Serves the pipe whose descriptor stands on the command line, until it closes."""
    torch.set_num_threads(1)
    try:
        Worker(Connection(int(sys.argv[1]))).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the server has gone
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
