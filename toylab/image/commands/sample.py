"""``sample``: a grid of images from a run's moving average."""

from pathlib import Path

from toylab.image import grids, run
from toylab.image.commands import DONE
from toylab.image.config import ConfigError


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument("run", metavar="RUN", help="a run directory, or a checkpoint in one")
    parser.add_argument("--n", type=int, default=64, help="how many images (64)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same images (0)")
    parser.add_argument("--out", help="the PNG file (samples/seed….png in the run)")


def execute(parsed):
    """Writes a grid of images; returns the exit code."""
    if parsed.n < 1 or parsed.seed < 0:
        raise ConfigError(
            f"--n must be at least 1 and --seed at least 0, got {parsed.n} and {parsed.seed}"
        )
    folder, _, setup, state = run.opened(parsed.run)
    out = Path(parsed.out or folder / "samples" / f"seed{parsed.seed}.png")
    images = grids.fakes(setup, state.average, parsed.n, parsed.seed)
    grids.save(out, grids.shown(setup, images))
    print(f"{out}: {parsed.n} images of step {state.step}")
    return DONE
