"""Pages without a browser: at the other end of a real process, and at the engine's own desk."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from toylab.engine import client
from toylab.engine.protocol import decode, encode
from toylab.engine.worker import Worker
from toylab.states import flatten

PATIENCE = 180  # seconds until something must have come, on a busy machine with a new engine too
SMALL = {f"{who}_width": 16 for who in ("generator", "critic")} | {"batch": 32}


async def until(condition):
    """Waits until it holds; there is no message that would say so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "what was waited for never came"
        await asyncio.sleep(0.02)


class Page:
    """A page without a browser: sends, and waits for what it was told."""

    def __init__(self, engine):
        self.inbox = asyncio.Queue()
        self.session = engine.session(
            lambda header, arrays: self.inbox.put_nowait((header, arrays))
        )
        self.send = self.session.send

    async def next(self, *says):
        while True:
            header, arrays = await asyncio.wait_for(self.inbox.get(), PATIENCE)
            if not says or header["say"] in says:
                return header, arrays

    async def open(self, playing=False, pace=0, **settings):
        self.send(do="open", settings={**SMALL, **settings}, playing=playing, pace=pace)
        return await self.next("opened", "refused")

    async def frame(self, *layers):
        self.send(do="want", layers=layers or ("fake",))
        return await self.next("frame")

    async def frame_of_now(self, *layers):
        """The state as it is, also when it was drawn before."""
        self.send(do="pause")
        return await self.frame(*layers)

    async def kept(self, **told):
        """Waits until the server keeps a state of which all this is told; a death loses it else."""
        route = self.session.routes[0]
        await until(lambda: all(route.kept[0].get(n) == told[n] for n in told))

    async def quiet(self, seconds=0.3):
        """What arrives without being asked for."""
        await asyncio.sleep(seconds)
        return [self.inbox.get_nowait() for _ in range(self.inbox.qsize())]


def played(story):
    """Runs an async test with an engine of its own."""

    async def run():
        engine = client.Engine()
        try:
            await asyncio.wait_for(engine.ready.wait(), PATIENCE)
            await story(engine)
        finally:
            engine.close()

    # In a thread of its own: in a worker that drives a browser the main one has a running loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


class Desk:
    """The worker in this process: what is sent acts at once, and time passes only in `turn`.

    It is a pipe to the worker: it keeps what the worker says, decoded, in `said`.
    """

    def __init__(self, **worker):
        self.said = []
        self.worker = Worker(self, **worker)

    def send_bytes(self, message):
        self.said.append(decode(message))

    def poll(self, timeout=0):
        return False

    def send(self, session="s", lane=0, arrays=None, **message):
        """Sends one message; returns everything that the worker said to it."""
        before = len(self.said)
        self.worker.receive(encode({"session": session, "lane": lane, **message}, arrays))
        return self.said[before:]

    def ask(self, **message):
        """(header, arrays) of the last answer, which is no refusal."""
        header, arrays = self.send(**message)[-1]
        assert header["say"] != "refused", header
        return header, arrays

    def refusal(self, **message):
        """The words with which a message is refused."""
        ((header, _),) = self.send(**message)
        assert header["say"] == "refused", header
        return header["text"]

    def open(self, lane=0, **settings):
        return self.ask(do="open", lane=lane, settings={**SMALL, **settings})

    def turn(self):
        """One turn of every lane; returns what was said."""
        before = len(self.said)
        for key, lane in list(self.worker.lanes.items()):
            self.worker.guarded(key, lane, self.worker.turn)
        return self.said[before:]

    def steps(self, count, who="both", lane=0):
        """Takes that many steps."""
        before = len(self.said)
        self.send(do="step", count=count, who=who, lane=lane)
        while self.lane(lane).turns:
            self.turn()
        return self.said[before:]

    def lane(self, number=0, session="s"):
        return self.worker.lanes[session, number]

    def state(self, number=0):
        """{name: numpy array} of the lane's whole state."""
        state = self.lane(number).run.state
        return {name: tensor.numpy() for name, tensor in flatten(state).items()}


def same(one, other):
    """Whether two states, {name: numpy array}, are equal bit for bit."""
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)
