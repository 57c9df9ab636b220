"""Layouts of encoded images: folders, zips, LSUN's lmdb, Hugging Face's Parquet.

No member of an archive is ever unpacked to the disk, and nothing that a file brings is run.
"""

import itertools
import struct
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import PurePosixPath

import numpy as np

from toylab.image.layouts import lsun
from toylab.image.layouts.common import (
    DEFLATE,
    LARGEST_FILE,
    SUFFIXES,
    Pictures,
    fit,
    some,
    untold,
    whole,
)
from toylab.image.pixels import DataError


def folder(path, split, suffixes=SUFFIXES):
    """Image files in a folder and the folders in it, by name; in its train or test, if it has."""
    if not path.is_dir():
        raise DataError(f"{path}: is no folder")
    path = path / split if (path / split).is_dir() else untold(path, split)
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in suffixes and file.is_file() and not file.name.startswith(".")
    )

    def read(file):
        if file.stat().st_size > LARGEST_FILE:
            raise DataError(f"{file}: {file.stat().st_size:,} bytes, refused")
        return str(file), file.read_bytes()

    kinds = [file.parent.name for file in files]  # of ImageNet, say: a folder a kind
    labels = (lambda: np.array(kinds)) if len(set(kinds)) > 1 else None
    return Pictures(len(some(path, files)), map(read, files), labels=labels)


def archive(path, split):
    """Image files in a zip, by name, but for what a Mac hides in it; nothing is unpacked."""
    untold(path, split)
    with whole(path), zipfile.ZipFile(path) as held:
        members = sorted(held.infolist(), key=lambda member: member.filename)
    for member in members:
        inside = _inside(member)
        if inside.is_absolute() or ".." in inside.parts or ":" in "".join(inside.parts[:1]):
            raise DataError(f"{path}: {member.filename!r} leads out of the archive, refused")
        if member.file_size > min(LARGEST_FILE, member.compress_size * DEFLATE + 64):
            raise DataError(f"{path}: {member.filename} unpacks to {member.file_size:,} bytes")
    members = [member for member in members if _shown(member)]

    def read():
        with zipfile.ZipFile(path) as held:
            for member in members:
                with whole(f"{path}/{member.filename}"):
                    content = held.read(member)
                yield f"{path}/{member.filename}", content

    return Pictures(len(some(path, members)), read())


def _inside(member):
    """Where a member of a zip lies in it."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def _shown(member):
    """Whether a member of a zip is an image file, and not one that is hidden."""
    inside = _inside(member)
    hidden = inside.name.startswith(".") or "__MACOSX" in inside.parts
    folder = member.filename.endswith(("/", "\\"))
    return inside.suffix.lower() in SUFFIXES and not (hidden or folder)


def lmdb(path, split):
    """LSUN's: an lmdb whose values are encoded images, by key; the folder or its data.mdb."""
    untold(path, split)
    _library("lmdb", "lmdb")
    file = path / "data.mdb" if path.is_dir() else path
    _mapped(file)
    entries = _read_aloud(file)
    count = next(entries)
    return Pictures(len(some(file, range(count))), itertools.islice(entries, count))


def _read_aloud(file):
    """How many entries an lmdb has, then (name, bytes) of each; see `toylab.image.layouts.lsun`."""
    command = [sys.executable, "-P", lsun.__file__, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:

        def heard(size):
            content = child.stdout.read(size) if size <= LARGEST_FILE else b""
            if len(content) < size:
                child.kill()
                why = child.stderr.read().decode("utf-8", "replace").strip() or "its reader ended"
                raise DataError(f"{file}: not a whole lmdb ({why})")
            return content

        try:
            (count,) = lsun.HEAD.unpack(heard(lsun.HEAD.size))
            yield count
            for _ in range(count):
                key, value = lsun.ENTRY.unpack(heard(lsun.ENTRY.size))
                yield f"{file}/{heard(key).decode('ascii', 'replace')}", heard(value)
        finally:
            child.kill()


def _mapped(file):
    """Checks that an lmdb holds all the pages it says: reading beyond a map's end ends Python.

    A page is 16 bytes of header, then in the first two: magic, version, address, map size, two
    databases of 48 bytes (the first begins with the page size), last page, transaction.
    """
    with open(file, "rb") as opened:
        start = opened.read(16 + 24 + 96 + 16)
        if len(start) < 152 or start[16:20] != struct.pack("<I", 0xBEEFC0DE):
            raise DataError(f"{file}: not an lmdb")
        size = struct.unpack("<I", start[40:44])[0]
        if size not in (2**power for power in range(9, 17)):
            raise DataError(f"{file}: not an lmdb (pages of {size} bytes)")
        opened.seek(size)
        second = opened.read(152)
    pages = [struct.unpack("<Q", page[136:144])[0] for page in (start, second) if len(page) == 152]
    if len(pages) < 2 or (max(pages) + 1) * size > file.stat().st_size:
        raise DataError(
            f"{file}: promises {max(pages) + 1} pages of {size} bytes, holds "
            f"{file.stat().st_size // size}"
        )


def parquet(path, split):
    """Hugging Face's: a column of encoded images, alone or as `bytes` of a struct; file or folder.

    In a folder the files named train-… or test-… are the split, all files where there are none.
    """
    library = _library("pyarrow.parquet", "pyarrow")
    from pyarrow import ArrowException

    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    parts = [file for file in files if file.name.startswith(f"{split}-")]
    files = parts or files
    if not parts:
        untold(path, split)
    if not files:
        raise DataError(f"{path}: has no .parquet file")
    try:
        opened = [(file, library.ParquetFile(file)) for file in files]
        count = sum(table.metadata.num_rows for _, table in opened)
        for file, table in opened:
            for number in range(table.metadata.num_row_groups):
                group = table.metadata.row_group(number)
                fit(f"{file}: {group.num_rows:,} rows", group.total_byte_size)
        columns = [_column(file, table) for file, table in opened]
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: not a Parquet file that can be read ({error})") from error

    def read():
        for (file, table), column in zip(opened, columns, strict=True):
            try:
                batches = table.iter_batches(batch_size=64, columns=[column], use_threads=False)
                rows = itertools.chain.from_iterable(batch.column(0) for batch in batches)
                for number, row in enumerate(rows):
                    value = row.as_py()
                    content = value.get("bytes") if isinstance(value, dict) else value
                    if not isinstance(content, bytes):
                        raise DataError(f"{file}, row {number}: has no bytes of an image")
                    if len(content) > LARGEST_FILE:
                        raise DataError(f"{file}, row {number}: {len(content):,} bytes, refused")
                    yield f"{file}, row {number}", content
            except (ArrowException, OSError) as error:
                raise DataError(f"{file}: broken off ({error})") from error

    def labels():
        try:
            parts = [table.read(columns=[kind]).column(0).to_numpy() for _, table in opened]
        except (ArrowException, OSError) as error:
            raise DataError(f"{path}: its labels cannot be read ({error})") from error
        return np.concatenate(parts)

    held = set.intersection(*(set(table.schema_arrow.names) for _, table in opened))
    kind = next((name for name in ("label", "labels") if name in held), None)
    return Pictures(len(some(path, range(count))), read(), labels=labels if kind else None)


def _column(file, table):
    """The name of the column with images: the first of bytes, image or img before others."""
    from pyarrow import types

    def encoded(kind):
        return types.is_binary(kind) or types.is_large_binary(kind)

    found = [
        field.name
        for field in table.schema_arrow
        if encoded(field.type)
        or types.is_struct(field.type)
        and any(part.name == "bytes" and encoded(part.type) for part in field.type)
    ]
    for name in ("image", "img", *found):
        if name in found:
            return name
    raise DataError(f"{file}: has no column of encoded images, only {table.schema_arrow.names}")


def _library(module, package):
    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(
            f"this layout needs {package}, which is not installed: pip install 'toylab[image]'"
        ) from error
