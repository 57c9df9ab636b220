"""The recording of a run: snapshots of its state, dense near now and thinner with age.

States are immutable and share tensors, so a snapshot costs only what no other one holds; a
`Ledger` counts the bytes, and whoever owns it decides how many there may be.
"""

import numpy as np
import torch


class Ledger:
    """The bytes of all tensors that somebody holds, each counted once, however many hold it."""

    def __init__(self):
        self.bytes, self._holders = 0, {}

    def hold(self, state):
        """Counts a state's tensors; every call wants its `release`."""
        for key, size in _storages(state):
            held = self._holders.get(key, 0)
            self._holders[key] = held + 1
            self.bytes += 0 if held else size

    def release(self, state):
        """Takes back one `hold`."""
        for key, size in _storages(state):
            self._holders[key] -= 1
            if not self._holders[key]:
                del self._holders[key]
                self.bytes -= size


def _storages(part):
    """(address, bytes) of every tensor in a state, whole storages: a view keeps all of its own."""
    if isinstance(part, torch.Tensor):
        storage = part.untyped_storage()
        yield storage.data_ptr(), storage.nbytes()
    elif isinstance(part, tuple):
        for inner in part:
            yield from _storages(inner)


class Recording:
    """Snapshots in the order of their steps, at most `most`; the first and the newest always stay.

    What goes is the snapshot that leaves the smallest gap for its age: with neighbours at ages a
    and b < a, the smallest (a + 1) / (b + 1). So k snapshots of n steps lie evenly in log age.
    """

    def __init__(self, ledger=None, most=300):
        self.states, self.most = [], most
        self.ledger = ledger or Ledger()

    def offer(self, state):
        """Keeps a state that is newer than the newest."""
        if self.states and state.step <= self.states[-1].step:
            return
        self.ledger.hold(state)
        self.states.append(state)
        while len(self.states) > self.most:
            self.thin()

    def thin(self):
        """Drops the snapshot that is missed least; False where only first and newest are left."""
        if len(self.states) < 3:
            return False
        steps = np.array([state.step for state in self.states])
        ages = steps[-1] - steps + 1
        least = 1 + int(np.argmin(ages[:-2] / ages[2:]))
        self.ledger.release(self.states.pop(least))
        return True

    def until(self, step):
        """Another recording, of the snapshots up to that step."""
        earlier = Recording(self.ledger, self.most)
        for state in self.states:
            if state.step <= step:
                earlier.offer(state)
        return earlier

    def close(self):
        """Lets go of everything."""
        while self.states:
            self.ledger.release(self.states.pop())

    def nearest(self, step, side=0):
        """The recorded state whose step is nearest; None before anything was recorded.

        side -- -1 or 1: of those before or after that step, as long as there are any
        """
        beside = [state for state in self.states if (state.step - step) * side > 0]
        return min(beside or self.states, key=lambda state: abs(state.step - step), default=None)
