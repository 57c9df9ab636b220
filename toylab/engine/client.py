"""The web server's end of the engine: one process for all its sessions, no torch in here.

    engine = await client.engine()
    session = engine.session(receive)      # receive(header, arrays) on the event loop
    session.send(do="open", settings={}, playing=True)

The engine process may die at any moment. Another takes its place and every run goes on from the
newest state that was kept here, at most a second old; its page is told by an *opened* message with
``"continued": true``.

The engine runs the user's own file that `address.WITH` names, unless other machines reach this
server: then it starts without, and its schema says why.
"""

import asyncio
import atexit
import itertools
import os
import subprocess
import sys
import threading
import time
from multiprocessing import Pipe
from pathlib import Path

from toylab.engine import address
from toylab.engine.protocol import decode, encode

HELLO_WITHIN = 60.0
# So many processes in a row that ended before their hello or within so many seconds of it, and no
# further one is started: whatever ends them would end it too.
DEATHS, EARLY = 5, 0.5


class Session:
    """One page's line to the engine, and what its runs need to go on in another process."""

    def __init__(self, engine, name, receive):
        self.engine, self.name, self.receive = engine, name, receive
        self.opening, self.kept, self.transport = {}, {}, {}  # each by lane

    def send(self, lane=0, arrays=None, **message):
        """Sends one message of `toylab.engine.protocol`."""
        message = {"session": self.name, "lane": lane, **message}
        if message["do"] == "open":
            self.opening[lane] = message
            self.kept.pop(lane, None)
            self.transport.pop(lane, None)
        elif message["do"] == "play":
            self.transport[lane] = {"playing": True, "pace": message.get("pace")}
        elif message["do"] in ("pause", "step"):
            self.transport[lane] = {"playing": False}
        self.engine.send(message, arrays)

    def close(self):
        """Frees everything this session has in the engine."""
        self.engine.sessions.pop(self.name, None)
        self.engine.send({"session": self.name, "do": "close"})

    def again(self):
        """Opens every run anew, from its newest kept state where there is one."""
        for lane, opening in self.opening.items():
            kept, arrays = self.kept.get(lane, ({}, None))
            last = self.transport.get(lane, {})  # may be newer than what was kept
            self.engine.send({**opening, **kept, **last, "continued": True}, arrays)


class Engine:
    """The engine process, the thread that reads from it, and its replacement when it dies."""

    _names = itertools.count(1)

    def __init__(self):
        self.sessions, self.schema, self.failure = {}, None, None
        self.loop = asyncio.get_running_loop()
        self.ready = asyncio.Event()
        self.closed, self.deaths, self.greeted = False, 0, None
        atexit.register(self.close)
        self._start()

    def _start(self):
        self.greeted = None
        self.pipe, theirs = Pipe(duplex=True)
        os.set_inheritable(theirs.fileno(), True)
        package = str(Path(__file__).resolve().parents[2])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        named = os.environ.get(address.WITH, "")
        self.refused = named and address.refusal(Path(named).name, address.listening())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "toylab.engine.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={
                **os.environ,
                address.WITH: "" if self.refused else named,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join(paths),
            },
        )
        theirs.close()
        reader = threading.Thread(target=self._read, args=(self.pipe,), name="engine", daemon=True)
        reader.start()

    @property
    def alive(self):
        return not self.closed and self.failure is None

    def session(self, receive):
        """A new session; `receive(header, arrays)` is called on the event loop for its messages.

        When the engine process dies it hears ``{"say": "lost", "again": …}``; where `again` is
        true, *opened* messages of its runs follow.
        """
        session = Session(self, f"s{next(self._names)}", receive)
        self.sessions[session.name] = session
        return session

    def send(self, header, arrays=None):
        """Sends one message; what is lost with a dying engine its successor is told again."""
        message = encode(header, arrays)
        try:
            self.pipe.send_bytes(message)
        except OSError:
            pass

    def _read(self, pipe):
        while True:
            try:
                header, arrays = decode(pipe.recv_bytes())
            except (OSError, EOFError):
                header, arrays = None, {}
            try:
                self.loop.call_soon_threadsafe(self._deliver, header, arrays)
            except RuntimeError:
                return  # the server's loop has been closed
            if header is None:
                return

    def _deliver(self, header, arrays):
        if header is None:
            if not self.closed:
                self._replace()
            return
        if header["say"] == "hello":
            self._greeted(header["schema"])
            return
        if header["say"] in ("schema", "edited"):
            self._tell_all(header)
            return
        session = self.sessions.get(header.pop("session", None))
        if session is None:
            return
        if header["say"] == "kept":
            header.pop("say")
            session.kept[header["lane"]] = header, arrays
        else:
            if header["say"] in ("stopped", "failed"):
                session.transport[header["lane"]] = {"playing": False}
            session.receive(header, arrays)

    def _greeted(self, schema):
        """A new process is ready; where its tables are others than before, every page is told."""
        if self.refused:
            file = Path(os.environ[address.WITH]).name
            schema = {**schema, "with": {"file": file, "problem": self.refused, "edited": False}}
        if self.schema not in (None, schema):
            self._tell_all({"say": "schema", "schema": schema})
        self.schema, self.greeted = schema, time.monotonic()
        self.ready.set()
        for session in self.sessions.values():
            session.again()

    def _tell_all(self, header):
        """What concerns every session; the schema is kept for those that are still to come."""
        if header["say"] == "edited":
            self.schema = {**self.schema, "with": {**self.schema["with"], "edited": True}}
        else:
            self.schema = header["schema"]
        for session in list(self.sessions.values()):
            session.receive(dict(header), {})

    def _replace(self):
        """Another process in the dead one's place; gives up when it dies again and again."""
        self.process.wait()
        early = self.greeted is None or time.monotonic() - self.greeted < EARLY
        self.deaths = self.deaths + 1 if early else 0
        again = self.deaths < DEATHS
        if again:
            self.ready.clear()
            self._start()
        else:
            self.failure = f"the engine ended at once {DEATHS} times in a row; see the server's log"
            self.ready.set()
        text = "The engine has stopped; another takes over." if again else self.failure
        for session in list(self.sessions.values()):
            session.receive({"say": "lost", "text": text, "again": again}, {})

    def renew(self):
        """Another process in this one's place, with the user's own file as it is now."""
        self.ready.clear()
        self.process.terminate()

    def close(self):
        """Ends the process; the reading thread leaves when the pipe's other end has gone."""
        self.closed = True
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
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
