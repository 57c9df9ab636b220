"""Layers of image networks: what each keeps in the flat vector, and what it does to images.

A network is a list of layers; `network` lays their tensors out in one vector and walks through them
in order. A layer that has others inside, such as `residual`, is a layer too.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn import functional as F

from toylab.image.moments import batch_moments, normalise, per_image
from toylab.networks import INITIALISATIONS, TORCH_BIASES, Layout, Network, Output


class Part(NamedTuple):
    """One tensor of a network; weights have fans, a gain starts around 1, a bias around 0.

    `modest` weights start as those of a last layer do, where an initialisation makes a difference:
    shortcuts, and whatever else the papers leave out of their larger starts. `reach` of a bias is
    the fan-in of its weight as torch counts it.
    """

    shape: tuple
    fan_in: int = 0
    fan_out: int = 0
    start: float = 0.0
    modest: bool = False
    reach: int = 0


class Walk:
    """One walk through a network: its tensors, moments and dropout masks, each in order."""

    def __init__(self, tensors, masks, moments, memory):
        self._tensors, self._masks = iter(tensors), iter(masks or ())
        self._moments, self._number = moments, -1
        self.memory = memory

    def take(self):
        """The next tensor of the vector."""
        return next(self._tensors)

    def mask(self):
        """The next dropout mask, or None where nothing is left out."""
        return next(self._masks, None)

    def moments(self, x):
        """The next normalisation's (mean, variance)."""
        self._number += 1
        return self._moments(self._number, x)


class Layer(NamedTuple):
    """`run(x, walk) -> x`, which takes this layer's parts from the walk in order.

    drops -- ((shape of a sample's mask, probability to stay), …) of the dropout inside
    """

    run: Callable
    parts: tuple = ()
    drops: tuple = ()


def chain(*layers):
    """Layers one after the other, as one."""

    def run(x, walk):
        for layer in layers:
            x = layer.run(x, walk)
        return x

    return Layer(
        run, sum((layer.parts for layer in layers), ()), sum((layer.drops for layer in layers), ())
    )


def plain(function):
    """A layer without numbers of its own."""
    return Layer(lambda x, walk: function(x))


def linear(inputs, outputs, bias=True):
    """(B, inputs) -> (B, outputs)."""

    def run(x, walk):
        weight = walk.take()
        return torch.addmm(walk.take(), x, weight) if bias else x @ weight

    weight = Part((inputs, outputs), inputs, outputs)
    return Layer(run, (weight, Part((outputs,), reach=inputs)) if bias else (weight,))


def convolution(inputs, outputs, kernel=3, stride=1, bias=True, modest=False):
    """(B, inputs, h, w) -> (B, outputs, h/stride, w/stride), odd kernels centred."""

    def run(x, walk):
        weight = walk.take()
        shift = walk.take() if bias else None
        return F.conv2d(x, weight, shift, stride, padding=(kernel - 1) // 2)

    fans = inputs * kernel**2, round(outputs * kernel**2 / stride**2)
    weight = Part((outputs, inputs, kernel, kernel), *fans, modest=modest)
    return Layer(run, (weight, Part((outputs,), reach=fans[0])) if bias else (weight,))


def transposed(inputs, outputs, kernel, bias=True):
    """(B, inputs, h, w) -> (B, outputs, 2h, 2w): a transposed convolution of stride 2."""
    more = {"stride": 2, "padding": (kernel - 1) // 2, "output_padding": kernel % 2}

    def run(x, walk):
        weight = walk.take()
        return F.conv_transpose2d(x, weight, walk.take() if bias else None, **more)

    # With stride 2 a quarter of the kernel reaches one output.
    weight = Part(
        (inputs, outputs, kernel, kernel), round(inputs * kernel**2 / 4), outputs * kernel**2
    )
    # torch takes the other axis of a transposed kernel for what comes in.
    shift = Part((outputs,), reach=outputs * kernel**2)
    return Layer(run, (weight, shift) if bias else (weight,))


def _gain_and_bias(count):
    return Part((count,), start=1.0), Part((count,))


def batch_norm(count):
    """Normalisation by the statistics of the batch, a channel each; see `moments`."""

    def run(x, walk):
        return normalise(x, walk.take(), walk.take(), walk.moments(x))

    return Layer(run, _gain_and_bias(count))


def layer_norm(count):
    """Normalisation of each image by itself."""
    return Layer(lambda x, walk: per_image(x, walk.take(), walk.take()), _gain_and_bias(count))


def no_norm(count):
    """Nothing."""
    return plain(lambda x: x)


NORMS = {"batch": batch_norm, "layer": layer_norm, "none": no_norm}


def dropout(shape, rate):
    """Numbers of a (B, *shape) left out with this probability; the masks come with the batch."""
    if not rate:
        return plain(lambda x: x)

    def run(x, walk):
        mask = walk.mask()
        return x if mask is None else x * mask

    return Layer(run, drops=((tuple(shape), 1.0 - rate),))


def unflatten(shape):
    """(B, n) -> (B, *shape)."""
    return Layer(lambda x, walk: x.view(-1, *shape).contiguous(memory_format=walk.memory))


FLATTEN = plain(lambda x: x.flatten(1))
DOUBLE = plain(lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"))
HALVE = plain(lambda x: F.avg_pool2d(x, 2))
AVERAGE = plain(lambda x: x.mean((2, 3)))  # over both sides


def residual(body, shortcut):
    """body(x) + shortcut(x)."""

    def run(x, walk):
        inner = body.run(x, walk)
        return inner + shortcut.run(x, walk)

    return Layer(run, body.parts + shortcut.parts, body.drops + shortcut.drops)


def network(layers, last, shape, initialisation, finish):
    """The `Network` of the layers; its hidden layer is what comes before `last`.

    shape  -- of one input
    finish -- (B, …) of the last layer -> the value

    Weights come from the initialisation's row. Biases are 0, but where that row leaves them to
    torch, ±1/√fan-in. Gains are 1, with "dcgan" N(1, 0.02²), as in its authors' code.
    """
    body = chain(*layers)
    parts, drops = body.parts + last.parts, body.drops
    layout, draw = Layout.of([part.shape for part in parts]), INITIALISATIONS[initialisation]
    spread = 0.02 if initialisation == "dcgan" else 0.0

    def start(rng, number, part):
        if part.fan_in:
            # By its place a matrix is a last layer; of the last kernels the papers say it each.
            modest = part.modest or number >= len(body.parts) and len(part.shape) == 2
            return draw(rng, part.shape, part.fan_in, part.fan_out, modest)[0]
        if part.reach and initialisation in TORCH_BIASES:
            return rng.uniform(-(part.reach**-0.5), part.reach**-0.5, part.shape)
        return part.start * (1 + spread * rng.standard_normal(part.shape))

    def init(rng):
        return layout.pack([start(rng, number, part) for number, part in enumerate(parts)])

    def apply(vector, x, masks=None, moments=batch_moments, memory=torch.contiguous_format):
        walk = Walk(layout.unpack(vector), masks, moments, memory)
        hidden = body.run(x.contiguous(memory_format=memory) if x.dim() == 4 else x, walk)
        return Output(finish(last.run(hidden, walk)), hidden)

    masks, keep = tuple(shape for shape, _ in drops), tuple(stay for _, stay in drops) or 1.0
    return Network(layout.size, init, apply, tuple(shape), masks, keep, layout)


def logit(value):
    """(B, 1) -> (B,): how a critic ends."""
    return value.squeeze(-1)


def halvings(height, width, base=4):
    """How often both sides can be halved while they are even and longer than `base`."""
    stages = 0
    while not any(side >> stages & 1 or side >> stages <= base for side in (height, width)):
        stages += 1
    return stages


def smallest(name, shape, stages):
    """(stages, (height, width) after so many halvings); raises `ValueError` where there are none.

    stages -- as many as leave a side of at least 4 where it is 0 or None
    """
    _, height, width = shape
    stages = stages or halvings(height, width)
    if stages < 1 or height % 2**stages or width % 2**stages:
        raise ValueError(
            f"{name} halves an image {stages} times, which {height}×{width} does not allow: "
            "choose another number of stages, or pad the images"
        )
    return stages, (height >> stages, width >> stages)


def flat(small, count):
    """How many numbers an image of `count` channels and these sides has."""
    return count * math.prod(small)
