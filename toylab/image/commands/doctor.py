"""``doctor``: what of the image half can work on this machine, and what to do about the rest."""

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

import torch
from torch import distributed

import toylab
from toylab.image import data, download
from toylab.image.commands import report, reports
from toylab.image.features import INCEPTION
from toylab.image.layouts.common import budget

PACKAGES = {  # package: what needs it
    "numpy": "everything",
    "pillow": "images and grids",
    "scikit-learn": "the digits",
    "tqdm": "the progress bar",
    "lmdb": "LSUN's layout",
    "pyarrow": "the Parquet layout",
    "torchmetrics": "evaluate",
    "safetensors": "export",
    "torch-fidelity": "--features inception",
    "tensorboard": "--board tensorboard",
    "wandb": "--board wandb",
}
EXTRA = {"torch-fidelity": "'toylab[inception]'"}  # with the torchvision of this torch


def arguments(parser):
    """Declares the command's arguments."""
    reports(parser)


def execute(parsed):
    """Prints what is here; always ends well."""
    found = {
        "toylab": toylab.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())],
        "image_memory": budget(),
        "free_disk": shutil.disk_usage(".").free,
        "packages": {name: _version(name) for name in PACKAGES},
        "sets": {name: _here(name) for name in data.DATA},
        "folder": str(data.root()),
        "compiler": shutil.which("c++") or shutil.which("g++") or shutil.which("clang++"),
        "inception": _weights(),
        "processes": [name for name in ("gloo", "nccl") if _together(name)],
    }
    room = budget() / 1e9, found["free_disk"] / 1e9
    lines = [
        f"toylab {found['toylab']}, Python {found['python']}, torch {found['torch']} "
        f"on {found['threads']} threads",
        f"GPUs: {', '.join(found['gpus']) or 'none that torch finds: runs go to the CPU'}",
        "memory for images: {:.1f} GB · free disk: {:.1f} GB".format(*room),
    ]
    for name, words in PACKAGES.items():
        have = found["packages"][name]
        remedy = f"missing: pip install {EXTRA.get(name, name)}"
        lines.append(f"  {name:14} {have or remedy:34} for {words}")
    lines += [
        f"  {'compiler':14} {found['compiler'] or 'no C++ compiler':34} for backend=auto on a CPU",
        f"  {'inception':14} {found['inception'] or 'no weights: evaluate --download-inception'}",
        f"  {'processes':14} {', '.join(found['processes']) or 'none':34} for torchrun",
    ]
    for name, problem in found["sets"].items():
        lines.append(f"  {name:14} {'here' if problem is None else problem}")
    return report(parsed, found, lines)


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _here(name):
    """None where the set can be read, else what is wrong."""
    try:
        data.pictures(name)
    except data.DataError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error}"
    return None


def _weights():
    """Where Inception's weights are, or None."""
    places = [os.environ.get(INCEPTION, ""), *download.kept("inception", data.root())]
    return next((str(place) for place in places if place and os.path.isfile(place)), None)


def _together(backend):
    """Whether torch was built with a way for processes to meet."""
    return distributed.is_available() and getattr(distributed, f"is_{backend}_available")()
