"""Networks over one flat vector: against a network written by hand, and the laws of the layout."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.helpers import assert_near, mlp_by_hand, normal
from toylab.networks import ACTIVATIONS, INITIALISATION_DOCS, INITIALISATIONS, PAD, identity, mlp

CLOSED = {
    "leaky-relu": lambda x: torch.where(x > 0, x, 0.2 * x),
    "relu": lambda x: torch.where(x > 0, x, 0 * x),
    "tanh": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    "softplus": lambda x: (1 + x.exp()).log(),
    "silu": lambda x: x / (1 + (-x).exp()),
}


def test_activations():
    assert set(CLOSED) == set(ACTIVATIONS)
    x = torch.linspace(-5, 5, 41, dtype=torch.float64)
    for name, formula in CLOSED.items():
        torch.testing.assert_close(ACTIVATIONS[name](x), formula(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("depth, out", [(0, None), (1, (3,)), (3, None), (2, (2,))])
def test_mlp_is_the_one_written_by_hand(activation, depth, out):
    network = mlp((2,), out, width=5, depth=depth, activation=activation)
    widths = (2, *[5] * depth, 1 if out is None else out[0])
    vector, x = normal(network.size, seed=1), normal(7, 2, seed=2)
    expected = mlp_by_hand(vector, x, widths, CLOSED[activation])
    found = network.apply(vector, x).value
    assert_near(found, expected if out else expected.squeeze(-1), 1e-13)


def test_hidden_is_the_last_hidden_layer():
    network = mlp((2,), None, width=5, depth=2, activation="tanh")
    vector, x = normal(network.size, seed=1), normal(7, 2, seed=2)
    value, hidden = network.apply(vector, x)
    weight, bias = vector[-32:-27], vector[-16]
    assert_near(hidden @ weight + bias, value, 1e-14)


@pytest.mark.parametrize("depth", [0, 2])
def test_ensemble_member_is_the_single_network(depth):
    network = mlp((2,), (3,), width=5, depth=depth, activation="tanh")
    vectors, x = normal(4, network.size, seed=1), normal(4, 7, 2, seed=2)
    whole = network.apply(vectors, x)
    for e in range(4):
        single = network.apply(vectors[e], x[e])
        assert_near(whole.value[e], single.value, 1e-14)
        assert_near(whole.hidden[e], single.hidden, 1e-14)


def test_points_of_any_shape_are_flattened():
    flat, image = mlp((4,), (4,), width=5), mlp((1, 2, 2), (1, 2, 2), width=5)
    assert flat.size == image.size
    vector, x = normal(flat.size, seed=1), normal(7, 4, seed=2)
    found = image.apply(vector, x.view(7, 1, 2, 2)).value
    assert torch.equal(found, flat.apply(vector, x).value.view(7, 1, 2, 2))


def test_layout_pads_every_tensor_and_padding_is_dead():
    """Every tensor takes a multiple of 16 numbers; padding starts at 0 and has gradient 0."""
    network = mlp((2,), (3,), width=5, depth=2, activation="tanh")
    shapes = [(2, 5), (5,), (5, 5), (5,), (5, 3), (3,)]
    assert network.size == sum(-(-math.prod(s) // PAD) * PAD for s in shapes) == 112
    assert network.count == sum(math.prod(s) for s in shapes)
    start = network.init(np.random.default_rng(0))
    assert start.dtype == np.float32 and start.shape == (112,)
    vector = torch.tensor(start, dtype=torch.float64).requires_grad_()
    loss = network.apply(vector, normal(7, 2)).value.square().sum()
    (slope,) = torch.autograd.grad(loss, vector)
    used = torch.zeros(112, dtype=torch.bool)
    position = 0
    for shape in shapes:
        used[position : position + math.prod(shape)] = True
        position += -(-math.prod(shape) // PAD) * PAD
    assert (slope[used] != 0).all() and (slope[~used] == 0).all()
    assert (vector.detach()[~used] == 0).all()


# name -> (bound or None, std) of a weight with these numbers in and out, and whether biases are 0.
LAWS = {
    "uniform": lambda i, o, last: (i**-0.5, (3 * i) ** -0.5, False),
    "he": lambda i, o, last: (
        math.sqrt(6 / (i + o)) if last else math.sqrt(6 / i),
        math.sqrt(2 / (i + o)) if last else math.sqrt(2 / i),
        True,
    ),
    "glorot": lambda i, o, last: (math.sqrt(6 / (i + o)), math.sqrt(2 / (i + o)), True),
    "truncated": lambda i, o, last: (0.2, 0.1 * 0.87962566, True),
    "dcgan": lambda i, o, last: (None, 0.02, True),
    "dcgan-uniform": lambda i, o, last: (0.02 * math.sqrt(3), 0.02, True),
    "wgan-gp": lambda i, o, last: (math.sqrt(6 / (i + o)), math.sqrt(2 / (i + o)), True),
    "icr": lambda i, o, last: (i**-0.5, (3 * i) ** -0.5, False),
    "orthogonal": lambda i, o, last: (None, 0.8 * max(i, o) ** -0.5, True),
}


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_initialisation_law(name):
    """Spread of 64·128 and 64·40 weights, and the bound, nearly reached where there is one."""
    assert set(LAWS) == set(INITIALISATIONS) == set(INITIALISATION_DOCS)
    network = mlp((128,), (40,), width=64, depth=1, initialisation=name)
    vector = network.init(np.random.default_rng(3))
    pieces = [vector[:8192], vector[8192:8256], vector[8256:10816], vector[10816:10856]]
    for (weight, bias), (i, o, last) in zip(
        (pieces[:2], pieces[2:]), ((128, 64, False), (64, 40, True)), strict=True
    ):
        bound, std, zero = LAWS[name](i, o, last)
        assert abs(weight.std() / std - 1) < 5 / math.sqrt(2 * weight.size)
        assert abs(weight.mean()) < 5 * std / math.sqrt(weight.size)
        if bound is not None:
            assert 0.98 * bound < abs(weight).max() <= bound * (1 + 1e-6)
        assert (bias == 0).all() == zero
        if not zero:
            assert 0.8 * bound < abs(bias).max() <= bound * (1 + 1e-6)


def test_orthogonal_columns_are_orthonormal_and_every_direction_is_as_likely():
    """0.8 QᵀQ = 0.8² I of the smaller side; Q itself has mean 0 over many draws."""
    network = mlp((3,), (5,), width=2, depth=1, initialisation="orthogonal", biases=False)
    first, second = [], []
    for seed in range(400):
        parts = network.layout.unpack(torch.from_numpy(network.init(np.random.default_rng(seed))))
        first, second = [*first, parts[0]], [*second, parts[1]]
    first, second = torch.stack(first), torch.stack(second)
    assert_near(first.mT @ first, 0.64 * torch.eye(2).expand(400, 2, 2), 1e-5)
    assert_near(second @ second.mT, 0.64 * torch.eye(2).expand(400, 2, 2), 1e-5)
    for drawn in (first, second):
        assert drawn.mean(0).abs().max() < 5 * drawn.std(0).max() / 400**0.5


def test_without_biases_the_network_is_its_matrices_alone():
    widths = (3, 4, 4, 2)
    with_zeros = mlp((3,), (2,), width=4, initialisation="glorot")
    network = mlp((3,), (2,), width=4, initialisation="glorot", biases=False)
    assert network.count == 3 * 4 + 4 * 4 + 4 * 2
    x, vector = normal(5, 3, seed=1), 0.5 * normal(2, network.size, seed=2)
    for own in (vector[0], vector):
        padded = [
            part
            for weight in network.layout.unpack(own)
            for part in (weight, torch.zeros(*weight.shape[:-2], weight.shape[-1]))
        ]
        batch = x.expand(*own.shape[:-1], 5, 3)
        expected = with_zeros.apply([part.double() for part in padded], batch).value
        assert_near(network.apply(own, batch).value, expected, 1e-14)
    layers = [part.numpy() for part in network.layout.unpack(vector[0])]
    hidden = x.numpy()
    for layer in layers[:-1]:
        hidden = hidden @ layer
        hidden = np.where(hidden > 0, hidden, 0.2 * hidden)
    assert_near(network.apply(vector[0], x).value, torch.from_numpy(hidden @ layers[-1]), 1e-14)
    assert [layer.shape for layer in layers] == [*zip(widths, widths[1:], strict=False)]


def test_uniform_initialisation_is_torch_s_own_default():
    bound = abs(torch.nn.Linear(128, 4096).weight).max().item()
    assert LAWS["uniform"](128, 0, False)[0] == pytest.approx(bound, rel=1e-3)


def test_init_is_a_pure_function_of_the_generator():
    network = mlp((2,), (2,), width=5)
    first, second, other = (network.init(np.random.default_rng(s)) for s in (1, 1, 2))
    assert (first == second).all() and not (first == other).any(where=first != 0)


def test_masks_multiply_every_hidden_layer():
    network = mlp((2,), None, width=5, depth=2, activation="tanh", dropout=0.25)
    assert network.masks == ((5,), (5,)) and network.keep == 0.75
    assert mlp((2,), None, width=5, depth=2).masks == ()
    vector, x = normal(network.size, seed=1), normal(7, 2, seed=2)
    masks = [(normal(7, 5, seed=s) > 0).double() / 0.75 for s in (3, 4)]
    expected = mlp_by_hand(vector, x, (2, 5, 5, 1), masks=masks).squeeze(-1)
    assert_near(network.apply(vector, x, masks).value, expected, 1e-13)
    assert not torch.equal(network.apply(vector, x).value, expected)


def test_identity_gives_its_latents_and_has_an_empty_gradient():
    network = identity((2,))
    vector, x = torch.zeros(0, dtype=torch.float64, requires_grad=True), normal(7, 2)
    value = network.apply(vector, x).value
    assert torch.equal(value, x)
    (slope,) = torch.autograd.grad(F.softplus(value).sum(), vector)
    assert slope.shape == (0,)
    lead = torch.zeros(3, 0, dtype=torch.float64)
    assert torch.equal(network.apply(lead, normal(3, 7, 2)).value, normal(3, 7, 2))
