"""lanes: a light run beside a heavy one, and what a second thread gives a heavy one."""

import asyncio
import time

import psutil
import torch

from toylab.bench.measure import Row, alone
from toylab.bench.sessions import SIZES, Page
from toylab.bench.steps import experiment
from toylab.engine import client
from toylab.trainer import train

HEAVY = {"critic_width": 512, "critic_depth": 3, "generator_width": 512, "generator_depth": 3}
HEAVY |= {"batch": 2048}
THREADS = ("128x3x256", "256x3x1024", "512x2x2048")


def rows(quick=False):
    """Rows of this suite, one after the other."""
    yield from asyncio.run(_beside(3.0 if quick else 8.0))
    for size in THREADS[:1] if quick else THREADS:
        yield _threads(size, 3 if quick else 5)


async def _beside(seconds):
    """A light run's steps and pictures, alone and once a heavy one has moved out of its way.

    Steps by the processor time of the quick process: how many it takes by the clock says as much of
    whatever else the machine does.
    """
    engine = await client.engine()
    light = Page(engine, SIZES)
    await light.opened.wait()
    await asyncio.sleep(2.0)
    before = await _rates(engine, light, seconds)
    heavy = Page(engine, HEAVY)
    await heavy.opened.wait()
    began = time.monotonic()
    while heavy.session.routes[0].place is engine.quick or heavy.session.routes[0].moving:
        await asyncio.sleep(0.05)
    moved = time.monotonic() - began
    after = await _rates(engine, light, seconds)
    engine.close()
    case = "light run beside 512x3x2048"
    found = [alone("lanes", f"{case}: until that has moved", [moved], "s")]
    for one, other, unit in zip(after, before, ("steps/CPU-s", "pictures/s"), strict=True):
        ratio = one / other
        found.append(Row("lanes", case, one, unit, ratio, "the same alone", (ratio, ratio)))
    return found


async def _rates(engine, light, seconds):
    """(steps by the quick process's processor time, pictures by the clock)."""
    process = psutil.Process(engine.process.pid)
    used, step, pictures = process.cpu_times(), light.step, light.pictures
    await asyncio.sleep(seconds)
    now = process.cpu_times()
    cost = now.user + now.system - used.user - used.system
    return (light.step - step) / cost, (light.pictures - pictures) / seconds


def _threads(size, rounds):
    """Seconds a step by the clock with two threads, against one, in turn."""
    states = train(experiment(size, "0-gp"))
    next(states)
    times = {1: [], 2: []}
    for _ in range(rounds):
        for threads in times:
            torch.set_num_threads(threads)
            next(states)
            began = time.monotonic()
            for _ in range(3):
                next(states)
            times[threads].append((time.monotonic() - began) / 3)
    torch.set_num_threads(1)
    ratios = sorted(one / two for one, two in zip(times[1], times[2], strict=True))
    seconds = sorted(times[2])[rounds // 2]
    spread = ratios[0], ratios[-1]
    case = f"{size} 0-gp plain, two threads"
    return Row("lanes", case, 1 / seconds, "steps/s", ratios[rounds // 2], "one thread", spread)
