"""What was made of each figure, as files: NAME.json (the verdict), NAME.npz (the data), NAME.svg,
NAME.png and NAME-small.png, and both with -dark for a dark page.

No torch and no matplotlib here: the gallery reads results with this.
"""

import io
import json
import os
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
# The wheel's copy first: beside an installed package, docs/ may be somebody else's.
FOLDERS = (HERE.parent / "_figures", HERE.parents[1] / "docs" / "figures")
VERDICTS = ("reproduced", "partly", "not")


def folder():
    """Where the committed results lie."""
    return next((place for place in FOLDERS if place.is_dir()), FOLDERS[-1])


def verdicts(where=None):
    """{name: verdict} of all results in a folder, by name."""
    files = sorted(Path(where or folder()).glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def write(path, content):
    """Writes text or bytes so that nobody ever finds half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.replace(beside, path)


def pack(arrays):
    """Arrays as the bytes of an NPZ file, the same bytes for the same arrays."""
    held = io.BytesIO()
    np.savez_compressed(held, **{name: np.asarray(arrays[name]) for name in sorted(arrays)})
    return held.getvalue()


def unpack(path):
    """The arrays of an NPZ file."""
    with np.load(path, allow_pickle=False) as held:
        return {name: held[name] for name in held.files}
