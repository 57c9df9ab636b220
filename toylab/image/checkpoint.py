"""Checkpoints: files of tensors and plain values, written whole or not at all, checked when read.

    checkpoints/step-00000300.ckpt   torch.save of {format, step, data, state: {name: tensor}}
    checkpoints/step-00000300.json   {sha256, step} of it
    checkpoints/last.json            {file}: where to go on from
    checkpoints/best.json            {file, step, fid, extractor}: the best by score, which is kept

A file is only ever read with ``weights_only=True``: no code in it can run.
"""

import hashlib
import io
import json
from pathlib import Path

import torch

from toylab.files import write
from toylab.states import flatten, restore

FORMAT = "toylab-image-1"
KEPT = 2


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the text says why, and which other one can."""


def save(folder, state, data, every=0):
    """Writes a state's checkpoint and removes all but this and the one before; returns its path.

    data  -- the fingerprint of the images
    every -- steps that this divides keep their checkpoints; 0: none

    The best by score is kept too. Files of later steps, left by a run that was taken up again
    further back, are removed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # A clone holds its own numbers only; a view would bring its whole storage along.
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in flatten(state).items()}
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "step": state.step, "data": data, "state": tensors}, buffer)
    path = folder / f"step-{state.step:08d}.ckpt"
    write(path, buffer.getvalue())
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    write(path.with_suffix(".json"), _json({"sha256": digest, "step": state.step}))
    write(folder / "last.json", _json({"file": path.name}))
    champion = best(folder)
    if champion and champion["step"] > state.step:
        champion = (folder / "best.json").unlink()
    earlier = [other for other in _all(folder) if other < path]
    kept = {path, *earlier[1 - KEPT :]}
    kept |= {other for other in earlier if every and step_of(other) % every == 0}
    kept |= {folder / champion["file"]} if champion else set()
    for other in set(_all(folder)) - kept:
        other.unlink()
        other.with_suffix(".json").unlink(missing_ok=True)
    return path


def name_best(folder, path, step, scores):
    """Writes which checkpoint is the best so far; scores {fid, extractor}."""
    write(Path(folder) / "best.json", _json({"file": path.name, "step": step, **scores}))


def best(folder):
    """{file, step, fid, …} of the best checkpoint by score; None where nothing was scored."""
    try:
        found = json.loads((Path(folder) / "best.json").read_text())
        return {
            **found,
            "file": Path(found["file"]).name,
            "step": int(found["step"]),
            "fid": float(found["fid"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _json(value):
    return json.dumps(value).encode() + b"\n"


def _all(folder):
    """The checkpoints that runs write; one that somebody copied has a name of its own."""
    return sorted(path for path in Path(folder).glob("step-*.ckpt") if step_of(path) is not None)


def step_of(path):
    """The step in a checkpoint's name, None where it has none."""
    number = path.stem.removeprefix("step-")
    return int(number) if number.isdecimal() else None


def last(folder):
    """The path of the newest finished checkpoint; raises `CheckpointError` where there is none."""
    return named(Path(folder) / "last.json")


def named(pointer):
    """The checkpoint that a last.json or best.json names; raises `CheckpointError`."""
    try:
        name = json.loads(pointer.read_text())["file"]
        return pointer.parent / Path(name).name
    except (OSError, ValueError, KeyError, TypeError) as error:
        folder, what = pointer.parent, {"best": "best"}.get(pointer.stem, "finished")
        raise CheckpointError(f"{folder} has no {what} checkpoint{_others(folder)}") from error


def load(path, like, data=None):
    """The state in a file, with the structure of the state `like`; raises `CheckpointError`.

    data -- the fingerprint of the images that the run must go on with; not compared where None.
    """
    path = Path(path)
    try:
        return _load(path, like, data)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}{_others(path.parent, path)}") from error


def _load(path, like, data):
    content = _verified(path)
    try:
        held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile file makes the reader raise
        raise CheckpointError("holds more than tensors and plain values: refused") from error
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise CheckpointError(f"is not a checkpoint of form {FORMAT}")
    if data is not None and held.get("data") != data:
        raise CheckpointError("was trained on other images than this run finds now")
    tensors = held.get("state")
    if not isinstance(tensors, dict) or not all(map(_plain, tensors.values())):
        raise CheckpointError("its state is not a table of tensors")
    try:
        state = restore(like, tensors)
    except ValueError as error:
        raise CheckpointError(f"belongs to other networks or settings: {error}") from error
    for name, tensor in flatten(like).items():
        if tensors[name].dtype != tensor.dtype:
            raise CheckpointError(f"{name} must be {tensor.dtype}, got {tensors[name].dtype}")
    return state


def _plain(tensor):
    return type(tensor) is torch.Tensor and tensor.layout == torch.strided and not tensor.is_meta


def _verified(path):
    """The file's bytes, once their sha256 is the one written beside them."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot be read ({error.strerror})") from error
    try:
        wanted = json.loads(path.with_suffix(".json").read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError("has no sha256 in a .json beside it") from error
    if hashlib.sha256(content).hexdigest() != wanted:
        raise CheckpointError("is damaged: its sha256 is not the one written beside it")
    return content


def _others(folder, than=None):
    """Names the newest other file that is whole, or says that there is none."""
    for path in reversed(_all(folder)):
        if path != than:
            try:
                _verified(path)
            except CheckpointError:
                continue
            return f"; the last good one is {path}"
    return ""
