"""Layouts that are arrays of bytes: MNIST's IDX, CIFAR-10's records, numpy's files, text.

What a header promises is compared with what its file can hold before any memory is taken.
"""

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import PurePosixPath

import numpy as np

from toylab.image.layouts.common import (
    DEFLATE,
    LARGEST_FILE,
    NoPart,
    Pictures,
    fit,
    untold,
    whole,
)
from toylab.image.pixels import DataError


def _array(path, array):
    if array.dtype != np.uint8:
        raise DataError(f"{path}: images must be uint8 (0…255), got {array.dtype}")
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[-1] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape:
        raise DataError(
            f"{path}: images must have shape (n, h, w), (n, h, w, 1 or 3) or (n, 1 or 3, h, w) "
            f"with nothing empty, got {array.shape}"
        )
    return Pictures(len(array), array=array, name=str(path))


def idx(path, split):
    """MNIST's own: magic 0x00000803, then n, height, width and bytes; plain or gzip."""
    stem = {"train": "train", "test": "t10k"}[split]
    if path.is_dir():
        names = [f"{stem}-images{dot}idx3-ubyte{gz}" for dot in "-." for gz in ("", ".gz")]
        path = _first(path, names, split)
    elif stem not in path.name:
        untold(path, split)
    with whole(path), open(path, "rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        file = gzip.GzipFile(fileobj=plain) if packed else plain
        header = file.read(16)
        if len(header) < 16 or header[:4] != b"\0\0\x08\x03":
            raise DataError(f"{path}: not an IDX file of images (it begins {header[:4].hex()})")
        n, height, width = struct.unpack(">III", header[4:])
        wanted, held = n * height * width, path.stat().st_size * (DEFLATE if packed else 1)
        if wanted < held:
            fit(f"{path}: its {n:,} images", wanted)
        body = file.read(wanted + 1) if wanted < held else b""
    if len(body) != wanted:
        have = f"{len(body):,}" if body else "less"
        raise DataError(f"{path}: promises {n}×{height}×{width} = {wanted:,} bytes, holds {have}")
    found = _array(path, np.frombuffer(body, np.uint8).reshape(n, height, width))
    return found._replace(labels=lambda: _idx_labels(path, n))


def _idx_labels(path, n):
    """The labels that lie beside a file of images: magic 0x00000801, then n and as many bytes."""
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if beside == path or not beside.is_file():
        raise DataError(f"{path}: no file of labels beside it ({beside.name})")
    with whole(beside), open(beside, "rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        content = (gzip.GzipFile(fileobj=plain) if packed else plain).read(8 + n + 1)
    if content[:8] != b"\0\0\x08\x01" + struct.pack(">I", n) or len(content) != 8 + n:
        raise DataError(f"{beside}: not an IDX file of {n:,} labels")
    return np.frombuffer(content, np.uint8, offset=8)


def _first(folder, names, split):
    for name in names:
        if (folder / name).is_file():
            return folder / name
    lacks = DataError if split == "train" else NoPart
    raise lacks(f"{folder}: has no {split} part, none of {', '.join(names)}")


CIFAR_RECORD = 1 + 3 * 32 * 32
PICKLES = (
    "these are Python pickles, which are not read because they can run code: take the binary "
    "version, cifar-10-binary.tar.gz"
)


def cifar(path, split):
    """CIFAR-10's binary version: records of one label and 3×32×32 bytes; the .tar.gz as it is."""
    stem = {"train": "data_batch_", "test": "test_batch"}[split]
    if path.is_dir():
        found = sorted(path.rglob(f"{stem}*.bin"))
        if not found and (archives := sorted(path.glob("cifar-10-binary.tar.gz"))):
            return cifar(archives[0], split)
        if not found and any(path.rglob("data_batch_1")):
            raise DataError(f"{path}: {PICKLES}")
        parts = [(file, file.read_bytes()) for file in found]
    elif path.name.endswith((".tar.gz", ".tgz", ".tar")):
        parts, size, pickles = [], 0, False
        with whole(path), tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                pickles = pickles or name == "data_batch_1"
                if member.isfile() and name.startswith(stem) and name.endswith(".bin"):
                    if member.size > LARGEST_FILE:
                        raise DataError(f"{path}: {member.name} has {member.size:,} bytes, refused")
                    size += member.size
                    fit(f"{path}: its records", size)
                    parts.append((f"{path}/{member.name}", archive.extractfile(member).read()))
        parts.sort()
        if pickles and not parts:
            raise DataError(f"{path}: {PICKLES}")
    else:
        if stem not in path.name:
            untold(path, split)
        parts = [(path, path.read_bytes())]
    if not parts:
        lacks = DataError if split == "train" else NoPart
        raise lacks(f"{path}: has no {split} part, no {stem}*.bin")
    arrays = []
    for name, content in parts:
        records = np.frombuffer(content[: len(content) // CIFAR_RECORD * CIFAR_RECORD], np.uint8)
        records = records.reshape(-1, CIFAR_RECORD)
        if len(content) % CIFAR_RECORD or not content or records[:, 0].max() > 9:
            raise DataError(
                f"{name}: not whole records of a label 0…9 and 3,072 bytes ({len(content):,} bytes)"
            )
        arrays.append(records)
    records = np.concatenate(arrays)
    found = _array(path, records[:, 1:].reshape(-1, 3, 32, 32))
    return found._replace(labels=lambda: records[:, 0])


def npz(path, split):
    """numpy's .npz or .npy of uint8; in an .npz x_train or train_images, else images, else all."""
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the .npz file")
    if path.suffix == ".npy":
        untold(path, split)
        with open(path, "rb") as file:
            return _array(path, _npy(path, file, path.stat().st_size))
    with whole(path), zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy"): name for name in archive.namelist()}
        key = _key(names, f"x_{split}", f"{split}_images")
        if key is None:
            untold(path, split)
            key = _key(names, "images", "x", "arr_0")
        if key is None:
            raise DataError(f"{path}: has {', '.join(names) or 'nothing'}; name one images")
        with archive.open(names[key]) as file:
            compressed = archive.getinfo(names[key]).compress_size
            found = _array(path, _npy(f"{path}/{names[key]}", file, compressed * DEFLATE))
        kinds = _key(names, f"y_{split}", f"{split}_labels", "labels", "y")
        small = kinds and archive.getinfo(names[kinds]).file_size <= 64 * found.count + 1024
    return found._replace(labels=lambda: _npz_labels(path, kinds, found.count)) if small else found


def _key(names, *wanted):
    """The first wanted name that is there, or None."""
    return next((name for name in wanted if name in names), None)


def _npz_labels(path, name, n):
    """The labels in an .npz: numbers or words, as many as images."""
    with whole(path):
        found = np.load(path, allow_pickle=False)[name].squeeze()
    if found.shape != (n,):
        raise DataError(f"{path}: {name} has shape {found.shape}, not one of {n:,} labels")
    return found


def _npy(path, file, held):
    """An array of bytes whose header promises no more than a file can hold; objects are refused."""
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(file)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: not numpy's format ({error})") from error
    if dtype != np.uint8:
        kind = "Python objects (a pickle, which can run code)" if dtype.hasobject else dtype
        raise DataError(f"{path}: images must be uint8 (0…255), got {kind}")
    wanted = int(np.prod(shape, dtype=object))
    if wanted <= held:
        fit(f"{path}: its images", wanted)
    body = file.read(wanted) if wanted <= held else b""
    if len(body) != wanted:
        raise DataError(f"{path}: promises {shape} = {wanted:,} bytes and does not hold them")
    return np.frombuffer(body, np.uint8).reshape(shape, order="F" if fortran else "C")


def _text(path, packed):
    """What a gzip unpacks to, if that is not too much of the memory."""
    pieces, size, file = [], 0, gzip.GzipFile(fileobj=io.BytesIO(packed))
    while piece := file.read(2**24):
        size += len(piece)
        fit(f"{path}: its rows", size)
        pieces.append(piece)
    return b"".join(pieces)


def table(path, split):
    """Rows of numbers 0…255 as text, plain or gzip: square grey images, a label at the end."""
    untold(path, split)
    with whole(path), open(path, "rb") as plain:
        content = plain.read()
        if content[:2] == b"\x1f\x8b":
            content = _text(path, content)
    if not content.strip():
        raise DataError(f"{path}: is empty")
    try:
        rows = np.loadtxt(io.BytesIO(content), np.uint8, delimiter=",", ndmin=2)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: not rows of whole numbers 0…255 ({error})") from error
    side = int((rows.shape[1] - 1) ** 0.5)
    if not rows.size or side < 1 or side**2 != rows.shape[1] - 1:
        raise DataError(f"{path}: a row is a square image and a label, got {rows.shape} numbers")
    found = _array(path, rows[:, :-1].reshape(-1, side, side))
    return found._replace(labels=lambda: rows[:, -1])
