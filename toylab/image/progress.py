"""How a run tells of its progress: a line a row, or tqdm's bar on a terminal."""

import sys
import time
from contextlib import suppress

from toylab import processes

EVERY = 20  # seconds between two lines on images being read


def progress(step, steps, out=None):
    """A bar on a terminal, plain lines anywhere else; called with every row of metrics."""
    kind = Bar if sys.stderr.isatty() else Lines
    return kind(step, steps, out or sys.stdout)


class Lines:
    """One line of text a row."""

    def __init__(self, step, steps, out):
        self.steps, self.out, self._first = steps, out, (step, time.perf_counter())

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        pass

    def __call__(self, row):
        step, since = self._first
        left = (time.perf_counter() - since) / (row["step"] - step) * (self.steps - row["step"])
        told = f"step {row['step']}/{self.steps}  {words(row)}  {clock(left)} left"
        with suppress(OSError):  # whoever listened has gone: the run goes on
            print(told, file=self.out, flush=True)


class Bar(Lines):
    """tqdm's bar."""

    def __init__(self, step, steps, out):
        from tqdm import tqdm

        self.bar = tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True)

    def __exit__(self, *problem):
        self.bar.close()

    def __call__(self, row):
        self.bar.set_postfix_str(words(row), refresh=False)
        self.bar.update(row["step"] - self.bar.n)


def reading(images, count):
    """The images as they are read: a bar on a terminal, else a line now and then; of many ranks
    one tells. What is read within seconds goes unmentioned.
    """
    if not processes.first():
        return images
    if not sys.stderr.isatty():
        return _told(images, count)
    from tqdm import tqdm

    return tqdm(images, "reading images", count, False, unit="img", delay=2, dynamic_ncols=True)


def _told(images, count):
    last = time.monotonic()
    for number, image in enumerate(images, 1):
        yield image
        if time.monotonic() - last >= EVERY:
            last = time.monotonic()
            with suppress(OSError):
                print(f"read {number:,} of {count:,} images", file=sys.stderr, flush=True)


def words(row):
    """A row of metrics as one line reads it."""
    parts = [f"{n} {row[n]:.3f}" for n in ("critic", "generator", "penalty") if n in row]
    rate = f"{row['images_per_second']:.0f} img/s"
    return "  ".join([*parts, f"{row['images'] / 1000:.1f} kimg", rate])


def clock(seconds):
    """Seconds as 0:07, 12:30 or 3:12:30."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
