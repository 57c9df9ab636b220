"""Image networks over one flat vector; a family is one function that builds both players.

Batch normalisation uses the statistics of the batch it sees, in both players, and a network has no
buffers: `apply` stays a pure function of vector and images. Two things follow.

- With batch normalisation a critic's value of one image depends on its neighbours. The slope
  ∇ₓ Σᵢ φ(xᵢ) that the penalties take then holds, for each image, also its influence on the others'
  values: "per-sample" slopes mix samples. Roth et al. 2017 train with exactly this.
- To sample, `calibrated` freezes the statistics found on one large batch, so that an image does not
  depend on which others are made with it.
"""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch.nn import functional as F

from toylab.games import Players
from toylab.means import mean
from toylab.networks import INITIALISATIONS, Layout, Network, Output, mlp
from toylab.tables import Table

EPS = 1e-5
SLOPE = 0.2  # of the critic's leaky ReLU
BASE = 4  # images are halved while their sides are even and longer than this


def batch_moments(number, x):
    """(mean, variance), each (C,), of x (B, C, ...) over all axes but C; the biased variance.

    The variance is a mean of squared deviations, not E[x²] − E[x]², which cancels badly in float32.
    `number` counts the normalisations of a network; it means something only where moments are held.
    """
    axes = (0, *range(2, x.dim()))
    centre = mean(x, axes, keepdim=True)
    return centre.flatten(), mean((x - centre).square(), axes)


def normalise(x, gain, bias, moments):
    """gain·(x − μ)/√(σ² + ε) + bias, a channel each: x (B, C, ...), the others (C,).

    Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167; ε = 1e-5 as in torch. Written with
    `means.mean`, so it can be differentiated any number of times, and is exact in data parallelism.
    """
    centre, variance = moments
    scale = gain * (variance + EPS).rsqrt()
    channels = (-1,) + (1,) * (x.dim() - 2)
    return x * scale.view(channels) + (bias - centre * scale).view(channels)


def calibrated(network, vector, x):
    """The network whose normalisations use the statistics that `vector` gives on the batch x.

    An image it makes does not depend on its neighbours. It is meant for this vector alone. A
    network that normalises nothing is returned as it is.
    """
    if "moments" not in inspect.signature(network.apply).parameters:
        return network
    held = []

    def record(number, x):
        held.append(batch_moments(number, x))
        return held[number]

    with torch.no_grad():
        network.apply(vector, x, moments=record)
    return network._replace(apply=partial(network.apply, moments=lambda number, x: held[number]))


def dcgan(shape, latent, features=64, stages=None, initialisation="dcgan"):
    """`Players` of Radford et al. 2016, https://arxiv.org/abs/1511.06434, for any small image.

    G: z → linear → (C₁, h, w) → BN → ReLU → [4×4 transposed convolution, stride 2 → BN → ReLU]
       → 4×4 transposed convolution, stride 2 → tanh
    D: 4×4 convolution, stride 2 → leaky ReLU → [convolution → BN → leaky ReLU] → linear → logit

    shape    -- (channels, height, width) of an image in [−1, 1]
    latent   -- numbers in one z
    features -- channels beside the image, doubled at every halving
    stages   -- halvings of both sides; as many as leave a side of at least 4 unless given

    There is no bias before a normalisation, where it has no effect. Raises `ValueError` where the
    sides cannot be halved so often.
    """
    channels, height, width = shape
    stages = _halvings(height, width) if stages is None else stages
    if stages < 1 or height % 2**stages or width % 2**stages:
        raise ValueError(
            f"dcgan halves an image {stages} times, which {height}×{width} does not allow: "
            "choose another number of stages, or pad the images"
        )
    small = (height >> stages, width >> stages)
    counts = [features << stage for stage in range(stages)]  # beside the image first
    return Players(
        _generator(channels, latent, counts[::-1], small, initialisation),
        _critic(shape, counts, small, initialisation),
    )


def _halvings(height, width):
    stages = 0
    while not any(side >> stages & 1 or side >> stages <= BASE for side in (height, width)):
        stages += 1
    return stages


class Part(NamedTuple):
    """One tensor of a network; weights have fans, a gain starts around 1, a bias at 0."""

    shape: tuple
    fan_in: int = 0
    fan_out: int = 0
    start: float = 0.0


def _linear(inputs, outputs):
    return Part((inputs, outputs), inputs, outputs)


def _convolution(inputs, outputs):
    return Part((outputs, inputs, 4, 4), 16 * inputs, 16 * outputs)


def _transposed(inputs, outputs):
    # With stride 2 a quarter of the 4×4 kernel reaches one output.
    return Part((inputs, outputs, 4, 4), 4 * inputs, 16 * outputs)


def _gain_and_bias(count):
    return [Part((count,), start=1.0), Part((count,))]


def _generator(channels, latent, counts, small, initialisation):
    """(B, latent) -> (B, channels, *small·2^stages)."""
    parts = [_linear(latent, counts[0] * math.prod(small))]
    for count, end in zip(counts, [*counts[1:], channels], strict=True):
        parts += [*_gain_and_bias(count), _transposed(count, end)]
    parts.append(Part((channels,)))
    layout = Layout.of([part.shape for part in parts])

    def apply(vector, x, masks=None, moments=batch_moments):
        weight, *stages, bias = layout.unpack(vector)
        x = (x @ weight).view(-1, counts[0], *small)
        for stage in range(len(counts)):
            gain, shift, kernel = stages[3 * stage : 3 * stage + 3]
            hidden = torch.relu(normalise(x, gain, shift, moments(stage, x)))
            last = bias if stage + 1 == len(counts) else None
            x = F.conv_transpose2d(hidden, kernel, last, stride=2, padding=1)
        return Output(torch.tanh(x), hidden)

    return _network(layout, parts, apply, (latent,), initialisation)


def _critic(shape, counts, small, initialisation):
    """(B, *shape) -> (B,) logits."""
    parts = [_convolution(shape[0], counts[0]), Part((counts[0],))]
    for count, end in zip(counts, counts[1:], strict=False):
        parts += [_convolution(count, end), *_gain_and_bias(end)]
    parts += [_linear(counts[-1] * math.prod(small), 1), Part((1,))]
    layout = Layout.of([part.shape for part in parts])

    def apply(vector, x, masks=None, moments=batch_moments):
        kernel, bias, *stages, weight, last = layout.unpack(vector)
        x = F.leaky_relu(F.conv2d(x, kernel, bias, stride=2, padding=1), SLOPE)
        for stage in range(len(counts) - 1):
            kernel, gain, shift = stages[3 * stage : 3 * stage + 3]
            x = F.conv2d(x, kernel, stride=2, padding=1)
            x = F.leaky_relu(normalise(x, gain, shift, moments(stage, x)), SLOPE)
        hidden = x.flatten(1)
        return Output(torch.addmm(last, hidden, weight).squeeze(-1), hidden)

    return _network(layout, parts, apply, tuple(shape), initialisation)


def _network(layout, parts, apply, shape, initialisation):
    """The `Network` whose weights come from the initialisation's row; biases are 0, gains 1.

    With "dcgan" gains are N(1, 0.02²), as in its authors' code.
    """
    draw = INITIALISATIONS[initialisation]
    spread = 0.02 if initialisation == "dcgan" else 0.0

    def start(rng, part, last):
        if part.fan_in:
            return draw(rng, part.shape, part.fan_in, part.fan_out, last)[0]
        return part.start * (1 + spread * rng.standard_normal(part.shape))

    def init(rng):
        # A network ends with a weight and its bias.
        return layout.pack(
            [start(rng, part, number + 2 == len(parts)) for number, part in enumerate(parts)]
        )

    return Network(layout.size, init, apply, shape, layout=layout)


def _multilayer(shape, experiment):
    """The core's perceptrons, sized by the experiment as a toy's are; images are flattened."""
    e, start = experiment, {"initialisation": experiment.initialisation}
    sizes = (e.generator_width, e.generator_depth, e.generator_activation)
    generator = mlp((e.latent,), shape, *sizes, **start)
    sizes = (e.critic_width, e.critic_depth, e.critic_activation)
    return Players(generator, mlp(shape, None, *sizes, dropout=e.critic_dropout, **start))


class Family(NamedTuple):
    """One row: `build(shape, experiment, settings) -> Players`, and the settings it alone reads."""

    build: Callable
    settings: tuple
    doc: str


FAMILIES = Table(
    "network",
    {
        "dcgan": Family(
            build=lambda shape, e, s: dcgan(
                shape, e.latent, s.features, s.stages or None, e.initialisation
            ),
            settings=("features", "stages"),
            doc="Strided convolutions with batch normalisation in both players.",
        ),
        "mlp": Family(
            build=lambda shape, e, s: _multilayer(shape, e),
            settings=tuple(
                f"{player}_{part}"
                for player in ("generator", "critic")
                for part in ("width", "depth", "activation")
            )
            + ("critic_dropout",),
            doc="The lab's perceptrons; an image is its row of numbers.",
        ),
    },
)
