"""Sources over bytes: in memory, in a file's memory map, or on the GPU, all with the same images.

A set is walked in keyed permutations like any finite set of the core. Flips and dequantisation have
keys of their own, so that what a step sees is a pure function of the seed and the step.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import torch

from toylab.data import walk
from toylab.image.pixels import SCALINGS
from toylab.randomness import Keys


class Images:
    """Bytes 0…top (n, channels, height, width), an array or a memory map, as numbers.

    scaling     -- a name in `SCALINGS`
    flips       -- every image is mirrored with probability ½, anew each time
    fingerprint -- sha256 of the bytes, where it is known already
    """

    def __init__(self, pixels, scaling="plain", flips=False, top=255, fingerprint=None):
        self.pixels, self.top, self.flips = pixels, top, flips
        self.scaling = SCALINGS[scaling]
        self.shape = tuple(pixels.shape[1:])
        self._fingerprint = fingerprint

    def __len__(self):
        return len(self.pixels)

    def sample(self, n, keys):
        """n images (n, *shape) as float32."""
        pixels = np.asarray(self.pixels[walk(len(self), n, keys)])
        if self.flips:
            mirrored = _stream(keys, "flip").rng().random((n, 1, 1, 1)) < 0.5
            pixels = np.where(mirrored, pixels[..., ::-1], pixels)
        uniform = None
        if self.scaling.noise:
            uniform = _stream(keys, "dequantise").rng().random(pixels.shape, np.float32)
        return self.scaling.numbers(pixels, self.top, uniform)

    @property
    def points(self):
        """All images as numbers, in order, neither flipped nor dequantised: for a small set."""
        return self.scaling.numbers(np.asarray(self.pixels), self.top, np.float32(0.5))

    def to_bytes(self, numbers):
        """uint8 of a network's numbers, to look at."""
        return self.scaling.pixels(numbers)

    @cached_property
    def fingerprint(self):
        """sha256 of the bytes: what a run remembers of its images."""
        return self._fingerprint or digest(self.pixels)


class Resident:
    """The same images, kept as bytes on a device: chosen, flipped and scaled there.

    On a GPU flips and dequantisation come from the device's own generator with the same keys.
    """

    def __init__(self, images, device):
        self.images, self.shape, self.to_bytes = images, images.shape, images.to_bytes
        self.fingerprint = images.fingerprint
        self.device = torch.device(device)
        self.pixels = torch.from_numpy(np.ascontiguousarray(images.pixels)).to(self.device)

    def __len__(self):
        return len(self.images)

    def sample(self, n, keys):
        """n images (n, *shape) as a float32 tensor on the device."""
        chosen = torch.from_numpy(walk(len(self), n, keys)).to(self.device)
        pixels = self.pixels.index_select(0, chosen)
        if self.images.flips:
            mirrored = self._uniform(_stream(keys, "flip"), (n, 1, 1, 1)) < 0.5
            pixels = torch.where(mirrored, pixels.flip(-1), pixels)
        uniform = None
        if self.images.scaling.noise:
            uniform = self._uniform(_stream(keys, "dequantise"), pixels.shape)
        return self.images.scaling.numbers(pixels, self.images.top, uniform)

    def _uniform(self, keys, shape):
        generator = keys.generator(self.device)
        return torch.rand(tuple(shape), generator=generator, device=self.device)


class Ahead:
    """The same images, with what comes next fetched by a thread while the step works.

    The next request of a stream is known: the block after this one, as many images. One that was
    not foreseen is fetched at once, so that nothing depends on the guess.
    """

    def __init__(self, images):
        self.images, self.shape, self.to_bytes = images, images.shape, images.to_bytes
        self._worker = ThreadPoolExecutor(1, "images")
        self._coming, self.foreseen = {}, 0

    def __len__(self):
        return len(self.images)

    @property
    def fingerprint(self):
        """sha256 of the bytes."""
        return self.images.fingerprint

    def sample(self, n, keys):
        """n images (n, *shape) as float32."""
        guess, coming = self._coming.pop(keys.purpose, (None, None))
        hit = guess == (n, keys)
        self.foreseen += hit
        found = coming.result() if hit else self.images.sample(n, keys)
        after = n, keys._replace(block=keys.block + 1, start=keys.start + n)
        self._coming[keys.purpose] = after, self._worker.submit(self.images.sample, *after)
        return found


def _stream(keys, purpose):
    return Keys(keys.seed, f"{keys.purpose}/{purpose}", keys.block, keys.start)


def digest(pixels):
    """sha256 of an array's bytes, read a piece at a time."""
    found, rows = hashlib.sha256(), max(1, 2**24 // max(1, pixels[:1].nbytes))
    for start in range(0, len(pixels), rows):
        found.update(np.ascontiguousarray(pixels[start : start + rows]))
    return found.hexdigest()
