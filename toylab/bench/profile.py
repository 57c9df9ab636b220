"""profile: where the time of one step goes, before and after it is compiled.

Shares of the operators' own time by torch's profiler, times the milliseconds of a step without it;
what it costs itself falls on many small operators more than on a few large ones. What no operator
took is Python, dispatch and drawing random numbers. The compiled steps that are looked at are built
to name their parts, which costs them some microseconds; they are built anew and not kept, since a
step that was built before is found whatever it was built for.
"""

import time

import torch
from torch.profiler import ProfilerActivity, profile

from toylab import ahead
from toylab.bench.measure import alone, nothing_cached, turns
from toylab.bench.steps import taker

CASES = {"64x2x64": 100, "512x2x256": 10}  # {size: steps of a reading}
BACKENDS = {"plain": "plain", "compiled": "ahead"}
NAMED = "cpp.enable_kernel_profile"  # of a build: loops tell the profiler their names
PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "onednn", "_linear_pointwise"}
REST = "Python and the rest"


def kind(name):
    """What an operator of that name counts as."""
    word = name.rpartition("::")[2]
    if word in PRODUCTS or word.endswith("mm_out"):
        return "matrix products"
    if "Backward" in name or name.startswith("autograd"):
        return "bookkeeping of differentiation"
    return "fused loops" if "cpp_fused" in name else "other operators"


def shares(take, count):
    """({kind: share of the time}, {kind: calls a step}) of a loop of that many steps."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        began = time.perf_counter()  # the profiler's own clock
        take(count)
        whole = time.perf_counter() - began
    spent, calls = {}, {}
    for row in seen.key_averages():
        name = kind(row.key)
        spent[name] = spent.get(name, 0.0) + row.self_cpu_time_total / 1e6 / whole
        calls[name] = calls.get(name, 0.0) + row.count / count
    return {**spent, REST: 1.0 - sum(spent.values())}, calls


def rows(quick=False):
    """Rows of this suite, one after the other."""
    torch.set_num_threads(1)
    ahead.OPTIONS[NAMED] = True
    try:
        with nothing_cached():
            yield from _rows(3 if quick else 5, quick)
    finally:
        del ahead.OPTIONS[NAMED]


def _rows(rounds, quick):
    for size, count in list(CASES.items())[: 1 if quick else None]:
        loops = {words: taker(size, "0-gp", backend) for words, backend in BACKENDS.items()}
        found = {words: [] for words in loops}
        for take in loops.values():
            shares(take, 3)  # the profiler's own first use
        for _ in range(rounds):
            for words, take in loops.items():
                found[words].append(shares(take, count))
        for words, whole in turns(loops, rounds).items():
            step = alone("profile", f"{size} {words}, whole step", whole, "ms CPU/step")
            yield step
            yield from _parts(f"{size} {words}", step.value, found[words])


def _parts(case, whole, readings):
    """A row for each kind, the largest first."""
    told = [
        alone("profile", name, [whole * part[name] for part, _ in readings], "ms CPU/step")
        for name in readings[0][0]
    ]
    for row in sorted(told, key=lambda row: -row.value):
        calls = readings[0][1].get(row.case)
        words = f"{row.case}, {calls:.0f} calls" if calls else row.case
        yield row._replace(case=f"{case}: {words}")
