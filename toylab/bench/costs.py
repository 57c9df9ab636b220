"""costs: how the time of a step or a picture grows with width, batch, members, grid and sessions.

One number is moved at a time. All loops of an axis take turns, plain and compiled ones alike, so
that a machine that slows down slows every point of it.
"""

import asyncio

import torch

from toylab import probes
from toylab.bench import sessions
from toylab.bench.measure import alone, turns
from toylab.bench.steps import experiment, taker
from toylab.trainer import Setup, train

STEPS = {  # {axis: {place: (size, members)}}
    "width, 2 layers, batch 256": {w: (f"{w}x2x256", 0) for w in (16, 64, 128, 256, 512)},
    "batch, 64x2": {b: (f"64x2x{b}", 0) for b in (64, 256, 1024)},
    "members, 64x2x64": {max(1, e): ("64x2x64", e) for e in (0, 4, 16)},
}
GRID, GRIDS = "grid, surface at 64x2x64", (32, 64, 128, 256)
SESSIONS, COUNTS = "sessions, 64x2x64, watched", (1, 4, 10, 30)
AXES = (*STEPS, GRID, SESSIONS)
BACKENDS = {"plain": "plain", "compiled": "auto"}


def rows(quick=False):
    """Rows of this suite, one after the other; each case is AXIS: PLACE, and which step it is."""
    torch.set_num_threads(1)
    few, rounds = (2, 3) if quick else (None, 5)
    for axis, places in STEPS.items():
        loops = {
            (place, words): taker(size, "0-gp", backend, members=members)
            for place, (size, members) in list(places.items())[:few]
            for words, backend in BACKENDS.items()
        }
        yield from _pairs(axis, turns(loops, rounds))
    for grid, values in turns(_surfaces(GRIDS[:few]), rounds).items():
        yield alone("costs", f"{GRID}: {grid}", values, "ms CPU/picture")
    for count, paces in asyncio.run(_watched(COUNTS[:few])).items():
        yield alone("costs", f"{SESSIONS}: {count}", paces, "ms CPU/step of each")


def _pairs(axis, found):
    """Rows of both backends at each place; the compiled ones have a ratio, round by round."""
    for (place, words), values in found.items():
        row = alone("costs", f"{axis}: {place} {words}", values, "ms CPU/step")
        if words == "compiled":
            pairs = zip(found[place, "plain"], values, strict=True)
            gains = alone("", "", [plain / ours for plain, ours in pairs], "")
            row = row._replace(ratio=gains.value, baseline="the plain step", spread=gains.spread)
        yield row


def _surfaces(grids):
    """{n: a loop that draws the critic's logit on n × n cells}."""
    setup = Setup(experiment("64x2x64", "0-gp"))
    *_, state = train(setup.experiment, steps=20, setup=setup)
    critic, view = probes.effective(setup, state)[1], probes.window(setup.experiment.card)

    def drawing(grid):
        cells = probes.places(view, grid, state.average)
        return lambda count: [probes.surface(critic, cells) for _ in range(count)]

    return {grid: drawing(grid) for grid in grids}


async def _watched(counts):
    """{runs in one engine, each with a page that draws: milliseconds of its CPU in which every run
    takes a step}."""
    await sessions.measured(1)  # the engine's own first use of everything
    found = {}
    for count in counts:
        told = await sessions.measured(count)
        if not all(told.steps):
            raise RuntimeError(f"one of {count} runs took no step in {sessions.SECONDS} s")
        found[count] = [1e3 * told.spent / steps for steps in told.steps]
    (await sessions.client.engine()).close()
    return found
