"""What a run writes down: rows of metrics.jsonl, sample grids, checkpoints, lines on the screen."""

import json
import sys
import time
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import numpy as np

from toylab.files import write
from toylab.image import checkpoint, grids, scoring
from toylab.image.config import ConfigError
from toylab.image.pixels import pillow
from toylab.pulls import pulls
from toylab.schedules import evaluate
from toylab.trainer import losses

GRID = 64  # images in a sample grid


class Diverged(RuntimeError):
    """A run whose numbers are no longer finite."""


class Log:
    """The pen of a run: its folder from this step on.

    boards -- names in `BOARDS` that get every row of metrics and every grid too
    """

    def __init__(self, folder, config, setup, step, boards=()):
        self.folder, self.config, self.setup = Path(folder), config, setup
        self.data = getattr(setup.sources[0], "fingerprint", "")
        self.images = sum(spec.count * spec.size for spec in setup.draws.specs if spec.real)
        self.metrics = self.folder / "metrics.jsonl"
        self._seen, self._since = step, time.perf_counter()
        self._began = self._since - self._forget(step)  # as if it had never been interrupted
        self.boards = [BOARDS[name](self.folder, config) for name in boards]

    def _forget(self, step):
        """Drops rows of later steps, written after the checkpoint that the run goes on from.

        Returns the seconds that it had trained for at the last row that is left.
        """
        rows = self.metrics.read_text().splitlines(True) if self.metrics.exists() else []
        kept = [row for row in rows if row.endswith("\n") and json.loads(row)["step"] <= step]
        write(self.metrics, "".join(kept).encode())
        return json.loads(kept[-1]).get("seconds", 0.0) if kept else 0.0

    def check(self, state, found=None):
        """Raises `Diverged` where a player or a loss is not finite."""
        parts = {**state.players._asdict(), "average": state.average}
        bad = [name for name, vector in parts.items() if not bool(vector.isfinite().all())]
        bad += [n for n, v in (found or {}).items() if not abs(v) < float("inf")]
        if bad:
            raise Diverged(
                f"diverged: at step {state.step} these are not finite: {', '.join(bad)}; try a "
                "lower rate_critic and rate_generator, or a larger penalty_weight. The last good "
                f"checkpoint is {checkpoint.last(self.folder / 'checkpoints')}"
            )

    def measure(self, state):
        """Writes one row of metrics and returns it."""
        now = time.perf_counter()
        rate = self.images * (state.step - self._seen) / (now - self._since)
        found, pulled = losses(self.setup, state), pulls(self.setup, state)
        named = {f"{name} loss": value for name, value in found.items()}
        self.check(state, named | {name.replace("_", "'s "): v for name, v in pulled.items()})
        weight = evaluate(self.config.experiment.penalty_weight, state.step)
        row = {"step": state.step, "images": self.images * state.step, **found}
        row |= {"penalty_weight": weight} if "penalty" in found else {}
        row |= {**pulled, "images_per_second": round(rate, 1)}
        row |= {"seconds": round(time.perf_counter() - self._began, 3)}
        with open(self.metrics, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self._seen, self._since = state.step, time.perf_counter()
        for board in self.boards:
            board.row(row)
        return row

    def picture(self, state):
        """Writes the sample grid of the moving average at this state."""
        self.check(state)
        images = grids.fakes(self.setup, state.average, GRID)
        path = self.folder / "samples" / f"fakes{state.step:08d}.png"
        grids.save(path, grids.shown(self.setup, images))
        for board in self.boards:
            board.picture(state.step, path)

    def save(self, state):
        """Writes the state's checkpoint."""
        self.check(state)
        return checkpoint.save(self.folder / "checkpoints", state, self.data)

    def score(self, state):
        """Writes the scores of the moving average at this state."""
        self.check(state)
        wanted = scoring.Wanted(("fid", "is", "classes", "pr"), n=self.config.settings.eval_images)
        run = (self.folder, self.config, self.setup, state)
        scoring.written(self.folder, scoring.score(run, wanted))

    def progress(self, step, out=None):
        """A bar on a terminal, plain lines anywhere else; called with every row of metrics."""
        kind = Bar if sys.stderr.isatty() else Lines
        return kind(step, self.config.settings.steps, out or sys.stdout)


class Silent(Log):
    """The log of a process beside the first one: takes part in every mean, and writes nothing."""

    def __init__(self, config, setup):
        self.config, self.setup = config, setup

    def check(self, state, found=None):
        """Raises `Diverged` where the first process does: their numbers are the same."""
        numbers = [vector.isfinite().all() for vector in (*state.players, state.average)]
        numbers += [abs(value) < float("inf") for value in (found or {}).values()]
        if not all(map(bool, numbers)):
            raise Diverged(f"diverged at step {state.step}")

    def measure(self, state):
        """The losses and gradients, which are means over all processes."""
        self.check(state, losses(self.setup, state) | pulls(self.setup, state))

    def picture(self, state):
        """Nothing but the check."""
        self.check(state)

    save = score = picture

    def progress(self, step, out=None):
        """Nothing to see."""
        return nullcontext(lambda row: None)


class Lines:
    """One line of text a row."""

    def __init__(self, step, steps, out):
        self.steps, self.out, self._first = steps, out, (step, time.perf_counter())

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        pass

    def __call__(self, row):
        step, since = self._first
        left = (time.perf_counter() - since) / (row["step"] - step) * (self.steps - row["step"])
        told = f"step {row['step']}/{self.steps}  {words(row)}  {clock(left)} left"
        print(told, file=self.out, flush=True)


class Bar(Lines):
    """tqdm's bar."""

    def __init__(self, step, steps, out):
        from tqdm import tqdm

        self.bar = tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True)

    def __exit__(self, *problem):
        self.bar.close()

    def __call__(self, row):
        self.bar.set_postfix_str(words(row), refresh=False)
        self.bar.update(row["step"] - self.bar.n)


def words(row):
    """A row of metrics as one line reads it."""
    parts = [f"{n} {row[n]:.3f}" for n in ("critic", "generator", "penalty") if n in row]
    rate = f"{row['images_per_second']:.0f} img/s"
    return "  ".join([*parts, f"{row['images'] / 1000:.1f} kimg", rate])


def clock(seconds):
    """Seconds as 0:07, 12:30 or 3:12:30."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class TensorBoard:
    """Every row and grid as TensorBoard reads them, in the run's folder tensorboard/."""

    @staticmethod
    def library():
        """Its module; raises `ConfigError` where it is not installed."""
        return _library("torch.utils.tensorboard", "tensorboard")

    def __init__(self, folder, config):
        self.writer = TensorBoard.library().SummaryWriter(str(folder / "tensorboard"))

    def row(self, row):
        for name, value in row.items():
            if name != "step":
                self.writer.add_scalar(name, value, row["step"])
        self.writer.flush()

    def picture(self, step, path):
        pixels = pillow().open(path).convert("RGB")
        self.writer.add_image("fakes", np.asarray(pixels), step, dataformats="HWC")


class Wandb:
    """Every row and grid on Weights & Biases, in the project toylab or $WANDB_PROJECT."""

    @staticmethod
    def library():
        """Its module; raises `ConfigError` where it is not installed."""
        return _library("wandb", "wandb")

    def __init__(self, folder, config):
        self.wandb = Wandb.library()
        values = {**config.experiment.settings(), **config.settings.param.values()}
        told = {name: str(value) for name, value in values.items()}
        self.run = self.wandb.init(dir=str(folder), name=folder.name, config=told)

    def row(self, row):
        self.run.log(row, step=row["step"])

    def picture(self, step, path):
        self.run.log({"fakes": self.wandb.Image(str(path))}, step=step)


def _library(module, package):
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"--board {package} needs {package}, which is not installed: pip install {package}"
        ) from error


BOARDS = {"tensorboard": TensorBoard, "wandb": Wandb}
