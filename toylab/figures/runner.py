"""Runs figures: measures the seeds that are not there yet, judges, draws, writes.

Each seed's arrays are kept under ``runs/figures`` by figure and length, so an interrupted run goes
on with the seed it was at and another drawing needs no other training (`again` measures anew);
results go to ``docs/figures``, and no file there is ever half written.
"""

import json
from pathlib import Path

import numpy as np
import torch

from toylab.figures import claims, results, style
from toylab.figures.causes import CAUSES
from toylab.figures.index import figure

KEPT = Path("runs") / "figures"
LENGTHS = ("quick", "usual", "paper")


def measured(name, seed, steps, kept=KEPT, again=False):
    """One seed's arrays: kept from before, or measured now and kept."""
    place = Path(kept) / name / f"steps-{steps}" / f"seed-{seed}.npz"
    if again or not place.is_file():
        arrays = figure(name).measure(seed, steps)
        results.write(place, results.pack(arrays))
    return results.unpack(place)


def run(name, seeds=None, length="usual", where=None, kept=KEPT, again=False, say=print):
    """Makes one figure and returns its verdict."""
    claim, row = claims.load()[name], figure(name)
    torch.set_num_threads(1)  # sums in the same order on every machine
    steps = row.steps[LENGTHS.index(length)]
    count = row.seeds if seeds is None or not row.steps[-1] else seeds
    every = []
    for seed in range(count):
        say(f"{name}: seed {seed}, {steps} steps" if steps else f"{name}: exact")
        every.append(measured(name, seed, steps, kept, again))
    told = judge(claim, row, every, steps)
    where = Path(where or results.FOLDERS[-1])
    arrays = {f"seed-{n}/{key}": each[key] for n, each in enumerate(every) for key in each}
    results.write(where / f"{name}.npz", results.pack(arrays))
    size = row.size(every[0]) if callable(row.size) else row.size
    for file, dark, kind in (("", False, "png"), ("-dark", True, "png"), ("", False, "svg")):
        drawn = style.picture(row.draw, every, dark, kind, size)
        results.write(where / f"{name}{file}.{kind}", drawn)
        if kind == "png":
            results.write(where / f"{name}-small{file}.png", style.small(drawn))
    results.write(where / f"{name}.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    say(f"{name}: {told['verdict']}")
    return told


def judge(claim, row, every, steps):
    """The verdict on a figure's seeds, ready for JSON."""
    numbers = [row.numbers(each) for each in every]
    checks = [
        claims.judged(check, [_short(each[check["number"]]) for each in numbers])
        for check in claim.checks
    ]
    verdict = claims.verdict(checks)
    return {
        "figure": claim.name,
        "title": claim.title,
        "paper": claim.paper,
        "claim": claim.shows,
        "verdict": verdict,
        "cause": "" if verdict == "reproduced" else CAUSES.get(claim.name, ""),
        "checks": checks,
        "numbers": {key: [_short(each[key]) for each in numbers] for key in sorted(numbers[0])},
        "seeds": len(every),
        "steps": steps,
        "share": steps / row.steps[-1] if row.steps[-1] else None,
        "lab": row.lab,
        "claims": {
            "file": f"toylab/figures/claims/{claim.file.name}",
            "digest": claim.digest,
            "commit": claims.written(claim),
        },
        "versions": {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__},
    }


def _short(value):
    """A number with the digits that another processor will find too."""
    return float(f"{float(value):.6g}")
