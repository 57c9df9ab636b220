"""The file that says what a sweep is, read and checked before anything runs.

steps = 5000
seeds = 10                                  how many, or a list of them
measure = ["modes", "quality"]              rows of `toylab.sweep.measures`
precision = "float32"                       or "float64"
backend = "auto"                            compiled where that pays; "plain": bit for bit

[experiment]                                what all runs share, as `Experiment` has it
data = "25gaussians"

[grid]                                      every combination of these
penalty = ["none", "0-gp"]
"rate_critic, rate_generator" = [1e-4, 1e-3]    two settings that always move together

[random]                                    see `toylab.sweep.ranges`
count = 20
penalty_weight = { log-uniform = [0.01, 10] }
"""

import itertools
import math
import tomllib
from pathlib import Path
from typing import NamedTuple

from toylab.compiled import ROUTES
from toylab.experiment import Experiment
from toylab.experiment import names as experiment_names
from toylab.settings import Whole
from toylab.sweep.measures import MEASURES, columns
from toylab.sweep.ranges import Range
from toylab.sweep.runs import NOT_HERE, Run, key, plain, typed
from toylab.sweep.training import PRECISIONS
from toylab.tables import nearest

TOP = ("steps", "seeds", "measure", "precision", "backend", "experiment", "grid", "random")
USUAL = ("modes", "quality", "wasserstein")
MOST_STEPS, MOST_SEED = 10**9, 2**31 - 1
ASKED, MOST = 1000, 100_000  # runs: beyond the first only with --yes, beyond the second never
NAMES = tuple(name for name in experiment_names() if name not in NOT_HERE)


class SpecError(ValueError):
    """A sweep that cannot be; the text says where, what was got and what is right."""


class Sweep(NamedTuple):
    """A checked sweep. `impossible` are rows of the table for what cannot be combined.

    named -- the settings that the file names, in its order: the table's columns
    """

    name: str
    steps: int
    seeds: tuple
    measure: tuple
    precision: str
    backend: str
    named: tuple
    points: int
    runs: tuple
    impossible: tuple

    @property
    def columns(self):
        """The columns of the measures."""
        return columns(self.measure)


def load(path, yes=False, backend=None):
    """The `Sweep` of a TOML file; raises `SpecError` in one line.

    yes     -- whether more than `ASKED` runs are meant
    backend -- in the place of the file's
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            told = tomllib.load(file)
    except (OSError, ValueError) as error:  # a broken file, or one that is not text
        raise SpecError(f"{path} cannot be read: {_line(error)}") from error
    told |= {"backend": backend} if backend else {}
    try:
        return parse(told, path.stem, yes)
    except (ValueError, KeyError) as error:
        raise SpecError(f"{path}: {_line(error)}") from error


def _line(error):
    return " ".join(str(error).split())


def parse(told, name="sweep", yes=False):
    """The `Sweep` of a file's content as a dict; raises `ValueError`."""
    for part in told:
        if part not in TOP:
            hint = " (write it under [experiment])" if part in NAMES else ""
            raise SpecError(f"{part!r} is unknown{hint}; {nearest(part, TOP)}")
    steps = _whole("steps", told.get("steps"), 1, MOST_STEPS)
    seeds = _seeds(told.get("seeds", 1))
    measure = _names("measure", told.get("measure", list(USUAL)), MEASURES)
    (precision,) = _names("precision", [told.get("precision", "float32")], PRECISIONS)
    (backend,) = _names("backend", [told.get("backend", "auto")], ROUTES)
    base = {n: _value("experiment", n, v) for n, v in _section(told, "experiment").items()}
    grid = {names: _list(names, values) for names, values in _section(told, "grid").items()}
    number, random = _random(_section(told, "random"))
    named = _named(base, grid, random)
    points = number * math.prod(map(len, grid.values()))
    total = points * len(seeds)
    if total > MOST or (total > ASKED and not yes):
        most = f"at most {MOST}" if total > MOST else f"more than {ASKED} only with --yes"
        raise SpecError(f"that makes {total} runs, {most}; make the grid or the seeds fewer")
    how = steps, precision, backend
    runs, impossible = _runs(_points(base, grid, number, random), seeds, how)
    if impossible and not runs:
        raise SpecError(impossible[0]["failure"])
    sweep = Sweep(
        name,
        steps,
        seeds,
        measure,
        precision,
        backend,
        named,
        points,
        *map(tuple, (runs, impossible)),
    )
    _repeated(sweep)
    return sweep


def _section(told, name):
    found = told.get(name, {})
    if not isinstance(found, dict):
        raise SpecError(f"{name} must be a table, [{name}], got {found!r}")
    return found


def _whole(what, value, low, high):
    if type(value) is not int or not low <= value <= high:
        got = "nothing" if value is None else repr(value)
        raise SpecError(f"{what} must be a whole number from {low} to {high}, got {got}")
    return value


def _seeds(told):
    if not isinstance(told, list):
        return range(_whole("seeds", told, 1, MOST_SEED))
    seeds = tuple(_whole("each of seeds", seed, 0, MOST_SEED) for seed in told)
    if not seeds or len(set(seeds)) < len(seeds):
        raise SpecError(f"seeds must be a number, or different seeds in a list, got {told!r}")
    return seeds


def _names(what, told, known):
    if not isinstance(told, list) or not told:
        raise SpecError(f"{what} must be a list of names, got {told!r}; {nearest('', known)}")
    for name in told:
        if not isinstance(name, str) or name not in known:
            raise SpecError(f"{what} {name!r} is unknown; {nearest(name, known)}")
    if len(set(told)) < len(told):
        raise SpecError(f"{what} has a name twice, got {told!r}")
    return tuple(told)


def _value(section, name, value):
    """A value in its field's own type, checked on its own; names the section where it is wrong."""
    if name in NOT_HERE:
        raise SpecError(f"[{section}] {name} is not for a sweep: write seeds = 10 at the top")
    if name not in NAMES:
        raise SpecError(f"[{section}] setting {name!r} is unknown; {nearest(name, NAMES)}")
    try:
        if isinstance(value, float) and not math.isfinite(value):
            raise SpecError(f"{name} must be a finite number, got {value!r}")
        if isinstance(value, list | dict):
            raise SpecError(f"{name} must be one value, got {value!r}; lists go into [grid]")
        value = typed(name, value)
        Experiment(**{name: value})
    except ValueError as error:
        raise SpecError(f"[{section}] {_line(error)}") from error
    return value


def _apart(names):
    """The settings that one line of a section sets together."""
    return tuple(name.strip() for name in names.split(","))


def _list(names, values):
    if not isinstance(values, list) or not values:
        raise SpecError(f"[grid] {names} must be a list of values, got {values!r}")
    for value in values:
        for name in _apart(names):
            _value("grid", name, value)
    if any(value in values[:place] for place, value in enumerate(values)):
        raise SpecError(f"[grid] {names} has a value twice, got {values!r}")
    return values


def _random(told):
    """(how many draws, {names: [value of each draw]}); one empty draw where nothing is random."""
    ranges = {names: v for names, v in told.items() if names not in ("count", "seed")}
    if not ranges:
        if told:
            raise SpecError("[random] has no ranges: write name = { log-uniform = [0.01, 10] }")
        return 1, {}
    count = _whole("[random] count", told.get("count"), 1, MOST)
    seed = _whole("[random] seed", told.get("seed", 0), 0, MOST_SEED)
    found = {}
    for names, value in ranges.items():
        fields = _apart(names)
        for name in fields:
            if name not in NAMES:
                _value("random", name, value)  # raises
        try:
            made = Range(value, whole=isinstance(Experiment.param[fields[0]], Whole))
        except ValueError as error:
            raise SpecError(f"[random] {names}: {error}") from error
        for name in fields:
            for end in made.values:
                _value("random", name, end)
        found[names] = [made.draw(seed, names, number) for number in range(count)]
    return count, found


def _named(base, grid, random):
    """Every setting that the file names, in its order; each may stand there once."""
    found = []
    for section, lines in (("experiment", base), ("grid", grid), ("random", random)):
        for name in (name for names in lines for name in _apart(names)):
            if name in found:
                raise SpecError(f"[{section}] {name} is set twice")
            found.append(name)
    return tuple(found)


def _points(base, grid, number, random):
    """{setting: value} of every combination: draw by draw the whole grid."""
    for draw in range(number):
        drawn = {name: v[draw] for names, v in random.items() for name in _apart(names)}
        for values in itertools.product(*grid.values()):
            lines = zip(grid, values, strict=True)
            chosen = {name: value for names, value in lines for name in _apart(names)}
            yield {**base, **{n: typed(n, v) for n, v in {**drawn, **chosen}.items()}}


def _runs(points, seeds, how):
    """([Run], [row of what cannot be combined])."""
    runs, impossible = [], []
    for point in points:
        experiment = Experiment(**point)
        settings = plain(experiment)
        for name in point:
            if name not in settings:
                raise SpecError(f"{name} means nothing to data={experiment.data!r}")
        made = [Run(settings, s, key(settings, s, *how)) for s in seeds]
        if problems := experiment.conflicts():
            nothing = {"measures": {}, "seconds": 0.0, "backend": "", "settled": True}
            why = f"impossible: {' '.join(problems)}"
            impossible += [{**run._asdict(), **nothing, "failure": why} for run in made]
        else:
            runs += made
    return runs, impossible


def _repeated(sweep):
    keys = [run.key for run in sweep.runs]
    if len(set(keys)) < len(keys):
        raise SpecError("[random] draws the same values twice: give it fewer draws, or more values")
