"""``sample``: images of a run's moving average, or of an exported generator, as a grid or bytes."""

import io
from pathlib import Path

import numpy as np

from toylab.files import write
from toylab.image import export, grids, run
from toylab.image.commands import report, reports
from toylab.image.config import ConfigError


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument("run", metavar="RUN", help="a run directory, a checkpoint, or an export")
    parser.add_argument("--n", type=int, default=64, help="how many images (64)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same images (0)")
    parser.add_argument(
        "--lines",
        action="store_true",
        help="in every row of the grid from one latent to another, in equal steps",
    )
    parser.add_argument(
        "--out",
        help="the file (samples/seed….png in the run): a grid as .png, or bytes (n, channels, "
        "height, width) named images in an .npz",
    )
    reports(parser)


def execute(parsed):
    """Writes images; returns the exit code."""
    if parsed.n < 1 or parsed.seed < 0:
        raise ConfigError(
            f"--n must be at least 1 and --seed at least 0, got {parsed.n} and {parsed.seed}"
        )
    folder, lines = Path(parsed.run), parsed.lines
    name = f"seed{parsed.seed}-lines.png" if lines else f"seed{parsed.seed}.png"
    if (folder / "generator.json").is_file():
        images, told = export.loaded(folder).images(parsed.n, parsed.seed, lines), f"of {folder}"
        out = Path(parsed.out or folder / name)
    else:
        folder, _, setup, state = run.opened(parsed.run, reals=False)
        made = grids.fakes(setup, state.average, parsed.n, parsed.seed, lines=lines)
        images, out = grids.shown(setup, made), Path(parsed.out or folder / "samples" / name)
        told = f"of step {state.step}"
    if out.suffix == ".npz":
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=images)
        write(out, buffer.getvalue())
    elif out.suffix == ".png":
        grids.save(out, images)
    else:
        raise ConfigError(f"--out must end in .png or .npz, got {out}")
    found = {"file": str(out), "n": parsed.n, "seed": parsed.seed}
    return report(parsed, found, [f"{out}: {parsed.n} images {told}"])
