"""Residual networks: those of Roth et al. 2017 (64×64), the smaller ones of WGAN-GP (32×32), and
those of Mescheder et al. 2018 (128×128) without any normalisation.

All are written for any side that can be halved. Spectral normalisation is no layer here: it is
the experiment's constraint, and acts on whatever kernels a critic has.
"""

import torch
from torch.nn import functional as F

from toylab.games import Players
from toylab.image import layers
from toylab.image.layers import DOUBLE, HALVE, NORMS, chain, plain, residual

RELU = plain(torch.relu)
WIDEST = 8  # times the features beside the image
LEAKY, TENTH = plain(lambda x: F.leaky_relu(x, 0.2)), plain(lambda x: 0.1 * x)


def block(inputs, outputs, resample, norm, first=False):
    """norm → ReLU → 3×3 → norm → ReLU → 3×3, beside a shortcut of 1×1 where sizes change.

    resample -- "up" doubles the sides before the first convolution, "down" halves them after the
                second, "" leaves them
    first    -- of a critic: the image itself is neither normalised nor cut at 0

    He et al. 2016, https://arxiv.org/abs/1603.05027, as in Gulrajani et al. 2017,
    https://arxiv.org/abs/1704.00028. No bias before a normalisation.
    """
    up, down = resample == "up", resample == "down"
    between = inputs if down and not first else outputs
    body = chain(
        chain() if first else chain(NORMS[norm](inputs), RELU),
        DOUBLE if up else chain(),
        layers.convolution(inputs, between, bias=first or norm == "none"),
        chain() if first else NORMS[norm](between),
        RELU,
        layers.convolution(between, outputs),
        HALVE if down else chain(),
    )
    if inputs == outputs and not resample:
        return residual(body, chain())
    # 1×1 convolution and mean change places freely: the cheap order.
    change = layers.convolution(inputs, outputs, kernel=1, modest=True)
    return residual(body, chain(DOUBLE if up else HALVE if down else chain(), change))


def _generator(shape, latent, counts, small, norm, initialisation, modest=False):
    """z → linear → (counts[0], *small) → blocks up to the others → norm → ReLU → 3×3 → tanh.

    modest -- how the last kernel starts: see `layers.Part`
    """
    return layers.network(
        [
            layers.linear(latent, layers.flat(small, counts[0])),
            layers.unflatten((counts[0], *small)),
            *(block(a, b, "up", norm) for a, b in zip(counts, counts[1:], strict=False)),
            NORMS[norm](counts[-1]),
            RELU,
        ],
        layers.convolution(counts[-1], shape[0], modest=modest),
        (latent,),
        initialisation,
        torch.tanh,
    )


def resnet(
    shape,
    latent,
    features=64,
    stages=None,
    initialisation="wgan-gp",
    norms=("batch", "batch"),
):
    """`Players` of Roth et al. 2017, https://arxiv.org/abs/1705.09367, in the sizes of their code.

    G: z → linear → (8f, 4, 4) → blocks up to f channels → norm → ReLU → 3×3 → tanh
    D: 3×3 → f channels → blocks down to 8f channels, 4×4 → linear → logit

    64×64 has 4 blocks, 32×32 3, 128×128 5. Their critic has batch normalisation, WGAN-GP's with
    the same blocks has layer normalisation: norms = (generator's, critic's), of `layers.NORMS`.
    """
    stages, small = layers.smallest("resnet", shape, stages)
    counts = [features * min(2**stage, WIDEST) for stage in range(stages + 1)]  # image first
    generator = _generator(shape, latent, counts[::-1], small, norms[0], initialisation)
    critic = layers.network(
        [
            layers.convolution(shape[0], features, modest=True),
            *(block(a, b, "down", norms[1]) for a, b in zip(counts, counts[1:], strict=False)),
            layers.FLATTEN,
        ],
        layers.linear(layers.flat(small, counts[-1]), 1),
        shape,
        initialisation,
        layers.logit,
    )
    return Players(generator, critic)


def wgangp_resnet(
    shape,
    latent,
    features=128,
    stages=None,
    initialisation="wgan-gp",
    norms=("batch", "none"),
    dropout=0.0,
):
    """`Players` of Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, for CIFAR-10.

    G: z → linear → (f, 4, 4) → a block up for every doubling → norm → ReLU → 3×3 → tanh
    D: a first block down → blocks down to 8×8 → two blocks → ReLU → mean over sides → linear

    dropout -- p of CT-GAN's ResNet (Wei et al. 2018, https://arxiv.org/abs/1803.01541): 0.4 p is
               left out after the last block down, p after each of the two that follow (theirs: ½)
    """
    stages, small = layers.smallest("wgangp-resnet", shape, stages)
    wide = tuple(2 * side for side in small) if stages > 1 else small
    downs = max(stages - 1, 1)
    counts = [features] * (stages + 1)
    generator = _generator(shape, latent, counts, small, norms[0], initialisation, modest=True)
    critic = layers.network(
        [
            block(shape[0], features, "down", "none", first=True),
            *(block(features, features, "down", norms[1]) for _ in range(downs - 1)),
            layers.dropout((features, *wide), 0.4 * dropout),
            block(features, features, "", norms[1]),
            layers.dropout((features, *wide), dropout),
            block(features, features, "", norms[1]),
            layers.dropout((features, *wide), dropout),
            RELU,
            layers.AVERAGE,
        ],
        layers.linear(features, 1),
        shape,
        initialisation,
        layers.logit,
    )
    return Players(generator, critic)


def steady_block(inputs, outputs):
    """shortcut + 0.1·(leaky ReLU → 3×3 → leaky ReLU → 3×3), a bare 1×1 where channels change."""
    between = min(inputs, outputs)
    inner = layers.convolution(inputs, between), LEAKY, layers.convolution(between, outputs)
    change = layers.convolution(inputs, outputs, kernel=1, bias=False, modest=True)
    return residual(chain(LEAKY, *inner, TENTH), chain() if inputs == outputs else change)


def mescheder_resnet(shape, latent, features=64, stages=None, initialisation="uniform"):
    """`Players` of Mescheder et al. 2018, https://arxiv.org/abs/1801.04406: no normalisation.

    G: z → linear → (16f, 4, 4) → two blocks → [doubled → two blocks] → leaky ReLU → 3×3 → tanh
    D: 3×3 → f → two blocks → [mean of 3×3 at every second → two blocks] → leaky ReLU → linear

    128×128 has 5 doublings, from 16f channels twice over down to f; so has their code, which begins
    at 2×2 for 64×64, here at 4×4. Without labels: theirs has an embedding of them.
    """
    stages, small = layers.smallest("mescheder-resnet", shape, stages)
    counts = [features * min(2**stage, 2 * WIDEST) for stage in range(stages + 1)]  # image first
    top = counts[-1]
    up = [steady_block(top, top), steady_block(top, top)]
    for above, count in zip(counts[:0:-1], counts[-2::-1], strict=True):
        up += [DOUBLE, steady_block(above, count), steady_block(count, count)]
    pool = plain(lambda x: F.avg_pool2d(x, 3, 2, 1))
    down = [layers.convolution(shape[0], features)]
    for count, deeper in zip(counts, counts[1:], strict=False):
        down += [steady_block(count, count), steady_block(count, deeper), pool]
    down += [steady_block(top, top), steady_block(top, top), LEAKY, layers.FLATTEN]
    begin = layers.linear(latent, layers.flat(small, top)), layers.unflatten((top, *small))
    generator = layers.network(
        [*begin, *up, LEAKY],
        layers.convolution(features, shape[0]),
        (latent,),
        initialisation,
        torch.tanh,
    )
    last = layers.linear(layers.flat(small, top), 1)
    return Players(generator, layers.network(down, last, shape, initialisation, layers.logit))
