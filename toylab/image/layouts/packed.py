"""The packed layout: a folder with images.npy, bytes for a memory map, and manifest.json.

    python -m toylab.image data pack folder:photos photos-64 --size 64

What is known of the images' kinds lies beside them, in labels.npy.
A set larger than the memory is trained from it, and one that takes long to decode is decoded once.
"""

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from toylab.files import synced, write
from toylab.image.layouts.common import Pictures, gathered, untold
from toylab.image.pixels import DataError
from toylab.image.sources import digest

FORMAT = "toylab-packed-1"


def pack(pictures, form, folder, limit=0, source=""):
    """Writes images in a form to a new folder, whole or not at all; returns its manifest."""
    folder = Path(folder)
    if folder.exists():
        raise DataError(f"{folder}: exists already; name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    around = TemporaryDirectory(
        prefix=f".{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True
    )
    with around as private:
        # Only its owner may look into the one around it; this one has the usual permissions.
        work = Path(private) / folder.name
        work.mkdir()
        manifest = _filled(work, pictures, form, limit, source)
        _moved(work, folder)
    synced(folder.parent)
    return manifest


def _filled(work, pictures, form, limit, source):
    """Writes images, their labels and a manifest to an empty folder; returns the manifest."""

    def empty(shape):
        made = np.lib.format.open_memmap(work / "images.npy", "w+", np.uint8, shape)
        _reserve(work / "images.npy")
        return made

    made = gathered(pictures, form, limit, empty)
    made.flush()
    with suppress(DataError):  # a set may have files of labels, or not
        if pictures.labels is not None:
            np.save(work / "labels.npy", pictures.labels()[: len(made)], allow_pickle=False)
    manifest = {
        "format": FORMAT,
        "shape": list(made.shape),
        "sha256": digest(made),
        "source": source,
        "form": form._asdict(),
    }
    write(work / "manifest.json", json.dumps(manifest, indent=1).encode())
    synced(work / "images.npy")
    return manifest


def _reserve(file):
    """Takes the room of a whole file on its disk; raises `OSError` where there is not so much.

    A map of a file with holes ends the process where the disk is full.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with open(file, "r+b") as opened:
        try:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # of disks that cannot
                raise OSError(error.errno, error.strerror, str(file)) from error


def _moved(work, folder):
    """Gives the finished folder its name, unless somebody else has taken it meanwhile."""
    try:
        work.rename(folder)
    except OSError as error:
        if folder.exists():
            raise DataError(f"{folder}: exists already; name a new folder") from error
        raise


def read(path, split):
    """The memory map of a packed folder, or of its train or test folder."""
    path = path / split if (path / split).is_dir() else untold(path, split)
    manifest = _manifest(path / "manifest.json")
    file = path / "images.npy"
    if file.is_symlink():
        raise DataError(f"{file}: leads out of its folder, refused")
    try:
        held = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{file}: not a whole array of bytes ({error})") from error
    if held.dtype != np.uint8 or list(held.shape) != manifest["shape"] or held.ndim != 4:
        raise DataError(
            f"{file}: holds {held.dtype} {held.shape}, its manifest says {manifest['shape']}"
        )
    if 0 in held.shape or held.shape[1] not in (1, 3):
        raise DataError(f"{file}: holds no images of 1 or 3 channels, {held.shape}")
    found = Pictures(len(held), array=held, name=str(file), fingerprint=manifest["sha256"])
    kinds = path / "labels.npy"
    return found._replace(labels=lambda: _labels(kinds, len(held))) if _plain(kinds) else found


def _plain(path):
    return path.is_file() and not path.is_symlink()


def _labels(path, n):
    """The images' kinds, as many as there are images."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not labels ({error})") from error
    if found.shape != (n,):
        raise DataError(f"{path}: has shape {found.shape}, not {n:,} labels")
    return found


def _manifest(path):
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not the manifest of packed images ({error})") from error
    kinds = {"format": str, "shape": list, "sha256": str}
    if not isinstance(found, dict) or any(
        not isinstance(found.get(name), kind) for name, kind in kinds.items()
    ):
        raise DataError(f"{path}: lacks {', '.join(kinds)}")
    if found["format"] != FORMAT:
        raise DataError(f"{path}: of form {found['format']!r}, not {FORMAT}")
    return found


def check(path, split="train"):
    """Raises `DataError` where a packed folder's bytes are not those that were written."""
    pictures = read(Path(os.path.expanduser(path)), split)
    if digest(pictures.array) != pictures.fingerprint:
        raise DataError(f"{pictures.name}: damaged, its sha256 is not the manifest's")
