"""What a run writes down: metrics.jsonl, events.jsonl, sample grids, scores, checkpoints.

events.jsonl   {event, step, time, …}: started, stopped, finished, best, diverged, rolled back
"""

import json
import re
import time
from collections import deque
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch

import toylab
from toylab.files import write
from toylab.image import checkpoint, grids, scoring
from toylab.image.boards import BOARDS
from toylab.image.divergence import Diverged, measured, unwell
from toylab.image.progress import progress
from toylab.processes import any_of, world
from toylab.schedules import evaluate

GRID = 64  # images in a sample grid
OF_STEPS = ("samples/fakes*.png", "eval/step-*.json")  # files with a step in their names


class Watch:
    """What every process of a run knows of its health: the states to go back to, and the limits.

    well -- the last state whose losses were looked at and found well
    """

    folder = None

    def __init__(self, config, setup, state=None):
        self.config, self.setup, self.well = config, setup, state
        self._saved, self._tried = deque([state] if state else [], checkpoint.KEPT), None

    def check(self, state, found=None):
        """Raises `Diverged` where a player, a loss, a penalty or a gradient is no good."""
        if bad := unwell(state, found, self.config.settings.loss_limit):
            raise Diverged(state.step, bad, self.last())

    def last(self):
        """The path of the last checkpoint, where this process knows it."""

    def measure(self, state):
        """The losses and gradients, which are means over all processes."""
        return self._look(state)

    def _look(self, state):
        found = measured(self.setup, state)
        self.check(state, found)
        self.well = state
        return found

    def _keep(self, state):
        """Takes a state to go back to, whose losses have been looked at and found well."""
        self.check(state)
        if state is not self.well:
            self._look(state)
        if not (self._saved and self._saved[-1] is state):
            self._saved.append(state)

    def picture(self, state):
        """Nothing but the check."""
        self.check(state)

    def save(self, state):
        """Keeps the state to go back to."""
        self._keep(state)

    def score(self, state, stop):
        """Raises `Diverged` where the first process finds a FID beyond its limit."""
        self._keep(state)
        self._explosion(state)

    def _explosion(self, state, beyond=False):
        if self.config.settings.fid_limit and any_of(beyond):
            raise Diverged(state.step, ["fid"], self.last())

    def back(self, step):
        """The state to go back to: the last saved before that step, or if it was tried the one
        before it."""
        while len(self._saved) > 1 and (
            self._saved[-1].step >= step or self._saved[-1] is self._tried
        ):
            self._saved.pop()
        self.well = self._tried = self._saved[-1]
        return self._tried

    def event(self, name, step, **more):
        """Nothing to write."""

    def progress(self, step, out=None):
        """Nothing to see."""
        return nullcontext(lambda row: None)


class Log(Watch):
    """The pen of a run: its folder from this step on.

    boards -- names in `BOARDS` that get every row of metrics, every score and every grid too
    """

    def __init__(self, folder, config, setup, state=None, boards=()):
        super().__init__(config, setup, state)
        self.folder = Path(folder)
        self.data = getattr(setup.sources[0], "fingerprint", "")
        self.images = sum(spec.count * spec.size for spec in setup.draws.specs if spec.real)
        self.metrics = self.folder / "metrics.jsonl"
        self.begin(state.step if state else 0)
        if state is not None and self._is_behind(state):
            self._written(state)  # whoever goes on after this process goes on from here
        self.boards = [BOARDS[name](self.folder, config) for name in boards]
        versions = {"toylab": toylab.__version__, "torch": torch.__version__}
        self.event("started", self._seen, device=str(setup.device), processes=world(), **versions)

    def _is_behind(self, state):
        """Whether the run was further than this state when it ended."""
        last = self.last()
        return last is not None and (checkpoint.step_of(last) or 0) > state.step

    def begin(self, step):
        """Drops what is of later steps, written after the checkpoint that the run goes on from, and
        rows that are none; the clock goes on from the last row that is left."""
        for path in (path for pattern in OF_STEPS for path in self.folder.glob(pattern)):
            if (number := re.search(r"\d{8,}", path.name)) and int(number[0]) > step:
                path.unlink()
        rows = self.metrics.read_bytes().splitlines(True) if self.metrics.exists() else []
        kept = [row for row in rows if _number(row, "step", float("inf")) <= step]
        write(self.metrics, b"".join(kept))
        self._seen, self._since = step, time.perf_counter()
        self._began = self._since - (_number(kept[-1], "seconds", 0.0) if kept else 0.0)

    def last(self):
        try:
            return checkpoint.last(self.folder / "checkpoints")
        except checkpoint.CheckpointError:
            return None  # not even the first is written

    def measure(self, state):
        """Writes one row of metrics and returns it."""
        now = time.perf_counter()
        rate = self.images * (state.step - self._seen) / (now - self._since)
        found = super().measure(state)
        weight = evaluate(self.config.experiment.penalty_weight, state.step)
        row = {"step": state.step, "images": self.images * state.step, **found}
        row |= {"penalty_weight": weight} if "penalty" in found else {}
        row |= {"images_per_second": round(rate, 1)}
        row |= {"seconds": round(time.perf_counter() - self._began, 3)}
        _append(self.metrics, row)
        self._seen, self._since = state.step, time.perf_counter()
        for board in self.boards:
            board.row(row)
        return row

    @contextmanager
    def _aside(self):
        """What is done in it counts for nothing in images a second."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._since += time.perf_counter() - began

    def picture(self, state):
        """Writes the sample grid of the moving average at this state."""
        super().picture(state)
        with self._aside():
            self._drawn(state)

    def _drawn(self, state):
        images = grids.fakes(self.setup, state.average, GRID)
        path = self.folder / "samples" / f"fakes{state.step:08d}.png"
        grids.save(path, grids.shown(self.setup, images))
        for board in self.boards:
            board.picture(state.step, path)

    def save(self, state):
        """Writes the state's checkpoint."""
        super().save(state)
        with self._aside():
            self._written(state)

    def _written(self, state):
        every = self.config.settings.keep_every
        return checkpoint.save(self.folder / "checkpoints", state, self.data, every)

    def back(self, step):
        """The state to go back to, which is what a resumed run would go on from, too."""
        state = super().back(step)
        self._written(state)
        self.begin(state.step)
        return state

    def score(self, state, stop):
        """Writes the scores of the moving average at this state; the best has its checkpoint.

        Once the run is to stop the score is dropped.
        """
        self._keep(state)
        settings, found = self.config.settings, None
        metrics = ("fid", "is", "classes", "pr")
        wanted = scoring.Wanted(metrics, settings.eval_features, settings.eval_images)
        with stop.dropping(), self._aside():
            found = scoring.score((self.folder, self.config, self.setup, state), wanted)
        if found is None:
            return self._explosion(state)
        scoring.written(self.folder / "eval", found)
        for board in self.boards:
            board.row({"step": state.step, **found["scores"]})
        fid, folder = found["scores"]["fid"], self.folder / "checkpoints"
        best = checkpoint.best(folder)
        told = {"extractor": found["extractor"]["sha256"], "images": settings.eval_images}
        if best and any(best.get(name) != told[name] for name in told):
            best = None  # of other features or fewer images: no number to compare with
        if best is None or fid < best["fid"]:
            told["fid"] = fid
            checkpoint.name_best(folder, self._written(state), state.step, told)
            self.event("best", state.step, fid=fid)
        self._explosion(state, best is not None and fid > settings.fid_limit * best["fid"])

    def event(self, name, step, **more):
        """Writes one row of events."""
        row = {"event": name, "step": step, "time": round(time.time(), 1), **more}
        _append(self.folder / "events.jsonl", row)

    def progress(self, step, out=None):
        """A bar on a terminal, plain lines anywhere else; called with every row of metrics."""
        return progress(step, self.config.settings.steps, out)


def _append(path, row):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _number(row, name, otherwise):
    """A number in a row of metrics; of half a row, or none, something else."""
    try:
        return float(json.loads(row)[name]) if row.endswith(b"\n") else otherwise
    except (ValueError, KeyError, TypeError):
        return otherwise
