"""``doctor``: what of the image half can work on this machine, and what to do about the rest."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

import torch

import toylab
from toylab.image import data
from toylab.image.commands import report, reports
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
    "tensorboard": "--board tensorboard",
    "wandb": "--board wandb",
}


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
        remedy = f"missing: pip install {name}"
        lines.append(f"  {name:14} {have or remedy:34} for {words}")
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
    return None
