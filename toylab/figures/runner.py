"""Runs figures: measures the seeds that are not there yet, judges, draws, writes.

Seeds are trained by the worker processes of `toylab.sweep`, one a core. Each one's arrays are kept
under ``runs/figures`` by figure and length, so an interrupted run goes on with what is missing
and another drawing needs no other training (`again` measures anew); results go to ``docs/figures``,
and no file there is ever half written.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from toylab.figures import claims, results, style
from toylab.figures.causes import CAUSES
from toylab.figures.index import figure
from toylab.sweep import cores

KEPT = Path("runs") / "figures"
LENGTHS = ("quick", "usual", "paper")


class Seed(NamedTuple):
    """One seed of a figure at one length, and the file that keeps its arrays."""

    name: str
    seed: int
    steps: int
    place: Path


def measured(task):
    """Measures a `Seed` and keeps its arrays; in whichever process, the same ones."""
    torch.set_num_threads(1)  # sums in the same order on every machine
    arrays = figure(task.name).measure(task.seed, task.steps)
    results.write(task.place, results.pack(arrays))


def lost(task, why):
    """A seed whose process died: there is no figure without it."""
    raise ChildProcessError(f"{task.name}, seed {task.seed}: {why}")


def run(name, seeds=None, length="usual", where=None, kept=KEPT, again=False, say=print, jobs=None):
    """Makes one figure and returns its verdict.

    Seeds that are missing are measured by the sweeps' worker processes, `jobs` of them (all cores);
    one alone is measured here.
    """
    claim, row = claims.load()[name], figure(name)
    steps = row.steps[LENGTHS.index(length)]
    count = row.seeds if seeds is None or not row.steps[-1] else seeds
    folder = Path(kept) / name / f"steps-{steps}"
    every = [Seed(name, seed, steps, folder / f"seed-{seed}.npz") for seed in range(count)]
    missing = [task for task in every if again or not task.place.is_file()]
    say(f"{name}: {count} seeds, {steps} steps each" if steps else f"{name}: exact")
    jobs = min(jobs or cores.count(), len(missing))
    ends = cores.local(missing, jobs, measured, lost) if jobs > 1 else map(_here, missing)
    for task, _ in ends:
        say(f"{name}: seed {task.seed} is measured")
    every = [results.unpack(task.place) for task in every]
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


def _here(task):
    return task, measured(task)


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
