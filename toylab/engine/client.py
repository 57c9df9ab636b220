"""The web server's end of the engine: one process for all its sessions, a second one for those
whose steps are long; no torch in here.

    engine = await client.engine()
    session = engine.session(receive)      # receive(header, arrays) on the event loop
    session.send(do="open", settings={}, playing=True)

An engine process may die at any moment. Another takes its place and every run goes on from the
newest state that was kept here, at most a second old; its page is told by an *opened* message with
``"continued": true``. Of a run that moves to the other process its page hears nothing.

The engine runs the user's own file that `address.WITH` names, unless other machines reach this
server: then it starts without, and its schema says why.
"""

import asyncio
import atexit
import itertools
import os
import subprocess
from pathlib import Path

from toylab.engine import address
from toylab.engine.process import Process
from toylab.engine.routes import Route

HELLO_WITHIN = 60.0


class Session:
    """One page's line to its runs."""

    def __init__(self, engine, name, receive):
        self.engine, self.name, self.receive = engine, name, receive
        self.routes = {}  # by lane

    def send(self, lane=0, arrays=None, **message):
        """Sends one message of `toylab.engine.protocol`."""
        message = {"session": self.name, "lane": lane, **message}
        if message["do"] == "reload":
            self.engine.everywhere(message)
            return
        if lane not in self.routes:
            self.routes[lane] = Route(self.engine, self, lane)
        self.routes[lane].send(message, arrays)

    def close(self):
        """Frees everything this session has in the engine."""
        self.engine.sessions.pop(self.name, None)
        self.engine.everywhere({"session": self.name, "do": "close"})
        self.engine.tidy()


class Engine:
    """The engine's processes, and which of them has which run.

    quick -- trains what is light, and is always there
    slow -- trains what is heavy, and is there as long as anything is
    """

    _names = itertools.count(1)

    def __init__(self):
        self.sessions, self.schema, self.failure = {}, None, None
        loop = asyncio.get_running_loop()
        self.loop, self.ready, self.closed = loop, asyncio.Event(), False
        self.quick, self.slow = (
            Process(name, loop, self._heard, self._lost) for name in ("quick", "slow")
        )
        atexit.register(self.close)
        self.quick.start()

    @property
    def process(self):
        """The operating system's process of the quick one."""
        return self.quick.popen

    @property
    def alive(self):
        return not self.closed and self.failure is None

    def session(self, receive):
        """A new session; `receive(header, arrays)` is called on the event loop for its messages.

        When a process that has one of its runs dies it hears ``{"say": "lost", "again": …}``; where
        `again` is true, *opened* messages of those runs follow.
        """
        session = Session(self, f"s{next(self._names)}", receive)
        self.sessions[session.name] = session
        return session

    def everywhere(self, message):
        """Sends a message that concerns both processes."""
        for place in (self.quick, self.slow):
            place.send(message)

    def tidy(self):
        """Ends the slow process once it has no run, and none is on the way to it."""
        if self.slow.running and not any(self.slow in route.places for route in self._routes()):
            self.slow.end()

    def _routes(self):
        """Every run of every session."""
        return [route for session in self.sessions.values() for route in session.routes.values()]

    # ------------------------------------------------------------------ what the processes say

    def _heard(self, place, header, arrays, message):
        if header["say"] == "hello":
            self._greeted(place, header["schema"])
            return
        if header["say"] in ("schema", "edited"):
            if place is self.quick:  # both have the same tables
                self._tell_all(header)
            return
        session = self.sessions.get(header.pop("session", None))
        route = session and session.routes.get(header["lane"])
        # What a process still says of a run that is elsewhere by now is of the past.
        if route and route.place is place and not route.heard(header, arrays, message):
            session.receive(header, arrays)

    def _greeted(self, place, schema):
        """A new process is ready; where its tables are others than before, every page is told."""
        if place.refused:
            file = Path(os.environ[address.WITH]).name
            schema = {**schema, "with": {"file": file, "problem": place.refused, "edited": False}}
        place.greeted()
        if self.schema not in (None, schema):
            # The user's own file is another by now: the other process runs it again too.
            if place is self.quick:
                self._tell_all({"say": "schema", "schema": schema})
            other = self.slow if place is self.quick else self.quick
            other.send({"session": "", "do": "reload"})
        if place is self.quick:
            self.schema = schema
            self.ready.set()
        for route in self._routes():
            if route.place is place:
                route.again()
            elif route.target is place and not route.moving:
                route.leave()
        self.tidy()

    def _tell_all(self, header):
        """What concerns every session; the schema is kept for those that are still to come."""
        if header["say"] == "edited":
            self.schema = {**self.schema, "with": {**self.schema["with"], "edited": True}}
        else:
            self.schema = header["schema"]
        for session in list(self.sessions.values()):
            session.receive(dict(header), {})

    def _lost(self, place):
        """A process has died; the pages hear of it whose runs it had."""
        again = not place.failure
        if place is self.quick:
            self.ready.clear()
            if not again:
                self.failure = place.failure
                self.slow.end()
                self.ready.set()
        text = "The engine has stopped; another takes over." if again else place.failure
        for session in list(self.sessions.values()):
            had = {route.place for route in session.routes.values()} or {self.quick}
            if place in had or self.failure:
                session.receive({"say": "lost", "text": text, "again": again}, {})
        self.tidy()

    def renew(self):
        """Other processes in these ones' places, with the user's own file as it is now."""
        self.ready.clear()
        for place in (self.quick, self.slow):
            place.renew()

    def close(self):
        """Ends the processes; the threads leave with them."""
        self.closed = True
        for ended in (self.quick.end(), self.slow.end()):
            try:
                if ended is not None:
                    ended.wait(5)
            except subprocess.TimeoutExpired:
                ended.kill()
        atexit.unregister(self.close)


_current = None


def running():
    """The server's engine if it has said hello, else None; never waits."""
    alive = _current is not None and _current.alive
    return _current if alive and _current.ready.is_set() else None


def renew():
    """Another process for the engine, if there is one; every run goes on. From any thread."""
    if _current is not None and _current.alive:
        _current.loop.call_soon_threadsafe(_current.renew)


async def engine():
    """The server's engine, started on first use; awaits its hello.

    Raises `RuntimeError` where it cannot be started.
    """
    global _current
    if _current is None or not _current.alive:
        _current = Engine()
    await asyncio.wait_for(_current.ready.wait(), HELLO_WITHIN)
    if _current.failure:
        raise RuntimeError(_current.failure)
    return _current
