"""The process that builds one step for the engine: its trace, its native code, its place on disk.

``python -m toylab.engine.build`` reads an order, one line of JSON with the settings of a run, and
ends with 0 once every kind of step that comes in that run lies in the cache, or else with 1 and why
on its last line. It ends at once when whoever ordered closes its input.
"""

import json
import os
import signal
import sys
import tempfile
import threading

import torch
from torch._inductor.cpp_builder import get_cpp_compiler

from toylab import artefacts
from toylab.engine import reading
from toylab.experiment import Experiment
from toylab.trainer import Setup


def build(settings):
    """Builds what a run of these settings needs; raises whatever goes wrong."""
    get_cpp_compiler()  # where there is none, it is known before the trace
    setup = Setup(Experiment(**reading.readable(settings)))
    setup.try_out(setup.compiling("ahead", strict=True), setup.start())


def leave_with(orderer):
    """Ends this process and its compilers once the other end of that pipe is closed."""
    while os.read(orderer, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main():
    """Builds what standard input orders."""
    order = json.loads(sys.stdin.readline())
    if os.getpgrp() == os.getpid():  # as the engine starts it: the group is its own
        threading.Thread(target=leave_with, args=(sys.stdin.fileno(),), daemon=True).start()
    torch.set_num_threads(1)  # as in the engine: it is part of what an artefact is known by
    try:
        # What is left behind where it is killed lies in the cache, which clears it away.
        with tempfile.TemporaryDirectory(
            prefix=artefacts.BUILDING, dir=artefacts.folder()
        ) as scratch:
            tempfile.tempdir = os.environ["TMPDIR"] = scratch
            build(order["settings"])
    except Exception as error:
        words = (str(error).strip().splitlines() or [""])[0]
        print(f"{type(error).__name__}: {words}", flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
