"""optimizers: what one step of each costs, in steps of alternating Adam on the same game."""

import torch

from toylab.bench.measure import interleaved
from toylab.bench.steps import taker
from toylab.optimizers import OPTIMIZERS

SIZE, PENALTY = "64x2x64", "0-gp"


def rows(quick=False):
    """Rows of this suite, one after the other; `ratio` is the cost."""
    torch.set_num_threads(1)
    for name in OPTIMIZERS:
        row = interleaved(
            "optimizers",
            f"{SIZE} {PENALTY} {name}",
            taker(SIZE, PENALTY, optimizer=name),
            taker(SIZE, PENALTY),
            "cost of a step of alternating Adam",
            rounds=3 if quick else 7,
            count=10 if quick else 30,
        )
        least, most = row.spread
        yield row._replace(ratio=1 / row.ratio, spread=(1 / most, 1 / least))
