"""Where the name of a line can stand so that no curve runs through it. All lengths in pixels."""

import numpy as np

LETTER, HIGH = 6.2, 12.0  # an average letter of 11 px, a line of them
GAP = 2.0  # between the name and its line


def columns(x, curves, width):
    """Lowest and highest point of any curve in each column of pixels, (width, 2).

    x (n,) rising, curves (n, k) -> NaN where there is no curve.
    """
    at = np.arange(0, width + 0.25, 0.25)  # finer than a pixel, so that steep lines are met
    known = np.isfinite(curves).all(1)
    if not known.any():
        return np.full((width, 2), np.nan)
    x, curves = x[known], curves[known]
    lines = [np.interp(at, x, curve, left=np.nan, right=np.nan) for curve in curves.T]
    fine = np.array(lines)[:, : 4 * width].reshape(-1, width, 4)
    filled = ~np.isnan(fine)
    low = np.where(filled, fine, np.inf).min((0, 2))
    high = np.where(filled, fine, -np.inf).max((0, 2))
    low, high = np.where(np.isinf(low), np.nan, low), np.where(np.isinf(high), np.nan, high)
    return np.stack([low, high], 1)


def box(y, text, place):
    """(left, right, foot) of a name that stands somewhere; it is `HIGH` high."""
    right, above = place
    return right - int(LETTER * len(text) + 4), right, y + GAP if above else y - GAP - HIGH


def stand(y, text, covered, height, before=None, taken=()):
    """(right end, above) of a name at a line at height y: at the right, or where it is free.

    covered (width, 2): what `columns` says · before: where it stood, so that it does not jump ·
    taken: boxes of the names that stand already.
    """
    width, wide = len(covered), int(LETTER * len(text) + 4)
    best, least = (width, y + GAP + HIGH <= height), np.inf
    feet = {True: y + GAP, False: y - GAP - HIGH}
    feet = {above: foot for above, foot in feet.items() if 0 <= foot <= height - HIGH}
    met = {  # how many columns up to each one have a curve where the name would stand
        above: [0, *((covered[:, 0] < foot + HIGH) & (covered[:, 1] > foot)).cumsum().tolist()]
        for above, foot in feet.items()
    }
    for right in range(width, min(wide, width) - 1, -12):
        for above, foot in feet.items():
            crowded = any(
                left < right and right - wide < end and abs(foot - other) < HIGH
                for left, end, other in taken
            )
            cost = met[above][right] - met[above][max(right - wide, 0)] + width * crowded
            cost += 0.01 * (width - right) - 0.5 * ((right, above) == before)
            if cost < least:
                best, least = (right, above), cost
    return best
