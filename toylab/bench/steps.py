"""steps: one training step, ours against the baseline, by width × depth × batch and penalty."""

import torch

from toylab.bench.baseline import Baseline
from toylab.bench.measure import interleaved
from toylab.experiment import Experiment
from toylab.trainer import train

CASES = [
    ("64x2x64", ("0-gp", "none", "r1", "roth")),
    ("64x2x256", ("0-gp",)),
    ("128x3x256", ("0-gp",)),
    ("512x2x256", ("0-gp",)),
]
SIZES = {"64x2x64": 200, "64x2x256": 120, "128x3x256": 50, "512x2x256": 12}


def experiment(size, penalty, **more):
    """The experiment of a case such as 64x2x256: width, hidden layers, batch."""
    width, depth, batch = (int(part) for part in size.split("x"))
    sizes = {f"{who}_width": width for who in ("generator", "critic")}
    sizes |= {f"{who}_depth": depth for who in ("generator", "critic")}
    return Experiment(penalty=penalty, batch=batch, **sizes, **more)


def taker(size, penalty, backend="plain", **more):
    """A function that takes that many steps of ours, by that backend and no other."""
    states = train(experiment(size, penalty, **more), backend=backend, strict=True)

    def take(count):
        for _ in range(count):
            next(states)

    return take


def rows(quick=False):
    """Rows of this suite, one after the other."""
    torch.set_num_threads(1)
    for size, penalties in CASES[:1] if quick else CASES:
        width, depth, batch = (int(part) for part in size.split("x"))
        for penalty in penalties[:2] if quick else penalties:
            yield interleaved(
                "steps",
                f"{size} {penalty} plain",
                taker(size, penalty),
                Baseline(width, depth, batch, penalty).take,
                "nn.Module + torch.optim loop",
                rounds=5 if quick else 9,
                count=SIZES[size] // (2 if quick else 1),
            )
    if quick:
        return
    for members in (8, 32):
        take = taker("64x2x64", "0-gp", members=members)
        yield interleaved(
            "steps",
            f"64x2x64 0-gp plain, ensemble of {members}",
            lambda count, take=take, members=members: take(count // members),
            Baseline(64, 2, 64, "0-gp").take,
            "nn.Module + torch.optim loop, one member",
            unit="member-steps/CPU-s",
            count=320,
        )
