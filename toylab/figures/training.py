"""What figures that train share: snapshots of the trainer's own states, points as tensors."""

import numpy as np
import torch

from toylab.probes import effective
from toylab.trainer import Setup, train


def snapshots(experiment, at, setup=None, member=None, **given):
    """(step, state, critic as a plain function) at the steps in `at`, in order; 0 is the start."""
    setup = setup or Setup(experiment, **given)
    wanted, start = sorted({int(step) for step in at}), setup.start()
    if wanted[0] == 0:
        yield 0, start, effective(setup, start, member)[1]
    for state in train(experiment, start, wanted[-1], setup=setup):
        if state.step in wanted:
            yield state.step, state, effective(setup, state, member)[1]


def spread_out(last, count=24):
    """Steps from 0 to the last one, even on a logarithmic scale; short runs have each step once."""
    steps = np.unique(np.round(np.geomspace(1, max(last, 1), count)).astype(int))
    return [0, *steps.tolist()]


def tensor(points):
    """Points as the critic takes them."""
    return torch.from_numpy(np.ascontiguousarray(points, np.float32))


def query(**settings):
    """Settings as an address of the lab."""
    return "&".join(f"{name}={value}" for name, value in settings.items())
