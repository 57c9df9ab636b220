"""The numbers of a run over its steps: a table that stays small, however long the run."""

from collections import deque
from typing import NamedTuple

import numpy as np

KEPT = 16_384  # rows in memory, some fifteen minutes of every picture; then half of them goes
SHELVED = 4  # former runs whose numbers wait to be brought back


def extremes(values, points):
    """Rows that hold the smallest and the largest value of every curve in each slice of the run.

    Means would hide the spikes. values (n, curves), NaN where a number is not known -> indices,
    rising, at most `points` of them, with the first and the last row.
    """
    count, curves = values.shape
    if count <= points:
        return np.arange(count)
    slices = max((points - 2) // (2 * curves), 1)
    length = -(-count // slices)
    padded = np.full((slices * length, curves), np.nan)
    padded[:count] = values
    padded = padded.reshape(slices, length, curves)
    lowest = np.where(np.isnan(padded), np.inf, padded).argmin(1)
    highest = np.where(np.isnan(padded), -np.inf, padded).argmax(1)
    start = length * np.arange(slices)[:, None]
    keep = np.concatenate([start + lowest, start + highest], axis=None)
    return np.unique(np.append(np.minimum(keep, count - 1), [0, count - 1]))


def moving_average(values, width):
    """The mean over `width` rows around each one, over fewer near the ends; (n, curves)."""
    half = width // 2
    sums = np.vstack([np.zeros(values.shape[1]), values.cumsum(0)])
    index = np.arange(len(values))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)[:, None]


class Series(NamedTuple):
    """Some numbers of a run where all of them are known.

    steps (n,) · values (n, curves) · gaps (n,): how many stretches without them came before.
    """

    steps: np.ndarray
    values: np.ndarray
    gaps: np.ndarray


class History:
    """One row a picture: its step and the numbers named, NaN where nobody asked for them."""

    def __init__(self, names, kept=KEPT):
        self.names, self.kept = tuple(names), kept
        self._table = np.empty((kept, 1 + len(self.names)))
        self._count = 0

    @property
    def rows(self):
        """All rows: (n, 1 + names), the step first."""
        return self._table[: self._count]

    @property
    def last(self):
        """The newest step; -1 before any."""
        return int(self.rows[-1, 0]) if self._count else -1

    def add(self, step, scalars):
        """Takes the numbers of a step; of the newest step once more, those it did not have."""
        known = [scalars.get(name) for name in self.names]
        row = np.array([step, *(np.nan if value is None else value for value in known)], float)
        if step == self.last:
            np.copyto(self.rows[-1], row, where=~np.isnan(row))
        elif step > self.last:
            if self._count == self.kept:
                kept = self.rows[extremes(self.rows[:, 1:], self.kept // 2)]
                self._count = len(kept)
                self.rows[:] = kept
            self._table[self._count] = row
            self._count += 1

    def until(self, step):
        """Another history, of the rows up to that step."""
        earlier = History(self.names, self.kept)
        earlier._count = int(np.searchsorted(self.rows[:, 0], step, "right"))
        earlier.rows[:] = self.rows[: earlier._count]
        return earlier

    def series(self, names):
        """The `Series` of these numbers."""
        columns = [1 + self.names.index(name) for name in names]
        values = self.rows[:, columns]
        index = np.flatnonzero(np.isfinite(values).all(1))
        gaps = np.cumsum(np.diff(index, prepend=index[:1]) > 1)
        return Series(self.rows[index, 0], values[index], gaps)

    def csv(self):
        """Every row as text, an empty field where a number is not known."""
        lines = [",".join(("step", *self.names))]
        for step, *row in self.rows:
            told = ("" if np.isnan(value) else f"{value:.6g}" for value in row)
            lines.append(",".join((f"{int(step)}", *told)))
        return "\n".join(lines) + "\n"


class Past(NamedTuple):
    """The history of a run as it was told: its settings at first and now, and the changes."""

    history: History
    first: dict
    settings: dict
    log: list


class Shelf:
    """The history of the present run, and those of former ones that may be brought back."""

    def __init__(self, names):
        self.names = names
        self.present = Past(History(names), {}, {}, [])
        self._former = deque(maxlen=SHELVED)

    @property
    def history(self):
        """Of the present run."""
        return self.present.history

    def note(self, settings, log):
        """The run goes on with other settings."""
        self.present = self.present._replace(settings=settings, log=log)

    def begin(self, settings, log):
        """Another run; the present one goes on the shelf."""
        self._former.append(self.present)
        self.present = Past(History(self.names), settings, settings, log)

    def turn_back(self, step, settings, log):
        """The run as it was at a step: a former one that had these settings and this log, if there
        is one on the shelf, else the present one; without what came after the step."""
        told = settings, log
        fits = (past for past in reversed(self._former) if (past.settings, past.log) == told)
        past = next((past for past in fits if past.history.last >= step), self.present)
        self._former.append(self.present)
        self.present = Past(past.history.until(step), past.first, settings, log)
