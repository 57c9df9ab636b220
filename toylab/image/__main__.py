"""``python -m toylab.image COMMAND …``: train image GANs, look at what they make.

Exit codes: 0 done · 2 a wrong setting, preset, file or data set · 3 diverged · 75 stopped by
Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 after a checkpoint (run again with --resume) · 130 ended at once
by a second Ctrl-C.
"""

import argparse
import sys

import torch

from toylab.image.checkpoint import CheckpointError
from toylab.image.commands import (
    BROKEN_OFF,
    DIVERGED,
    WRONG,
    bench,
    crosstest,
    data,
    doctor,
    evaluate,
    export,
    presets,
    sample,
    train,
)
from toylab.image.config import NAMES, ConfigError
from toylab.image.data import DataError
from toylab.image.divergence import Diverged
from toylab.processes import joined
from toylab.tables import UnknownName

COMMANDS = {
    "train": (train, "start a run, or go on with one"),
    "sample": (sample, "images of a run's moving average"),
    "evaluate": (evaluate, "scores of a run's images: FID, KID, IS, precision, recall, …"),
    "crosstest": (crosstest, "every run's critic on every run's fakes"),
    "export": (export, "the generator as safetensors and JSON"),
    "data": (data, "look at images, check, pack or fetch them"),
    "presets": (presets, "list the presets, or show all settings of one"),
    "doctor": (doctor, "what can work on this machine, and what is missing"),
    "bench": (bench, "speed and memory against a loop by hand, the cost of a penalty and of FID"),
}


def parser():
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m toylab.image",
        description=__doc__.split("\n\n")[0],
        epilog=__doc__.split("\n\n")[1],
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, words) in COMMANDS.items():
        module.arguments(commands.add_parser(name, help=words, description=module.__doc__))
    return made


def main(words=None):
    """Runs one command and returns its exit code; what is wrong is said in one line."""
    made = parser()
    parsed, later = made.parse_known_args(words)
    if later and (not hasattr(parsed, "words") or any(word.startswith("-") for word in later)):
        setting = later[0].lstrip("-").replace("-", "_").partition("=")[0]
        hint = f"; a setting is written {setting}=VALUE" if setting in NAMES else ""
        made.error(f"unrecognized arguments: {' '.join(later)}{hint}")
    if later:  # settings that stand behind an option
        parsed.words += later
    try:
        with joined():
            return COMMANDS[parsed.command][0].execute(parsed)
    except (ConfigError, DataError, CheckpointError, UnknownName, OSError) as error:
        code, told = WRONG, error
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        code, told = WRONG, f"{package} is not installed: pip install 'toylab[image]'"
    except Diverged as error:
        code, told = DIVERGED, error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and (
            "can't allocate memory" not in str(error)
        ):
            raise
        code, told = WRONG, f"out of memory: a smaller batch, --n or network ({error})"
    except KeyboardInterrupt:
        code, told = BROKEN_OFF, "stopped by Ctrl-C, at once: files are whole or not there"
    print("toylab.image:", " ".join(str(told).split()), file=sys.stderr)  # libraries' have lines
    return code


if __name__ == "__main__":
    sys.exit(main())
