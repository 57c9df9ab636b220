"""The runs that somebody asked for: folders of runs, or runs, looked at for all pages at once."""

import contextlib
import os
import time
from collections import Counter
from pathlib import Path

from toylab.monitor.confined import Confined
from toylab.monitor.record import Record

MARK = "config.toml"  # what a run's folder has
OFTEN, SELDOM = 0.7, 5.0  # seconds between two looks at a run that trains, and at any other
MOST_RUNS, MOST_FOLDERS = 1000, 200
DEEP = 1  # folders between the one that was named and a run's
NONE = (
    "No run was named. Name runs, or a folder of runs: "
    "panel serve apps/monitor.py --args RUN [RUN …]"
)


class Watch:
    """Runs in the paths' order, the last name of a folder first; nothing is read before `look`.

    A path is a run's folder or a folder of such folders, in which runs may come and go; there they
    may lie in folders of their own, such as one for each arm of an experiment.
    """

    def __init__(self, paths):
        self.paths = [Path(path).expanduser() for path in paths]
        self.records, self.problems = {}, {} if paths else {"": NONE}
        self._due, self._behind, self._ranks = {}, set(), {}
        self._listed = self._before = {}  # folder -> (time of change, folders in it, remarks)

    @property
    def version(self):
        """Another one whenever anything that can be shown has changed."""
        runs = [(key, r.version, r.state()[0]) for key, r in self.records.items()]
        return runs, [*self.problems.values()]

    def look(self, budget=0.03):
        """Takes in what is new, for about so many seconds; returns whether there is more."""
        end = time.monotonic() + budget
        self._find()
        now = time.monotonic()
        due = [key for key in self.records if key in self._behind or self._due.get(key, 0) <= now]
        while due:
            for key in [*due]:
                if not self._one(key):
                    due.remove(key)
                if time.monotonic() > end:
                    return bool(self._behind)
        return False

    def _one(self, key):
        """Looks at one run; returns whether there is more."""
        record = self.records[key]
        try:
            more = record.look()
        except OSError:  # gone, and with it what was known of it
            del self.records[key]
            self._behind.discard(key)
            self._listed.clear()
            return False
        (self._behind.add if more else self._behind.discard)(key)
        often = record.state()[0] == "running"
        self._due[key] = time.monotonic() + (OFTEN if often else SELDOM)
        return more

    def _find(self):
        """Runs that have come; those that have gone are noticed when they are looked at."""
        self._before, self._listed = self._listed, {}  # folders that are gone are forgotten
        self._come = False
        for rank, path in enumerate(self.paths):
            self.problems.pop(str(path), None)
            try:
                remarks = self._search(Confined(path), rank)
            except OSError as error:
                self.problems[str(path)] = f"{path} cannot be read: {error.strerror or error}"
                continue
            if remarks:
                self.problems[str(path)] = remarks[0]
            elif not any(self._ranks[key] == rank for key in self.records):
                self.problems[str(path)] = (
                    f"{path} has no run in it yet (a folder with {MARK}); "
                    "one that begins is shown by itself"
                )
        if self._come:
            self._arrange()

    def _search(self, folder, rank, deep=DEEP):
        """Takes the runs in a folder, and those in folders in it; returns what is left out."""
        where = os.path.join(folder.path, *folder.names)
        told = os.stat(where, follow_symlinks=not folder.names).st_mtime_ns
        young = time.time_ns() - told < 3e9  # a run's config.toml comes after its folder
        listed = self._before.get(where, (None,))
        if young or listed[0] != told:
            listed = told, *self._list(folder, where, rank)
        self._listed[where] = listed
        _, inner, remarks = listed
        for name in inner if deep else ():
            with contextlib.suppress(OSError):  # it has gone, or is somebody else's
                remarks = remarks + self._search(folder.below(name), rank, deep - 1)
        return remarks

    def _list(self, folder, where, rank):
        """Takes the runs that lie in a folder; returns (other folders in it, remarks)."""
        if is_run(folder):
            self._take(folder, where, rank)
            return [], []
        inner, remarks = [], []
        for name in sorted(folder.listed()):
            path = os.path.join(where, name)
            if is_run(folder.below(name)):
                self._take(folder.below(name), path, rank)
            elif os.path.islink(path) and os.path.isdir(path):
                told = f"{name} in {where} is a link and not followed: name it itself to see it"
                remarks.append(told)
            elif os.path.isdir(path):
                inner.append(name)
        if len(inner) > MOST_FOLDERS:
            told = f"{where} has {len(inner):,} folders besides runs: runs are looked for in the"
            remarks.append(f"{told} first {MOST_FOLDERS} of them; name others yourself")
        return inner[:MOST_FOLDERS], remarks

    def _take(self, folder, path, rank):
        key = printable(path)
        if key in self.records or len(self.records) == MOST_RUNS:
            return
        self.records[key], self._ranks[key] = Record(folder, key), rank
        self._come = True

    def _arrange(self):
        """The runs in their order, each by a name that no other has."""
        keys = sorted(sorted(self.records, reverse=True), key=self._ranks.get)
        self.records = {key: self.records[key] for key in keys}
        # A run in a folder of its own is known by that folder too: its own name says less. So are
        # runs of one name, by as much of their paths as tells them apart.
        parts = {key: max(1, len(self.records[key].folder.names)) for key in keys}
        alike = keys
        while alike:
            for key in keys:
                self.records[key].name = "/".join(key.split("/")[-parts[key] :])
            count = Counter(record.name for record in self.records.values())
            alike = [key for key in keys if count[self.records[key].name] > 1]
            parts.update({key: parts[key] + 1 for key in alike})


def is_run(folder):
    """Whether a folder is a run's."""
    try:
        with folder.file(MARK):
            return True
    except OSError:
        return False


def printable(name):
    """A name as it can be shown and sent: names of files may hold bytes that are no text."""
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    return "".join(c if c.isprintable() else "�" for c in text)
