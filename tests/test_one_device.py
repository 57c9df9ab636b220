"""A step stays on one device and never asks it for a number.

torch's "meta" device has shapes and no numbers. Whatever of a step lay on another device, or waited
for a number of this one (which stops a GPU, and cannot be recorded as a CUDA graph), raises there,
so that both can be seen where there is no GPU.
"""

import pytest
import torch

from toylab import solvers
from toylab.constraints import CONSTRAINTS
from toylab.experiment import Experiment
from toylab.games import Players
from toylab.image.config import load, presets
from toylab.image.data import shape
from toylab.image.networks import FAMILIES
from toylab.image.precision import arranged
from toylab.makings import LATENTS
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.rules import RULES
from toylab.trainer import Setup, train

TABLES = {
    "optimizer": OPTIMIZERS, "penalty": PENALTIES, "objective": OBJECTIVES, "rule": RULES,
    "constraint": CONSTRAINTS,
}  # fmt: skip
SMALL = {"critic_width": 8, "generator_width": 8, "batch": 8}


@pytest.fixture
def asked(monkeypatch):
    """How often a solver asked whether it was done: it is told that it is not."""
    times = []
    monkeypatch.setattr(solvers, "_all_done", lambda going: times.append(going.shape) and False)
    return times


def walked(experiment, setup):
    for state in train(experiment, steps=1, setup=setup):
        parts = [*state.players, state.average]
    assert {part.device.type for part in parts} == {"meta"}


@pytest.mark.parametrize(
    "setting, name", [(setting, name) for setting, table in TABLES.items() for name in table]
)
def test_every_row_s_step_stays_where_it_is(setting, name, asked):
    experiment = Experiment(**{setting: name}, **SMALL)
    walked(experiment, Setup(experiment, device="meta"))
    assert not asked or "cgd" in name


def test_an_ensemble_s_step_stays_where_it_is(asked):
    experiment = Experiment(members=3, penalty="roth", optimizer="acgd", **SMALL)
    walked(experiment, Setup(experiment, device="meta"))


class Nothing:
    """Images of a shape, all 0."""

    def __init__(self, *shape):
        self.shape = shape

    def sample(self, n, keys):
        return torch.zeros(n, *self.shape)


def on_meta(config):
    """`toylab.image.run.prepare` for a device that no run can have."""
    experiment, settings = config.experiment, config.settings
    size = shape(settings) or (3, 64, 64)
    made = FAMILIES[settings.network].build(size, experiment, settings)
    networks = Players(*(arranged(network, settings, "meta") for network in made))
    sources = Nothing(*size), LATENTS[experiment.latent_law](experiment.latent)
    return Setup(experiment, networks, sources, torch.float32, "meta")


@pytest.mark.parametrize("name", presets())
def test_every_preset_s_step_stays_where_it_is(name, asked):
    config = load(name, {"batch": 2, "batch_generator": 2, "channels_last": True})
    walked(config.experiment, on_meta(config))
