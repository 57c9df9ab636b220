"""Arrows: their lengths in pixels, on a scale that is printed and does not breathe."""

from functools import lru_cache

import numpy as np

from toylab.ui.settings import short

PUSH = 30.0  # longest push arrow, px
SMALLEST = 3.0  # below that many px an arrow is a dot: no direction is pretended
FLOOR = 30.0  # the scale is so many times the strength from which on lengths are logarithmic
SAME = 0.6  # of the longest: every arrow where only directions are shown
FAINT = 1e-3  # of the scale: weaker than that there is no direction to show
MODES = {  # name: (label, what a length says)
    "log": ("Log length", "Ten times the strength: about half again as long."),
    "true": ("True length", "Twice the strength, twice the length."),
    "direction": ("Direction only", "All of one length."),
}


def lengths(norm, scale, longest, mode="log"):
    """Lengths in px of arrows of these strengths; `longest` px stand for `scale`.

    log        L log(1 + g/g₀) / log(1 + g_hi/g₀), at most L;  g₀ = g_hi / 30
    true       L g / g_hi
    direction  0.6 L, and 0 below g_hi / 1000
    """
    if mode == "true":
        return longest * norm / scale
    if mode == "direction":
        return np.where(norm >= FAINT * scale, SAME * longest, 0.0)
    return longest * np.clip(np.log1p(FLOOR * norm / scale) / np.log1p(FLOOR), 0, 1)


def arrows(vectors, scale, longest, pixel, mode="log"):
    """(shift, angle, dot) of arrows: length 0 at 0 and `longest` px at `scale`.

    vectors are (n, 2) in window coordinates; `pixel` is the width of a pixel there.
    """
    norm = np.hypot(*vectors.T)
    length = lengths(norm, scale, longest, mode)
    unit = vectors / np.maximum(norm, 1e-30)[:, None]
    dot = length < SMALLEST
    shift = unit * (np.where(dot, 0, length) * pixel)[:, None]
    return shift, np.arctan2(vectors[:, 1], vectors[:, 0]) - np.pi / 2, dot


@lru_cache  # a scale does not breathe, and this is asked with every picture
def references(scale, longest, mode="log"):
    """Two arrows to read the others by, as [length in px (0: a dot), what it stands for]."""
    if mode == "direction":
        edge = short(FAINT * scale)
        return [[SAME * longest, f"> {edge}"], [0.0, f"< {edge}"]]
    parts = (1.0, 0.5) if mode == "true" else (1.0, 0.1)
    return [
        [round(float(lengths(part * scale, scale, longest, mode)), 1), short(part * scale)]
        for part in parts
    ]


def nice(value):
    """The next of 1, 2, 5 times a power of ten, so that printed scales do not breathe."""
    power = 10.0 ** np.floor(np.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)
