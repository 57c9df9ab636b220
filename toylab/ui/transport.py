"""Play, pause, step, reset and the speed dial: what they show and what they do."""

import asyncio
import random
from math import isfinite, log, nan

from toylab.engine.protocol import SLOW
from toylab.ui.part import Part
from toylab.ui.phrases import readings
from toylab.ui.settings import ladder

FIRST_PACE = 5.0  # steps a second for the first second: one sees a blob and arrows
RISE = ((1.0, 12.0), (0.5, 30.0), (0.5, 80.0), (0.5, 0.0))  # then (seconds, pace) up to full speed
DIAL = (*ladder(0.2, 100.0, log=True, whole=False), 0.0)  # its notches; 0: as fast as it can
PACES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 0.0)  # the stops of [ and ]
MOST = 1_000_000  # steps at once


def notch_of(pace):
    """The notch of the dial nearest to a pace, by ratio."""
    if not pace:
        return len(DIAL) - 1
    return min(range(len(DIAL) - 1), key=lambda notch: abs(log(DIAL[notch] / pace)))


def faster(pace, by):
    """The next pace of `PACES` above (`by` 1) or below (-1) this one; the last one stays."""
    stops = [stop or float("inf") for stop in PACES]
    now = pace or float("inf")
    beyond = [stop for stop in stops if (stop > now if by > 0 else stop < now)]
    if not beyond:
        return pace
    found = min(beyond) if by > 0 else max(beyond)
    return 0.0 if found == float("inf") else found


def pace_words(pace):
    """How the dial's value reads."""
    if not pace:
        return "as fast as it can"
    return f"{pace:g} step{'' if pace == 1 else 's'}/s"


class Transport(Part):
    """Who plays and how fast. What a hand does here ends the opening and leaves the past."""

    def __init__(self, lab):
        super().__init__(lab)
        self.link = lab.link
        self.rise = None
        self.by_hand = False  # whether the last steps were asked for, and not those of a run

    def begin(self):
        """What the address says of the pace."""
        pace = self.lab.query.get("pace")
        self.link.pace = 0.0
        if pace:
            try:
                asked = float(pace)
            except ValueError:
                asked = nan
            if isfinite(asked):
                self.link.pace = max(asked, 0.0)
            else:
                self.lab.notice(f"pace={pace[:40]} is not a number; as fast as it can.")

    def open_gently(self):
        """From slow to full speed within three seconds, unless a hand touches something."""
        self.link.pace = FIRST_PACE
        self.play()
        self.rise = asyncio.ensure_future(self._rise())

    async def _rise(self):
        await asyncio.sleep(1.0)
        for seconds, pace in RISE:
            self.link.tell(self.set_pace, pace)
            await asyncio.sleep(seconds)
        self.rise = None

    def settle(self):
        """A hand took over: the opening is over, and the rise of its pace ends where it is."""
        self.lab.opening.settle()
        if self.rise is not None:
            self.rise.cancel()
            self.rise = None

    def play(self):
        self.lab.recall.leave()
        self.link.playing, self.lab.opening.invites = True, False
        self._go()

    def _go(self):
        """What the engine is told of a run that plays: in slow motion it waits for each step."""
        self.by_hand, phases = False, self.lab.phases
        if phases.on:
            self.link.send("pause")
            self.link.pump(at_once=True)
            phases.start()
        else:
            phases.stop()
            self.link.send("play", pace=self.link.pace)
            self.link.pump()

    def pause(self):
        self.lab.phases.stop()
        self.link.playing = False
        self.link.send("pause")
        self.link.pump()

    def set_pace(self, pace):
        self.link.pace = pace
        if self.link.playing:
            self._go()
        else:
            self.link.pump(at_once=self.lab.phases.on)  # its phases need to be told
        self.lab.say_state()

    # ---------------------------------------------------------------- a hand

    def do_toggle(self, told):
        """Play or pause, whichever the button promised; what is so already stays."""
        if bool(told.get("play")) != self.link.playing:
            (self.pause if self.link.playing else self.play)()

    def do_step(self, told):
        """Steps of both players or of one. In slow motion one step is six, a phase each, and in
        the past it leads from one recorded moment to the next."""
        count, who = told.get("count", 1), told.get("who", "both")
        if not isinstance(count, int) or not 1 <= count <= MOST:
            self.lab.notice(f"Steps must be a whole number from 1 to {MOST:,}, got {count}.")
            return
        plain = count == 1 and who == "both"
        if plain and self.lab.recall.on:
            self.lab.recall.beside(1)
            return
        if self.link.playing:
            self.pause()
        if plain and self.lab.phases.on:
            self.lab.phases.forth()
            return
        self.lab.recall.leave()
        self.step(count, who)

    def step(self, count, who):
        """Exactly that many steps; what is on the screen is what was before them."""
        self.lab.opening.invites, self.lab.phases.moving = False, True
        self.by_hand = True
        self.link.send("step", count=count, who=who)
        self.link.pump()

    def do_reset(self, told):
        self.link.send("reset")

    def do_seed(self, told):
        self.link.send("reset", seed=random.randrange(1, 1_000_000))

    def do_pace(self, told):
        at = told.get("at")
        if isinstance(at, int) and 0 <= at < len(DIAL):
            self.set_pace(DIAL[at])

    def do_faster(self, told):
        self.set_pace(faster(self.link.pace, 1 if told.get("by", 1) > 0 else -1))

    # ---------------------------------------------------------------- the engine

    def hear_failed(self, header, arrays):
        self.link.playing, self.link.asked = False, 0

    def hear_stopped(self, header, arrays):
        self.link.playing = False

    def hear_lost(self, header, arrays):
        self.link.playing = self.link.playing and header.get("again", False)

    def frame(self, header, arrays):
        rate = header["scalars"].get("steps_per_second")
        if self.lab.phases.on and self.link.playing:
            rate = self.lab.phases.rate
        return {
            "watched": self.by_hand or 0 < self.link.pace <= SLOW,  # each step, one by one
            "steps_rate": readings.rate(rate, "steps/s"),
            "pictures_rate": readings.rate(
                self.link.rate if self.link.playing else 0.0, "pictures/s"
            ),
        }

    def state(self):
        return {
            "playing": self.link.playing,
            "pace": self.link.pace,
            "notch": notch_of(self.link.pace),
            "notches": len(DIAL) - 1,
            "pace_words": pace_words(self.link.pace),
            "slow": self.link.slow,
        }
