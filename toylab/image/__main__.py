"""``python -m toylab.image train|sample|presets``: train image GANs, look at what they make.

Exit codes: 0 done · 2 a wrong setting, preset, file or data set · 3 diverged · 75 stopped by
Ctrl-C or SIGTERM after a checkpoint (run again with --resume).
"""

import argparse
import sys
from pathlib import Path

from toylab.image import checkpoint, config, grids, run
from toylab.image.checkpoint import CheckpointError
from toylab.image.config import ConfigError
from toylab.image.data import DataError

DONE, WRONG, DIVERGED, STOPPED = 0, 2, 3, 75


def parser():
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m toylab.image",
        description=__doc__.split("\n\n")[0],
        epilog=__doc__.split("\n\n")[1],
    )
    commands = made.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train", help="start a run, or go on with one")
    command.add_argument(
        "words",
        nargs="*",
        metavar="PRESET | name=value",
        help="a preset (its name or a path ending in .toml), then settings to change",
    )
    command.add_argument("--out", default="runs", help="where new run directories go (runs)")
    command.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with this run directory, or from this checkpoint in one, bit for bit",
    )
    command = commands.add_parser("sample", help="a grid of images from a run's moving average")
    command.add_argument("run", metavar="RUN", help="a run directory, or a checkpoint in one")
    command.add_argument("--n", type=int, default=64, help="how many images (64)")
    command.add_argument("--seed", type=int, default=0, help="same seed, same images (0)")
    command.add_argument("--out", help="the PNG file (samples/seed….png in the run)")
    commands.add_parser("presets", help="list the presets")
    return made


def train(arguments):
    """Starts or resumes a run; returns the exit code."""
    if arguments.resume:
        changed = config.overrides(arguments.words)
        if strange := [name for name in changed if name != "steps"]:
            raise ConfigError(
                f"a resumed run keeps its settings, got {', '.join(strange)}: "
                "only steps may change, or start a new run"
            )
        folder, configured, setup, state = run.opened(arguments.resume, changed)
        steps = configured.settings.steps
        if state.step > steps:
            raise ConfigError(f"{folder} is at step {state.step} already, got steps={steps}")
        if state.step == steps:
            print(f"{folder} is finished: {steps} of {steps} steps; steps=N would lengthen it")
            return DONE
        checkpoint.write(folder / "config.toml", config.dump(configured).encode())
        print(f"{folder}: on from step {state.step}", flush=True)
    else:
        if not arguments.words or "=" in arguments.words[0]:
            known = ", ".join(config.presets())
            raise ConfigError(f"name a preset first (known: {known}), or a run with --resume")
        configured = config.load(arguments.words[0], config.overrides(arguments.words[1:]))
        setup, state = run.prepare(configured), None
        folder = run.create(configured, setup, arguments.out)
        print(f"{folder}: {configured.settings.steps} steps", flush=True)
    with run.Stop() as stop:
        state = run.follow(folder, configured, setup, state, stop)
    if state.step < configured.settings.steps:
        print(f"stopped at step {state.step}, saved; go on with: train --resume {folder}")
        return STOPPED
    print(f"done: {folder / 'samples' / f'fakes{state.step:08d}.png'}")
    return DONE


def sample(arguments):
    """Writes a grid of images; returns the exit code."""
    if arguments.n < 1 or arguments.seed < 0:
        raise ConfigError(
            f"--n must be at least 1 and --seed at least 0, got {arguments.n} and {arguments.seed}"
        )
    folder, _, setup, state = run.opened(arguments.run)
    out = Path(arguments.out or folder / "samples" / f"seed{arguments.seed}.png")
    images = grids.fakes(setup, state.average, arguments.n, arguments.seed)
    grids.save(out, images)
    print(f"{out}: {arguments.n} images of step {state.step}")
    return DONE


def presets(arguments):
    """Prints every preset with its first comment; returns the exit code."""
    for name, path in config.presets().items():
        print(f"{name:20} {config.title(path)}")
    return DONE


def main(words=None):
    """Runs one command and returns its exit code; what is wrong is said in one line."""
    arguments = parser().parse_args(words)
    command = {"train": train, "sample": sample, "presets": presets}[arguments.command]
    try:
        return command(arguments)
    except (ConfigError, DataError, CheckpointError, OSError) as error:
        print(f"toylab.image: {error}", file=sys.stderr)
        return WRONG
    except run.Diverged as error:
        print(f"toylab.image: {error}", file=sys.stderr)
        return DIVERGED


if __name__ == "__main__":
    sys.exit(main())
