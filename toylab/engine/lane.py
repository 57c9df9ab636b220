"""A lane: one run on the page, with its pace, its pictures and its recording."""

import math
import time

import numpy as np
import torch

from toylab import cards, schedules
from toylab.engine.protocol import LAYERS, SLOW, finite
from toylab.experiment import CARD_NUMBERS, Experiment, Knob, names
from toylab.frames import Pictures, real_points
from toylab.metrics import radii
from toylab.recording import Recording
from toylab.schema import SETTINGS
from toylab.tables import nearest
from toylab.trainer import Setup, flatten, restore, train

RECORD_EVERY = 0.2  # seconds between two snapshots while training fast
KEEP_EVERY = 0.7  # seconds between two states that the web server keeps


class Lane:
    """One run. Its methods raise `ValueError` with words for the page; the run stays as it was."""

    def __init__(self, settings, kept=None):
        self.experiment = Experiment(**readable(settings))
        if self.experiment.members:
            raise ValueError("members must be 0 on the page: a lane is one run")
        self.setup = Setup(self.experiment)
        self.pictures = Pictures(self.setup)
        self.recording = Recording()
        self.playing, self.pace, self.pending = False, 0.0, 0
        self.failure, self.told = None, False
        self.wanted, self.drawn, self.shown, self.due = [], None, set(), 0.0
        self._rate, self._recorded = Rate(), 0.0
        self.state = self.setup.start()
        self.kept_at, self.kept_step = 0.0, None
        if kept:
            tensors = {name: torch.from_numpy(array.copy()) for name, array in kept.items()}
            self.state = restore(self.state, tensors)
        self._go_on()
        self.recording.offer(self.state)

    def _go_on(self):
        self._states = train(self.experiment, self.state, setup=self.setup)

    # ------------------------------------------------------------------ what the page may ask

    def change(self, kind, changes):
        """Live numbers or swapped names; returns the step at which they act."""
        changes = readable(changes)
        for name in changes:
            if SETTINGS[name].kind != kind:
                raise ValueError(f"{name} is a {SETTINGS[name].kind} field, not {kind}")
            if name in CARD_NUMBERS and name not in self.experiment.card.numbers:
                raise ValueError(SETTINGS[name].why)
        tried = Experiment(**{**self.experiment.settings(), **changes})
        if problems := tried.conflicts():
            raise ValueError(" ".join(problems))
        numbers = self.setup.numbers
        self.experiment.param.update(**changes)
        self.setup, self.state = self.setup.followed(self.state)
        self.pictures.follow(self.setup)
        self._go_on()
        self.drawn = self.kept_step = None
        return self.setup.numbers != numbers

    def settings_with(self, changes):
        """The settings of a new run: this one's, and where the data change, the new card's own."""
        settings = self.experiment.settings()
        if changes.get("data", settings["data"]) != settings["data"]:
            for name in (*CARD_NUMBERS, "batch"):
                settings.pop(name, None)
        return {**settings, **changes}

    def play(self, pace):
        pace = float(pace or 0.0)
        if not (math.isfinite(pace) and pace >= 0):
            raise ValueError(f"pace must be 0 (as fast as it can) or steps a second, got {pace}")
        if self.failure:
            raise ValueError(f"this run has stopped ({self.failure}); reset it")
        if not self.playing or pace != self.pace:
            self.due = time.monotonic()
        self.playing, self.pace = True, pace
        self._rate = Rate()

    def pause(self):
        self.playing, self.pending = False, 0
        self.drawn = self.kept_step = None

    def take(self, count):
        if not isinstance(count, int) or not 1 <= count <= 1_000_000:
            raise ValueError(f"count must be a whole number from 1 to 1000000, got {count!r}")
        if self.failure:
            raise ValueError(f"this run has stopped ({self.failure}); reset it")
        self.playing, self.pending = False, self.pending + count

    def want(self, layers):
        unknown = [layer for layer in layers if layer not in LAYERS]
        if unknown:
            raise ValueError(f"layer {unknown[0]!r} is unknown; {nearest(unknown[0], LAYERS)}")
        self.wanted.append(tuple(layers))
        del self.wanted[:-4]  # a page has at most two in flight; more can only be a mistake

    # ------------------------------------------------------------------ what the worker does

    @property
    def slow(self):
        return 0 < self.pace <= SLOW

    def ready(self, now):
        """Whether a step may be taken now."""
        if self.failure or not (self.playing or self.pending):
            return False
        if self.pending:
            return True
        if self.slow and not (self.wanted and self.drawn == self.state.step):
            return False  # the page has not yet drawn, or not yet asked again
        return self.pace == 0 or now >= self.due

    def wakes(self):
        """When a step may be taken without anything else happening; None: not before a message."""
        if self.failure or not self.playing or (self.slow and not self.wanted):
            return None
        return self.due if self.pace else 0.0

    def slice(self, seconds):
        """Trains for about that long, at least one step, never past what was asked for."""
        end = time.monotonic() + seconds
        while True:
            self.state = next(self._states)
            self._rate.count()
            now = time.monotonic()
            if self.pending:
                self.pending -= 1
            if self.pace and self.playing:
                self.due = max(self.due + 1 / self.pace, now - 1 / self.pace)
            if now >= end or not self.ready(now) or self.slow:
                break
        if not bool(torch.isfinite(sum(vector.sum() for vector in self.state.players))):
            self.stop(
                f"step {self.state.step}: a player's numbers are no longer finite. Lower a rate, "
                "or add a penalty, then reset"
            )
        if now - self._recorded > RECORD_EVERY or not self.playing:
            self.recording.offer(self.state)
            self._recorded = now

    def stop(self, text):
        self.playing, self.pending, self.failure = False, 0, text

    def has_news(self):
        """Whether a wanted picture can be answered: a new step, or a layer not yet drawn of it."""
        return not self.pending and self._answerable() is not None

    def _answerable(self):
        """The first want that the newest picture did not answer."""
        if self.drawn != self.state.step:
            return self.wanted[0] if self.wanted else None
        return next((layers for layers in self.wanted if not self.shown.issuperset(layers)), None)

    def frame(self):
        """(header, arrays) of the newest state, for the first want that is worth a picture."""
        layers = self._answerable()
        self.wanted.remove(layers)
        if self.drawn != self.state.step:
            self.shown = set()
        # Of a step that was drawn already only what is new, so that nothing else on it moves.
        header, arrays = self.draw(self.state, [name for name in layers if name not in self.shown])
        self.shown |= set(layers)
        self.drawn = self.state.step
        return header, arrays

    def draw(self, state, layers, recorded=False):
        """(header, arrays) of any state of this run."""
        fast = self.playing and not self.slow and not recorded
        exact = not fast
        made = self.pictures.frame(state, layers, exact)
        scalars = {
            name: finite(value) if isinstance(value, float) else value
            for name, value in made.scalars.items()
        }
        scalars["steps_per_second"] = finite(self._rate.value() if self.playing else 0.0)
        header = {
            "say": "frame",
            "step": state.step,
            "playing": self.playing,
            "recorded": recorded,
            "layers": list(layers),
            "scalars": scalars,
        }
        return header, {**made.arrays, **_shades(made)}

    def worth_keeping(self, now):
        """Whether the state that the web server keeps is older than it may be."""
        if self.state.step == self.kept_step or self.failure:
            return False
        return now - self.kept_at > KEEP_EVERY or not (self.playing or self.pending)

    def keep(self):
        """(header, arrays) from which this run can go on in another process, bit for bit."""
        self.kept_at, self.kept_step = time.monotonic(), self.state.step
        header = {
            "say": "kept",
            "settings": self.settings(),
            "playing": self.playing,
            "pace": self.pace,
            "step": self.state.step,
        }
        arrays = {name: tensor.numpy() for name, tensor in flatten(self.state).items()}
        return header, {name: array.astype(_dtype(array)) for name, array in arrays.items()}

    def settings(self):
        """Every setting as JSON carries it."""
        return {name: writable(value) for name, value in self.experiment.settings().items()}

    def opened(self):
        """(header, arrays) that tell a page everything about this run."""
        networks = self.setup.networks
        header = {
            "say": "opened",
            "settings": self.settings(),
            "data": self.data(),
            "sizes": {"generator": networks.generator.count, "critic": networks.critic.count},
            "step": self.state.step,
            "playing": self.playing,
            "pace": self.pace,
        }
        return header, {"real": real_points(self.setup, self.pictures.view)}

    def data(self):
        """What the page shows of the data: title, clusters and window, in window coordinates."""
        card, view, clusters = self.experiment.card, self.pictures.view, self.pictures.clusters
        centres = [] if clusters is None else view.flat(clusters.centres).round(5).tolist()
        return {
            "name": card.name,
            "title": card.title,
            "dimension": card.dimension,
            "centres": centres,
            "radii": [] if clusters is None else radii(clusters).round(5).tolist(),
            "numbers": self.setup.numbers,
            "window": {"extent": view.extent},
        }


def _shades(made):
    """The surface as the 256 shades in which it is drawn: a quarter of the bytes."""
    if "surface" not in made.arrays:
        return {}
    low, high = made.scalars["surface_low"], made.scalars["surface_high"]
    place = np.nan_to_num((made.arrays["surface"] - low) / (high - low), nan=0.5)
    return {"surface": np.rint(255 * place.clip(0, 1)).astype(np.uint8)}


def _dtype(array):
    """Steps and counts travel as int32, numbers as float32, which is what the engine trains in."""
    return "int32" if array.dtype.kind == "i" else "float32"


class Rate:
    """Steps a second over the last second or so."""

    def __init__(self):
        self.since, self.steps, self.last = time.monotonic(), 0, 0.0

    def count(self):
        self.steps += 1

    def value(self):
        passed = time.monotonic() - self.since
        if passed > 1.0 or (not self.last and passed > 0.1):
            self.last = self.steps / passed
            if passed > 1.0:
                self.since, self.steps = time.monotonic(), 0
        return self.last


def readable(settings):
    """Settings as a page or URL writes them -> as `Experiment` takes them.

    A number may come as text, also as a schedule: ``"linear(0.5, 0, 2500)"``.
    """
    if not isinstance(settings, dict):
        raise ValueError(f"settings must be names with values, got {settings!r}")
    known, read = names(), {}
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"setting {name!r} is unknown; {nearest(name, known)}")
        field = Experiment.param[name]
        if name == "data" and value not in cards.names():
            # A page may name a card, not a file: anybody may have written its address.
            raise ValueError(f"data {value!r} is unknown; {nearest(value, cards.names())}")
        if isinstance(field, Knob) and isinstance(value, str):
            value = schedules.parse(value)
        elif isinstance(value, (list, dict)):
            raise ValueError(f"{name} must be one value, got {value!r}")
        read[name] = value
    return read


def writable(value):
    """A setting as JSON carries it; schedules as their text."""
    return str(value) if isinstance(value, schedules.Schedule) else value
