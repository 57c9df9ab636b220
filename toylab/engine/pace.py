"""The pace of a run: how many steps a second, when the next is due, and how many it really are."""

import time

from toylab.engine.protocol import SLOW


class Pace:
    """`steps` a second, 0 for as fast as it can; the next step is `due` at that moment."""

    def __init__(self):
        self.steps = 0.0
        self.begin()

    def begin(self, steps=None):
        """Counts anew from now on, at another pace if one is given."""
        self.steps = self.steps if steps is None else steps
        self.due = self._since = time.monotonic()
        self._count, self._last = 0, 0.0

    def told(self):
        """(when the next step is due, steps a second of late), for another process."""
        return self.due, self.rate()

    def take_up(self, told):
        """Goes on where a pace in another process of this machine stood: they share its clock."""
        self.due, self._last = told

    @property
    def slow(self):
        """Whether every step is drawn before the next one is taken."""
        return 0 < self.steps <= SLOW

    def stepped(self, now):
        """One step was taken; a late one is made up for, but never more than one."""
        self._count += 1
        if self.steps:
            self.due = max(self.due + 1 / self.steps, now - 1 / self.steps)

    def rate(self):
        """Steps a second over the last second or so."""
        passed = time.monotonic() - self._since
        if passed > 1.0 or (not self._last and passed > 0.1):
            self._last = self._count / passed
            if passed > 1.0:
                self._since, self._count = time.monotonic(), 0
        return self._last
