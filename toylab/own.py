"""The user's own file: ordinary Python that adds rows to the ordinary tables.

    own = load("mine.py")      # in a script; the lab: make lab WITH=mine.py

A file that fails leaves the tables as they were and says where it failed, in words.
"""

import sys
import traceback
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from toylab.constraints import CONSTRAINTS
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES, SLOTS
from toylab.rules import RULES

TABLES = {
    "objective": OBJECTIVES,
    "penalty": PENALTIES,
    "constraint": CONSTRAINTS,
    "optimizer": OPTIMIZERS,
    "rule": RULES,
}
GROUP = "Yours"
MODULE = "toylab_own"
LOOK_EVERY = 1.0  # seconds between two looks at the file
LONGEST = 300  # characters of what an exception says


class Own:
    """One file, the rows that it added, {field: names}, and the `problem` it had, "" if none."""

    def __init__(self, path):
        self.path = Path(path).resolve()
        self.name = self.path.name
        self.rows, self.problem = {}, ""
        self._without = _rows()
        self._stamp, self._looked = None, 0.0

    def load(self):
        """Runs the file, as if never run before; returns whether it could be.

        Where it fails the tables stay as they were, and `problem` says why.
        """
        before, self._stamp = _rows(), self._stamp_now()
        _restore(self._without)
        try:
            self._run()
        except (Exception, SystemExit) as error:
            _restore(before)
            self.problem = self.words(error) or f"{self.name}: {_what(error)}"
            return False
        self.problem = ""
        self.rows = {
            field: [name for name in table if table[name] is not self._without[field].get(name)]
            for field, table in TABLES.items()
        }
        for field, name in self.added():
            row = TABLES[field][name]
            TABLES[field][name] = row._replace(source=row.source or self.name)
        return True

    def added(self):
        """(field, name) of every row that the file added, in order."""
        return [(field, name) for field, names in self.rows.items() for name in names]

    def used(self, settings):
        """Whether one of these dicts of settings names a row of this file."""
        return any(
            each.get(slot) == name
            for each in settings
            for field, name in self.added()
            for slot in (SLOTS if field == "penalty" else (field,))
        )

    def edited(self, now):
        """Whether the file was saved since it was last run or asked about; looks once a second."""
        if now - self._looked < LOOK_EVERY:
            return False
        self._looked = now
        stamp, before = self._stamp_now(), self._stamp
        # Many editors remove a file and write another in its place: none is not an edit.
        self._stamp = stamp or before
        return stamp not in (None, before)

    def words(self, error):
        """`mine.py, line 12: ZeroDivisionError: division by zero`; "" if not from this file."""
        line = None
        for frame, number in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename == str(self.path):
                line = number
        if isinstance(error, SyntaxError) and error.filename == str(self.path):
            line = error.lineno
        return f"{self.name}, line {line}: {_what(error)}" if line else ""

    def mark(self, schema, judged):
        """The schema with this file's rows under "Yours", and the file itself as ``with``.

        judged -- (field, row) -> {law: why it is broken, "" where it holds}
        """
        for field in schema["fields"]:
            table = "penalty" if field["name"] in SLOTS else field["name"]
            for choice in field.get("choices", ()):
                name = choice["value"]
                if name in self.rows.get(table, ()):
                    found = judged(table, TABLES[table][name])
                    broken = {law: why for law, why in found.items() if why}
                    laws = {"held": len(found) - len(broken), "total": len(found), "broken": broken}
                    choice |= {"group": GROUP, "own": self.name, "laws": laws}
        return {**schema, "with": {"file": self.name, "problem": self.problem, "edited": False}}

    def _run(self):
        loader = _Fresh(MODULE, str(self.path))
        module = module_from_spec(spec_from_file_location(MODULE, self.path, loader=loader))
        sys.modules[MODULE] = module  # where dataclasses look for their module
        loader.exec_module(module)

    def _stamp_now(self):
        try:
            told = self.path.stat()
        except OSError:
            return None
        return told.st_mtime_ns, told.st_size, told.st_ino


class _Fresh(SourceFileLoader):
    """Never a cached .pyc: two saves within a second may have the same time and size."""

    def get_code(self, fullname):
        return self.source_to_code(self.get_data(self.path), self.path)


def load(path):
    """Runs a file that adds rows to the tables; raises `ValueError` with file and line."""
    own = Own(path)
    if not own.load():
        raise ValueError(own.problem)
    return own


def _rows():
    return {field: dict(table) for field, table in TABLES.items()}


def _restore(rows):
    for field, table in TABLES.items():
        table.data = dict(rows[field])


def _what(error):
    """`ZeroDivisionError: division by zero`, on one line."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    said = next((line.strip() for line in said.splitlines() if line.strip()), "")[:LONGEST]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
