"""A run and its directory: a consumer of the core's training states that writes them down.

runs/00000-digits-smoke/
  config.toml  env.json  metrics.jsonl  events.jsonl  reals.png
  samples/fakes00000300.png             64 images of the moving average, always the same latents
  ended.json                            how it ended; not there while it trains
  checkpoints/step-00000300.ckpt …      see `toylab.image.checkpoint`
"""

import json
import os
import platform
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

import toylab
from toylab.files import write
from toylab.games import Players
from toylab.image import checkpoint, divergence, grids, scoring
from toylab.image import data as data_sets
from toylab.image.config import EXPERIMENT, ConfigError, build, dump, read
from toylab.image.divergence import Diverged
from toylab.image.ending import Ending
from toylab.image.log import GRID, Log, Watch
from toylab.image.networks import FAMILIES
from toylab.image.precision import DTYPES, allow, arranged, forgetting
from toylab.image.sources import Images
from toylab.image.stopping import Stop
from toylab.makings import LATENTS
from toylab.processes import any_of, neighbours, world
from toylab.states import flatten, restore
from toylab.trainer import Setup, train

try:
    import fcntl
except ImportError:  # not on Windows, where two processes are not kept apart
    fcntl = None


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
    if device == "cuda" and world() > 1 and neighbours() > torch.cuda.device_count():
        raise ConfigError(
            f"{neighbours()} processes on this machine, but {torch.cuda.device_count()} GPUs: "
            "a process needs one of its own; start fewer, or device=cpu"
        )
    real = real or data_sets.opened(settings)
    real = data_sets.placed(real, device)
    latent = LATENTS[experiment.latent_law](experiment.latent)
    try:
        networks = FAMILIES[settings.network].build(real.shape, experiment, settings)
        networks = Players(*(arranged(network, settings, device) for network in networks))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    allow(settings, device)
    if settings.backend != "plain" and world() > 1:
        raise ConfigError(
            f"backend={settings.backend}: a step that several processes share is not compiled; "
            "take backend=plain"
        )
    dtype, backend = DTYPES[settings.precision], settings.backend
    setup = Setup(experiment, networks, (real, latent), dtype, device, backend)
    for spec in setup.draws.specs:
        if spec.size % world():
            raise ConfigError(
                f"{world()} processes share every minibatch evenly, got one of {spec.size}: choose "
                "batch and batch_generator so that they can"
            )
    if settings.average_kimg:
        images = sum(spec.count * spec.size for spec in setup.draws.specs if spec.real)
        try:
            experiment.average = forgetting(images, settings.average_kimg)
        except ValueError as error:
            raise ConfigError(f"average_kimg={settings.average_kimg}: {error}") from error
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
    told = environment(setup) | {
        "data": fingerprint(setup),
        "shape": list(setup.sources[0].shape),
        "parent": str(parent) if parent else None,
        "numbers": {n: p.count for n, p in setup.networks._asdict().items()},
    }
    write(folder / "env.json", json.dumps(told, indent=1).encode())
    grids.save(folder / "reals.png", grids.shown(setup, grids.reals(setup, GRID)))
    return folder


def environment(setup):
    """{what: …} that the bits of a run hang on, beside its configuration."""
    cuda = torch.device(setup.device).type == "cuda"
    return {
        "toylab": toylab.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name() if cuda else str(setup.device),
        "threads": torch.get_num_threads(),
        "processes": world(),
    }


def sameness(folder, config, setup):
    """In words whether a run goes on to the same bits here, or only from the same state."""
    try:
        begun = json.loads((Path(folder) / "env.json").read_text())
    except (OSError, ValueError):
        begun = {}
    now, begun = environment(setup), begun if isinstance(begun, dict) else {}
    other = [
        f"{n} {begun.get(n)} → {now[n]}" for n in now if n != "python" and begun.get(n) != now[n]
    ]
    if torch.device(setup.device).type == "cuda" and not config.settings.deterministic:
        other.append("deterministic=false")
    return f"the same state, other rounding: {', '.join(other)}" if other else "bit for bit"


def locate(path):
    """(run directory, checkpoint) of a run directory, a checkpoint in one, or its best.json."""
    path = Path(path)
    inside = path.suffix == ".ckpt" or path.name in ("last.json", "best.json")
    folder = path.parent.parent if inside else path
    if not (folder / "config.toml").is_file():
        raise ConfigError(f"{path} is neither a run directory nor a checkpoint in one")
    if path.suffix == ".ckpt":
        return folder, path
    return folder, checkpoint.named(path if inside else folder / "checkpoints" / "last.json")


def opened(path, changed=None, reals=True):
    """(folder, config, setup, state) of a run, or of one of its checkpoints, to go on with.

    reals -- whether its real images are needed; without them nothing but sampling means anything
    """
    folder, _ = locate(path)
    values = {**read(folder / "config.toml"), **(changed or {})}
    config = build(folder.name[6:] or folder.name, values)
    setup = prepare(config, None if reals else _blank(folder, config.settings))
    return folder, config, setup, _newest(path, setup)


def _newest(path, setup):
    """The state there; a run that trains may remove a checkpoint that it has just named."""
    for _ in range(9):
        file = locate(path)[1]
        try:
            return checkpoint.load(file, setup.start(), fingerprint(setup))
        except checkpoint.CheckpointError:
            if locate(path)[1] == file:
                raise
    return checkpoint.load(file, setup.start(), fingerprint(setup))


def _blank(folder, settings):
    """One black image of a run's shape in its images' place; None where env.json has no shape."""
    try:
        told = json.loads((Path(folder) / "env.json").read_text())
        black = np.zeros((1, *told["shape"]), np.uint8)
        return Images(black, settings.scaling, settings.flips, fingerprint=told["data"])
    except (OSError, ValueError, TypeError, KeyError, MemoryError):
        return None  # the images themselves will tell


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

    Every state to be written is checked first; raises `Diverged`, unless `on_divergence` has the
    run go back. Once `stop.wanted` is set, the next state is saved and returned; lines of progress
    go to `out`. For as long as it runs, the folder is its own (`Lock`). Of several processes only
    the first has a folder.
    """
    stop, steps = stop or Stop(), config.settings.steps
    with Lock(folder) if folder else nullcontext(), Ending(folder, steps) as ending:
        if folder and config.settings.eval_every:
            scoring.ready(folder, config)
        state = state or setup.start()
        log = Watch(config, setup, state)
        if folder:
            write(folder / "config.toml", dump(config).encode())  # of the latest start
            log = Log(folder, config, setup, state, boards)
        if any_of(folder and not (folder / "checkpoints").exists()):
            log.picture(state)
            log.save(state)
        rollback = config.settings.on_divergence == "rollback"
        most = config.settings.rollbacks if rollback else 0
        for gone_back in range(most + 1):
            try:
                return _written(log, state, stop, ending, out)
            except Diverged as noticed:
                error = _located(log, noticed)
                log.event("diverged", error.step, terms=error.terms)
                error.gone_back = gone_back
                if gone_back == most:
                    raise error from noticed
            state = _back(log, error)


def _written(log, state, stop, ending, out):
    """Walks to the last step, with everything written that is due; returns the state reached."""
    config, settings = log.config, log.config.settings
    states = walk(config, log.setup, state, settings.steps - state.step)
    with log.progress(state.step, out) as progress:
        for state in states:
            ending.step = state.step
            ended, asked = state.step == settings.steps, any_of(stop.wanted)
            if ended or state.step % settings.log_every == 0:
                progress(log.measure(state))
            if ended or state.step % settings.sample_every == 0:
                log.picture(state)
            every = settings.eval_every
            if every and (ended or state.step % every == 0 and not asked):
                # Before it is saved: what explodes is no state to go on from.
                log.score(state, stop)
            if ended or asked or state.step % settings.save_every == 0:
                log.save(state)
            if asked:
                break
    log.event("finished" if state.step == settings.steps else "stopped", state.step)
    return state


def _located(log, noticed):
    """What was noticed, said of the step and the term where it began."""
    if noticed.terms == ("fid",):
        return noticed
    again = walk(log.config, log.setup, log.well, noticed.step - log.well.step)
    found = divergence.began(again, log.setup, log.config.settings.loss_limit)
    return Diverged(*found, noticed.last) if found else noticed


def _back(log, error):
    """The state that a run which exploded goes on with; its rates are lower then."""
    state, source = log.back(error.step), log.setup.sources[0]
    log.config = config = divergence.gentler(log.config)
    log.setup = prepare(config, source)
    if log.folder:
        write(log.folder / "config.toml", dump(config).encode())
    rates = {name: str(getattr(config.experiment, name)) for name in divergence.RATES}
    log.event("rolled back", state.step, seed=config.experiment.seed, **rates)
    if log.folder:
        told = f"step {error.step}: {', '.join(error.terms)} not finite or beyond its limit; "
        calmer = ", ".join(f"{name}={rate}" for name, rate in rates.items())
        print(f"{told}back to step {state.step} with {calmer}", file=sys.stderr, flush=True)
    return state


def walk(config, setup, state, steps):
    """The states of that many steps: the one place where the core is asked to train."""
    return train(config.experiment, state=state, steps=steps, setup=setup)
