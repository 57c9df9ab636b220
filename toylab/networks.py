"""Networks over one flat vector: ``(size, init, apply)`` and nothing hidden.

All parameters of a player are one vector ``(P,)``, or ``(E, P)`` for an ensemble of E members.
`apply` is the only place that knows how the vector is laid out: every tensor's size is padded to
a multiple of 16 numbers (so float32 and float64 layouts agree) and one ``split`` serves an apply,
because slicing parameter by parameter is many times slower in the backward pass.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from toylab.tables import Table

PAD = 16


class Output(NamedTuple):
    """What a network says: `value` (..., B, *shape) or (..., B), and `hidden`, its last layer."""

    value: torch.Tensor
    hidden: torch.Tensor


class Layout(NamedTuple):
    """Where each tensor lies in a flat vector: pieces of these sizes, of which some are padding."""

    shapes: tuple
    cuts: tuple  # sizes of all pieces, in order
    kept: tuple  # which pieces are tensors
    size: int

    @classmethod
    def of(cls, shapes):
        cuts, kept = [], []
        for shape in shapes:
            kept.append(len(cuts))
            count = math.prod(shape)
            cuts += [count, -count % PAD] if count % PAD else [count]
        return cls(tuple(shapes), tuple(cuts), tuple(kept), sum(cuts))

    @property
    def count(self):
        """Numbers that are really used: the size without padding."""
        return sum(math.prod(shape) for shape in self.shapes)

    def unpack(self, vector):
        """The tensors as views, with the vector's leading axes in front; a list stays as it is."""
        if isinstance(vector, list):
            return vector
        lead, pieces = vector.shape[:-1], vector.split(self.cuts, dim=-1)
        return [
            pieces[number].view(*lead, *shape)
            for number, shape in zip(self.kept, self.shapes, strict=True)
        ]

    def pack(self, arrays):
        """The flat numpy vector of these arrays, padding 0."""
        pieces = [np.zeros(count, np.float32) for count in self.cuts]
        for number, array in zip(self.kept, arrays, strict=True):
            pieces[number] = np.asarray(array, np.float32).ravel()
        return np.concatenate(pieces)


class Network(NamedTuple):
    """``init(rng) -> (P,)`` as numpy float32; ``apply(vector, x, masks=None) -> Output``.

    `shape` is that of one input, `masks` the per-sample shapes of the dropout masks that a training
    step must bring, with `keep` the probability that a unit stays, or one a mask. A network with a
    `layout` also takes the unpacked list in the vector's place.
    """

    size: int
    init: Callable
    apply: Callable
    shape: tuple
    masks: tuple = ()
    keep: float | tuple = 1.0
    layout: Layout | None = None
    exact: Callable | None = None  # in full precision, where `apply` computes in fewer bits

    @property
    def count(self):
        """Numbers that are really used: the size without padding."""
        return self.layout.count if self.layout else self.size

    def at(self, vector):
        """(x, masks=None) -> Output with this vector, unpacked once for all calls."""
        return partial(self.apply, self.layout.unpack(vector) if self.layout else vector)


def _uniform(rng, bound, shape):
    return rng.uniform(-bound, bound, shape)


def _truncated(rng, shape, std, cut=2.0):
    """Normal numbers beyond `cut` standard deviations are drawn again."""
    values = rng.standard_normal(shape)
    while (beyond := np.abs(values) > cut).any():
        values[beyond] = rng.standard_normal(int(beyond.sum()))
    return std * values


def _orthogonal(rng, shape):
    """A matrix of orthonormal columns, or rows where those are fewer; each is as likely."""
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))  # without it the law of q would follow the algorithm
    return (q if rows >= columns else q.T).reshape(shape)


# Each: (rng, shape of the weight, numbers in, numbers out, last layer?) -> (weight, bias (out,)).
INITIALISATIONS = Table(
    "initialisation",
    {
        "uniform": lambda rng, shape, fan_in, fan_out, last: (
            _uniform(rng, fan_in**-0.5, shape),
            _uniform(rng, fan_in**-0.5, fan_out),
        ),
        "he": lambda rng, shape, fan_in, fan_out, last: (
            _uniform(rng, (6 / (fan_in + fan_out if last else fan_in)) ** 0.5, shape),
            np.zeros(fan_out),
        ),
        "glorot": lambda rng, shape, fan_in, fan_out, last: (
            _uniform(rng, (6 / (fan_in + fan_out)) ** 0.5, shape),
            np.zeros(fan_out),
        ),
        "truncated": lambda rng, shape, fan_in, fan_out, last: (
            _truncated(rng, shape, 0.1),
            np.zeros(fan_out),
        ),
        "dcgan": lambda rng, shape, fan_in, fan_out, last: (
            0.02 * rng.standard_normal(shape),
            np.zeros(fan_out),
        ),
        "dcgan-uniform": lambda rng, shape, fan_in, fan_out, last: (
            _uniform(rng, 0.02 * 3**0.5, shape),
            np.zeros(fan_out),
        ),
        "wgan-gp": lambda rng, shape, fan_in, fan_out, last: (
            _uniform(
                rng, ((6 if last or len(shape) == 2 else 12) / (fan_in + fan_out)) ** 0.5, shape
            ),
            np.zeros(fan_out),
        ),
        "orthogonal": lambda rng, shape, fan_in, fan_out, last: (
            0.8 * _orthogonal(rng, shape),
            np.zeros(fan_out),
        ),
        "icr": lambda rng, shape, fan_in, fan_out, last: (
            0.01 * rng.standard_normal(shape)
            if len(shape) > 2
            else _uniform(rng, fan_in**-0.5, shape),
            _uniform(rng, fan_in**-0.5, fan_out),
        ),
    },
)
TORCH_BIASES = ("uniform", "icr")  # ±1/√fan-in, as torch has them where nobody says otherwise

INITIALISATION_DOCS = {
    "uniform": "Weights and biases ±1/√fan-in, the default of torch.nn.Linear.",
    "he": "Weights ±√(6/fan-in), last layer Glorot, biases 0 (WGAN-GP's toy networks).",
    "glorot": "Weights ±√(6/(fan-in + fan-out)), biases 0 (Glorot and Bengio 2010).",
    "truncated": "Normal weights of std 0.1 cut at ±0.2, biases 0 (Roth et al. 2017, 3-D toy).",
    "dcgan": "Normal weights of std 0.02, biases 0 (Radford et al. 2016).",
    "dcgan-uniform": "Uniform weights of std 0.02, biases 0 (Roth et al. 2017, 64×64).",
    "wgan-gp": "Kernels ±√(12/(fan-in + fan-out)); matrices, shortcuts and a ResNet's outermost "
    "±√(6/(…)), biases 0 (WGAN-GP's images).",
    "orthogonal": "Orthonormal columns or rows times 0.8, biases 0 (CGD's GAN on two modes).",
    "icr": "Kernels normal of std 0.01, matrices and biases ±1/√fan-in (Schäfer et al. 2020).",
}

ACTIVATIONS = Table(
    "activation",
    {
        "leaky-relu": lambda x: F.leaky_relu(x, 0.2),
        "relu": torch.relu,
        "tanh": torch.tanh,
        "softplus": F.softplus,
        "silu": F.silu,
    },
)


def _linear(x, weight, bias):
    """x (..., B, in), weight (..., in, out), bias (..., out) or none: one fused call."""
    if bias is None:
        return x @ weight
    if weight.dim() == 2:
        return torch.addmm(bias, x, weight)
    return torch.baddbmm(bias.unsqueeze(-2), x, weight)


def mlp(
    shape,
    out=None,
    width=128,
    depth=2,
    activation="leaky-relu",
    initialisation="uniform",
    dropout=0.0,
    biases=True,
):
    """A multi-layer perceptron: `depth` hidden layers of `width`, then a linear one.

    shape   -- of one input; anything but one axis is flattened first
    out     -- shape of one output; None makes a critic whose value has shape (..., B)
    dropout -- probability that a hidden unit is left out in training
    biases  -- False leaves them out

    Ensembles: vector (E, P) with x (E, B, *shape); a member equals the single run to rounding.
    """
    act, draw = ACTIVATIONS[activation], INITIALISATIONS[initialisation]
    widths = [math.prod(shape), *[width] * depth, 1 if out is None else math.prod(out)]
    pairs = list(zip(widths, widths[1:], strict=False))
    layout = Layout.of([part for i, o in pairs for part in ((i, o), (o,))[: 1 + biases]])
    axes = len(shape)

    def init(rng):
        arrays = []
        for number, (fan_in, fan_out) in enumerate(pairs):
            last = number == depth
            arrays += draw(rng, (fan_in, fan_out), fan_in, fan_out, last)[: 1 + biases]
        return layout.pack(arrays)

    def apply(vector, x, masks=None):
        parts = layout.unpack(vector)
        weights, offsets = (parts[::2], parts[1::2]) if biases else (parts, [None] * len(parts))
        if axes != 1:
            x = x.flatten(-axes)
        for layer in range(depth):
            x = act(_linear(x, weights[layer], offsets[layer]))
            if masks is not None:
                x = x * masks[layer]
        value = _linear(x, weights[-1], offsets[-1])
        if out is None:
            return Output(value.squeeze(-1), x)
        return Output(value if len(out) == 1 else value.unflatten(-1, out), x)

    return Network(
        size=layout.size,
        init=init,
        apply=apply,
        shape=tuple(shape),
        masks=((width,),) * depth if dropout else (),
        keep=1.0 - dropout,
        layout=layout,
    )


def identity(shape):
    """A generator without parameters: its fakes are its latents (a fixed set of fakes)."""

    def apply(vector, x, masks=None):
        # The empty vector stays in the graph, so that its (empty) gradient exists.
        return Output(x + vector.sum(-1).view(*vector.shape[:-1], *[1] * (1 + len(shape))), x)

    return Network(0, lambda rng: np.zeros(0, np.float32), apply, tuple(shape))
