"""Batch statistics: normalisation by the batch that is there, and by numbers that are held.

In training a batch normalisation uses the statistics of the batch it sees, in both players, and a
network has no buffers: `apply` stays a pure function of vector and images. Two things follow.

- With batch normalisation a critic's value of one image depends on its neighbours. The slope
  ∇ₓ Σᵢ φ(xᵢ) that the penalties take then holds, for each image, also its influence on the others'
  values: "per-sample" slopes mix samples. Roth et al. 2017 train with exactly this. Between
  processes the statistics are those of the whole batch, so the mixing is the same.
- To sample, `calibrated` freezes statistics, so that an image does not depend on which others are
  made with it.
"""

import inspect
from functools import partial

import torch

from toylab.means import mean

EPS = 1e-5


def _wide(x):
    """Numbers of few bits in float32: a mean over many of them needs it."""
    return x.float() if x.dtype == torch.bfloat16 else x


def batch_moments(number, x, over=mean):
    """(mean, variance), each (C,), of x (B, C, ...) over all axes but C; the biased variance.

    The variance is a mean of squared deviations, not E[x²] − E[x]², which cancels badly in float32.
    `number` counts the normalisations of a network; it means something only where moments are held.
    over -- (x, axes, keepdim) -> means: over all processes' samples, unless given
    """
    axes, x = (0, *range(2, x.dim())), _wide(x)
    centre = over(x, axes, keepdim=True)
    return centre.flatten(), over((x - centre).square(), axes, keepdim=False)


def normalise(x, gain, bias, moments):
    """gain·(x − μ)/√(σ² + ε) + bias, a channel each: x (B, C, ...), the others (C,).

    Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167; ε = 1e-5 as in torch. Written with
    `means.mean`, so it can be differentiated any number of times, and is exact in data parallelism.
    """
    centre, variance = moments
    scale = gain * (variance + EPS).rsqrt()
    channels = (-1,) + (1,) * (x.dim() - 2)
    return x * scale.view(channels) + (bias - centre * scale).view(channels)


def per_image(x, gain, bias):
    """Layer normalisation: gain·(x − μ)/√(σ² + ε) + bias with an image's own μ and σ².

    Ba et al. 2016, https://arxiv.org/abs/1607.06450, over channels and both sides as in WGAN-GP's
    critics; x (B, C, ...), gain and bias (C,): a sample's value depends on no other.
    """
    axes, channels, x = tuple(range(1, x.dim())), (-1,) + (1,) * (x.dim() - 2), _wide(x)
    centred = x - x.mean(axes, keepdim=True)
    scale = (centred.square().mean(axes, keepdim=True) + EPS).rsqrt()
    return centred * scale * gain.view(channels) + bias.view(channels)


def measured(network, vector, batches):
    """[(mean, variance), …] of every batch normalisation, over several batches; [] without any.

    Each batch is normalised by its own statistics, as in training. Over batches of equal size
    μ = mean of μ_b and σ² = mean of σ²_b + variance of μ_b: of one batch they are its own.
    "Precise" statistics: Wu and Johnson 2021, https://arxiv.org/abs/2105.07576.
    """
    if "moments" not in inspect.signature(network.apply).parameters:
        return []
    found = []
    for batch in batches:
        held = []

        def record(number, x, held=held):
            held.append(batch_moments(number, x, torch.mean))  # of this process alone
            return held[number]

        with torch.no_grad():
            network.apply(vector, batch, moments=record)
        found.append(held)
    together = []
    for rows in zip(*found, strict=True):
        centres, variances = (torch.stack(parts) for parts in zip(*rows, strict=True))
        spread = centres.var(0, correction=0)
        together.append((centres.mean(0), variances.mean(0) + spread))
    return together


def holding(network, moments):
    """The network whose normalisations use these moments; itself where there are none."""
    if not moments:
        return network
    return network._replace(apply=partial(network.apply, moments=lambda number, x: moments[number]))


def calibrated(network, vector, *batches):
    """The network whose normalisations use the statistics that `vector` gives on the batches.

    An image it makes does not depend on its neighbours. It is meant for this vector alone. A
    network that normalises nothing is returned as it is.
    """
    return holding(network, measured(network, vector, batches))
