"""What a sweep has found so far, as files: one for each ensemble, written whole or not at all.

    FOLDER/ensemble-….json    {format, digest, rows}, named after the keys of its runs
    FOLDER/.lock              held while a sweep works on the folder

A run is looked up by its key, so another spec takes from the folder what still applies to it.
"""

import contextlib
import hashlib
import json
from pathlib import Path

from filelock import FileLock, Timeout

from toylab.files import write

FORMAT = "toylab-sweep-1"


class Busy(ValueError):
    """Another sweep works on the folder."""


@contextlib.contextmanager
def locked(folder):
    """Holds the folder; raises `Busy` where another process does. A killed one holds nothing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / ".lock").acquire(timeout=0)
    except Timeout as error:
        raise Busy(
            f"another sweep works on {folder}: wait until it is done, or name another --out"
        ) from error
    with lock:
        yield


def _digest(rows):
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def keep(folder, rows):
    """Writes an ensemble's rows and returns the path."""
    told = json.dumps([[row["key"], sorted(row["measures"])] for row in rows])
    path = Path(folder) / f"ensemble-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
    content = {"format": FORMAT, "digest": _digest(rows), "rows": rows}
    write(path, json.dumps(content, allow_nan=False, indent=1).encode() + b"\n")
    return path


def _rows(path):
    """The rows of a file; raises `ValueError` that says what is wrong with it."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"it is not a file of format {FORMAT}")
    if content.get("digest") != _digest(content.get("rows")):
        raise ValueError("its content is not what was written")
    return content["rows"]


def found(folder, columns):
    """({key: row}, [(path, why)] of damaged files) of a folder.

    columns -- of the measures that are wanted: a row that lacks one is not taken, unless it failed
    """
    rows, damaged = {}, []
    for path in sorted(Path(folder).glob("ensemble-*.json")):
        try:
            inside = _rows(path)
        except ValueError as error:
            damaged.append((path, str(error)))
            continue
        for row in inside:
            whole = row["failure"] or set(columns) <= set(row["measures"])
            if whole and not (row["key"] in rows and rows[row["key"]]["settled"]):
                rows[row["key"]] = row
    return rows, damaged
