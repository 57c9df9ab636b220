"""compiled: the whole step compiled, on one core with 0-GP, against the plain loop and against JAX.

`strict`: where the compiled step cannot be had, the suite fails instead of measuring the plain one.
"""

import importlib

import torch

from toylab.bench.baseline import Baseline
from toylab.bench.measure import interleaved
from toylab.bench.steps import taker

CASES = {"64x2x64": 640, "64x2x256": 250, "128x3x256": 100, "512x2x256": 25}


def rows(quick=False):
    """Rows of this suite, one after the other."""
    torch.set_num_threads(1)
    try:
        jaxed = importlib.import_module("toylab.bench.jaxed")
    except ImportError:
        jaxed = None  # an extra of its own: pip install toylab[bench]
    for size in list(CASES)[: 1 if quick else None]:
        width, depth, batch = (int(part) for part in size.split("x"))
        against = {"nn.Module + torch.optim loop": Baseline(width, depth, batch, "0-gp").take}
        if jaxed:
            chunk = CASES[size] // 5  # as many are taken first, unmeasured
            against["JAX jit + scan"] = jaxed.Scanned(width, depth, batch, chunk).take
        ours, how = taker(size, "0-gp", "auto"), ("steps/CPU-s", 5 if quick else 9, CASES[size])
        for words, theirs in against.items():
            yield interleaved("compiled", f"{size} 0-gp compiled", ours, theirs, words, *how)
