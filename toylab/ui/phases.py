"""Slow motion: at a pace of a step a second or less, each step is shown in its six phases.

The engine stands still meanwhile. With every picture comes the anatomy of the step about to be
taken; one phase after the other is shown over it, and the last one ends in one step of the engine.
"""

import asyncio
import time

import numpy as np

from toylab.ui.arrows import PUSH, arrows, nice
from toylab.ui.part import Part

SLOW_MOTION = 1.0  # steps a second
GLIDE = 0.4  # seconds at least of the move
LOOK = 0.02  # seconds between two looks whether a picture has come
HIDDEN = 1.0  # the same while nobody sees the tab, to which none comes
SLOPE = 22.0  # longest slope at a penalty's point, px
POINTS = ("batch_real", "batch_force", "penalty_points")
CRITIC, GENERATOR = ("sample", "score", "loss", "penalty"), ("push", "move")


def order(anatomy):
    """The phases as they come: the critic's half first unless the generator begins."""
    return (*GENERATOR, *CRITIC) if anatomy.get("first") == "generator" else (*CRITIC, *GENERATOR)


def missing(anatomy, counts, settings):
    """{phase: why this step does not have it}, of the phases that it lacks.

    counts -- {array of `POINTS`: how many points there are}
    """
    why = {}
    if not counts["batch_real"]:
        why |= dict.fromkeys(CRITIC, "Only the generator moves in this step.")
    elif not counts["penalty_points"]:
        every = settings.get("penalty_interval") or 1
        lazy = f"The penalty is charged at every {every}th step only; not at this one."
        why["penalty"] = lazy if anatomy["penalty"] is not None else "This game has no penalty."
    if not counts["batch_force"]:
        why |= dict.fromkeys(GENERATOR, "Only the critic moves in this step.")
    return why


def sentences(anatomy, counts, settings):
    """{phase: what happens in it, in one sentence}."""
    batch, shown = settings["batch"], counts["batch_real"]
    drawn = f"{batch} real points and {batch} fakes are drawn"
    rounds, turns = settings.get("critic_steps") or 1, anatomy["order"] == "turns"
    first = anatomy.get("first")
    if shown < batch:
        drawn += f"; {shown} of each are shown"
    if turns and rounds > 1:
        drawn += f". Round 1 of the critic’s {rounds}"
    loss, price, weight = anatomy["critic_loss"], anatomy["penalty"], settings["penalty_weight"]
    if turns and first == "critic":
        push = "The critic has moved. Now its slope pushes the fakes"
    elif turns:
        push = "The generator begins: the critic’s slope pushes the fakes"
    elif anatomy["ahead"]:
        push = "The critic, as it is foreseen, pushes the fakes: both players move at once"
    else:
        push = "The same critic pushes the fakes: both players move at once"
    return {
        "sample": f"{drawn}.",
        "score": "The critic gives each a number: 0 is surely fake, 1 is surely real.",
        "loss": f"Its mistakes cost it {_number(loss)} on average. The four dearest are large.",
        "penalty": f"Its slope at the crosses costs {_number(price)} more (weight {weight}).",
        "push": f"{push}.",
        "move": "The generator follows as far as its own numbers allow."
        + (" Then the critic answers." if turns and first == "generator" else ""),
    }


def _number(value):
    return "—" if value is None else f"{value:.3g}".replace("-", "−")


def seconds(phase, pace, count):
    """How long a phase is shown, of `count` in a step at this pace."""
    move = max(GLIDE, 1 / pace / 6)
    return move if phase == "move" else max(1 / pace - move, 0) / max(count - 1, 1)


class Phases(Part):
    """Which phase of which step is shown, and whose turn it is next."""

    def __init__(self, lab):
        super().__init__(lab)
        self.task, self.taken_at, self.rate = None, 0.0, 0.0
        self.forget()

    def forget(self):
        """Another run, or another moment of this one."""
        self.at, self.of = None, None  # the phase that is shown, and of which step
        self.step, self.words = None, None  # the step whose anatomy the page has
        self.before = None  # the step of the newest picture
        self.moving = False  # steps were asked for, and their picture is not yet here

    @property
    def on(self):
        return 0 < self.lab.link.pace <= SLOW_MOTION

    def wanted(self):
        return ["anatomy"] if self.on and not self.lab.recall.on else []

    @property
    def here(self):
        """Whether the newest picture came with its anatomy."""
        return self.step is not None and self.step == self.lab.run.step and not self.moving

    @property
    def had(self):
        """The phases that this step has, in order."""
        return [phase for phase in self.words["order"] if phase not in self.words["absent"]]

    @property
    def left(self):
        """Those that are still to be shown."""
        shown = self.of == self.step and self.at in self.had
        return self.had[self.had.index(self.at) + 1 :] if shown else self.had

    # ---------------------------------------------------------------- by itself

    def start(self):
        """Plays from here on; a phase that was shown is not shown again."""
        self.stop()
        self.task = asyncio.ensure_future(self._play())

    def stop(self):
        """Stands still at the phase that is shown."""
        if self.task is not None:
            self.task.cancel()
            self.task = None

    async def _play(self):
        link, taken = self.lab.link, False
        while await self._painted():
            if taken and (met := self.lab.stops.met()):
                link.tell(self.lab.heard, "stopped", met, {})
                return
            for phase in self.left:
                link.tell(self.show, phase)
                await asyncio.sleep(seconds(phase, link.pace, len(self.had)))
            link.tell(self.take)
            taken = True

    async def _painted(self):
        """Waits until the next picture stands on the screen; False once nobody is there."""
        link = self.lab.link
        while link.alive and (not self.here or link.sent_at):
            await asyncio.sleep(LOOK if link.beat.visible else HIDDEN)
        return link.alive

    # ---------------------------------------------------------------- by hand

    def show(self, phase):
        self.at, self.of, self.lab.opening.invites = phase, self.step, False
        self.lab.say_state()

    def take(self):
        """The step itself: what was shown is done."""
        now = time.monotonic()
        self.rate, self.taken_at = 1 / max(now - self.taken_at, 1e-3), now
        self.lab.transport.step(1, "both")

    def forth(self):
        """The next phase; the last one ends in the step, at once if it was shown already."""
        if self.here:
            self._go(self.left[0] if self.left else None)

    def _go(self, phase):
        self.stop()
        if phase is None:
            self.take()
            return
        self.show(phase)
        if phase == self.had[-1]:
            self.task = asyncio.ensure_future(self._finish())

    async def _finish(self):
        await asyncio.sleep(GLIDE)
        self.task = None
        self.lab.link.tell(self.take)

    def do_phase(self, told):
        """A pill was pressed: there, and no further."""
        if self.lab.link.playing:
            self.lab.transport.pause()
        self.lab.recall.leave()
        if self.on and self.here and told.get("phase") in self.had:
            self._go(told["phase"])

    # ---------------------------------------------------------------- the engine

    def hear_opened(self, header, arrays):
        self.forget()
        if self.on and self.lab.link.playing:
            self.start()
        else:
            self.stop()

    hear_undone = hear_opened

    def hear_failed(self, header, arrays):
        self.stop()
        self.forget()

    hear_lost = hear_failed

    def hear_stopped(self, header, arrays):
        self.stop()

    def frame(self, header, arrays):
        if header["recorded"]:
            return {}
        told = header["scalars"].get("anatomy")
        if header["step"] != self.step:
            self.step = self.words = None
        if header["step"] != self.before:
            self.moving, self.before = False, header["step"]
        if told is not None:
            self.step = header["step"]
            self.words = self._words(told, arrays)
            self._pack(arrays)
        return {"anatomy": self.words and {"step": self.step, **self.words}}

    def _words(self, told, arrays):
        settings = self.lab.run.accepted
        counts = {name: len(arrays[name]) if name in arrays else 0 for name in POINTS}
        says, absent = sentences(told, counts, settings), missing(told, counts, settings)
        return {"order": order(told), "says": says, "absent": absent}

    def _pack(self, arrays):
        """The points of both halves in one parcel; arrows as the places of their tips."""
        arena = self.lab.layers.arena
        none = np.zeros((0, 2), np.float32)
        columns = {}

        def put(name, places):
            columns[f"{name}_x"], columns[f"{name}_y"] = np.asarray(places).T

        def tips(places, vectors, longest):
            norms = np.hypot(*vectors.T)
            top = np.percentile(norms, 95) if norms.any() else 1.0
            return places + arrows(vectors, nice(max(top, 1e-30)), longest, arena.pixel)[0]

        losses = arrays.get("loss", none.T)
        for side, loss in zip(("real", "fake"), losses, strict=True):
            put(side, arrays.get(f"batch_{side}", none))
            columns[f"{side}_score"] = arrays.get(f"score_{side}", none[:, 0])
            columns[f"{side}_loss"] = loss
        points, slopes = arrays.get("penalty_points", none), arrays.get("penalty_slopes", none)
        put("point", points)
        put("slope", tips(points, slopes, SLOPE))
        force = arrays.get("batch_force", np.zeros((0, 4), np.float32))
        put("from", force[:, :2])
        put("tip", tips(force[:, :2], force[:, 2:], PUSH))
        put("to", arrays.get("batch_moved", none))
        arena.pack("anatomy", **columns)

    def state(self):
        if not self.on:
            return {"phase": None}
        return {"phase": {"at": self.at, "step": self.of, "seconds": self._seconds()}}

    def _seconds(self):
        """How long the shown phase is in sight, for whoever eases it."""
        if self.at is None or not self.lab.link.playing:
            return GLIDE
        return seconds(self.at, self.lab.link.pace, len(CRITIC + GENERATOR) - 1)
