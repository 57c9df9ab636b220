"""What can be taken back: moments of the run before each change, and what was taken back."""

import time

MOST = 20  # changes that can be taken back
ONE_HAND = 1.0  # seconds within which two changes of one kind are one movement


class History:
    """Two stacks of (words, `Past`); their states are counted in a ledger.

    A past that owns a recording is a former run, or the newer one that was taken back; the others
    are moments of the present run, whose own recording goes back to them.
    """

    def __init__(self, ledger):
        self.ledger, self.done, self.undone = ledger, [], []
        self._kind, self._at = None, 0.0

    def remember(self, past, words, kind=None, now=None):
        """Before a change: it clears what was taken back. Two of one kind in a row may be one."""
        now = time.monotonic() if now is None else now
        self._drop(self.undone)
        same = kind is not None and kind == self._kind and now - self._at < ONE_HAND
        self._kind, self._at = kind, now
        if not same:
            self._push(self.done, words, past)
            self._drop(self.done[:-MOST])
            del self.done[:-MOST]

    def last(self, stack):
        """(words, past) on top of one of the two stacks."""
        if not stack:
            back = "take back" if stack is self.done else "bring back"
            raise ValueError(f"there is nothing to {back}")
        return stack[-1]

    def move(self, source, target, present):
        """The present run is about to be what lay on top of `source`, and lies on `target`."""
        words, past = source.pop()
        self._push(target, words, present)
        self.ledger.release(past.state)
        self._kind = None

    def _push(self, stack, words, past):
        self.ledger.hold(past.state)
        stack.append((words, past))

    def _drop(self, entries):
        for _, past in entries:
            self.ledger.release(past.state)
            if past.recording is not None:
                past.recording.close()
        entries.clear()

    def take_up(self, done, undone):
        """What another process kept of this run, [(words, past), …] twice."""
        for stack, entries in ((self.done, done), (self.undone, undone)):
            for words, past in entries:
                self._push(stack, words, past)

    def recordings(self):
        """Every recording that is kept for later."""
        pasts = [past for _, past in (*self.done, *self.undone)]
        return [past.recording for past in pasts if past.recording is not None]

    def forget(self):
        """Lets the oldest entry go; False where there is none."""
        stack = self.done or self.undone
        if not stack:
            return False
        self._drop([stack.pop(0)])
        return True
