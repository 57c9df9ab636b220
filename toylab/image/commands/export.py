"""``export``: the generator of a run's moving average as safetensors and JSON."""

from pathlib import Path

from toylab.image import export, run
from toylab.image.commands import report, reports


def arguments(parser):
    """Declares the command's arguments."""
    parser.add_argument("run", metavar="RUN", help="a run directory, or a checkpoint in one")
    parser.add_argument("--out", help="the folder (export/step-… in the run)")
    reports(parser)


def execute(parsed):
    """Writes both files; returns the exit code."""
    opened = run.opened(parsed.run, reals=False)
    folder, _, _, state = opened
    out = Path(parsed.out or folder / "export" / f"step-{state.step:08d}")
    paths = [str(path) for path in export.write(opened, out)]
    return report(parsed, {"step": state.step, "files": paths}, paths)
