"""sessions: many runs in one engine: how long they take to open, pictures and memory for each."""

import asyncio
import time
from typing import NamedTuple

import psutil

from toylab.bench.measure import alone
from toylab.engine import client
from toylab.engine.protocol import LAYERS

SIZES = {f"{who}_width": 64 for who in ("generator", "critic")} | {"batch": 64}
SECONDS = 4.0
PAINTS = 0.06  # seconds that a browser needs for a picture, and then it asks for another one


class Page:
    """A page that draws nothing: it asks for the next picture as soon as one came."""

    def __init__(self, engine, settings=SIZES):
        self.opened, self.pictures, self.step = asyncio.Event(), 0, 0
        self.session = engine.session(self.receive)
        self.session.send(do="open", settings=settings, playing=True, pace=0)

    def receive(self, header, arrays):
        if header["say"] == "opened":
            self.opened.set()
            self.ask()
        elif header["say"] == "frame":
            self.pictures, self.step = self.pictures + 1, header["step"]
            asyncio.get_running_loop().call_later(PAINTS, self.ask)

    def ask(self):
        self.session.send(do="want", layers=LAYERS[:4])


class Measured(NamedTuple):
    """What so many pages found: seconds to open; pictures a second and steps of each page; CPU
    seconds that the engine spent on them; megabytes a page."""

    opened: float
    rates: list
    steps: list
    spent: float
    memory: float


async def measured(count):
    """`Measured` with that many pages."""
    engine = await client.engine()
    process = psutil.Process(engine.process.pid)
    before, began = process.memory_info().rss, time.monotonic()
    pages = [Page(engine) for _ in range(count)]
    await asyncio.gather(*(page.opened.wait() for page in pages))
    opened = time.monotonic() - began
    await asyncio.sleep(0.5)
    before_steps, used = [page.step for page in pages], sum(process.cpu_times()[:2])
    for page in pages:
        page.pictures = 0
    await asyncio.sleep(SECONDS)
    rates = [page.pictures / SECONDS for page in pages]
    steps = [page.step - first for page, first in zip(pages, before_steps, strict=True)]
    spent = sum(process.cpu_times()[:2]) - used
    memory = (process.memory_info().rss - before) / 1e6 / count
    for page in pages:
        page.session.close()
    await asyncio.sleep(0.3)
    return Measured(opened, rates, steps, spent, memory)


async def _rows(counts):
    found = []
    await measured(1)  # the engine's own first use of everything
    for count in counts:
        told, words = await measured(count), f"{count} sessions"
        found.append(alone("sessions", f"{words}, time to open", [told.opened], "s"))
        found.append(alone("sessions", f"{words}, each", told.rates, "pictures/s"))
        found.append(alone("sessions", f"{words}, engine memory each", [told.memory], "MB"))
    (await client.engine()).close()
    return found


def rows(quick=False):
    """Rows of this suite, one after the other."""
    yield from asyncio.run(_rows((1, 4) if quick else (1, 4, 10, 30)))
