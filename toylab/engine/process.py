"""One engine process as the web server holds it, and its replacement when it dies; no torch here.

A thread reads from it and another one writes to it: a process in the middle of a long step takes
no message, and the server's loop must not wait for it.
"""

import os
import subprocess
import sys
import threading
import time
from multiprocessing import Pipe
from pathlib import Path
from queue import SimpleQueue

from toylab.engine import address
from toylab.engine.protocol import decode, encode

# So many processes in a row that ended before their hello or within so many seconds of it, and no
# further one is started: whatever ends them would end it too.
DEATHS, EARLY = 5, 0.5


class Process:
    """The process that stands on one of the engine's two places, if one does.

    name -- "quick" or "slow"
    loop -- the event loop on which everything is heard
    heard -- heard(place, header, arrays, message) of every message
    lost -- lost(place) when the process has died; another one is on its way unless `failure`
    """

    def __init__(self, name, loop, heard, lost):
        self.name, self.loop, self.heard, self.lost = name, loop, heard, lost
        self.popen = self.failure = self.refused = self._queue = None
        self._deaths, self._greeted = 0, None

    @property
    def running(self):
        """Whether a process is there, or is on its way."""
        return self.popen is not None

    @property
    def ready(self):
        """Whether it has said hello."""
        return self.running and self._greeted is not None

    def start(self):
        """Starts it; it says hello some seconds later."""
        self._greeted = None
        pipe, theirs = Pipe(duplex=True)
        os.set_inheritable(theirs.fileno(), True)
        package = str(Path(__file__).resolve().parents[2])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        named = os.environ.get(address.WITH, "")
        self.refused = named and address.refusal(Path(named).name, address.listening())
        command = [sys.executable, "-m", "toylab.engine.worker", str(theirs.fileno())]
        self.popen = subprocess.Popen(
            [*command, *(["slow"] if self.name == "slow" else [])],
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
        self._queue = SimpleQueue()
        for act, more in ((self._read, self.popen), (self._write, self._queue)):
            threading.Thread(target=act, args=(pipe, more), name="engine", daemon=True).start()

    def greeted(self):
        """It has said hello."""
        self._greeted = time.monotonic()

    def send(self, header, arrays=None):
        """Sends one message; what is lost with a dying process its successor is told again."""
        self.forward(encode(header, arrays))

    def forward(self, message):
        """Sends a message that is encoded already."""
        if self.running:
            self._queue.put(message)

    @staticmethod
    def _write(pipe, queue):
        while (message := queue.get()) is not None:
            try:
                pipe.send_bytes(message)
            except OSError:
                return

    def _read(self, pipe, popen):
        while True:
            try:
                message = pipe.recv_bytes()
                header, arrays = decode(message)
            except (OSError, EOFError):
                message, header, arrays = None, None, {}
                popen.wait()
            try:
                self.loop.call_soon_threadsafe(self._deliver, popen, header, arrays, message)
            except RuntimeError:
                return  # the server's loop has been closed
            if message is None:
                return

    def _deliver(self, popen, header, arrays, message):
        if popen is not self.popen:
            return  # it was ended, or another one stands in its place
        if message is None:
            self._replace()
        else:
            self.heard(self, header, arrays, message)

    def _replace(self):
        """Another process in the dead one's place; gives up when it dies again and again."""
        early = self._greeted is None or time.monotonic() - self._greeted < EARLY
        self._deaths = self._deaths + 1 if early else 0
        self._queue.put(None)
        if self._deaths < DEATHS:
            self.start()
        else:
            self.popen = None
            self.failure = f"the engine ended at once {DEATHS} times in a row; see the server's log"
        self.lost(self)

    def renew(self):
        """Another process in this one's place; nothing where none is."""
        if self.running:
            self.popen.terminate()

    def end(self):
        """Ends it without another one; returns it for whoever waits until it has gone."""
        popen, self.popen = self.popen, None
        if popen is not None:
            self._queue.put(None)
            popen.terminate()
        return popen
