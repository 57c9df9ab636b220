"""From a stored image to bytes (channels, height, width), and from bytes to a network's numbers.

Everything that decodes goes through `decoded`: a broken or hostile image ends in a `DataError` that
names it, whatever its decoder says.
"""

import io
import warnings
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from toylab.tables import Table

LARGEST = 2**25  # pixels in one image (33 million): small files can unpack to very large ones
KINDS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # no format that starts a program
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
CHANNELS = {"as-is": 0, "grey": 1, "colour": 3}


class DataError(ValueError):
    """Images that cannot be had; the text says what to do."""


def pillow():
    """Pillow's `Image` module; raises `DataError` where it is not installed."""
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            "images need Pillow, which is not installed: pip install 'toylab[image]'"
        ) from error
    return Image


class Form(NamedTuple):
    """What becomes of every image, in this order.

    channels -- a name in `CHANNELS`: as it is, grey, or colour
    crop     -- side of the square cut from the middle; 0: none
    size     -- side it is resized to (of the largest middle square, where nothing was cropped);
                0: none. Bilinear with antialiasing, as Pillow does it
    """

    channels: str = "as-is"
    crop: int = 0
    size: int = 0

    def shape(self, shape):
        """The shape (channels, height, width) that an image of this one gets."""
        channels, height, width = shape
        channels = CHANNELS[self.channels] or channels
        side = self.size or self.crop
        return (channels, side, side) if side else (channels, height, width)

    def leaves(self, shape):
        """Whether an image of this shape stays as it is."""
        return self.shape(shape) == tuple(shape) and self.crop in (0, *shape[1:])


@contextmanager
def decoding():
    """Within it Pillow raises where it would only warn of an image that is too large; for all
    threads, because Python's filters of warnings are those of the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pillow().DecompressionBombWarning)
        yield


def decoded(name, content):
    """Pillow's image of an encoded one; raises `DataError` with its name."""
    image = pillow()
    try:
        found = image.open(io.BytesIO(content), formats=KINDS)
        if found.width * found.height <= LARGEST:
            found.load()
            return found
    except (image.DecompressionBombError, image.DecompressionBombWarning):
        pass
    except Exception as error:  # whatever a hostile file makes a decoder raise
        words = "is none" if isinstance(error, image.UnidentifiedImageError) else error
        raise DataError(f"{name}: not a whole image ({words})") from error
    raise DataError(f"{name}: more than {LARGEST:,} pixels, refused")


def shaped(name, image, form):
    """uint8 (channels, height, width) of Pillow's image in that form."""
    if image.mode not in (*GREY, *COLOUR):
        raise DataError(f"{name}: pixels of kind {image.mode}, not of 8 bits: convert it first")
    grey = image.mode in GREY if form.channels == "as-is" else form.channels == "grey"
    image = image.convert("L" if grey else "RGB")
    side = form.crop or (min(image.size) if form.size else 0)
    if side:
        width, height = image.size
        if side > min(image.size):
            raise DataError(f"{name}: {width}×{height} pixels, too small for crop={form.crop}")
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if form.size and image.size != (form.size, form.size):
        image = image.resize((form.size, form.size), pillow().Resampling.BILINEAR)
    pixels = np.asarray(image, np.uint8)
    return pixels[None] if grey else pixels.transpose(2, 0, 1)


class Scaling(NamedTuple):
    """x = span·byte/top + shift (+ u·span/top with u ~ U[0, 1) where there is `noise`)."""

    span: float
    shift: float
    noise: bool
    doc: str

    def numbers(self, pixels, top, uniform=None):
        """float32 of bytes 0…top; `uniform` are the u, of the same shape."""
        step = np.float32(self.span / top)
        pixels = pixels.astype(np.float32) if isinstance(pixels, np.ndarray) else pixels.float()
        if self.noise:
            pixels = pixels + uniform
        return pixels * step + np.float32(self.shift)

    def pixels(self, numbers):
        """uint8 of a network's numbers, clipped to what can be shown."""
        levels = (np.asarray(numbers) - self.shift) * (255 / self.span) - 0.5 * self.noise
        return np.clip(levels, 0, 255).round().astype(np.uint8)


SCALINGS = Table(
    "scaling",
    {
        "plain": Scaling(2.0, -1.0, False, "[−1, 1]: x/127.5 − 1"),
        "dequantised": Scaling(
            2 * 255 / 256, -1.0, True, "2(x/256 − ½) + U(0, 1/128), as Gulrajani et al. 2017"
        ),
        "standardised": Scaling(
            1 / 0.3081, -0.1307 / 0.3081, False, "(x/255 − 0.1307)/0.3081, MNIST's own mean and std"
        ),
    },
)
