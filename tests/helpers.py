"""What several test files need: small experiments in float64, runs, exact comparison."""

import torch

from toylab.experiment import Experiment
from toylab.games import Players
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES
from toylab.states import flatten
from toylab.trainer import Setup, train

SMALL = {
    "generator_width": 6,
    "critic_width": 6,
    "generator_activation": "tanh",
    "critic_activation": "tanh",
    "initialisation": "glorot",
    "batch": 8,
    "rate_critic": 0.01,
    "rate_generator": 0.01,
}

F64 = {"dtype": torch.float64}

# Every live number: three values, and the settings with which it means something.
KNOBS = [
    ("penalty_weight", (0.0, 1.0, 5.0), {}),
    ("noise", (0.0, 0.1, 0.5), {}),
    ("rate_critic", (0.001, 0.01, 0.02), {}),
    ("rate_generator", (0.001, 0.01, 0.02), {}),
    ("clip", (0.05, 0.1, 0.3), {"constraint": "clip"}),
    ("average", (0.0, 0.5, 0.9), {}),
    ("beta1", (-0.5, 0.0, 0.9), {"rule": "adam"}),
    ("beta2", (0.9, 0.99, 0.999), {"rule": "adam"}),
    ("epsilon", (1e-8, 1e-4, 1e-2), {"rule": "rmsprop"}),
    ("momentum", (-0.3, 0.0, 0.9), {"rule": "momentum"}),
    ("decay", (0.8, 0.9, 0.99), {"rule": "rmsprop"}),
    ("weight_decay", (0.0, 0.01, 0.1), {"rule": "adamw"}),
    ("lookahead_steps", (2.0, 3.0, 5.0), {"rule": "lookahead"}),
    ("lookahead_pull", (0.2, 0.5, 1.0), {"rule": "lookahead"}),
    ("adjustment", (0.0, 0.3, 1.0), {"optimizer": "consensus"}),
    ("solver_tolerance", (0.1, 1e-5, 1e-10), {"optimizer": "cgd"}),
    ("acgd_beta", (0.5, 0.9, 0.99), {"optimizer": "acgd"}),
    ("acgd_epsilon", (1e-6, 1e-3, 1e-1), {"optimizer": "acgd-general"}),
]

# Every optimizer with Adam, every rule with two optimizers.
PAIRS = [
    *((optimizer, "adam", "critic") for optimizer in OPTIMIZERS),
    *(
        (optimizer, rule, first)
        for optimizer, first in (
            ("alternating", "critic"),
            ("alternating", "generator"),
            ("extragradient", "critic"),
        )
        for rule in RULES
        if (rule, first) != ("adam", "critic")
    ),
]


def small(**settings):
    """An experiment with tiny smooth networks (finite differences need smoothness)."""
    return Experiment(**{**SMALL, **settings})


def run(experiment, steps, **given):
    """The state after so many steps, in float64 unless told otherwise."""
    given = given if "setup" in given else {"dtype": torch.float64, **given}
    return list(train(experiment, steps=steps, **given))[-1]


def setup64(experiment, **given):
    """The experiment's `Setup` in float64."""
    return Setup(experiment, dtype=torch.float64, **given)


def assert_same(one, other):
    """Two states are equal bit for bit."""
    one, other = flatten(one), flatten(other)
    assert set(one) == set(other)
    for name in one:
        assert torch.equal(one[name], other[name]), name


def assert_near(one, other, limit):
    """Two tensors or pairs of players differ by at most `limit`."""
    if isinstance(one, Players):
        for a, b in zip(one, other, strict=True):
            assert_near(a, b, limit)
        return
    assert one.shape == other.shape, (one.shape, other.shape)
    worst = (one - other).abs().max().item() if one.numel() else 0.0
    assert worst <= limit, f"differs by {worst:.3g}, allowed {limit:g}"


def copied(state):
    """A deep copy of everything in a state, to see later that nothing changed inside it."""
    return {name: tensor.clone() for name, tensor in flatten(state).items()}


def normal(*shape, seed=0):
    """Standard normal numbers in float64, the same every time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mlp_by_hand(vector, x, widths, activation=torch.tanh, masks=None):
    """A multi-layer perceptron written without `toylab.networks`; weights then bias, each tensor
    starting at a multiple of 16 numbers. x (B, in) -> (B, out)."""
    position = 0
    for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
        weight = vector[position : position + inputs * outputs].reshape(inputs, outputs)
        position = -(-(position + inputs * outputs) // 16) * 16
        bias = vector[position : position + outputs]
        position = -(-(position + outputs) // 16) * 16
        x = x @ weight + bias
        if layer < len(widths) - 2:
            x = activation(x)
            x = x if masks is None else x * masks[layer]
    assert position == len(vector)
    return x
