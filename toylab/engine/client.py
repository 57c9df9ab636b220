"""The web server's end of the engine: one process for all its sessions, no torch in here.

engine = await client.engine()
session = engine.session(receive)      # receive(header, arrays) on the event loop
session.send(do="open", settings={}, playing=True)
"""

import asyncio
import atexit
import itertools
import os
import subprocess
import sys
import threading
from multiprocessing import Pipe

from toylab.engine.protocol import decode, encode

HELLO_WITHIN = 60.0


class Session:
    """One page's line to the engine."""

    def __init__(self, engine, name, receive):
        self.engine, self.name, self.receive = engine, name, receive

    def send(self, lane=0, arrays=None, **message):
        """Sends one message of `toylab.engine.protocol`; lost silently if the engine has gone."""
        self.engine.send({"session": self.name, "lane": lane, **message}, arrays)

    def close(self):
        """Frees everything this session has in the engine."""
        self.engine.sessions.pop(self.name, None)
        self.engine.send({"session": self.name, "do": "close"})


class Engine:
    """The engine process and the thread that reads from it."""

    _names = itertools.count(1)

    def __init__(self):
        self.sessions, self.schema = {}, None
        self.loop = asyncio.get_running_loop()
        self.ready = asyncio.Event()
        self.pipe, theirs = Pipe(duplex=True)
        os.set_inheritable(theirs.fileno(), True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "toylab.engine.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        theirs.close()
        atexit.register(self.close)
        threading.Thread(target=self._read, name="engine", daemon=True).start()

    @property
    def alive(self):
        return self.process.poll() is None

    def session(self, receive):
        """A new session; `receive(header, arrays)` is called on the event loop for its messages.

        If the engine process dies, it is called once with ``{"say": "lost", "text": …}``.
        """
        session = Session(self, f"s{next(self._names)}", receive)
        self.sessions[session.name] = session
        return session

    def send(self, header, arrays=None):
        try:
            self.pipe.send_bytes(encode(header, arrays))
        except OSError:
            pass  # every session is told by the reading thread

    def _read(self):
        while True:
            try:
                header, arrays = decode(self.pipe.recv_bytes())
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
            self.ready.set()
            for session in list(self.sessions.values()):
                session.receive({"say": "lost", "text": "the engine has stopped"}, {})
            return
        if header["say"] == "hello":
            self.schema = header["schema"]
            self.ready.set()
            return
        session = self.sessions.get(header.pop("session", None))
        if session is not None:
            session.receive(header, arrays)

    def close(self):
        """Ends the process; it leaves by itself when its pipe closes."""
        self.pipe.close()
        if self.alive:
            self.process.terminate()
        self.process.wait(5)


_current = None


async def engine():
    """The server's engine, started on first use and again if it has died; awaits its hello."""
    global _current
    if _current is None or not _current.alive:
        _current = Engine()
    await asyncio.wait_for(_current.ready.wait(), HELLO_WITHIN)
    if _current.schema is None:
        raise RuntimeError("the engine ended before its first word; see the server's log")
    return _current
