"""Real images by their place in a set, as bytes, and their labels: for scores and classifiers."""

import numpy as np

from toylab.image import data
from toylab.image.layouts.common import Pictures, gathered
from toylab.image.pixels import DataError, Form
from toylab.image.sources import Ahead, Resident


def whole_set(settings, split="train"):
    """The set of a run's settings, to be looked at image by image; raises `DataError`."""
    return held(data.opened(settings, split))


def held(source):
    """The images of a source, wherever it keeps them."""
    return source.images if isinstance(source, Ahead | Resident) else source


def chosen(images, places):
    """uint8 (n, channels, height, width), 0…255, of the images at these places, in that order."""
    places = np.asarray(places)
    order = np.argsort(places)  # a file is read forwards
    pixels = np.empty((len(places), *images.shape), np.uint8)
    pixels[order] = images.pixels[places[order]]
    return _bytes(pixels, images.top)


def labelled(settings, most):
    """(uint8 images, labels) of the first training images of a run's settings, at most so many.

    Raises `DataError` where the set does not say what its images are.
    """
    found = data.pictures(settings.data, "train")
    if not isinstance(found, Pictures) or found.labels is None:
        raise DataError(
            f"{settings.data} has no labels, which a classifier is trained with: name one that was "
            "trained elsewhere, classifier:PATH, or inception:PATH"
        )
    count = min(most, settings.images or found.count)
    form = Form(settings.channels, settings.crop, settings.size)
    pixels = gathered(found, form, count)
    untouched = found.array is not None and np.may_share_memory(pixels, found.array)
    return _bytes(pixels, found.top if untouched else 255), found.labels()[:count]


def _bytes(pixels, top):
    """The same images with bytes 0…255."""
    return pixels if top == 255 else np.rint(pixels * (255 / top)).astype(np.uint8)
