"""One run's folder, looked at again and again: what it is, how far it is, what it has made."""

import errno
import json
import re
import time
import tomllib
from collections.abc import Mapping

from toylab.monitor.confined import Refused, status
from toylab.monitor.events import read_events
from toylab.monitor.life import Life
from toylab.monitor.scores import read_score
from toylab.monitor.table import Table
from toylab.monitor.tail import Tail

SMALL = 1 << 18  # bytes of a file of settings or of a score
PICTURE = 1 << 25  # bytes of a grid
MOST_SIDE = 8192  # pixels of a grid: more would be a browser's memory
MOST_SETTINGS, LONGEST_VALUE = 500, 80
MOST_SCORES = 5000
GRID = re.compile(r"fakes(\d{8,15})\.png")
SCORE = re.compile(r"(?!crosstest-)[\w.-]{1,200}\.json")  # a cross-test has many runs, no step
TOO_LONG = "(a number with too many digits)"
REALS_FILE = "reals.png"
YOUNG = 2e9  # ns: a folder changed so lately may change again within one tick of its clock
PLACES = (
    "metrics.jsonl", "events.jsonl", "config.toml", "env.json", "ended.json", ".lock", "samples",
    "eval",
)  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


class Reading:
    """A metrics.jsonl being read: the place reached, and the rows so far."""

    def __init__(self):
        self.tail, self.table = Tail(), Table()


class Record:
    """What is known of a run; `look` finds out what has changed since the last time.

    version -- rises whenever anything that can be shown has changed
    generation -- rises whenever rows and grids that were there before may be others now
    """

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.settings, self.about, self.life = {}, {}, Life()
        self.grids, self.scores, self.events, self.problems = [], {}, [], {}
        self.version = self.generation = 0
        self._reading, self._next = Reading(), None
        self._seen, self._score_times, self._behind = {}, {}, False

    @property
    def table(self):
        """The rows of metrics.jsonl."""
        return self._reading.table

    def look(self):
        """Takes in what is new, a piece at most; returns whether there is more at once.

        Raises `OSError` where the folder is gone.
        """
        with self.folder.opened() as at:
            now = {name: status(at, name) for name in PLACES}
        before, self._seen = self._seen, now
        changed = [name for name in PLACES if now[name] != before.get(name)]
        young = time.time_ns() - YOUNG
        for name in ("samples", "eval"):
            if now[name] and now[name][2] > young:
                self._seen[name] = ()  # not None, which is how one that has gone looks
        self.life.changed(now)
        for name in changed:
            if name in self._acts:
                self.version += self._act(name)
        if "metrics.jsonl" in changed or self._behind:
            self._behind = self._rows()
        return self._behind

    def _act(self, name):
        """Takes in a file or folder; returns whether that may have changed anything.

        Whatever goes wrong with it is a problem of this run alone, and is told there.
        """
        try:
            return self._acts[name](self) is not False
        except Exception as error:
            self._problem(name, error)
            return True

    def _rows(self):
        """Reads the next piece of metrics.jsonl; returns whether there may be more."""
        try:
            return self._piece()
        except Exception as error:
            self._reading, self._next = Reading(), None  # columns may be of unequal lengths now
            self.generation += 1
            self.version += 1
            self._problem("metrics.jsonl", error)
            return False

    def _piece(self):
        """Takes in as many rows as are read at once; returns whether there may be more."""
        reading = self._next or self._reading
        try:
            with self.folder.file("metrics.jsonl") as file:
                offset = reading.tail.offset
                lines = reading.tail.read(file)
        except OSError as error:
            self._problem("metrics.jsonl", error)
            return False
        self._problem("metrics.jsonl")
        if lines is None:  # another file: what is known stays on the page until it is read
            self._next = Reading()
            return True
        reading.table.add(lines)
        self.version += bool(lines)
        if reading.tail.offset > offset:
            return True
        if self._next is not None:
            self._reading, self._next = self._next, None
            self.generation += 1
            self.version += 1
        return False

    def _problem(self, name, error=None):
        """Remembers why a file could not be used; one that is not there is no problem."""
        before = self.problems.pop(name, None)
        if error is not None and not isinstance(error, FileNotFoundError):
            self.problems[name] = f"{name}: {reason(error)}"
        self.version += self.problems.get(name) != before

    def _config(self):
        found = self._told("config.toml", lambda text: tomllib.loads(text.decode()))
        self.settings = flat(found)
        if TOO_LONG in self.settings.values():
            self._problem("config.toml", Refused("a number in it has too many digits"))

    def _env(self):
        self.about = flat(self._told("env.json", json.loads))

    def _ended(self):
        self.life.ended = self._told("ended.json", json.loads)

    def _lock(self):
        try:
            self.life.owner = self.folder.read(1000, ".lock").decode(errors="replace")
        except OSError:
            self.life.owner = ""

    def _events(self):
        try:
            with self.folder.file("events.jsonl") as file:
                self.events, broken = read_events(file)
            error = Refused(f"lines that are no events: {broken:,}") if broken else None
        except OSError as raised:
            self.events, error = [], raised
        self._problem("events.jsonl", error)

    def _told(self, name, parse):
        """The table in a small file, {} where there is none that can be read."""
        try:
            found = parse(self.folder.read(SMALL, name))
            if not isinstance(found, Mapping):
                raise Refused("it is not a table")
        except FileNotFoundError:
            found = {}
        except (OSError, ValueError, RecursionError) as error:
            self._problem(name, error)
            return {}
        self._problem(name)
        return found

    def _samples(self):
        try:
            names = self.folder.listed("samples")
            self._problem("samples")
        except OSError as error:
            self._problem("samples", error)
            names = []
        found = (GRID.fullmatch(name) for name in names)
        before, self.grids = self.grids, sorted((int(m[1]), m[0]) for m in found if m)
        return self.grids != before

    def _eval(self):
        try:
            names = [name for name in self.folder.listed("eval") if SCORE.fullmatch(name)]
            with self.folder.opened("eval") as at:
                found = {name: status(at, name) for name in sorted(names)[:MOST_SCORES]}
            times = {name: told for name, told in found.items() if told}  # the others have gone
            self._problem("eval")
        except OSError as error:
            self._problem("eval", error)
            times = {}
        before, self._score_times = self._score_times, times
        for name in before.keys() - times.keys():
            self._problem(f"eval/{name}")
        self.scores = {
            name: self.scores[name] if before.get(name) == told else self._score(name)
            for name, told in times.items()
        }
        return times != before

    def _score(self, name):
        """The score in a file of eval/, None where it is none; why is a problem of that file."""
        try:
            score, error = read_score(json.loads(self.folder.read(SMALL, "eval", name))), None
        except Exception as raised:
            score, error = None, raised
        self._problem(f"eval/{name}", error)
        return score

    _acts = {
        "config.toml": _config, "env.json": _env, "ended.json": _ended, ".lock": _lock,
        "events.jsonl": _events, "samples": _samples, "eval": _eval,
    }  # fmt: skip

    # ---------------------------------------------------------------- what is shown

    @property
    def steps(self):
        """How many steps the run is to have, None where nothing says so."""
        return whole(self.settings.get("run.steps"))

    @property
    def step(self):
        """The newest step that is known of, in rows or grids; None before there is any."""
        rows = [self.table.steps[-1]] if len(self.table.steps) else []
        return max([*rows, *(step for step, _ in self.grids[-1:])], default=None)

    def state(self, now=None):
        """(name, words): running, finished, stopped, diverged or failed, and why."""
        return self.life.state(self.step, self.steps, time.time() if now is None else now)

    def notes(self):
        """What is wrong with the folder's files, in words."""
        return [*self.problems.values(), *self.table.notes.words()]

    def grid_at(self, step):
        """(step, file) of the newest grid at or before a step, else of the first; None without."""
        before = [row for row in self.grids if step is None or row[0] <= step]
        return (before or self.grids[:1] or [None])[-1]

    def picture(self, *names):
        """The bytes of one of its grids; raises `OSError`."""
        content = self.folder.read(PICTURE, *names)
        if not content.startswith(PNG) or len(content) < 33:
            raise Refused(f"{names[-1]} is not a PNG")
        sides = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
        if not all(0 < side <= MOST_SIDE for side in sides):
            raise Refused(
                f"{names[-1]} has {sides[0]}×{sides[1]} pixels, at most {MOST_SIDE} a side"
            )
        return content


def reason(error):
    """Why, in one line."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError) and error.strerror:
        return "a link, which is not followed" if error.errno == errno.ELOOP else error.strerror
    return " ".join(str(error).split())[:200] or type(error).__name__


def whole(text):
    """A whole number from its text, None where it is none."""
    return int(text) if re.fullmatch(r"\d{1,15}", text or "") else None


def flat(table):
    """{"section.name": text} of a table, one section deep."""
    found = {}
    for name, value in table.items():
        rows = value.items() if isinstance(value, Mapping) else [("", value)]
        for inner, one in rows:
            if len(found) < MOST_SETTINGS:
                key = f"{name}.{inner}" if inner else str(name)
                found[key[:LONGEST_VALUE]] = shown(one)
    return found


def shown(value):
    """A setting as text, not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | Mapping):
        return f"({len(value)} values)"
    try:
        text = f"{value:.10g}" if isinstance(value, float) else str(value)
    except ValueError:  # Python writes no number of more digits than a limit of its own
        return TOO_LONG
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
