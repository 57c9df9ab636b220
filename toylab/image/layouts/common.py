"""What every layout's reader gives, and what becomes of it: images of one shape in an array."""

import gzip
import itertools
import os
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from toylab.image.pixels import DataError, decoded, decoding, pillow, shaped
from toylab.image.progress import reading

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")
LARGEST_FILE = 2**28  # bytes of one encoded image
AHEAD = 4  # images a thread that decodes may be before what is asked for
DEFLATE = 1032  # how many times smaller gzip and zip can make anything


class NoPart(DataError):
    """A set that is whole, but of which no such part is kept apart."""


class Pictures(NamedTuple):
    """Images of a set, in order: either encoded or as an array.

    encoded     -- (name, bytes) each
    array       -- uint8 (n, channels, height, width), in memory or a memory map; `name` is its own
    fingerprint -- sha256 of the array's bytes, where it is known
    top         -- the largest value of the array's bytes
    labels      -- () -> (n,) the images' kinds, as numbers or words, where the set has them
    """

    count: int
    encoded: Iterable = ()
    array: np.ndarray | None = None
    name: str = ""
    fingerprint: str | None = None
    top: int = 255
    labels: Callable | None = None

    def stored(self):
        """(name, bytes of an encoded image or an array's pixels) each: what `image` takes."""
        if self.array is None:
            return self.encoded
        return ((f"{self.name}, image {number}", one) for number, one in enumerate(self.array))

    def image(self, name, content):
        """Pillow's image of one of `stored`."""
        if self.array is None:
            return decoded(name, content)
        if self.top != 255:
            content = np.rint(content * (255 / self.top)).astype(np.uint8)
        flat = content[0] if len(content) == 1 else content.transpose(1, 2, 0)
        return pillow().fromarray(np.ascontiguousarray(flat))


def gathered(pictures, form, limit=0, empty=None, threads=0):
    """uint8 (n, channels, height, width) of the first `limit` images, or of all where it is 0.

    empty   -- (shape) -> the array to be filled; in memory, unless given
    threads -- that decode; one a processor where it is 0
    """
    if limit > pictures.count:
        raise DataError(f"images={limit}, but the set has {pictures.count}")
    count = limit or pictures.count
    if empty is None and pictures.array is not None and form.leaves(pictures.array.shape[1:]):
        return pictures.array[:count]
    made, number = None, 0

    def ready(item):
        name, content = item
        return name, shaped(name, pictures.image(name, content), form)

    with decoding():
        stored = itertools.islice(pictures.stored(), count)
        for name, pixels in reading(in_order(ready, stored, threads or workers()), count):
            if made is None:
                made, first = (empty or in_memory)((count, *pixels.shape)), name
            if pixels.shape != made.shape[1:]:
                raise DataError(
                    f"{name}: shape {pixels.shape}, but {first} has {made.shape[1:]}: size=N and "
                    "channels=grey or colour make them one"
                )
            made[number] = pixels
            number += 1
    if number < count:
        raise DataError(f"the set promises {count} images and holds {number}")
    return made


def workers():
    """Threads that decode: one a processor that this process may use, at most 16."""
    usable = getattr(os, "sched_getaffinity", lambda process: range(os.cpu_count() or 1))
    return min(16, len(usable(0)))


def in_order(function, items, threads):
    """function(item) of every item, in their order, by so many threads that work ahead.

    An error comes when its item's turn does, also one of the items themselves: what is seen is what
    a single thread would show. (Decoders and resizing let other threads run.)
    """
    if threads < 2:
        yield from map(function, items)
        return
    items, waiting = iter(items), deque()
    with ThreadPoolExecutor(threads, "decode") as pool:

        def more():
            try:
                waiting.append(pool.submit(function, next(items)))
            except StopIteration:
                return False
            except Exception as error:
                waiting.append(Future())
                waiting[-1].set_exception(error)
                return False
            return True

        try:
            while more():
                if len(waiting) > AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for late in waiting:
                late.cancel()


def in_memory(shape):
    """An empty array of bytes; raises `DataError` where it would take too much of the memory."""
    fit(f"{shape[0]:,} images", int(np.prod(shape, dtype=object)))
    return np.empty(shape, np.uint8)


def fit(what, size):
    """Raises `DataError` where so many bytes would take too much of the memory."""
    if size > budget():
        raise DataError(
            f"{what} take {size / 1e9:.1f} GB, over half of this machine's memory: write the "
            "images to a packed folder first (data pack) and train from that"
        )


def budget():
    """Bytes that images may take in memory: half of what the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def some(path, encoded):
    """The images, of which there must be at least one."""
    if not encoded:
        raise DataError(f"{path}: holds no images ({', '.join(SUFFIXES)})")
    return encoded


def untold(path, split):
    """The path, of which no part is kept apart for tests; raises `NoPart` if that is wanted."""
    if split != "train":
        raise NoPart(f"{path}: has no {split} part; give the address of images kept apart")
    return path


class whole:
    """Says of whatever goes wrong with a compressed file that it is not whole."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        broken = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile)
        if isinstance(error, (*broken, NotImplementedError, RuntimeError)):
            raise DataError(f"{self.path}: not whole or not readable ({error})") from error
