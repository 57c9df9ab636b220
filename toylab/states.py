"""The state of a run; how a checkpoint or a pipe takes it apart and puts it together again."""

from typing import Any, NamedTuple

import torch

from toylab.games import Players


class State(NamedTuple):
    """One moment of a run; the consumer's to keep, nothing ever changes inside it.

    players (..., P) each · memory, constraint: tuples of tensors · average (..., P_g) · step: how
    many steps were taken.
    """

    players: Players
    memory: Any
    constraint: tuple
    average: torch.Tensor
    step: int


def flatten(state):
    """{name: tensor} of everything in a state, for a checkpoint or a pipe; see `restore`."""
    found = {}

    def walk(name, part):
        if isinstance(part, torch.Tensor):
            found[name] = part
        elif isinstance(part, int):
            found[name] = torch.tensor(part)
        else:
            for key, inner in enumerate(part):
                walk(f"{name}.{key}", inner)

    for name, part in state._asdict().items():
        walk(name, part)
    return found


def restore(like, tensors):
    """The state with these tensors and the structure of `like`; raises `ValueError` on a misfit."""
    wanted = flatten(like)
    if set(wanted) != set(tensors):
        missing, extra = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
        raise ValueError(f"this state is of another structure: lacks {missing}, has {extra}")
    for name, tensor in wanted.items():
        if tensors[name].shape != tensor.shape:
            raise ValueError(
                f"{name} must have shape {tuple(tensor.shape)}, got {tuple(tensors[name].shape)}"
            )

    def walk(name, part):
        if isinstance(part, torch.Tensor):
            return tensors[name].to(part.device, part.dtype)
        if isinstance(part, int):
            return int(tensors[name])
        inner = [walk(f"{name}.{key}", value) for key, value in enumerate(part)]
        return type(part)(*inner) if hasattr(part, "_fields") else tuple(inner)

    return State(*(walk(name, part) for name, part in like._asdict().items()))
