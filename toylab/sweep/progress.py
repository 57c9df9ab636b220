"""How far a sweep is: a bar on a terminal, plain lines anywhere else."""

import sys
import time


def progress(runs):
    """A context whose value is called with (runs done, of them failed) after each ensemble."""
    return (Bar if sys.stderr.isatty() else Lines)(runs)


class Lines:
    """One line of text an ensemble, with the time that is left at this pace."""

    def __init__(self, runs):
        self.runs, self.done, self.failed, self.began = runs, 0, 0, time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        pass

    def __call__(self, done, failed):
        self.done, self.failed = self.done + done, self.failed + failed
        took = time.monotonic() - self.began
        left = took / self.done * (self.runs - self.done)
        print(
            f"{self.done} of {self.runs} runs, {self.failed} failed, "
            f"{_clock(took)} so far, about {_clock(left)} left",
            flush=True,
        )


class Bar(Lines):
    """tqdm's bar, with the same numbers."""

    def __init__(self, runs):
        from tqdm import tqdm

        super().__init__(runs)
        self.bar = tqdm(total=runs, unit="run", dynamic_ncols=True)

    def __exit__(self, *problem):
        self.bar.close()

    def __call__(self, done, failed):
        self.failed += failed
        self.bar.set_postfix_str(f"{self.failed} failed", refresh=False)
        self.bar.update(done)


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
