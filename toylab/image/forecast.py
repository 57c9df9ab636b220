"""What a run will cost, found by taking a few of its steps: operations, memory, time."""

import os
import sys
import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from toylab.image import data, run
from toylab.image.data import DataError
from toylab.image.progress import clock
from toylab.image.sources import Images
from toylab.randomness import Keys
from toylab.states import flatten

MOST_STEPS, MOST_SECONDS = 20, 10.0  # timed, whichever comes first
STANDIN = 256  # images of noise in a missing set's place


def forecast(config):
    """{what: value} of a run's cost; nothing is written.

    A named set that is not here is stood in for by noise of its shape. Operations are those of
    convolutions and matrix products in one step, second derivatives included, a multiply-add as two
    (Meta's counter, `torch.utils.flop_counter`). `peak` is measured: of torch's memory on a GPU, of
    the whole process elsewhere.
    """
    settings = config.settings
    missing, real = "", None
    try:
        real = data.opened(settings)
    except DataError as error:
        if (shape := data.shape(settings)) is None:
            raise
        missing = str(error)
        noise = Keys(0, "forecast").rng().integers(0, 256, (STANDIN, *shape), np.uint8)
        real = Images(noise, settings.scaling, settings.flips)
    setup = run.prepare(config, real)
    state = setup.start()
    real_images = sum(spec.count * spec.size for spec in setup.draws.specs if spec.real)
    interval = config.experiment.penalty_interval  # with it the dearest and the cheapest step
    counter = FlopCounterMode(display=False)
    with counter:
        *_, state = run.walk(config, setup, state, interval)
    seconds, steps = _timed(config, setup, state)
    flops = counter.get_total_flops() / interval
    return {
        "name": config.name,
        "network": settings.network,
        "data": settings.data,
        "missing": missing,
        "images": len(real) if hasattr(real, "__len__") and not missing else None,
        "shape": list(setup.sources[0].shape),
        "device": str(setup.device),
        "parameters": {name: part.count for name, part in setup.networks._asdict().items()},
        "images_per_step": real_images,
        "flops_per_step": flops,
        "flops_per_image": flops / max(1, real_images),
        "data_bytes": 0 if missing else getattr(getattr(real, "pixels", None), "nbytes", 0),
        "state_bytes": sum(t.numel() * t.element_size() for t in flatten(state).values()),
        "peak_bytes": _peak(setup.device),
        "seconds_per_step": seconds,
        "steps_timed": steps,
        "seconds": seconds * settings.steps,
    }


def _timed(config, setup, state):
    """(seconds of a step, how many were timed): their mean."""
    since, taken = time.perf_counter(), 0
    for later in run.walk(config, setup, state, MOST_STEPS):
        state, taken = later, taken + 1
        if time.perf_counter() - since > MOST_SECONDS:
            break
    state.average.sum().item()  # waits for a GPU
    return (time.perf_counter() - since) / taken, taken


def _peak(device):
    """Bytes: the most that torch held on a GPU, or else that the process ever held; or None."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if os.name != "posix":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def lines(found, steps):
    """The forecast as a terminal shows it."""
    images = f"{found['images']:,} images" if found["images"] else "images"
    shape = "×".join(map(str, found["shape"]))
    players = " · ".join(f"{name} {count:,}" for name, count in found["parameters"].items())
    parts = [("data_bytes", "images"), ("state_bytes", "state"), ("peak_bytes", "at most so far")]
    memory = [f"{amount(found[name])}B {words}" for name, words in parts if found[name]]
    told = [
        f"{found['name']}: {found['network']} on {found['data']}, {images} {shape}, "
        f"{found['device']}",
        f"  parameters  {players}",
        f"  operations  {amount(found['flops_per_image'])}FLOP an image, "
        f"{amount(found['flops_per_step'])}FLOP a step of {found['images_per_step']} real images",
        f"  memory      {' · '.join(memory)}",
        f"  time        {found['seconds_per_step']:.3f} s a step (mean of {found['steps_timed']}), "
        f"{clock(found['seconds'])} for {steps:,} steps",
    ]
    if found["missing"]:
        told.append(f"  noise stands in for the images: {found['missing']}")
    return told


def amount(number):
    """1234567 -> "1.23 M"."""
    for prefix in ("", "k", "M", "G", "T", "P"):
        if number < 1000 or prefix == "P":
            return f"{number:.3g} {prefix}"
        number /= 1000
