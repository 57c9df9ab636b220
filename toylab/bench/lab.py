"""lab: the page's usual run in the engine, that nobody watches: plain, compiled, and how soon."""

import asyncio
import statistics
import time

import psutil

from toylab.bench.measure import Row, alone, nothing_cached
from toylab.engine import client

LONGEST = 600.0  # seconds until it must be compiled


class Run:
    """One run in the engine, which plays only when it is told to."""

    def __init__(self, engine, backend):
        self.heard, self.kind, self.why = asyncio.Queue(), "plain", ""
        self.session = engine.session(self.receive)
        self.session.send(do="open", settings={}, playing=False, pace=0, backend=backend)
        self.process = psutil.Process(engine.process.pid)

    def receive(self, header, arrays):
        if header["say"] == "speed":
            self.kind, self.why = header["kind"], header["why"]
        elif header["say"] == "frame":
            self.heard.put_nowait(header["step"])

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
        self.session.send(do="want", layers=[])
        return await self.heard.get()

    async def rate(self, seconds):
        """Steps for each second of the engine's own time."""
        self.session.send(do="play", pace=0)
        await asyncio.sleep(0.3)
        began, used = await self.step(), sum(self.process.cpu_times()[:2])
        await asyncio.sleep(seconds)
        taken, spent = await self.step() - began, sum(self.process.cpu_times()[:2]) - used
        self.session.send(do="pause")
        return taken / spent


async def _rows(rounds, seconds):
    engine = client.Engine()
    try:
        await engine.ready.wait()
        runs = [Run(engine, backend) for backend in ("auto", "plain")]
        waited = await runs[0].compiled()
        runs[0].session.send(do="pause")
        pairs = [[await run.rate(seconds) for run in runs] for _ in range(rounds)]
    finally:
        engine.close()
    ratios = [ours / theirs for ours, theirs in pairs]
    rate = statistics.median(ours for ours, _ in pairs)
    told = statistics.median(ratios), "backend=plain", (min(ratios), max(ratios))
    return [
        alone("lab", "the usual run, from play to compiled, nothing cached", [waited], "s"),
        Row("lab", "the usual run, compiled, unwatched", rate, "steps/CPU-s", *told),
    ]


def rows(quick=False):
    """Rows of this suite, one after the other."""
    with nothing_cached():
        yield from asyncio.run(_rows(*(3, 2.0) if quick else (7, 4.0)))
