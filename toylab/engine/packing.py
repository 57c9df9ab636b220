"""Nested values as JSON and flat arrays, for a pipe: what pickle does, without any code in it.

Numbers, text, lists, tuples, dictionaries, schedules, numpy arrays, tensors, and the tuples with
names that stand in `NAMED`; nothing else. Tensors that are one stay one.
"""

import math

import numpy as np
import torch

from toylab import schedules
from toylab.engine.run import Past
from toylab.games import Players
from toylab.health import Memory
from toylab.states import State

NAMED = {kind.__name__: kind for kind in (State, Players, Past, Memory)}
PART = 32 * 2**20  # bytes of arrays in one message, or one array if that is larger


class Packed:
    """Packs values; `arrays` are the bytes of all arrays in them, each named by its number."""

    def __init__(self):
        self.arrays, self._numbers, self._alive = {}, {}, []

    def pack(self, value):
        """JSON that stands for a value; raises `TypeError` for what is none of the kinds above."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, list):
            return [self.pack(each) for each in value]
        if isinstance(value, dict):
            return {"dict": [[self.pack(name), self.pack(each)] for name, each in value.items()]}
        if isinstance(value, schedules.Schedule):
            return {"schedule": str(value)}
        if isinstance(value, tuple):
            kind = type(value).__name__ if hasattr(value, "_fields") else "tuple"
            if kind != "tuple" and NAMED.get(kind) is not type(value):
                raise TypeError(f"{kind} is not among {', '.join(NAMED)}")
            return {kind: [self.pack(each) for each in value]}
        if isinstance(value, (np.ndarray, torch.Tensor)):
            return self._array(value)
        raise TypeError(f"a {type(value).__name__} cannot be packed")

    def _array(self, value):
        if id(value) not in self._numbers:
            self._alive.append(value)  # an id is its owner's as long as that lives
            self._numbers[id(value)] = str(len(self.arrays))
            array = np.ascontiguousarray(value.detach().numpy() if _is_tensor(value) else value)
            self.arrays[self._numbers[id(value)]] = array.reshape(-1).view(np.uint8)
        kind = "tensor" if _is_tensor(value) else "array"
        about = str(value.dtype).removeprefix("torch."), list(value.shape)
        return {kind: [self._numbers[id(value)], *about]}

    def parts(self, most=PART):
        """The arrays in several dictionaries, none of them much larger than that many bytes."""
        part, size = {}, 0
        for name, array in self.arrays.items():
            if part and size + array.nbytes > most:
                yield part
                part, size = {}, 0
            part[name] = array
            size += array.nbytes
        if part:
            yield part


def unpacked(value, arrays, made=None):
    """The value again; raises `ValueError` for JSON that `Packed` does not write."""
    made = {} if made is None else made  # {number: tensor or array}
    if isinstance(value, list):
        return [unpacked(each, arrays, made) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "float":
        return float(inner)
    if kind == "schedule":
        return schedules.parse(inner)
    if kind in ("tensor", "array"):
        name, dtype, shape = inner
        if name not in made:
            array = arrays[name].view(np.dtype(dtype)).reshape(shape).copy()
            made[name] = torch.from_numpy(array) if kind == "tensor" else array
        return made[name]
    inner = [unpacked(each, arrays, made) for each in inner]
    if kind == "dict":
        return dict(inner)
    if kind == "tuple":
        return tuple(inner)
    if kind in NAMED:
        return NAMED[kind](*inner)
    raise ValueError(f"{kind!r} is unknown; known: {', '.join(NAMED)}")


def _is_tensor(value):
    return isinstance(value, torch.Tensor)
