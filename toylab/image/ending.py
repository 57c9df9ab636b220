"""How a run ended, in a file of its own, so that nobody who looks at the folder has to guess.

RUN/ended.json  {state: finished | stopped | diverged | failed, step, words}

It is not there while the run trains; where nothing trains either, the run was killed.
"""

import contextlib
import json
from pathlib import Path

from toylab.files import write
from toylab.image.divergence import Diverged


class Ending:
    """Around a run's training: removes what an earlier end left, and writes down its own.

    folder -- None for a process that writes nothing
    """

    def __init__(self, folder, steps):
        self.path, self.steps, self.step = folder and Path(folder) / "ended.json", steps, None

    def __enter__(self):
        if self.path:
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, kind, error, trace):
        if not self.path:
            return
        done = kind is None and self.step == self.steps
        state, words = "finished" if done else "stopped", ""
        if kind is not None and issubclass(kind, Exception):
            state = "diverged" if issubclass(kind, Diverged) else "failed"
            words = str(error) or kind.__name__
        told = {"state": state, "step": self.step, "words": words}
        with contextlib.suppress(OSError):  # of a full disk the error itself tells
            write(self.path, json.dumps(told).encode() + b"\n")
