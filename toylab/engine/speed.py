"""Speed: which runs are trained by native code, from when on, and what their pages are told.

A new structure trains plainly at once. Once it has done so for a while as fast as it can, its
native code is looked for, and another process builds it where there is none; between two steps it
then takes the plain function's place. The run's numbers stay as they are, and go on the same but
for rounding; `Run.routes` has the step, so that an exported run is the one that was seen.
"""

import logging
import time

from toylab.engine.builder import LOOK_EVERY
from toylab.engine.reading import writable
from toylab.structure import added

log = logging.getLogger(__name__)

PATIENCE = 1.0  # seconds for which a structure trains before it is worth building
SURE = 0.3  # seconds of training from which on the time of a step is told
WITHOUT = "TOYLAB_BACKEND"  # environment variable: "plain" where nothing is to be built


class Gear:
    """How one lane is trained: `kind` is "plain", "compiling" or "compiled", `why` says why not.

    backend -- "auto", or "plain": then nothing is ever compiled, and its page knows that
    costs   -- {kind: [seconds, steps]} of its present structure, in the engine's own time
    """

    def __init__(self, backend="plain"):
        self.backend, self.setup, self.told = backend, None, None
        self.begin(None)

    def begin(self, setup):
        """Another structure, or another run."""
        self.setup, self.since = setup, None
        self.kind, self.why = "plain", ""
        self.costs = {"plain": [0.0, 0], "compiled": [0.0, 0]}

    def count(self, setup, seconds, steps):
        """So long did so many steps take."""
        if setup is self.setup and self.backend != "plain":
            cost = self.costs["compiled" if self.kind == "compiled" else "plain"]
            cost[0] += seconds
            cost[1] += steps

    def milliseconds(self, kind):
        """Of one step, once it is known."""
        seconds, steps = self.costs[kind]
        return 1e3 * seconds / steps if seconds > SURE else None

    def news(self):
        """The message that its page does not have yet, or None."""
        times = {kind: self.milliseconds(kind) for kind in self.costs}
        # Its time is told once, as soon as it is known: it is no meter.
        telling = self.kind, self.why, self.kind == "compiled" and times["compiled"] is not None
        if telling == self.told:
            return None
        self.told = telling
        return {"say": "speed", "kind": self.kind, "why": self.why, "milliseconds": times}


class Speed:
    """The gears of all lanes, and the one builder that they share.

    builder -- None where nothing is to be built here
    """

    def __init__(self, builder=None):
        self.builder = builder

    def work(self, now):
        """What is not any lane's own."""
        if self.builder is not None:
            self.builder.look(now)

    def wakes(self, now):
        """When there may be something to do without a message; None: never."""
        busy = self.builder is not None and self.builder.process is not None
        return now + LOOK_EVERY if busy else None

    def answered(self, lane):
        """Whether the builder has spoken, and the lane's page does not know it yet."""
        waits = lane.gear.kind == "compiling" and not lane.run.failure
        return waits and lane.run.setup.identity in self.builder.answers

    def train(self, lane, seconds):
        """A slice of the lane's training, with an eye on the clock."""
        setup, step, began = lane.run.setup, lane.run.state.step, time.process_time()
        lane.slice(seconds)
        lane.gear.count(setup, time.process_time() - began, lane.run.state.step - step)

    def look(self, lane, now):
        """Between two steps of a lane: shifts it where that can be, and tells its page."""
        gear, setup = lane.gear, lane.run.setup
        if gear.backend == "plain":
            return
        if setup is not gear.setup:
            gear.begin(setup)
        if gear.kind == "compiled" and setup.compiled.route == "plain":
            gear.kind, gear.why = "plain", setup.compiled.trouble
        elif gear.kind != "compiled" and not gear.why and not lane.run.failure:
            self._seek(lane, now)
        if news := gear.news():
            lane.outbox.append((news, {}))

    def _seek(self, lane, now):
        gear, run = lane.gear, lane.run
        if self.builder is None:
            gear.why = "this server builds no native code"
            return
        if mine := added(run.experiment):
            gear.why = f"{', '.join(name for _, name in mine)} of your own is in its step"
            return
        key = run.setup.identity
        said = self.builder.answers.get(key)
        if said is None:
            if not _hurried(lane, now):
                gear.since = None
                return
            gear.since = now if gear.since is None else gear.since
            if gear.kind == "plain" and now - gear.since >= PATIENCE:
                said = self._shift(lane)
                gear.kind = "compiling" if said is None else "plain"
            if gear.kind == "compiling":
                self.builder.ask(key, writable(run.settings), now)
            if said is None:
                return
        elif not said:
            said = self._shift(lane)
            said = "what was built for it is not there" if said is None else said
        gear.kind, gear.why = "plain" if said else "compiled", said
        if not said:
            self.builder.answers[key] = ""

    def _shift(self, lane):
        """By native code from now on: "" if so, None where there is none, else why it cannot be.

        Every kind of step is tried out first, from the run's own numbers, which stay as they are.
        """
        setup = lane.run.setup
        try:
            made = setup.compiling("stored", strict=True)
            setup.try_out(made, lane.run.upcoming)
        except LookupError:
            return None
        except Exception as error:  # whatever it is, the plain step is there
            problem = f"{type(error).__name__}: {error}"
            log.warning("the step goes on uncompiled: %s", problem)
            if not isinstance(error, ArithmeticError):  # that may be for this run's numbers alone
                self.builder.answers[setup.identity] = problem
            return problem
        made.strict = False
        setup.compiled = made
        return ""


def _hurried(lane, now):
    """Whether this run would be further if a step took less time."""
    behind = lane.pace.due <= now and not lane.pace.slow
    return bool(lane.turns) or (lane.playing and behind)
