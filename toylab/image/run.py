"""A run and its directory: a consumer of the core's training states that writes them down.

runs/00000-digits-smoke/
  config.toml  env.json  metrics.jsonl  reals.png
  samples/fakes00000300.png             64 images of the moving average, always the same latents
  checkpoints/step-00000300.ckpt …      see `toylab.image.checkpoint`
"""

import hashlib
import json
import platform
import signal
import sys
import time
from pathlib import Path

import torch

import toylab
from toylab.image import checkpoint, grids
from toylab.image.config import ConfigError, build, dump, read
from toylab.image.data import DATA
from toylab.image.networks import FAMILIES
from toylab.makings import LATENTS
from toylab.schedules import evaluate
from toylab.trainer import Setup, losses, train

GRID = 64  # images in a sample grid


class Diverged(RuntimeError):
    """A run whose numbers are no longer finite."""


class Stop:
    """Ctrl-C and SIGTERM as a wish, granted at the next step; a second one ends at once."""

    def __init__(self):
        self.wanted = False

    def __enter__(self):
        wishes = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._ask) for number in wishes}
        return self

    def __exit__(self, *problem):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number, frame):
        self.wanted = True
        self.__exit__()


def prepare(config):
    """The core's `Setup` with this run's networks and images; raises `ConfigError`, `DataError`."""
    experiment, settings = config.experiment, config.settings
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device=cuda, but torch finds no GPU here: device=cpu, or auto")
    real = DATA[settings.data]()
    latent = LATENTS[experiment.latent_law](experiment.latent)
    try:
        networks = FAMILIES[settings.network].build(real.shape, experiment, settings)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return Setup(
        experiment,
        networks=networks,
        sources=(real, latent),
        dtype=getattr(torch, settings.precision),
        device=device,
    )


def fingerprint(setup):
    """A hash of the real images, so that a run is never taken up with others; "" without a set."""
    points = getattr(setup.sources[0], "points", None)
    return "" if points is None else hashlib.sha256(points.tobytes()).hexdigest()


def create(config, setup, out):
    """A new numbered directory with the run's configuration and its real images; returns it."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(p.name[:5]) for p in out.glob("[0-9]" * 5 + "-*")), default=-1)
    while True:
        folder = out / f"{number:05d}-{config.name}"
        try:
            folder.mkdir()
            break
        except FileExistsError:  # another run was started at the same moment
            number += 1
    (folder / "samples").mkdir()
    checkpoint.write(folder / "config.toml", dump(config).encode())
    environment = {
        "toylab": toylab.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "device": str(setup.device),
        "threads": torch.get_num_threads(),
        "data": fingerprint(setup),
        "numbers": {n: p.count for n, p in setup.networks._asdict().items()},
    }
    checkpoint.write(folder / "env.json", json.dumps(environment, indent=1).encode())
    grids.save(folder / "reals.png", grids.reals(setup, GRID))
    return folder


def locate(path):
    """(run directory, checkpoint) of a run directory or of a checkpoint in one."""
    path = Path(path)
    folder = path.parent.parent if path.suffix == ".ckpt" else path
    if not (folder / "config.toml").is_file():
        raise ConfigError(f"{path} is neither a run directory nor a checkpoint in one")
    return folder, path if path.suffix == ".ckpt" else checkpoint.last(folder / "checkpoints")


def opened(path, changed=None):
    """(folder, config, setup, state) of a run, or of one of its checkpoints, to go on with."""
    folder, file = locate(path)
    values = {**read(folder / "config.toml"), **(changed or {})}
    config = build(folder.name[6:] or folder.name, values)
    setup = prepare(config)
    return folder, config, setup, checkpoint.load(file, setup.start(), fingerprint(setup))


def follow(folder, config, setup, state=None, stop=None):
    """Has the core train from a state (or the start) to the last step; returns the state reached.

    Every state to be written is checked first; raises `Diverged`. Once `stop.wanted` is set, the
    next state is saved and returned.
    """
    settings, stop = config.settings, stop or Stop()
    log = Log(folder, config, setup, state.step if state else 0)
    if state is None:
        state = setup.start()
        log.picture(state)
        log.save(state)
    states = train(config.experiment, state=state, steps=settings.steps - state.step, setup=setup)
    with log.progress(state.step) as progress:
        for state in states:
            ended = state.step == settings.steps
            if ended or state.step % settings.log_every == 0:
                progress(log.measure(state))
            if ended or state.step % settings.sample_every == 0:
                log.picture(state)
            if ended or stop.wanted or state.step % settings.save_every == 0:
                log.save(state)
            if stop.wanted:
                break
    return state


class Log:
    """What a run writes: rows of metrics.jsonl, sample grids, checkpoints, lines on the screen."""

    def __init__(self, folder, config, setup, step):
        self.folder, self.config, self.setup = Path(folder), config, setup
        self.data = fingerprint(setup)
        self.images = sum(spec.count * spec.size for spec in setup.draws.specs if spec.real)
        self.metrics = self.folder / "metrics.jsonl"
        self._forget(step)
        self._seen, self._since = step, time.perf_counter()

    def _forget(self, step):
        """Drops rows of later steps, written after the checkpoint that the run goes on from."""
        rows = self.metrics.read_text().splitlines(True) if self.metrics.exists() else []
        kept = [row for row in rows if row.endswith("\n") and json.loads(row)["step"] <= step]
        checkpoint.write(self.metrics, "".join(kept).encode())

    def check(self, state, found=None):
        """Raises `Diverged` where a player or a loss is not finite."""
        parts = {**state.players._asdict(), "average": state.average}
        bad = [name for name, vector in parts.items() if not bool(vector.isfinite().all())]
        bad += [f"{n} loss" for n, v in (found or {}).items() if not abs(v) < float("inf")]
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
        found = losses(self.setup, state)
        self.check(state, found)
        weight = evaluate(self.config.experiment.penalty_weight, state.step)
        row = {"step": state.step, "images": self.images * state.step, **found}
        row |= {"penalty_weight": weight} if "penalty" in found else {}
        row |= {"images_per_second": round(rate, 1)}
        with open(self.metrics, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self._seen, self._since = state.step, time.perf_counter()
        return row

    def picture(self, state):
        """Writes the sample grid of the moving average at this state."""
        self.check(state)
        images = grids.fakes(self.setup, state.average, GRID)
        grids.save(self.folder / "samples" / f"fakes{state.step:08d}.png", images)

    def save(self, state):
        """Writes the state's checkpoint."""
        self.check(state)
        return checkpoint.save(self.folder / "checkpoints", state, self.data)

    def progress(self, step):
        """A bar on a terminal, plain lines anywhere else; called with every row of metrics."""
        return (Bar if sys.stderr.isatty() else Lines)(step, self.config.settings.steps)


class Lines:
    """One line of text a row."""

    def __init__(self, step, steps):
        self.steps = steps

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        pass

    def __call__(self, row):
        print(f"step {row['step']}/{self.steps}  {_words(row)}", flush=True)


class Bar(Lines):
    """tqdm's bar."""

    def __init__(self, step, steps):
        from tqdm import tqdm

        self.bar = tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True)

    def __exit__(self, *problem):
        self.bar.close()

    def __call__(self, row):
        self.bar.set_postfix_str(_words(row), refresh=False)
        self.bar.update(row["step"] - self.bar.n)


def _words(row):
    parts = [f"{n} {row[n]:.3f}" for n in ("critic", "generator", "penalty") if n in row]
    return "  ".join([*parts, f"{row['images_per_second']:.0f} img/s"])
