"""``bench``: images a second against a loop by hand, a penalty's cost, memory, operations, FID.

It is the suite "image" of ``python -m toylab.bench``, in a process of its own, because training
loops other than the core's have no place in this package. On a GPU every precision and backend too.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from toylab.files import write
from toylab.image.commands import DONE, WRONG, reports


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds: a minute")
    parser.add_argument("--out", help="also write machine and rows into this JSON file")
    reports(parser)


def execute(parsed):
    """Measures; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "toylab.bench", "image", "--json", str(file)]
        quiet = subprocess.DEVNULL if parsed.json else None
        done = subprocess.run([*command, *["--quick"] * parsed.quick], stdout=quiet)
        found = file.read_bytes() if file.exists() else b""
    if done.returncode or not found:
        return WRONG  # it has said why
    if parsed.out:
        write(parsed.out, found)
    if parsed.json:
        print(json.dumps(json.loads(found)), flush=True)
    return DONE
