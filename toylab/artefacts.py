"""Artefacts: compiled steps on disk, by content, in the user's own folder.

A file is NAME-CHECKSUM.pt2: NAME is a hash of everything it was built from, CHECKSUM one of its own
bytes. Loading one runs native code, so the folder must be the user's alone, and a file whose bytes
are not those that were written is deleted and built again. Notes lie beside them, in files named
KEY-CHECKSUM.json: which artefact belongs to a step that was not traced yet, and how it is called.
"""

import contextlib
import functools
import hashlib
import json
import os
import platform
import shutil
import stat
import tempfile
import time
from pathlib import Path

import torch
from filelock import FileLock

LARGEST = 256 * 2**20  # bytes of all artefacts; the longest unused go first
BUILDING = "building-"  # begins the name of a folder in which something is being built
LOCK = ".lock"  # ends the name of a file that is held while an artefact is built
ABANDONED = 3600.0  # seconds after which whoever was building there has been ended
FORM = 1  # counted up where the same graph would be built differently


def folder():
    """The user's own cache folder, made if need be; raises `OSError` where it is not his alone."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    found = Path(home) / "toylab" / "steps"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = found.lstat()
    if hasattr(os, "getuid"):
        others = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if about.st_uid != os.getuid() or others or not stat.S_ISDIR(about.st_mode):
            raise OSError(
                f"{found} must be a folder that only its owner, you, can write: remove it, or "
                "set XDG_CACHE_HOME to a folder of yours"
            )
    return found


def machine():
    """What native code depends on: the processor's abilities, as the kernel or torch names them."""
    abilities = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        flags = platform.processor()
    return f"{abilities} {flags}"


def name(module, tensors, options):
    """The hash of a graph, its constants, its inputs' sizes, and what will build and run it."""
    parts = [FORM, torch.__version__, machine(), torch.get_num_threads(), sorted(options.items())]
    parts += [(t.shape, t.dtype, t.device, t.stride()) for t in tensors]
    made = hashlib.sha256(repr(parts).encode())
    made.update(module.code.encode())
    for node in module.graph.nodes:
        if node.op == "get_attr":
            constant = getattr(module, node.target)
            made.update(repr((node.target, constant.shape, constant.dtype)).encode())
            made.update(constant.contiguous().numpy().tobytes())
    return made.hexdigest()[:32]


@functools.cache
def _source():
    """The hash of the modules that a step is made of, as they are on disk."""
    made = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        made.update(path.read_bytes())
    return made.hexdigest()


def key(step):
    """The hash of what a step is known by before it is traced, and of what would trace and run it.

    step -- text: two steps that have it in common are the same function of tensors
    """
    parts = [FORM, torch.__version__, machine(), torch.get_num_threads(), _source(), step]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def note(key, told):
    """Keeps JSON-ready data under a key."""
    return put(key, lambda path: path.write_text(json.dumps(told), encoding="utf-8"), "json")


def noted(key):
    """What was kept under that key, or None."""
    path = find(key, "json")
    return None if path is None else json.loads(path.read_text(encoding="utf-8"))


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def find(name, ending="pt2"):
    """The path of a whole file of that name, or None; damaged ones are deleted."""
    for path in folder().glob(f"{name}-*.{ending}"):
        if whole(path):
            os.utime(path)  # used now
            return path
        path.unlink(missing_ok=True)
    return None


def whole(path):
    """Whether the file holds the bytes that were written there."""
    try:
        return path.stem.partition("-")[2] == _checksum(path)
    except OSError:
        return False


def get(name, build):
    """The path of the artefact of that name; where there is none, `build` makes it as in `put`.

    One process builds, others that want the same one wait for it.
    """
    path = find(name)
    if path is None:
        with FileLock(folder() / f"{name}{LOCK}"):
            path = find(name) or put(name, build)
    return path


def put(name, build, ending="pt2"):
    """The path of the file that `build(path)` makes, whole or not at all."""
    home = folder()
    with tempfile.TemporaryDirectory(prefix=BUILDING, dir=home) as scratch:
        made = Path(scratch) / f"step.{ending}"
        build(made)
        path = home / f"{name}-{_checksum(made)}.{ending}"
        os.replace(made, path)
    _thin(home, path)
    return path


def _thin(home, kept):
    """Deletes the longest unused until the rest fits, and what ended builds have left."""
    for path in (*home.glob(f"{BUILDING}*"), *home.glob(f"*{LOCK}")):
        with contextlib.suppress(OSError):  # another process deleted it
            if path.lstat().st_mtime < time.time() - ABANDONED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    ages = []
    for path in home.glob("*-*.*"):  # artefacts and notes, no folder
        try:
            about = path.stat()
        except OSError:
            continue  # another process deleted it
        ages.append((path == kept, about.st_mtime, about.st_size, path))
    total = sum(size for _, _, size, _ in ages)
    for newest, _, size, path in sorted(ages):
        if total <= LARGEST or newest:
            break
        path.unlink(missing_ok=True)
        total -= size
