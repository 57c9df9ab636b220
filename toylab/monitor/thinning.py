"""A long line drawn in few points: the extremes of every stretch are kept, so no spike is lost."""

import numpy as np

BLOCKS = 300  # stretches of a drawn line, two points each


def thinned(x, y, low=None, high=None, blocks=BLOCKS):
    """(x, y) of at most 2 · blocks + 6 of the points, in their order.

    x rises; points where y is not finite are left out. Between `low` and `high` the least and the
    greatest y of every stretch are kept, and one point on either side, to which the line is drawn.
    Stretches are powers of two of rows, counted from the first row, so that points that come later
    do not move the earlier ones.
    """
    there = np.isfinite(y) & np.isfinite(x)
    x, y = x[there], y[there]
    first = 0 if low is None else max(0, int(np.searchsorted(x, low)) - 1)
    last = len(x) if high is None else min(len(x), int(np.searchsorted(x, high, "right")) + 1)
    count, width = max(last - first, 0), 1
    while -(-count // width) > blocks:
        width *= 2
    if width <= 2:
        return x[first:last], y[first:last]
    begin = first - first % width  # the stretch that the first point is in
    before, after = first - begin, -(last - begin) % width
    part = np.pad(y[first:last], (before, after), "edge").reshape(-1, width)
    base = begin + width * np.arange(len(part))
    kept = np.stack([base + part.argmin(1), base + part.argmax(1)], 1).ravel()
    kept = np.unique(np.concatenate([[first], kept.clip(first, last - 1), [last - 1]]))
    return x[kept], y[kept]


def smoothed(y, share):
    """The mean over that share of the rows around each row, narrower towards both ends.

    y (n,) -> (n,); what is not finite counts for nothing, and stays so.
    """
    half = int(len(y) * share / 2)
    if half < 1:
        return y
    there = np.isfinite(y)
    total = np.concatenate([[0.0], np.cumsum(np.where(there, y, 0.0))])
    count = np.concatenate([[0], np.cumsum(there)])
    row = np.arange(len(y))
    reach = np.minimum(np.minimum(row, len(y) - 1 - row), half)
    low, high = row - reach, row + reach + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, (total[high] - total[low]) / (count[high] - count[low]), np.nan)
