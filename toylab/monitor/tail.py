"""A file of lines that grows: every byte is read once, half a line waits for its other half."""

import os

CHUNK = 1 << 18  # bytes at a time
LONGEST = 1 << 20  # bytes of a line; a longer one is told of, and never held
GUARD = 256  # bytes before the place reached, which must still be what they were


class Lines:
    """Lines out of pieces: however the bytes are cut, the same lines come out."""

    def __init__(self, longest=LONGEST):
        self.longest, self.number = longest, 0
        self._held, self._skipping = b"", False

    def feed(self, piece):
        """[(number from 1, bytes)] of the lines that ended in this piece, None for one too long."""
        *whole, rest = (self._held + piece).split(b"\n")
        found = []
        for line in whole:
            self.number += 1
            long = self._skipping or len(line) > self.longest
            self._skipping = False
            if long or line.strip():
                found.append((self.number, None if long else line))
        self._skipping = self._skipping or len(rest) > self.longest
        self._held = b"" if self._skipping else rest
        return found


class Tail:
    """How far a file has been read.

    A file that was replaced, became shorter or is another one before the place reached is told of,
    and has to be read by a new `Tail`.
    """

    def __init__(self):
        self.lines, self.offset = Lines(), 0
        self._guard, self._inode = b"", None

    def read(self, file):
        """Lines of the next piece of an open file; None where it is another than before."""
        told = os.fstat(file)
        if self._inode is None:
            self._inode = told.st_ino
        start = self.offset - len(self._guard)
        if told.st_ino != self._inode:
            return None
        piece = os.pread(file, len(self._guard) + CHUNK, start)
        if not piece.startswith(self._guard):  # rewritten, or shorter than what was read
            return None
        new = piece[len(self._guard) :]
        self.offset += len(new)
        self._guard = piece[-GUARD:]
        return self.lines.feed(new)
