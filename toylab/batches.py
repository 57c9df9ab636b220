"""Minibatches: all the randomness of a step, drawn in blocks.

Steps are drawn a block at a time, one stream a member of an ensemble, so a step's minibatches are
a pure function of the experiment and the step: runs resume exactly, and member e of an ensemble
sees what a single run with seed + e sees.
"""

import math
from typing import NamedTuple

import numpy as np
import torch

from toylab.processes import share
from toylab.randomness import Keys

BLOCK = 64  # steps drawn together; fewer where a step is large
LARGEST_BLOCK = 2**22  # numbers


class Batch(NamedTuple):
    """All randomness of one minibatch; what nobody asked for is None.

    real (..., B, *shape) · latent (..., B, *latent) · mix (..., B, 1, …) in [0, 1) ·
    noise: two standard normal arrays like real, for real and fake · masks: {role: list of
    (..., B, width)}, each 0 or 1/keep · around: a standard normal array like real, for penalties.
    """

    real: torch.Tensor | None = None
    latent: torch.Tensor | None = None
    mix: torch.Tensor | None = None
    noise: tuple | None = None
    masks: dict | None = None
    around: torch.Tensor | None = None


class Spec(NamedTuple):
    """What one kind of minibatch needs; networks and penalties are asked for it (see `games`)."""

    role: str  # names the random streams: critic, generator, both
    count: int  # minibatches of this kind in one step
    size: int  # B
    real: bool
    mix: bool
    noise: bool
    masks: tuple = ()  # ((role, shapes), …)
    keep: float | tuple = 1.0  # the probability that a unit stays, or one a mask
    around: bool = False
    copies: int = 1  # of each point in a minibatch, with noise of its own each


class Draws:
    """step -> the minibatches of that step, in order; a pure function with a cached block.

    sources -- (real, latent); real may be None where nobody asks for it
    seeds   -- one member's number, or a tuple: then every tensor gets a leading ensemble axis
    """

    def __init__(self, specs, sources, seeds, dtype=torch.float32, device="cpu"):
        self.specs, self.seeds = specs, seeds
        self.real, self.latent = sources
        self.dtype, self.device = dtype, torch.device(device)
        self.steps = BLOCK
        while self.steps > 1 and self.steps * self._numbers() > LARGEST_BLOCK:
            self.steps //= 2
        self._block, self._drawn = None, None

    def __call__(self, step):
        block, offset = divmod(step, self.steps)
        if block != self._block:
            self._drawn = [self._draw(spec, block) for spec in self.specs]
            self._block = block
        return [
            batches[offset * spec.count + i]
            for spec, batches in zip(self.specs, self._drawn, strict=True)
            for i in range(spec.count)
        ]

    def _numbers(self):
        """Random numbers in one step of one member, roughly."""
        point = math.prod(self.real.shape if self.real else self.latent.shape)
        latent = math.prod(self.latent.shape)
        return sum(
            spec.count
            * spec.size
            * (
                point * (spec.real + 2 * spec.noise + spec.around)
                + latent
                + spec.mix
                + _widths(spec)
            )
            for spec in self.specs
        )

    def _draw(self, spec, block):
        """All minibatches of one kind in a block, as a list of `Batch`."""
        count = self.steps * spec.count
        distinct = -(-spec.size // spec.copies)  # where it does not divide, the last has fewer

        def stream(purpose, make, shape):
            keys = [self._keys(seed, spec, purpose, block, count * distinct) for seed in self._all]
            made = [make(key, shape) for key in keys]
            stacked = torch.stack(made, 1) if isinstance(self.seeds, tuple) else made[0]
            # Drawn for the whole minibatch, so that runs do not depend on how many share it.
            stacked = share(stacked, 2 if isinstance(self.seeds, tuple) else 1)
            return stacked.to(self.device, self.dtype).unbind(0)

        def sampled(source):
            def make(keys, shape):
                points = torch.as_tensor(source.sample(count * distinct, keys))
                points = points.view(count, distinct, *source.shape)
                if spec.copies == 1:
                    return points
                return points.repeat_interleave(spec.copies, 1)[:, : spec.size]

            return make

        nothing = [None] * count
        shape = self.real.shape if self.real else self.latent.shape
        real = stream("real", sampled(self.real), None) if spec.real else nothing
        latent = stream("latent", sampled(self.latent), None)
        ones = (1,) * len(shape)
        mix = stream("mix", self._uniform, (count, spec.size, *ones)) if spec.mix else nothing
        noise, masks = nothing, nothing
        whole = (count, spec.size, *shape)
        around = stream("around", self._normal, whole) if spec.around else nothing
        if spec.noise:
            noise = list(
                zip(
                    stream("noise/real", self._normal, whole),
                    stream("noise/fake", self._normal, whole),
                    strict=True,
                )
            )
        if spec.masks:
            masks = self._masks(spec, stream, count)
        kinds = real, latent, mix, noise, masks, around
        return [Batch(*parts) for parts in zip(*kinds, strict=True)]

    def _masks(self, spec, stream, count):
        drawn = {}
        for role, shapes in spec.masks:
            layers = []
            keeps = spec.keep if isinstance(spec.keep, tuple) else (spec.keep,) * len(shapes)
            for number, (shape, keep) in enumerate(zip(shapes, keeps, strict=True)):
                uniform = stream(f"mask/{role}/{number}", self._uniform, (count, spec.size, *shape))
                layers.append([(u < keep).to(self.dtype) / keep for u in uniform])
            drawn[role] = list(zip(*layers, strict=True))
        return [{role: rows[i] for role, rows in drawn.items()} for i in range(count)]

    @property
    def _all(self):
        return self.seeds if isinstance(self.seeds, tuple) else (self.seeds,)

    def _keys(self, seed, spec, purpose, block, rows):
        return Keys(seed, f"{spec.role}/{purpose}", block, block * rows)

    def _normal(self, keys, shape):
        if self.device.type == "cuda":
            return torch.randn(shape, generator=keys.generator(self.device), device=self.device)
        return torch.from_numpy(keys.rng().standard_normal(shape, np.float32))

    def _uniform(self, keys, shape):
        if self.device.type == "cuda":
            return torch.rand(shape, generator=keys.generator(self.device), device=self.device)
        return torch.from_numpy(keys.rng().random(shape, np.float32))


def _widths(spec):
    return sum(math.prod(shape) for _, shapes in spec.masks for shape in shapes)
