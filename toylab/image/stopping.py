"""Signals as a wish to stop, which a run grants where nothing is lost."""

import signal
from contextlib import contextmanager


class _Dropped(BaseException):
    """The wish came; not an error, which somebody might think was his."""


class Stop:
    """Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 as a wish, granted at the next step.

    A second Ctrl-C ends at once. The others may come twice, from torchrun and from who stopped it;
    SIGUSR1 is what SLURM is asked to send before a job's time is over.
    """

    def __init__(self):
        self.wanted = self._abrupt = False

    def __enter__(self):
        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
        wishes = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._before = {number: signal.signal(number, self._ask) for number in wishes}
        return self

    def __exit__(self, *problem):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number, frame):
        self.wanted = True
        signal.signal(signal.SIGINT, self._before[signal.SIGINT])
        if self._abrupt:
            raise _Dropped

    @contextmanager
    def dropping(self):
        """What stands in it is dropped where it is when the wish comes: a score takes minutes."""
        try:
            self._abrupt = True
            yield
        except _Dropped:
            pass
        finally:
            self._abrupt = False
