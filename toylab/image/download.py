"""Downloads: by https, checked by size and sha256, taken up where they broke off, whole or not.

Only files whose sums are published stand in `FILES`: sets with the sums that TensorFlow Datasets
checks (its url_checksums, https://github.com/tensorflow/datasets), and the Inception of FID, whose
name ends in the beginning of its sum, as torch.hub has it.
"""

import hashlib
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from toylab.files import synced
from toylab.image.pixels import DataError
from toylab.tables import Table, UnknownName

PIECE = 2**20
PATIENCE = 30  # seconds that a server may be silent


class Remote(NamedTuple):
    """One file of a set: where it is, its bytes and their sha256."""

    address: str
    size: int
    sha256: str


_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
FILES = Table(
    "download",
    {
        "mnist": (
            Remote(
                _MNIST + "train-images-idx3-ubyte.gz",
                9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            Remote(
                _MNIST + "t10k-images-idx3-ubyte.gz",
                1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            Remote(
                _MNIST + "train-labels-idx1-ubyte.gz",
                28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            Remote(
                _MNIST + "t10k-labels-idx1-ubyte.gz",
                4542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        "fashion-mnist": (
            Remote(
                _FASHION + "train-images-idx3-ubyte.gz",
                26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            Remote(
                _FASHION + "t10k-images-idx3-ubyte.gz",
                4422102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            Remote(
                _FASHION + "train-labels-idx1-ubyte.gz",
                29515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            Remote(
                _FASHION + "t10k-labels-idx1-ubyte.gz",
                5148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        "cifar10": (
            Remote(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                170052171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        "inception": (
            Remote(
                "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
                "weights-inception-2015-12-05-6726825d.pth",
                95628359,
                "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            ),
        ),
    },
)


def kept(name, root):
    """Where `fetch` puts the files of a set."""
    return [Path(root) / name / remote.address.rpartition("/")[2] for remote in FILES[name]]


def fetch(name, root, tell=lambda words: None):
    """The files of a set, in root/name, each fetched where it is not there; raises `DataError`."""
    try:
        remotes = FILES[name]
    except UnknownName as error:
        raise DataError(f"{error}; other sets must be brought by hand") from error
    folder = Path(root) / name
    folder.mkdir(parents=True, exist_ok=True)
    if all(path.exists() for path in kept(name, root)):
        return kept(name, root)
    lock = FileLock(Path(root) / f".{name}.lock")  # two would append to one part
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        tell(f"waiting for the process that fetches {name} already")
        held = lock.acquire()
    with held:
        return [_file(remote, folder, tell) for remote in remotes]


def _file(remote, folder, tell):
    path = folder / remote.address.rpartition("/")[2]
    if path.exists():
        return path
    part = path.with_name(f".{path.name}.part")
    tell(f"{remote.address}: {remote.size / 1e6:.1f} MB")
    try:
        _rest(remote, part)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise DataError(
            f"{remote.address} cannot be fetched ({getattr(error, 'reason', error)}): without a "
            f"network put {path.name} into {folder} by hand; what has come is kept and gone on with"
        ) from error
    with open(part, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != remote.sha256:
        part.unlink()
        raise DataError(f"{remote.address}: dropped, its sha256 is {found}, not {remote.sha256}")
    synced(part)
    os.replace(part, path)
    synced(folder)
    return path


class _Safe(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to another https address."""

    def redirect_request(self, request, *answer):
        safe(answer[-1])
        return super().redirect_request(request, *answer)


def safe(address):
    """Raises `DataError` for an address that is not https."""
    if urlsplit(address).scheme != "https":
        raise DataError(f"{address}: not https, refused")


def _rest(remote, part):
    """Appends to the part what is missing of the file, never more than its size."""
    safe(remote.address)
    have = part.stat().st_size if part.exists() else 0
    if have >= remote.size:
        return  # the sum decides
    headers = {"User-Agent": "toylab", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(remote.address, headers=headers)
    with urllib.request.build_opener(_Safe).open(request, timeout=PATIENCE) as answer:
        goes_on = answer.status == 206 and (answer.headers["Content-Range"] or "").startswith(
            f"bytes {have}-"
        )
        with open(part, "ab" if goes_on else "wb") as file:
            left = remote.size - (have if goes_on else 0)
            while left and (piece := answer.read(min(PIECE, left))):
                file.write(piece)
                left -= len(piece)
    if left:
        raise urllib.error.URLError(f"broke off {left:,} bytes before the end")
