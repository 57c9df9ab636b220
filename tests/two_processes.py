"""What one of the processes of `test_processes` does: trains small image GANs on its share.

Started by torchrun with a folder; writes the states of rank 0 there, and of rank 1 beside them.
"""

import sys
from pathlib import Path

import torch

from tests.helpers import normal
from toylab.data import Finite, Normal
from toylab.experiment import Experiment
from toylab.image.config import Settings
from toylab.image.networks import FAMILIES
from toylab.processes import joined, rank
from toylab.states import flatten
from toylab.trainer import Setup, losses, train

SHAPE = (1, 8, 8)
COMMON = {"batch": 8, "latent": 3, "average": 0.9, "rate_critic": 3e-3, "rate_generator": 3e-3}
PLAIN = {"rule": "sgd", "rate_critic": 0.05, "rate_generator": 0.05}
CASES = {
    "1-gp": ("dcgan-nonorm", {"objective": "wasserstein", "penalty": "1-gp", "critic_steps": 2}),
    "lazy r1": ("dcgan", {"penalty": "r1", "penalty_interval": 4, "noise": 0.1}),
    "roth, norms": ("dcgan", {"penalty": "roth", "penalty_weight": 0.5}),
    "ct": (
        "wgangp-cnn",
        {"penalty": "1-gp", "penalty_2": "ct", "penalty_2_weight": 2.0, "critic_dropout": 0.5},
    ),
    "acgd": ("dcgan", {"optimizer": "acgd", "objective": "minimax", "solver_steps": 6}),
    # What else looks at several samples, or differentiates through a reduced gradient.
    "neighbours": ("dcgan", {"penalty": "ct-ratio", "penalty_2": "dragan", **PLAIN}),
    "relativistic": ("dcgan", {"objective": "relativistic-average", **PLAIN}),
    "unrolled": ("dcgan", {"optimizer": "unrolled", "unroll": 2, **PLAIN}),
    "consensus": ("dcgan", {"optimizer": "consensus", "adjustment": 0.1, **PLAIN}),
}
STEPS = 20


def made(case, **more):
    """The `Setup` of a case, in float64."""
    family, settings = CASES[case]
    experiment = Experiment(**{**COMMON, "penalty": "none", **settings, **more})
    networks = FAMILIES[family].build(SHAPE, experiment, Settings(features=2))
    real = Finite(normal(50, *SHAPE, seed=5).tanh().numpy())
    return Setup(experiment, networks, (real, Normal(3)), torch.float64)


def walked(setup, steps=STEPS, state=None):
    """{name: tensor} of the last state, and the losses there."""
    *_, state = train(setup.experiment, state=state, steps=steps, setup=setup)
    found = {name: torch.tensor(value) for name, value in losses(setup, state).items()}
    return flatten(state), found


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined():
        found = {case: walked(made(case)) for case in CASES}
        torch.save(found, Path(sys.argv[1]) / f"rank{rank()}.pt")
