"""Runs, and how runs of one structure are packed into ensembles.

Members of an ensemble may differ in their seeds and in every live number; whatever else differs
(data, widths, names, a number on a schedule) makes another ensemble.
"""

import hashlib
import json
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

import toylab
from toylab import cards, schedules
from toylab.experiment import Experiment
from toylab.settings import Knob

MOST = 16  # members: where 64x2x64 nears its most; 64x2x256 has it at 10, wider nets gain nothing
MEMORY = 2**30  # bytes that one ensemble may take, roughly
NOT_HERE = ("seed", "members")  # a sweep has its own


class Run(NamedTuple):
    """One run of a sweep as plain data: {setting: number or text}, its seed, its key."""

    settings: dict
    seed: int
    key: str


class Ensemble(Experiment):
    """An `Experiment` whose members have any seeds, not only seed, seed + 1, …"""

    def __init__(self, seeds, **settings):
        self.own_seeds = tuple(seeds)
        super().__init__(seed=self.own_seeds[0], members=len(self.own_seeds), **settings)

    @property
    def seeds(self):
        """The seeds of the members, in order."""
        return self.own_seeds


def typed(name, value):
    """A setting as `Experiment` takes it, from TOML or JSON: texts of numbers are schedules."""
    if isinstance(Experiment.param[name], Knob):
        if isinstance(value, str):
            return schedules.parse(value)
        return float(value) if type(value) is int else value
    return value


def plain(experiment):
    """Every setting that means something in an experiment, as JSON takes it."""
    found = {name: v for name, v in experiment.settings().items() if name not in NOT_HERE}
    for name, value in found.items():
        if isinstance(Experiment.param[name], Knob):  # 1 and 1.0 are one number
            found[name] = str(value) if isinstance(value, schedules.Schedule) else float(value)
    return found


def _differs(name, value):
    """Whether members of one ensemble may differ in this setting when it has such a value."""
    field = Experiment.param[name]
    return isinstance(field, Knob) and field.each and isinstance(value, float)


def structure(settings):
    """What runs must share to be members of one ensemble, as text.

    A number may differ, but not in whether it is 0: there 0 can mean that a part is left out.
    """
    told = {n: ["number", v == 0] if _differs(n, v) else v for n, v in settings.items()}
    return json.dumps(told, sort_keys=True)


def together(runs):
    """The `Ensemble` of runs of one structure; a number that differs is a tuple, one a member."""
    settings = {}
    for name, value in runs[0].settings.items():
        values = tuple(run.settings[name] for run in runs)
        alike = all(each == value for each in values)
        settings[name] = typed(name, value) if alike else values
    return Ensemble([run.seed for run in runs], **settings)


def bytes_of_member(settings):
    """What training one member takes, roughly: minibatches drawn ahead, weights, activations."""
    batch, widths, weights = settings["batch"], 0, 0
    for player in ("generator", "critic"):
        width, depth = settings[f"{player}_width"], settings[f"{player}_depth"]
        widths += width * depth
        weights += width * width * max(depth - 1, 0) + 8 * width
    ahead = min(64 * batch * 8, 2**22)
    return 4 * (2 * ahead + 20 * weights + 12 * batch * widths)


def packed(runs, jobs=1):
    """Ensembles, lists of runs of one structure, of even sizes and in order.

    At most `MOST` members and `MEMORY` bytes each, and no more than a job's share of all runs.
    Where a few more make all sizes the same, that many: each size is compiled by itself.
    """
    groups = {}
    for run in runs:
        groups.setdefault(structure(run.settings), []).append(run)
    found = []
    for group in groups.values():
        room = MEMORY // bytes_of_member(group[0].settings)
        most = max(1, min(MOST, room, math.ceil(len(runs) / jobs)))
        least = math.ceil(len(group) / most)
        alike = (n for n in range(least, least + least // 2 + 1) if len(group) % n == 0)
        parts = next(alike, least)
        bounds = [len(group) * part // parts for part in range(parts + 1)]
        found += [group[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]
    return found


@cache
def code():
    """A hash of the code that trains and measures, and torch's version: another code, other runs.

    The modules at the top of the package and four of these; the page and the figures do not count.
    """
    home = Path(toylab.__file__).parent
    made = hashlib.sha256(torch.__version__.partition("+")[0].encode())
    here = [home / "sweep" / f"{name}.py" for name in ("runs", "plan", "training", "measures")]
    for path in sorted([*home.glob("*.py"), *here]):
        made.update(path.name.encode() + path.read_bytes())
    return made.hexdigest()[:16]


def key(settings, seed, steps, precision, backend):
    """What a run is known by: a hash of all that decides its numbers, the code's included."""
    told = [code(), settings, seed, steps, precision, backend, _data(settings["data"])]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


@cache
def _data(name):
    """What a data card says and the files it names hold; a card is read once a command."""
    card = cards.load(name)
    files = [
        hashlib.sha256((card.folder / side["path"]).read_bytes()).hexdigest()
        for side in (card.real, card.fake)
        if side is not None and side["family"] == "file"
    ]
    said = card._replace(title="", doc="", source="", folder=None, rank=0)
    return [repr(said), files]
