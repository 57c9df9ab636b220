"""Rows, and how two loops are compared on a machine that is never quiet."""

import contextlib
import os
import platform
import statistics
import tempfile
import time
from typing import NamedTuple


class Row(NamedTuple):
    """One figure. `spread`: least and most of what `value` (or `ratio`, where there is one) is
    the median of; `baseline`: what the ratio is against, "" where the figure stands alone."""

    suite: str
    case: str
    value: float
    unit: str
    ratio: float | None
    baseline: str
    spread: tuple


def alone(suite, case, values, unit):
    """A row of repeated readings of one figure."""
    values = sorted(values)
    return Row(suite, case, statistics.median(values), unit, None, "", (values[0], values[-1]))


def interleaved(
    suite,
    case,
    ours,
    theirs,
    baseline,
    unit="steps/CPU-s",
    rounds=5,
    count=200,
    clock=time.process_time,
    warm=5,
):
    """Ours against theirs, A B A B …: each is called with a number of steps to take.

    clock -- CPU seconds of this process, not wall seconds: others use the machine too
    warm  -- the least steps that are taken first, and not measured

    The ratio is taken round by round, so a machine that slows down slows both.
    """
    if warm:
        ours(max(count // 5, warm)), theirs(max(count // 5, warm))
    rates, ratios = [], []
    for _ in range(rounds):
        pair = []
        for loop in (ours, theirs):
            began = clock()
            loop(count)
            pair.append(count / (clock() - began))
        rates.append(pair[0])
        ratios.append(pair[0] / pair[1])
    return Row(
        suite,
        case,
        statistics.median(rates),
        unit,
        statistics.median(ratios),
        baseline,
        (min(ratios), max(ratios)),
    )


def turns(loops, rounds=7, seconds=0.15):
    """{case: [milliseconds of CPU a step, one a round]} of loops {case: take}, A B C A B C …

    Each reading takes about that many seconds of CPU.
    """
    counts, found = {}, {case: [] for case in loops}
    for case, take in loops.items():
        take(3)
        began = time.process_time()
        take(3)
        counts[case] = max(3, round(3 * seconds / (time.process_time() - began)))
    for _ in range(rounds):
        for case, take in loops.items():
            began = time.process_time()
            take(counts[case])
            found[case].append(1e3 * (time.process_time() - began) / counts[case])
    return found


@contextlib.contextmanager
def nothing_cached():
    """In here no artefact is there that was built before, and none stays that is built in here."""
    home = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as empty:
        os.environ["XDG_CACHE_HOME"] = empty
        try:
            yield
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if home is not None:
                os.environ["XDG_CACHE_HOME"] = home


def machine():
    """What the figures were taken on: {…}, for the JSON file."""
    import torch

    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    load = os.getloadavg() if hasattr(os, "getloadavg") else (None,) * 3
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in load if value is not None],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
