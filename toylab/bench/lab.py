"""lab: the page's usual run in the engine alone: plain, compiled and how soon, and streaming."""

import asyncio
import statistics
import time

import psutil

from toylab.bench.measure import Row, alone, nothing_cached
from toylab.bench.sessions import PAINTS
from toylab.engine import client
from toylab.engine.protocol import LAYERS

LONGEST = 600.0  # seconds until it must be compiled


class Run:
    """One run in the engine, which plays only when it is told to.

    watched -- whether pictures are asked for, one as soon as the one before is painted
    """

    def __init__(self, engine, backend):
        self.heard, self.kind, self.why = asyncio.Queue(), "plain", ""
        self.watched = False
        self.session = engine.session(self.receive)
        self.session.send(do="open", settings={}, playing=False, pace=0, backend=backend)
        self.process = psutil.Process(engine.process.pid)

    def receive(self, header, arrays):
        if header["say"] == "speed":
            self.kind, self.why = header["kind"], header["why"]
        elif header["say"] == "frame":
            self.heard.put_nowait(header["step"])
            asyncio.get_running_loop().call_later(PAINTS, self.look)

    def look(self):
        """Asks for the next picture, if somebody watches."""
        if self.watched:
            self.session.send(do="want", layers=LAYERS[:4])

    async def compiled(self):
        """Plays until it is, returns the seconds; raises `RuntimeError` where that never comes."""
        began = time.monotonic()
        self.session.send(do="play", pace=0)
        while self.kind != "compiled":
            if self.why or time.monotonic() - began > LONGEST:
                raise RuntimeError(f"the lab's run was not compiled: {self.why or 'too late'}")
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    async def step(self):
        """How many steps were taken."""
        while not self.heard.empty():
            self.heard.get_nowait()
        self.session.send(do="want", layers=[])
        return await self.heard.get()

    async def rate(self, seconds, watched=False):
        """Steps for each second of the engine's own time."""
        self.session.send(do="play", pace=0)
        self.watched = watched
        self.look()
        await asyncio.sleep(0.3)
        began, used = await self.step(), sum(self.process.cpu_times()[:2])
        await asyncio.sleep(seconds)
        taken, spent = await self.step() - began, sum(self.process.cpu_times()[:2]) - used
        self.watched = False
        self.session.send(do="pause")
        return taken / spent


async def _rows(rounds, seconds):
    engine = client.Engine()
    try:
        await engine.ready.wait()
        runs = [Run(engine, backend) for backend in ("auto", "plain")]
        waited = await runs[0].compiled()
        runs[0].session.send(do="pause")
        pairs, streamed = [], []
        for _ in range(rounds):
            pairs.append([await run.rate(seconds) for run in runs])
            streamed.append(await runs[0].rate(seconds, watched=True) / pairs[-1][0])
    finally:
        engine.close()
    ratios = [ours / theirs for ours, theirs in pairs]
    rate = statistics.median(ours for ours, _ in pairs)
    told = statistics.median(ratios), "backend=plain", (min(ratios), max(ratios))
    return [
        alone("lab", "the usual run, from play to compiled, nothing cached", [waited], "s"),
        Row("lab", "the usual run, compiled, unwatched", rate, "steps/CPU-s", *told),
        alone("lab", "the same while pictures stream / unwatched", streamed, "×"),
    ]


def rows(quick=False):
    """Rows of this suite, one after the other."""
    with nothing_cached():
        yield from asyncio.run(_rows(*(3, 2.0) if quick else (7, 4.0)))
