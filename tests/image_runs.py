"""Tiny image runs through the command line, for the tests of `toylab.image`."""

import os
import subprocess
import sys
from pathlib import Path

from toylab.image import run
from toylab.image.__main__ import main

PACKAGE = Path(run.__file__).parent
TINY = ["features=4", "latent=3", "batch=8", "device=cpu"]  # digits-smoke in little time


def line(*words):
    """`python -m toylab.image …` for subprocess, in any folder."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parents[1])}
    command = [sys.executable, "-m", "toylab.image", *map(str, words)]
    return {"args": command, "env": environment, "text": True}


def shell(*words, folder, code=0):
    """What it printed; any other exit code fails the test."""
    done = subprocess.run(**line(*words), cwd=folder, capture_output=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def refused(capsys, *words):
    """The one line of a command that ends with exit code 2."""
    assert main([str(word) for word in words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("toylab.image: ")
    return lines[0]


def trained(out, *words):
    """The directory of a tiny run of digits-smoke."""
    before = set(out.glob("*"))
    assert main(["train", "digits-smoke", *TINY, *words, "--out", str(out)]) == 0
    (folder,) = set(out.glob("*")) - before
    return folder


def reached(folder):
    """The state in a run's newest checkpoint."""
    return run.opened(folder)[3]
