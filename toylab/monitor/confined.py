"""Files below one folder and nowhere else: no link is followed, no way leads up, nothing is big."""

import os
import stat
from contextlib import contextmanager

MOST_NAMES = 200_000  # of one folder
HERE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Refused(OSError):
    """Something that is not opened; the text says why."""


class Confined:
    """A folder that somebody named, and what lies below it.

    path -- as it was named; that it is a link itself is the user's own wish
    names -- folders below it that lead to this one, none of them a link
    """

    def __init__(self, path, *names):
        self.path, self.names = os.path.realpath(path), names

    def below(self, name):
        """The folder of that name in this one."""
        return Confined(self.path, *self.names, name)

    @contextmanager
    def opened(self, *names):
        """A descriptor of the folder, or of one below it."""
        at = os.open(self.path, HERE)
        try:
            for name in (*self.names, *names):
                inner = os.open(_plain(name), HERE | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = inner
            yield at
        finally:
            os.close(at)

    def listed(self, *names):
        """The names in the folder, or in one below it, in no order."""
        with self.opened(*names) as at, os.scandir(at) as entries:
            return [entry.name for entry, _ in zip(entries, range(MOST_NAMES), strict=False)]

    @contextmanager
    def file(self, *names):
        """A descriptor of a regular file below the folder; raises `OSError`."""
        *folders, name = names
        with self.opened(*folders) as at:
            # A pipe would wait for its writer.
            how = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            inner = os.open(_plain(name), how, dir_fd=at)
        try:
            if not stat.S_ISREG(os.fstat(inner).st_mode):
                raise Refused(f"{name} is not a file")
            yield inner
        finally:
            os.close(inner)

    def read(self, most, *names):
        """The bytes of a file below the folder; raises `OSError`, also where they are more."""
        with self.file(*names) as inner:
            size = os.fstat(inner).st_size
            if size > most:
                raise Refused(f"{names[-1]} has {size:,} bytes; at most {most:,} are read")
            with open(inner, "rb", closefd=False) as file:
                return file.read(most)


def status(at, name):
    """(inode, size, time of change) of a name in an open folder, None where there is nothing."""
    try:
        told = os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError:
        return None
    return told.st_ino, told.st_size, told.st_mtime_ns


def _plain(name):
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise Refused(f"{name!r} is not a name")
    return name
