"""DCGAN and its relatives: strided convolutions down, transposed ones up."""

import torch
from torch.nn import functional as F

from toylab.games import Players
from toylab.image import layers
from toylab.image.layers import NORMS, chain, plain

SLOPE = 0.2  # of the critic's leaky ReLU


def dcgan(
    shape,
    latent,
    features=64,
    stages=None,
    initialisation="dcgan",
    kernel=5,
    norms=("batch", "batch"),
    tanh=False,
    slope=SLOPE,
    dropout=0.0,
    flat_norm=False,
    drop_channels=False,
):
    """`Players` of Radford et al. 2016, https://arxiv.org/abs/1511.06434, for any small image.

    G: z → linear → (C₁, h, w) → norm → ReLU → [transposed convolution, stride 2 → norm → ReLU]
       → transposed convolution, stride 2 → tanh
    D: convolution, stride 2 → leaky ReLU → [convolution → norm → leaky ReLU] → linear → logit

    shape    -- (channels, height, width) of an image in [−1, 1]
    latent   -- numbers in one z
    features -- channels beside the image, doubled at every halving
    stages   -- halvings of both sides; as many as leave a side of at least 4 unless given
    kernel   -- side of every kernel. TensorFlow pads a kernel of 5 by 1 before and 2 after the
                image, here it is 2 and 1: the same networks, with their pictures mirrored
    norms    -- (generator's, critic's): names of `layers.NORMS`
    tanh     -- in both players in place of ReLU and leaky ReLU
    slope    -- of the leaky ReLU below 0
    dropout  -- probability that a number is left out after each of the critic's leaky ReLUs
    flat_norm -- the generator's first normalisation is one of every number that comes out of the
                matrix, not of every channel
    drop_channels -- whole channels are left out, not single numbers

    There is no bias before a normalisation. Raises `ValueError` where the sides cannot be halved
    so often.
    """
    stages, small = layers.smallest("dcgan", shape, stages)
    counts = [features << stage for stage in range(stages)]  # beside the image first
    up = plain(torch.tanh if tanh else torch.relu)
    down = plain(torch.tanh if tanh else lambda x: F.leaky_relu(x, slope))
    return Players(
        _generator(
            shape, latent, counts[::-1], small, kernel, norms[0], flat_norm, up, initialisation
        ),
        _critic(
            shape, counts, small, kernel, norms[1], down, dropout, drop_channels, initialisation
        ),
    )


def _generator(shape, latent, counts, small, kernel, norm, flat_norm, activation, initialisation):
    """(B, latent) -> (B, *shape)."""
    bias, size = norm == "none", layers.flat(small, counts[0])
    image = layers.unflatten((counts[0], *small))
    first = (NORMS[norm](size), image) if flat_norm else (image, NORMS[norm](counts[0]))
    body = [layers.linear(latent, size, bias), *first, activation]
    for count, end in zip(counts, counts[1:], strict=False):
        body += [layers.transposed(count, end, kernel, bias), NORMS[norm](end), activation]
    last = layers.transposed(counts[-1], shape[0], kernel)
    return layers.network(body, last, (latent,), initialisation, torch.tanh)


def _critic(shape, counts, small, kernel, norm, activation, dropout, drop_channels, initialisation):
    """(B, *shape) -> (B,) logits."""
    body, bias = [], norm == "none"
    sides, inputs = shape[1:], shape[0]
    for stage, count in enumerate(counts):
        sides = tuple(side // 2 for side in sides)
        first = stage == 0
        body += [
            layers.convolution(inputs, count, kernel, 2, bias or first),
            chain() if first else NORMS[norm](count),
            activation,
            layers.dropout((count, 1, 1) if drop_channels else (count, *sides), dropout),
        ]
        inputs = count
    last = layers.linear(layers.flat(small, counts[-1]), 1)
    return layers.network([*body, layers.FLATTEN], last, shape, initialisation, layers.logit)
