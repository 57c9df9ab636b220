"""One run: its experiment, its newest state, and the log of what was changed by hand."""

import time
from typing import NamedTuple

import torch

from toylab.about import SETTINGS
from toylab.engine.limits import affordable
from toylab.engine.weight import Weight
from toylab.experiment import CARD_NUMBERS, Experiment, difference
from toylab.frames import Pictures
from toylab.recording import Recording
from toylab.states import State, flatten, restore
from toylab.trainer import Setup


class Past(NamedTuple):
    """A run as it was at one moment: enough to go on from there, bit for bit."""

    base: dict  # the settings under which its state was reached
    settings: dict  # those that hold from its next step on
    state: State
    first: dict  # the settings with which the run began
    log: tuple
    failure: str | None
    routes: tuple = ()
    recording: Recording | None = None  # None: the present one's, up to the state's step
    pictures: Pictures | None = None  # None: the present ones, where the data are the same


def replayed(first, log):
    """The settings to which a log leads."""
    experiment = Experiment(**first)
    for _, changes in log:
        experiment.param.update(**changes)
    return experiment.settings()


def _fitting(state, start):
    """The state; memory of another form than the start's, as an edited rule leaves it, anew."""
    forms = [
        {name: tensor.shape for name, tensor in flatten(each).items()} for each in (state, start)
    ]
    if forms[0] == forms[1]:
        return state
    return state._replace(memory=start.memory, constraint=start.constraint)


class Run:
    """A run on the page; everything wrong is a `ValueError` with words, and changes nothing.

    A change acts at the next step: until then `state` is what the last step left, and `upcoming`
    is that state as the changed settings take it, with the memory of a new rule, say. So `log`,
    ((step, {name: value}), …), has one entry a step, and what was changed back is not in it.

    `routes`, ((step, "auto" or "plain"), …), is what really took the steps from there on; it begins
    plain.
    """

    def __init__(self, settings, recording, state=None, pictures=None):
        self.experiment = affordable(Experiment(**settings))
        self.setup = self._settled = Setup(self.experiment)
        self.base = self.first = self.settings
        start = self.setup.start()
        self.state = self.upcoming = _fitting(state, start) if state else start
        self.log, self.recording, self.failure, self.routes = (), recording, None, ()
        self.weight = Weight()
        self.pictures = pictures or Pictures(self.setup)
        self.pictures.follow(self.setup)
        recording.offer(self.state)  # one that has it already does not take it again

    @classmethod
    def again(cls, past, recording, pictures=None):
        """The run as it was; `pictures` of the same data may go on from there."""
        run = cls(past.base, recording, past.state, pictures)
        run.first, run.log, run.failure = past.first, past.log, past.failure
        run.routes = past.routes
        run._turn(difference(past.base, past.settings))
        return run

    @classmethod
    def continued(cls, first, log, routes, arrays, recording):
        """The run that another process kept: first settings, log, routes and its whole state."""
        if getattr(arrays.get("step"), "size", 0) != 1:
            raise ValueError("this state does not say after how many steps it was")
        step = int(arrays["step"])
        base = replayed(first, [entry for entry in log if entry[0] < step])
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        state = restore(Setup(affordable(Experiment(**base))).start(), tensors)
        first, settings = replayed(first, ()), replayed(first, log)
        past = Past(base, settings, state, first, tuple(log), None, tuple(routes))
        return cls.again(past, recording)

    def renewed(self):
        """The same run with the tables' rows as they are now; what failed may go on."""
        past = self.past()._replace(failure=None if self.finite else self.failure)
        run = Run.again(past, self.recording)
        run.see(self.pictures)
        return run

    @property
    def finite(self):
        """Whether both players' numbers still are."""
        return bool(torch.isfinite(sum(vector.sum() for vector in self.state.players)))

    @property
    def settings(self):
        """{name: value} of every field that applies."""
        return self.experiment.settings()

    def step(self):
        """One step of training."""
        began = time.process_time()
        self.state = self.upcoming = self.setup.step(self.upcoming)
        self._settled = self.setup
        self.weight.stepped(time.process_time() - began)
        by = self.setup.compiled
        route = "plain" if by is None or by.route == "plain" else "auto"
        if route != (self.routes[-1][1] if self.routes else "plain"):
            self.routes = (*self.routes, (self.state.step - 1, route))

    def past(self):
        """This moment of the run."""
        base = self.base if self._changed_here else self.settings
        told = self.first, self.log, self.failure, self.routes
        return Past(base, self.settings, self.state, *told)

    def whole(self):
        """The run up to this moment, with its recording and its pictures."""
        return self.past()._replace(recording=self.recording, pictures=self.pictures)

    @property
    def _changed_here(self):
        return bool(self.log) and self.log[-1][0] == self.state.step

    def change(self, changes):
        """Live numbers and swapped names, from the next step on; the log has them."""
        if not self._changed_here:
            self.base = self.settings
        self._turn(changes)
        earlier = tuple(entry for entry in self.log if entry[0] != self.state.step)
        made = difference(self.base, self.settings)
        self.log = (*earlier, (self.state.step, made)) if made else earlier

    def _turn(self, changes):
        """Takes other settings, or none of them."""
        before = self.settings
        try:
            self.experiment.param.update(**changes)
            for name in changes:
                if name in CARD_NUMBERS and name not in self.experiment.card.numbers:
                    raise ValueError(SETTINGS[name].why)
            affordable(self.experiment)
            if problems := self.experiment.conflicts():
                raise ValueError(" ".join(problems))
            setup, upcoming = self._settled.followed(self.state)
        except Exception:  # a user's own row may raise anything
            self.experiment.param.update(**before)
            raise
        self.setup, self.upcoming = setup, upcoming
        if self.settings["data"] != before["data"]:
            seen, self.pictures = self.pictures, Pictures(setup)
            self.see(seen)
        else:
            self.pictures.follow(setup)

    def see(self, pictures):
        """Draws as other pictures were drawn; in their window too where the data are the same."""
        look = pictures.chosen.told()
        if pictures.setup.names["data"] != self.setup.names["data"]:
            look["extent"] = None
        else:
            self.pictures.health = pictures.health  # it forgets by itself what was taken back
        self.pictures.look(look)

    def measure(self, now):
        """Which clusters the newest state has found, (k,) of 0 and 1; None for data without."""
        made = self.pictures.frame(self.upcoming, (), exact=False, now=now)
        return made.scalars["found"] if made.scalars["modes_total"] else None
