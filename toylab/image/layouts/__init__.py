"""The layouts that images lie in on a disk: FORMATS, a reader each, (path, split) -> `Pictures`."""

from collections.abc import Callable
from typing import NamedTuple

from toylab.image.layouts import arrays, encoded, packed
from toylab.tables import Table


class Format(NamedTuple):
    """One layout: its reader (path, split) -> `Pictures`, and in words."""

    read: Callable
    doc: str


FORMATS = Table(
    "layout",
    {
        "idx": Format(arrays.idx, "MNIST's files, plain or .gz, or the folder they lie in"),
        "cifar": Format(arrays.cifar, "CIFAR-10's binary version: .bin, folder, or the .tar.gz"),
        "folder": Format(encoded.folder, "image files in folders; train/ and test/ if it has them"),
        "zip": Format(encoded.archive, "image files in a zip"),
        "lmdb": Format(encoded.lmdb, "LSUN's lmdb"),
        "parquet": Format(encoded.parquet, "Hugging Face's Parquet: a file or a folder"),
        "npz": Format(arrays.npz, "numpy's .npz or .npy of uint8"),
        "csv": Format(arrays.table, "rows of numbers, a label at the end, plain or .gz"),
        "packed": Format(packed.read, "what data pack writes: bytes for a memory map"),
    },
)
