"""Training one ensemble of a sweep: plain data in, plain data out, the same here and far away.

A task is {runs: [{settings, seed, key}], steps, precision, measure, backend, strict, code}; what
comes back is one row a run, {key, settings, seed, measures, seconds, backend, failure, settled},
all of it JSON.
"""

import time

import torch

from toylab.sweep.measures import Ended, measured
from toylab.sweep.runs import Run, code, together
from toylab.trainer import Setup, train

LOOK_EVERY = 100  # steps between two looks at whether all numbers are finite
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def task(runs, sweep, backend="plain", strict=True):
    """What `trained` takes, for some runs of one structure.

    backend, strict -- as `Setup` has them: with `strict` nothing but that backend
    """
    told = [run._asdict() for run in runs]
    common = {"steps": sweep.steps, "precision": sweep.precision, "measure": list(sweep.measure)}
    return {"runs": told, **common, "backend": backend, "strict": strict, "code": code()}


def trained(task):
    """The rows of a task's runs, in order; what fails is a row with the reason, never an exception.

    Where an ensemble fails as a whole its members are trained one by one, so that only those fail
    that are to blame. `seconds` is a member's share of the time that its ensemble took; `backend`
    is what trained it, "plain" also where compiling failed.
    """
    torch.set_num_threads(1)  # one core a task; also the order of sums is part of the result
    if task["code"] != code():
        return failed(task, "this worker's toylab or torch is another one than the sweep's")
    began = time.perf_counter()
    try:
        ends, backend = _ends(task)
    except Exception as error:  # whatever it is, the other runs go on
        if len(task["runs"]) > 1:
            return [row for run in task["runs"] for row in trained({**task, "runs": [run]})]
        return failed(task, f"{type(error).__name__}: {error}", time.perf_counter() - began)
    each = (time.perf_counter() - began) / len(ends)
    return [
        _row(run, each, backend, measures, failure, settled=True)
        for run, (measures, failure) in zip(task["runs"], ends, strict=True)
    ]


def failed(task, why, seconds=0.0):
    """The rows of a task that came to nothing; they are tried again by the next sweep."""
    each = seconds / len(task["runs"])
    return [
        _row(run, each, task["backend"], {}, f"error: {why}", settled=False) for run in task["runs"]
    ]


def _row(run, seconds, backend, measures, failure, settled):
    told = {"measures": measures, "seconds": round(seconds, 4), "backend": backend}
    return {**run, **told, "failure": failure, "settled": settled}


def _ends(task):
    """([(measures, failure)] of a task's runs, the backend that trained them)."""
    runs = [Run(**run) for run in task["runs"]]
    experiment = together(runs)
    how = {name: task[name] for name in ("backend", "strict")}
    setup = Setup(experiment, dtype=PRECISIONS[task["precision"]], **how)
    lost, state = {}, None
    for state in train(experiment, steps=task["steps"], setup=setup):
        if state.step % LOOK_EVERY == 0 or state.step == task["steps"]:
            for member, finite in enumerate(_finite(state)):
                if not finite:
                    lost.setdefault(member, state.step)
            if len(lost) == len(runs):
                break
    ends = [
        ({}, f"diverged: not finite any more at step {lost[member]}")
        if member in lost
        else (measured(Ended(setup, state, run.seed, member), task["measure"]), "")
        for member, run in enumerate(runs)
    ]
    return ends, setup.compiled.route if setup.compiled else "plain"


def _finite(state):
    """[bool] a member: whether every number of both players is finite."""
    players = [vector.isfinite().all(-1) for vector in (*state.players, state.average)]
    return torch.stack(players).all(0).tolist()
