"""Arrows of logarithmic length, on a scale that is printed and does not breathe."""

import numpy as np

PUSH = 30.0  # longest push arrow, px
SMALLEST = 3.0  # below that many px an arrow is a dot: no direction is pretended


def arrows(vectors, scale, longest, pixel):
    """(shift, angle, dot) of arrows: length 0 at 0 and `longest` px at `scale` and above.

    vectors are (n, 2) in window coordinates; `pixel` is the width of a pixel there.
    """
    norm = np.hypot(*vectors.T)
    floor = scale / 30
    length = longest * np.clip(np.log1p(norm / floor) / np.log1p(scale / floor), 0, 1)
    unit = vectors / np.maximum(norm, 1e-30)[:, None]
    dot = length < SMALLEST
    shift = unit * (np.where(dot, 0, length) * pixel)[:, None]
    return shift, np.arctan2(vectors[:, 1], vectors[:, 0]) - np.pi / 2, dot


def nice(value):
    """The next of 1, 2, 5 times a power of ten, so that printed scales do not breathe."""
    power = 10.0 ** np.floor(np.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)
