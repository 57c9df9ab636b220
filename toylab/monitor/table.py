"""Rows of metrics.jsonl as columns of numbers, and what was wrong with the rest, in words."""

import json
from array import array
from bisect import bisect_left

import numpy as np

MOST_COLUMNS = 64
MOST_NUMBERS = 30_000_000  # of a run, 240 MB
MOST_NOTES = 24
LONGEST_NAME = 64
LAST_STEP = 2**53  # whole numbers beyond it are not exact as floats
BEYOND = 1e300  # larger numbers count as not finite: the differences of two may be infinite
NAN = float("nan")
_parse = json.JSONDecoder().scan_once


class Notes:
    """What was wrong with lines: each kind once, with the first line and how many there were."""

    def __init__(self):
        self.kinds = {}

    def add(self, number, what):
        """Line `number` has this wrong with it."""
        if what in self.kinds or len(self.kinds) < MOST_NOTES:
            first, count = self.kinds.get(what, (number, 0))
            self.kinds[what] = (first, count + 1)

    def words(self):
        """["line 7 is not JSON (3 lines so)", …]"""
        return [
            f"line {first:,} {what}" + (f" ({count:,} lines so)" if count > 1 else "")
            for what, (first, count) in self.kinds.items()
        ]


class Table:
    """Steps, rising, and a column of floats for every name; NaN where a row has no such number.

    A row whose step is not beyond the last one takes the place of all rows from that step on: a
    run that was taken up further back.
    """

    def __init__(self):
        self.steps, self.columns, self.notes = array("q"), {}, Notes()

    def add(self, lines):
        """Takes lines as `Lines.feed` gives them."""
        rows = [(number, row) for number, line in lines if (row := self._row(number, line))]
        if not self._block([row for _, row in rows]):
            for number, row in rows:
                self._one(number, row)

    def values(self, name):
        """A column as an array of its own; "step" is one too."""
        held = self.steps if name == "step" else self.columns[name]
        return np.array(held, dtype=float)

    def last(self, name):
        """The newest number of a column, None where there is none."""
        held = self.columns.get(name, ())
        return held[-1] if len(held) and held[-1] == held[-1] else None

    def _row(self, number, line):
        if line is None:
            return self.notes.add(number, "is longer than 1 MB: left out")
        try:
            text = line.strip().decode()
            row, end = _parse(text, 0)
            if end != len(text):
                raise ValueError
        except (ValueError, StopIteration, RecursionError):
            return self.notes.add(number, "is not JSON: left out")
        if type(row) is not dict:
            return self.notes.add(number, "is not a row of names and numbers: left out")
        step = row.get("step")
        if type(step) is not int or not 0 <= step < LAST_STEP:
            return self.notes.add(number, "has no step that is a whole number: left out")
        return row

    def _block(self, rows):
        """Takes rows that are as they should be, all at once; returns whether they were."""
        if not rows:
            return True
        names = [*rows[0]]
        begun = len(self.steps) or self.columns
        if begun and {*names} - {"step"} != {*self.columns}:
            return False
        if (len(self.steps) + len(rows)) * len(names) > MOST_NUMBERS:
            return False
        if len(names) > MOST_COLUMNS or any(len(name) > LONGEST_NAME for name in names):
            return False
        if any([*row] != names for row in rows):
            return False
        found = dict(zip(names, zip(*(row.values() for row in rows), strict=True), strict=True))
        if any({*map(type, column)} - {int, float} for column in found.values()):
            return False
        steps = np.array([self.steps[-1] if len(self.steps) else -1, *found.pop("step")])
        try:
            columns = {name: np.array(column, float) for name, column in found.items()}
        except OverflowError:
            return False
        fine = all((np.abs(column) < BEYOND).all() for column in columns.values())
        if (np.diff(steps) <= 0).any() or not fine:
            return False
        self.steps.extend(steps[1:].tolist())
        for name, column in columns.items():
            self.columns.setdefault(name, array("d")).frombytes(column.tobytes())
        return True

    def _one(self, number, row):
        """Takes one row, whatever it holds."""
        step = row.pop("step")
        if len(self.steps) and step <= self.steps[-1]:
            keep = bisect_left(self.steps, step)
            for held in (self.steps, *self.columns.values()):
                del held[keep:]
            self.notes.add(number, "goes back in steps: what came after that step is left out")
        if (len(self.steps) + 1) * (len(self.columns) + 1) > MOST_NUMBERS:
            return self.notes.add(number, "is one more than fit: what follows is left out")
        self.steps.append(step)
        for name, told in row.items():
            value = self._number(number, name[:LONGEST_NAME], told)
            if name not in self.columns and not self._room(number, name):
                continue
            self.columns[name].append(value)
        for held in self.columns.values():  # of which this row says nothing
            held.extend([NAN] * (len(self.steps) - len(held)))

    def _room(self, number, name):
        """Begins a new column, unless there are too many."""
        if len(self.columns) + 1 >= MOST_COLUMNS or len(name) > LONGEST_NAME:
            self.notes.add(number, f"has more or longer names than fit ({MOST_COLUMNS}): left out")
            return False
        self.columns[name] = array("d", [NAN]) * (len(self.steps) - 1)
        return True

    def _number(self, number, name, told):
        if type(told) not in (int, float):
            kinds = {str: "text", bool: "true or false", type(None): "null", list: "a list"}
            self.notes.add(number, f"has {kinds.get(type(told), 'a table')} for {name}")
            return NAN
        try:
            value = float(told)
        except OverflowError:
            value = float("inf")
        if not abs(value) < BEYOND:
            self.notes.add(number, f"has a {name} that is not finite")
            return NAN
        return value
