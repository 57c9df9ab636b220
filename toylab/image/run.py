"""A run and its directory: a consumer of the core's training states that writes them down.

runs/00000-digits-smoke/
  config.toml  env.json  metrics.jsonl  reals.png
  samples/fakes00000300.png             64 images of the moving average, always the same latents
  ended.json                            how it ended; not there while it trains
  checkpoints/step-00000300.ckpt …      see `toylab.image.checkpoint`
"""

import json
import os
import platform
import signal
from contextlib import nullcontext
from pathlib import Path

import torch

import toylab
from toylab.files import write
from toylab.games import Players
from toylab.image import checkpoint, grids
from toylab.image import data as data_sets
from toylab.image.config import EXPERIMENT, ConfigError, build, dump, read
from toylab.image.ending import Ending
from toylab.image.log import GRID, Log, Silent
from toylab.image.networks import FAMILIES
from toylab.image.precision import DTYPES, allow, arranged, forgetting
from toylab.makings import LATENTS
from toylab.processes import any_of, world
from toylab.states import flatten, restore
from toylab.trainer import Setup, train

try:
    import fcntl
except ImportError:  # not on Windows, where two processes are not kept apart
    fcntl = None


class Stop:
    """Ctrl-C, SIGTERM and SIGUSR1 as a wish, granted at the next step; a second one ends at once.

    SIGUSR1 is what SLURM is asked to send before a job's time is over.
    """

    def __init__(self):
        self.wanted = False

    def __enter__(self):
        names = ("SIGINT", "SIGTERM", "SIGUSR1")
        wishes = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._before = {number: signal.signal(number, self._ask) for number in wishes}
        return self

    def __exit__(self, *problem):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number, frame):
        self.wanted = True
        self.__exit__()


class Lock:
    """A run's folder for one process alone, for as long as it trains; raises `ConfigError`.

    The system lets go of it when the process ends, however that happens.
    """

    def __init__(self, folder):
        self.path = Path(folder) / ".lock"

    def __enter__(self):
        self.file = open(self.path, "a+")  # noqa: SIM115 it stays open
        if fcntl:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self.file.seek(0)
                owner = self.file.read().strip() or "unknown"
                self.file.close()
                raise ConfigError(
                    f"{self.path.parent} is being written by another process ({owner}): "
                    "wait for it, or start a new run with --fork"
                ) from error
        self.file.truncate(0)
        self.file.write(f"{platform.node()}, process {os.getpid()}")
        self.file.flush()
        return self

    def __exit__(self, *problem):
        self.file.close()


def prepare(config, real=None):
    """The core's `Setup` with this run's networks and images; raises `ConfigError`, `DataError`.

    real -- a source in place of the one that the settings name
    """
    experiment, settings = config.experiment, config.settings
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device=cuda, but torch finds no GPU here: device=cpu, or auto")
    real = real or data_sets.opened(settings)
    real = data_sets.placed(real, device)
    latent = LATENTS[experiment.latent_law](experiment.latent)
    try:
        networks = FAMILIES[settings.network].build(real.shape, experiment, settings)
        networks = Players(*(arranged(network, settings, device) for network in networks))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    allow(settings)
    setup = Setup(experiment, networks, (real, latent), DTYPES[settings.precision], device)
    for spec in setup.draws.specs:
        if spec.size % world():
            raise ConfigError(
                f"{world()} processes share every minibatch evenly, got one of {spec.size}: choose "
                "batch and batch_generator so that they can"
            )
    if settings.average_kimg:
        images = sum(spec.count * spec.size for spec in setup.draws.specs if spec.real)
        experiment.average = forgetting(images, settings.average_kimg)
        setup, _ = setup.followed(setup.start())
    return setup


def fingerprint(setup):
    """A hash of the real images, so that a run is never taken up with others; "" without a set."""
    return getattr(setup.sources[0], "fingerprint", "")


def create(config, setup, out, parent=None):
    """A new numbered directory with the run's configuration and its real images; returns it.

    parent -- the checkpoint that the run is a fork of
    """
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
    write(folder / "config.toml", dump(config).encode())
    environment = {
        "toylab": toylab.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "device": str(setup.device),
        "threads": torch.get_num_threads(),
        "processes": world(),
        "data": fingerprint(setup),
        "parent": str(parent) if parent else None,
        "numbers": {n: p.count for n, p in setup.networks._asdict().items()},
    }
    write(folder / "env.json", json.dumps(environment, indent=1).encode())
    grids.save(folder / "reals.png", grids.shown(setup, grids.reals(setup, GRID)))
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


def forked(path, changed):
    """(checkpoint, config, setup, state): a new run that takes another's state up, changed.

    Numbers and names may change as they may while the lab trains, and so may the images; what needs
    other networks may not. Raises `ConfigError`.
    """
    file = locate(path)[1]
    folder, parent, setup, state = opened(path)
    values = {**read(folder / "config.toml"), **changed}
    config = build(parent.name, values)
    try:
        live = {name: getattr(config.experiment, name) for name in changed if name in EXPERIMENT}
        parent.experiment.param.update(**live)
        _, state = setup.followed(state)
        setup = prepare(config)
        return file, config, setup, restore(setup.start(), flatten(state))
    except ValueError as error:
        raise ConfigError(f"{file} cannot be taken up with that: {error}") from error


def follow(folder, config, setup, state=None, stop=None, boards=(), out=None):
    """Has the core train from a state (or the start) to the last step; returns the state reached.

    Every state to be written is checked first; raises `Diverged`. Once `stop.wanted` is set, the
    next state is saved and returned; lines of progress go to `out`. For as long as it runs, the
    folder is its own (`Lock`). Of several processes only the first has a folder.
    """
    settings, stop = config.settings, stop or Stop()
    with Lock(folder) if folder else nullcontext(), Ending(folder, settings.steps) as ending:
        log = Silent(config, setup)
        if folder:
            write(folder / "config.toml", dump(config).encode())  # of the latest start
            log = Log(folder, config, setup, state.step if state else 0, boards)
        if any_of(folder and not (folder / "checkpoints").exists()):
            state = state or setup.start()
            log.picture(state)
            log.save(state)
        states = walk(config, setup, state, settings.steps - state.step)
        with log.progress(state.step, out) as progress:
            for state in states:
                ending.step = state.step
                ended, asked = state.step == settings.steps, any_of(stop.wanted)
                if ended or state.step % settings.log_every == 0:
                    progress(log.measure(state))
                if ended or state.step % settings.sample_every == 0:
                    log.picture(state)
                if ended or asked or state.step % settings.save_every == 0:
                    log.save(state)
                if settings.eval_every and (ended or state.step % settings.eval_every == 0):
                    log.score(state)
                if asked:
                    break
    return state


def walk(config, setup, state, steps):
    """The states of that many steps: the one place where the core is asked to train."""
    return train(config.experiment, state=state, steps=steps, setup=setup)
