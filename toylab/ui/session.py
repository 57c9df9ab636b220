"""The link of one page to the engine: asks for pictures at the rhythm in which they are painted.

At most two pictures are on their way, and one when painting takes long or when every step counts;
so the newest state is always at most two pictures away, whatever the browser's speed.
"""

import asyncio
import contextlib
import time

from panel.io import hold
from panel.io.state import set_curdoc

from toylab.engine import client
from toylab.engine.protocol import SLOW

BUSY = 0.15  # seconds of painting from which on only one picture is on its way
LOST = 2.0  # seconds after which an acknowledgement counts as lost
LOOK = 0.25  # seconds between looks at connection and acknowledgement
GONE = 2  # so many looks in a row without a connection close the run


async def warm():
    """Starts the engine if it does not run yet; what goes wrong is told by `Link.start`."""
    with contextlib.suppress(Exception):
        await client.engine()


class Link:
    """Talks for one page; `page` has the methods opened, changed, frame, refused, failed, lost."""

    def __init__(self, page, beat, doc):
        self.page, self.beat, self.doc = page, beat, doc
        self.session = None
        self.asked = 0  # pictures the engine still owes
        self.sent_at = {}  # number of a picture -> when it was sent
        self.painting = 0.05  # how long the browser took for the last ones, seconds
        self.painted_at = []
        self.playing, self.pace = False, 0.0
        self.absent, self.seen = 0, False
        beat.on_change("ack", lambda attr, old, new: self._painted())
        beat.on_change("visible", lambda attr, old, new: self.pump())

    async def start(self):
        """Finds the engine, opens the run, and watches the connection until it is gone."""
        try:
            engine = await client.engine()
        except Exception as error:  # whatever it is, the page says it in words
            self._tell(self.page.lost, f"The engine did not start: {error}.")
            return
        self._tell(self.page.schema, engine.schema)
        self.session = engine.session(self.receive)
        self._tell(self.page.begin)
        self.watcher = asyncio.ensure_future(self._watch())

    def send(self, do, **fields):
        if self.session is not None:
            self.session.send(do=do, **fields)

    def _tell(self, method, *values):
        """Runs a method of the page with the document held: one message for all it changes."""
        with set_curdoc(self.doc), hold(self.doc):
            method(*values)

    def receive(self, header, arrays):
        """Every message of the engine to this session; called on the event loop."""
        if not self.alive:
            return
        say = header.pop("say")
        if say == "frame":
            self.asked = max(0, self.asked - 1)
            self._tell(self._show, header, arrays)
        elif say == "opened":
            self._tell(self.page.opened, header, arrays)
        elif say == "changed":
            self._tell(self.page.changed, header, arrays)
        elif say in ("refused", "failed"):
            self._tell(getattr(self.page, say), header.get("text", ""))
        elif say == "lost":
            self.asked = 0
            self._tell(self.page.lost, header.get("text", ""), header.get("again", False))
        self.pump()

    def _show(self, header, arrays):
        self.page.frame(header, arrays)
        number = self.beat.seq + 1
        self.sent_at[number] = time.monotonic()
        self.beat.seq = number  # last: the browser takes it as "everything is here"

    def _painted(self):
        now = time.monotonic()
        for number in [n for n in self.sent_at if n <= self.beat.ack]:
            self.painting += 0.3 * (now - self.sent_at.pop(number) - self.painting)
            self.painted_at = [t for t in self.painted_at if now - t < 2] + [now]
        self.pump()

    @property
    def rate(self):
        """Pictures a second over the last two seconds."""
        if len(self.painted_at) < 2:
            return 0.0
        return (len(self.painted_at) - 1) / max(self.painted_at[-1] - self.painted_at[0], 1e-3)

    @property
    def slow(self):
        """Whether every step is to be drawn, one after the other."""
        return not self.playing or 0 < self.pace <= SLOW

    def pump(self, at_once=False):
        """Asks for the next picture if there is room; `at_once`: a hand changed what is drawn."""
        if self.session is None or not self.beat.visible or not self.page.ready:
            return
        room = 1 if self.slow or self.painting > BUSY else 2
        while at_once or self.asked + len(self.sent_at) < room:
            self.asked += 1
            self.send("want", layers=self.page.wanted())
            at_once = False

    @property
    def alive(self):
        return self.doc.session_context is not None and not self.doc.session_context.destroyed

    async def _watch(self):
        """Closes the run half a second after the tab is gone; forgives a lost acknowledgement."""
        while self.alive:
            await asyncio.sleep(LOOK)
            connections = getattr(self.doc.session_context.session, "connection_count", 1)
            self.seen = self.seen or connections > 0
            self.absent = 0 if connections or not self.seen else self.absent + 1
            if self.absent >= GONE:
                break
            now = time.monotonic()
            if self.sent_at and now - max(self.sent_at.values()) > LOST and self.beat.visible:
                self.sent_at.clear()
                if not self.playing:
                    self.send("pause")  # a paused engine draws its picture once more
                self.pump()
        self.close()

    def close(self):
        if self.session is not None:
            self.session.close()
            self.session = None
