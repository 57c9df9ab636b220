"""What happened to a run, from the end of its events.jsonl, in words."""

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

TAIL = 1 << 16  # bytes that are read, the last ones
MOST = 50  # events that are told, the last ones
LONGEST = 80  # characters of one
STATE = ("began", "finished", "stopped")  # what the run's state and step say by themselves


class Event(NamedTuple):
    """Something that happened at a step; `time` in seconds since 1970, None where it is not said.

    plain -- that the run's state says it too
    """

    step: int
    time: float | None
    words: str
    plain: bool


def read_events(file):
    """([`Event`], oldest first, how many lines are none) of an open events.jsonl.

    Of the best scores only the last is one: each takes the place of the one before.
    """
    size = os.fstat(file).st_size
    lines = os.pread(file, TAIL, max(0, size - TAIL)).split(b"\n")[:-1]  # not half a line
    told = [line for line in lines[int(size > TAIL) :] if line.strip()]
    rows = [row for line in told if (row := _row(line))]
    best = max((n for n, (name, _) in enumerate(rows) if name == "best"), default=None)
    kept = [one for n, (name, one) in enumerate(rows) if name != "best" or n == best]
    return kept[-MOST:], len(told) - len(rows)


def _row(line):
    """(name, `Event`) of a line, None where it is no event."""
    try:
        row = json.loads(line)
        fine = isinstance(row, Mapping) and isinstance(row.get("event"), str)
        fine = fine and type(row.get("step")) is int and abs(row["step"]) < 2**53
        return (row["event"], _event(row)) if fine else None
    except (ValueError, RecursionError, OverflowError):  # numbers may have any number of digits
        return None


def _event(row):
    name, step, when = row["event"], row["step"], row.get("time")
    if name == "started":
        words = "went on" if step else "began"
    elif name == "best" and type(row.get("fid")) in (int, float):
        words = f"best FID {row['fid']:.4g}"
    elif name == "diverged" and isinstance(row.get("terms"), list):
        words = f"diverged: {', '.join(map(str, row['terms']))}"
    elif name == "rolled back":
        rates = {n: row[n] for n in ("rate_critic", "rate_generator") if n in row}
        words = ", ".join(["went back here", *(f"{n}={x}" for n, x in rates.items())])
    else:
        words = name
    fine = type(when) in (int, float) and abs(when) < 1e15
    return Event(step, float(when) if fine else None, words[:LONGEST], words in STATE)
