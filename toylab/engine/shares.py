"""Fair shares: whoever has used the least processor time among those that could go on goes next."""


class Shares:
    """Processor seconds by lane, on one clock for all (start-time fair queueing).

    `now` is where the lane served last stood. Nobody who comes stands behind it: a new lane, and
    one that slept, begin at the present least, so what they did not use is no claim; and whoever
    used more than the others waits until they have come up to him. With steps of at most `s`
    seconds two lanes that are always ready are never further apart than `s`, whatever their own
    steps cost (Goyal, Vin & Cheng 1996, https://doi.org/10.1145/248156.248171).
    """

    def __init__(self):
        self.now, self._used = 0.0, {}

    def used(self, key):
        """Where a lane stands, in seconds."""
        return max(self._used.get(key, 0.0), self.now)

    def next(self, ready):
        """The lane that is served next, of those that are ready; at least one must be."""
        chosen = min(ready, key=self.used)
        self.now = self.used(chosen)
        return chosen

    def charge(self, key, seconds):
        """A lane has used so many seconds."""
        self._used[key] = self.used(key) + seconds

    def forget(self, key):
        """A lane is gone, or another run has its number."""
        self._used.pop(key, None)
