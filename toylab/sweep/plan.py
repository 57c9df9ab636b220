"""What is left of a sweep, as tasks: in which ensembles, by which backend, in which order."""

import itertools
from collections import Counter

from toylab.sweep.runs import packed, structure
from toylab.sweep.training import task

PAYS = (
    10_000  # steps of one structure: compiling saves a millisecond or two of each, a build is 10 s
)


def tasks(sweep, done=(), jobs=1):
    """The tasks of all runs whose keys are not in `done`, for so many jobs.

    Ensembles and backends are those of the whole sweep, whatever is there already: a sweep that
    was interrupted ends with the very numbers that it would have had. Only where an ensemble has
    some of its runs are the others packed anew.
    """
    whole = _in_turn(packed(sweep.runs, jobs))
    steps = Counter()
    for pack in whole:
        steps[_of(pack)] += sweep.steps
    untouched, torn = [], []
    for pack in whole:
        left = [run for run in pack if run.key not in done]
        if len(left) == len(pack):
            untouched.append(pack)
        else:
            torn += left
    packs = untouched + packed(torn, jobs)
    return [task(pack, sweep, *_backend(sweep, steps[_of(pack)])) for pack in packs]


def _of(pack):
    return structure(pack[0].settings)


def _backend(sweep, steps):
    """(backend, strict): a name that was asked for is that and nothing else."""
    if sweep.backend != "auto":
        return sweep.backend, True
    return ("ahead" if steps >= PAYS else "plain"), False


def _in_turn(packs):
    """One of each structure, then the next of each: what is built is not what others wait for."""
    groups = {}
    for pack in packs:
        groups.setdefault(_of(pack), []).append(pack)
    turns = itertools.zip_longest(*groups.values())
    return [pack for turn in turns for pack in turn if pack is not None]
