"""The link of one page to the engine: asks for pictures at the rhythm in which they are painted.

At most two pictures are on their way, and one when painting takes long or when every step counts;
so the newest state is always at most two pictures away, whatever the browser's speed.
"""

import asyncio
import contextlib
import json
import time

from panel.io import hold
from panel.io.state import set_curdoc

from toylab.engine import client
from toylab.engine.protocol import SLOW, WANTS

BUSY = 0.15  # seconds of painting from which on only one picture is on its way
LOST = 2.0  # seconds after which an acknowledgement counts as lost
LOOK = 0.25  # seconds between looks at connection and acknowledgement
REST = 10.0  # the same while nothing happens, so that an idle server sleeps
GONE = 2  # so many looks in a row without a connection close the run
UNSEEN = 0.2  # seconds between two pictures that nobody looks at
FORGIVING = ("opened", "undone", "lost", "failed")  # after these the engine owes nothing
NEVER = 60  # so many looks without any connection, and nobody will come


class Link:
    """Talks for one page; `page` has the methods begin, heard, frame, wanted and seen."""

    def __init__(self, page, beat, doc):
        self.page, self.beat, self.doc = page, beat, doc
        self.session = None
        self.number = 0  # of the newest picture sent
        self.asked = 0  # pictures the engine still owes
        self.sent_at = {}  # number of a picture -> when it was sent
        self.painting = 0.05  # how long the browser took for the last ones, seconds
        self.painted_at = []
        self.playing, self.pace = False, 0.0
        self.absent, self.seen = 0, False
        self.stirred = asyncio.Event()  # something was said since the last look
        self.is_loaded = self.is_seen = False
        beat.on_change("ack", lambda attr, old, new: self._painted())
        beat.on_change("visible", lambda attr, old, new: self._uncovered())

    def open(self, engine):
        """Opens the run with an engine that is there."""
        self.session = engine.session(self.receive)
        self.page.begin(engine.schema)

    async def start(self):
        """Finds the engine unless it was there, and watches the connection until it is gone."""
        if self.session is None:
            try:
                engine = await client.engine()
                self.tell(self.open, engine)
            except Exception as error:  # whatever it is, the page says it in words
                text = f"The engine did not start: {error}."
                self.tell(self.page.heard, "lost", {"text": text}, {})
                return
        await self._watch()

    def send(self, do, **fields):
        self.stirred.set()
        if self.session is not None:
            self.session.send(do=do, **fields)

    # ---------------------------------------------------------------- changes of the document

    def loaded(self):
        """Panel calls the page loaded."""
        self.is_loaded = True
        self._noticed()

    def tell(self, method, *values):
        """Runs a method of the page with the document held: one message for all it changes.

        Panel would keep changes that are made before it calls the page loaded, so until then they
        are Bokeh's own affair: part of the page, or sent after it.
        """
        if self.is_loaded:
            with set_curdoc(self.doc), hold(self.doc):
                method(*values)
        elif self.alive:
            self.doc.add_next_tick_callback(lambda: self._early(method, *values))

    def _early(self, method, *values):
        with self.held():
            method(*values)

    @contextlib.contextmanager
    def held(self):
        """The document held within one of its own callbacks, or before it is served."""
        self.doc.hold("combine")
        try:
            yield
        finally:
            self.doc.unhold()

    def _connections(self):
        context = self.doc.session_context
        session = getattr(context, "session", None)
        return getattr(session, "connection_count", 0)

    # ---------------------------------------------------------------- pictures

    def receive(self, header, arrays):
        """Every message of the engine to this session; called on the event loop."""
        if not self.alive:
            return
        say = header.pop("say")
        if say == "frame":
            if not header["recorded"]:  # nobody waits for those but who asked for that moment
                self.asked = max(0, self.asked - 1)
            self.tell(self._show, header, arrays)
        else:
            if say in FORGIVING:
                self.asked = 0
            self.tell(self._heard, say, header, arrays)

    def _heard(self, say, header, arrays):
        self.page.heard(say, header, arrays)
        self.pump()

    def _show(self, header, arrays):
        words = self.page.frame(header, arrays)
        if words is None:
            # Nobody looks at it: its numbers went to the charts, which need them less often.
            asyncio.get_running_loop().call_later(UNSEEN, self.pump)
            return
        self.shown(words)
        self.pump()

    def shown(self, words):
        """A picture is complete: its words with its number are the last that is said of it."""
        self.number += 1
        self.sent_at[self.number] = time.monotonic()
        self.stirred.set()
        self.beat.words = json.dumps({**words, "picture": self.number})

    def _painted(self):
        now = time.monotonic()
        for number in [n for n in self.sent_at if n <= self.beat.ack]:
            self.painting += 0.3 * (min(now - self.sent_at.pop(number), 1.0) - self.painting)
            self.painted_at = [t for t in self.painted_at if now - t < 2] + [now]
        self.pump()
        self._noticed()

    def _noticed(self):
        """The run's first picture stands on a page that is loaded."""
        if self.is_loaded and self.beat.ack and self.page.run.ready and not self.is_seen:
            self.is_seen = True
            self.tell(self.page.seen)

    def _uncovered(self):
        """A tab that nobody sees trains no further; its run goes on when it is looked at again."""
        if self.playing:
            if self.beat.visible:
                self.send("play", pace=self.pace)
            else:
                self.send("pause")
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
        if self.session is None or not self.beat.visible or not self.page.run.ready:
            return
        room = 1 if self.slow or self.painting > BUSY else 2
        while at_once or self.asked + len(self.sent_at) < room:
            self.asked = min(self.asked + 1, WANTS)
            self.send("want", layers=self.page.wanted())
            at_once = False

    @property
    def alive(self):
        return self.doc.session_context is not None and not self.doc.session_context.destroyed

    async def _watch(self):
        """Closes the run half a second after the tab is gone; forgives a lost acknowledgement."""
        looks = 0
        while self.alive:
            await self._look_again()
            looks += 1
            here = self._connections() > 0
            self.seen = self.seen or here
            self.absent = 0 if here or not self.seen else self.absent + 1
            if self.absent >= GONE or (not self.seen and looks >= NEVER):
                break
            now = time.monotonic()
            due = self.sent_at and now - max(self.sent_at.values()) > LOST
            if due and self.is_loaded and self.beat.visible:
                self.sent_at.clear()
                self.send("redraw")
                self.pump()
        self.close()

    @property
    def resting(self):
        """Whether nothing happens that a look could find but that the tab is gone."""
        plays = self.playing and self.beat.visible
        return self.seen and not (plays or self.sent_at or self.absent)

    async def _look_again(self):
        """Waits for the next look; where all rests, until something stirs."""
        if not self.resting:
            await asyncio.sleep(LOOK)
            return
        self.stirred.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stirred.wait(), REST)

    def close(self):
        if self.session is not None:
            self.session.close()
            self.session = None
