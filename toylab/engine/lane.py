"""A lane: one run on the page, with its pace, its pictures and what can be taken back."""

import time

from toylab.about import SETTINGS
from toylab.engine import reading, told
from toylab.engine.history import History
from toylab.engine.pace import Pace
from toylab.engine.protocol import WANTS, finite
from toylab.engine.run import Run
from toylab.engine.speed import Gear
from toylab.engine.stops import Stops
from toylab.experiment import CARD_NUMBERS
from toylab.recording import Ledger, Recording

RECORD_EVERY = 0.2  # seconds between two snapshots while training fast
FOLLOW_EVERY = 0.2  # seconds between two looks at data that a schedule moves
MEASURE_EVERY = 0.2  # seconds between two looks at the clusters, where a stop rule wants them
KEEP_EVERY = 0.7  # seconds between two states that the web server keeps
PICTURE_EVERY = 1 / 15  # seconds between two pictures while training fast: the rest is for steps
PICTURE_SHARE = 5  # pictures of all runs together take at most one part in so many of the time
PICTURE_SELDOM = 0.35  # seconds between two, at most, however many runs there are
QUEUE = 100  # requests for steps of different players


class Lane:
    """One run after the other. Its methods raise `ValueError` with words; then all is as it was."""

    def __init__(self, settings, kept=None):
        self.ledger = Ledger()
        self.history, self.stops = History(self.ledger), Stops()
        self.playing, self.pace, self.gear = False, Pace(), Gear()
        self.turns, self.back = [], None  # steps asked for; whose turn it is once they are taken
        self.wanted = []
        self.outbox = []  # (header, arrays) for the page that nobody asked for
        self._recorded, self._measured, self._followed, self._kept_at = 0.0, 0.0, 0.0, 0.0
        self._drawable_at = 0.0
        if kept:
            log = reading.log(kept.get("changes", []))
            first = reading.readable(kept.get("first") or settings)
            routes = reading.routes(kept.get("routes", []))
            recording = Recording(self.ledger)
            self._take_up(Run.continued(first, log, routes, kept["arrays"], recording))
            self.turns = reading.turns(kept.get("pending", []))
            self.back = kept.get("back") and reading.mover(kept["back"])
        else:
            self._take_up(Run(reading.readable(settings), Recording(self.ledger)))

    def _take_up(self, run):
        """Another run in this lane, or another moment of it."""
        self.run = run
        self.drawn, self.shown, self.unkept = None, set(), True
        self.warned = False  # whether the page knows that the run has failed
        self.turns.clear()
        if run.failure:
            self.playing = False
        self.stops.forget()
        self.pace.begin()

    # ------------------------------------------------------------------ what the page may ask

    def change(self, kind, changes):
        """Live numbers or swapped names; returns whether the data moved."""
        changes = reading.readable(changes, "changes")
        for name in changes:
            if SETTINGS[name].kind != kind:
                raise ValueError(f"{name} is a {SETTINGS[name].kind} field, not {kind}")
        self._together()
        past, data = self.run.past(), (self.run.experiment.data, self.run.setup.numbers)
        self.run.change(changes)
        if self.run.settings != past.settings:
            hand = tuple(changes) if kind == "live" else None
            self.history.remember(past, told.words(past, changes), hand)
        self._changed()
        return data != (self.run.experiment.data, self.run.setup.numbers)

    def _changed(self):
        self.drawn, self.unkept = None, True

    def restart(self, changes):
        """A new run with these settings; other data bring their own numbers and batch."""
        changes = reading.readable(changes, "changes")
        self._together()
        settings = self.run.settings
        if changes.get("data", settings["data"]) != settings["data"]:
            for name in (*CARD_NUMBERS, "batch"):
                settings.pop(name, None)
        self._renew({**settings, **changes}, "the new run")

    def reset(self, seed=None):
        """The same settings from step 0, with another seed if one is given."""
        more = {} if seed is None else {"seed": seed}
        words = "the reset" if seed is None else f"the new seed {seed}"
        self._together()
        self._renew({**self.run.settings, **reading.readable(more)}, words)

    def _renew(self, settings, words):
        run = Run(settings, Recording(self.ledger))
        run.see(self.run.pictures)
        self.history.remember(self.run.whole(), words)
        self._take_up(run)

    def undo(self):
        """Back to the state and the settings before the last change; returns what that was."""
        self._together()
        return f"Taken back: {self._restore(self.history.done, self.history.undone)}."

    def redo(self):
        """The newer run as it was; returns what was brought back."""
        self._together()
        return f"Brought back: {self._restore(self.history.undone, self.history.done)}."

    def _restore(self, source, target):
        words, past = self.history.last(source)
        seen, recording = self.run.pictures, past.recording
        if recording is None:
            recording = self.run.recording.until(past.state.step)
        pictures = past.pictures or seen
        data = {past.base["data"], past.settings["data"], pictures.setup.names["data"]}
        try:
            run = Run.again(past, recording, pictures if len(data) == 1 else None)
        except Exception:  # a row that is no longer there, say
            if recording is not past.recording:
                recording.close()
            raise
        run.see(seen)
        self.history.move(source, target, self.run.whole())
        self._take_up(run)
        return words

    def renew(self):
        """The same run with the tables' rows as they are now; all else is as it was."""
        self._take_up(self.run.renewed())

    def play(self, pace=None):
        """From now on that many steps a second, 0 for as fast as it can."""
        pace = reading.pace(pace)
        if self.run.failure:
            raise ValueError(f"this run has stopped ({self.run.failure}); reset it")
        self.settle()
        if not self.playing:
            self.stops.forget()
        if not self.playing or pace != self.pace.steps:
            self.pace.begin(pace)
        self.playing = True

    def pause(self):
        """Not one step more."""
        self.settle()
        self.playing = False
        self._changed()

    def take(self, count=1, who="both"):
        """That many steps of both players or of one, then pause."""
        turn = [reading.whole("count", count), reading.mover(who)]
        if self.run.failure:
            raise ValueError(f"this run has stopped ({self.run.failure}); reset it")
        if len(self.turns) >= QUEUE:
            raise ValueError("too many steps are waiting; ask again when they are taken")
        self.playing = False
        self.turns.append(turn)

    def want(self, layers):
        """One picture more, as soon as there is something new; all owed have these layers."""
        self.wanted = [reading.layers(layers)] * min(len(self.wanted) + 1, WANTS)

    def redraw(self):
        """The page lost the newest picture, or left it for another one."""
        self.drawn = None

    def look(self, options):
        """How pictures are drawn from now on; returns all options."""
        look = self.run.pictures.look(options)
        self._changed()
        return look

    def stop(self, rules):
        """Rules for pausing by itself."""
        self.stops.set(rules)
        self.stops.forget()
        self.unkept = True

    # ------------------------------------------------------------------ what the worker does

    def ready(self, now):
        """Whether a step may be taken now."""
        if self.run.failure or not (self.playing or self.turns):
            return False
        if self.turns:
            return True
        if self.pace.slow and not (self.wanted and self.drawn == self.run.state.step):
            return False  # the page has not yet drawn, or not yet asked again
        return now >= self.pace.due

    def wakes(self):
        """When something may happen without a message; None: never."""
        if self.run.failure or not self.playing:
            return None
        step = None if self.pace.slow and not self.wanted else self.pace.due
        picture = self._drawable_at if self._answerable() is not None else None
        return min((t for t in (step, picture, self.stops.idle_at) if t is not None), default=None)

    def slice(self, seconds):
        """Trains for about that long, at least one step, never past what was asked for."""
        end = time.monotonic() + seconds
        while True:
            self._step()
            now = time.monotonic()
            self.pace.stepped(now)
            if now >= end or not self.ready(now) or self.pace.slow or self._at_stop():
                break
        self.unkept = True
        if not self.run.finite:
            self.fail(
                f"step {self.run.state.step}: a player's numbers are no longer finite. Lower a "
                "rate, or add a penalty, then reset"
            )
        if now - self._recorded > RECORD_EVERY or not self.playing:
            self.run.recording.offer(self.run.state)
            self._recorded = now
        if self._at_stop():
            self._halt(*self.stops.at(self.run.state.step))

    def _at_stop(self):
        return self.playing and self.stops.at(self.run.state.step) is not None

    def _halt(self, reason, text):
        self.pause()
        step = self.run.state.step
        self.outbox.append(({"say": "stopped", "reason": reason, "text": text, "step": step}, {}))

    def _step(self):
        """One step, of one player alone where that was asked for."""
        if not self.turns:
            self.run.step()
            return
        who = self.turns[0][1]
        if who != "both" and self.back is None:
            self.history.remember(self.run.past(), f"what the {who} did alone")
            self.back = self.run.experiment.moves
            self.run.change({"moves": who})
        self.run.step()
        self.turns[0][0] -= 1
        if not self.turns[0][0]:
            del self.turns[0]
            self._together()

    def _together(self):
        """Once one player has moved alone, both go on as they did."""
        if self.back is not None:
            who, back, self.back = self.run.experiment.moves, self.back, None
            self.run.change({"moves": back})
            header = {"say": "changed", "kind": "step", "made": {"moves": who}}
            self.outbox.append(({**header, **told.changes(self)}, {}))

    def settle(self):
        """Forgets the steps that were asked for and not taken."""
        self.turns.clear()
        self._together()

    def watch(self, now):
        """Pauses where all clusters were held for long enough, or nobody is there."""
        run = self.run
        if not self.playing or run.failure:
            return
        if self.stops.rules["found"] is not None and now - self._measured > MEASURE_EVERY:
            self.stops.measured(run.state.step, run.measure(now))
            self._measured = now
        if met := self.stops.met(run.state.step, now):
            self._halt(*met)

    def fail(self, text):
        """The run cannot go on."""
        self.playing, self.run.failure = False, text
        self.turns.clear()

    def fit(self, most):
        """Keeps no more than that many bytes of snapshots; of the present run first and last."""
        while self.ledger.bytes > most:
            recordings = [self.run.recording, *self.history.recordings()]
            fullest = max(recordings, key=lambda recording: len(recording.states))
            if not fullest.thin() and not self.history.forget():
                break

    def has_news(self, now):
        """Whether a wanted picture can be answered: a new step, or a layer not yet drawn of it."""
        ready = not self.turns and self._answerable() is not None
        return ready and (not self._fast or now >= self._drawable_at)

    def _answerable(self):
        """The layers of a picture that is owed and would show something new, or None."""
        drawn = self.shown if self.drawn == self.run.state.step else None
        return next((each for each in self.wanted if drawn is None or set(each) - drawn), None)

    def frame(self):
        """(header, arrays) of the newest state, for one picture of those that are owed."""
        layers, step = self.wanted.pop(), self.run.state.step
        if self.drawn != step:
            self.shown = set()
        # Of a step that was drawn already only what is new, so that nothing else on it moves.
        new = [name for name in layers if name not in self.shown]
        header, arrays = self._draw(self.run.upcoming, new)
        self.shown |= set(layers)
        self.drawn = step
        return header, arrays

    def drew(self, seconds, runs):
        """The picture took so long, beside so many runs that train: when may the next one come?"""
        pause = min(max(PICTURE_EVERY, PICTURE_SHARE * seconds * runs), PICTURE_SELDOM)
        self._drawable_at = time.monotonic() + pause

    def recall(self, step, layers, side=0):
        """(header, arrays) of the recorded state nearest to a step, or beside it."""
        step, side = reading.whole("step", step, 0, 10**12), reading.whole("side", side, -1, 1)
        state = self.run.recording.nearest(step, side)
        return self._draw(state, reading.layers(layers), recorded=True)

    def follow(self, now):
        """Where a schedule moves the data the pictures go with them, and so does the page."""
        run = self.run
        late = not self._fast or now - self._followed > FOLLOW_EVERY
        if run.setup.numbers != run.pictures.numbers and late:
            self._followed = now
            run.pictures.follow(run.setup)
            header = {"say": "moved", "data": told.data(run), "step": run.state.step}
            self.outbox.append((header, told.data_arrays(run)))

    @property
    def _fast(self):
        return bool(self.turns) or (self.playing and not self.pace.slow)

    def _draw(self, state, layers, recorded=False):
        fast = self._fast and not recorded
        header, arrays = told.frame(self.run, state, layers, fast, recorded, playing=self.playing)
        header["scalars"]["steps_per_second"] = finite(self.pace.rate() if self.playing else 0.0)
        return header, arrays

    def worth_keeping(self, now):
        """Whether the web server should have this state: often while training, once when not."""
        if not self.unkept or self.run.failure:
            return False
        return now - self._kept_at > KEEP_EVERY or not (self.playing or self.turns)

    def keep(self):
        """(header, arrays) from which this run can go on in another process, bit for bit."""
        self._kept_at, self.unkept = time.monotonic(), False
        return told.kept(self)
