"""Sample grids: images from a vector that do not depend on each other, and PNG files of them."""

import functools
import io
import math

import numpy as np
import torch

from toylab.files import write
from toylab.image.moments import holding, measured
from toylab.image.pixels import SCALINGS, DataError, pillow
from toylab.randomness import Keys

CALIBRATION = 2048  # latents whose statistics the normalisations hold while sampling
CHUNK = 256
TILE = 32  # smaller images are enlarged by a whole factor, to at least this many pixels a side


def fakes(setup, vector, n, seed=0, purpose="sample", lines=False):
    """n images (n, channels, height, width) of the generator with this vector, as numpy.

    The normalisations' statistics come from latents of their own, the same for every seed, and
    image i is the same however many are asked for.

    lines -- of latents on straight lines (`on_lines`)
    """
    network = holding(setup.networks.generator, statistics(setup, vector))
    with torch.no_grad():
        chunks = _latents(setup, Keys(seed, purpose), n, lines).split(CHUNK)
        made = torch.cat([network.apply(vector, chunk).value for chunk in chunks])
    return made.cpu().numpy()


def statistics(setup, vector):
    """[(mean, variance), …] of the generator's batch normalisations over `CALIBRATION` fakes."""
    batches = _latents(setup, Keys(0, "sample/calibration"), CALIBRATION).split(CHUNK)
    return measured(setup.networks.generator, vector, batches)


def _latents(setup, keys, count, lines=False):
    sample = functools.partial(on_lines, setup.sources[1]) if lines else setup.sources[1].sample
    return torch.from_numpy(sample(count, keys)).to(setup.device, setup.dtype)


def on_lines(law, n, keys):
    """n latents (n, d) in rows of ⌈√n⌉: each row goes from one latent to another, (1 − t) a + t b.

    What a generator knows by heart it repeats along a row, and then jumps.
    """
    columns = math.ceil(math.sqrt(n))
    ends = law.sample(2 * math.ceil(n / columns), keys)
    t = np.linspace(0, 1, columns, dtype=ends.dtype)[:, None]
    rows = [(1 - t) * a + t * b for a, b in zip(ends[::2], ends[1::2], strict=True)]
    return np.concatenate(rows)[:n]


def reals(setup, n, seed=0):
    """n real images, for a grid beside the fakes, as numpy in the network's numbers."""
    return torch.as_tensor(setup.sources[0].sample(n, Keys(seed, "sample/real"))).cpu().numpy()


def shown(setup, images):
    """uint8 of images in the network's numbers, by the scaling of the run's real images."""
    scaling = getattr(setup.sources[0], "to_bytes", SCALINGS["plain"].pixels)
    return scaling(images)


def grid(images):
    """uint8 (n, 1 or 3, h, w) -> (H, W) or (H, W, 3): a square of tiles, row by row."""
    n, channels, height, width = images.shape
    if channels not in (1, 3):
        raise DataError(f"a picture has 1 or 3 channels, got {channels}")
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    factor = max(1, math.ceil(TILE / max(height, width)))
    tiles = images.repeat(factor, 2).repeat(factor, 3).transpose(0, 2, 3, 1)
    tiles = np.pad(tiles, ((0, rows * columns - n), (1, 1), (1, 1), (0, 0)))
    sheet = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    sheet = sheet.reshape(rows * tiles.shape[1], columns * tiles.shape[2], channels)
    return sheet[..., 0] if channels == 1 else sheet


def save(path, images):
    """Writes the grid of these images, uint8, as a PNG file."""
    buffer = io.BytesIO()
    pillow().fromarray(grid(images)).save(buffer, "PNG")
    write(path, buffer.getvalue())
