"""The weight of a run: whether its steps are so long that others should not wait for them."""

from collections import deque

HEAVY = 0.020  # processor seconds of one step; a light lane beside it would wait that long
LAST, FEW = 5, 3  # the steps whose median is asked, and how many of them are enough


class Weight:
    """Judged by the median of the last few steps, so the first ones, which warm up, do not count.

    `heavy` is None before anything is known. Heavy stays heavy until another run begins: steps
    that are long now and short then would otherwise carry the run to and fro. `told`: what was
    said of it.
    """

    def __init__(self):
        self.heavy = self.told = None
        self._last = deque(maxlen=LAST)

    def stepped(self, seconds):
        """One step took so many processor seconds."""
        self._last.append(seconds)
        if self.heavy or len(self._last) < FEW or (self.heavy is False and seconds <= HEAVY):
            return
        self.heavy = sorted(self._last)[len(self._last) // 2] > HEAVY
