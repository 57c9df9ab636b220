"""Play, pause, step, reset and the speed dial: what they show and what they do."""

import asyncio
import random
from math import log

from toylab.ui.part import Part
from toylab.ui.phrases import readings

FIRST_PACE = 5.0  # steps a second for the first second: one sees a blob and arrows
RISE = ((1.0, 12.0), (0.5, 30.0), (0.5, 80.0), (0.5, 0.0))  # then (seconds, pace) up to full speed
SLOWEST, FASTEST = 0.2, 100.0
END = 100  # the dial's last notch: as fast as it can


def pace_at(notch):
    """Steps a second at a notch of the dial, even on a log scale; 0 means as fast as it can."""
    notch = min(max(float(notch), 0.0), END)
    if notch >= END:
        return 0.0
    pace = SLOWEST * (FASTEST / SLOWEST) ** (notch / (END - 1))
    return float(f"{pace:.2g}")


def notch_of(pace):
    """The notch of the dial nearest to a pace: the inverse of `pace_at`."""
    if not pace:
        return END
    return round((END - 1) * log(pace / SLOWEST) / log(FASTEST / SLOWEST))


def pace_words(pace):
    """How the dial's value reads."""
    if not pace:
        return "as fast as it can"
    return f"{pace:g} step{'' if pace == 1 else 's'}/s"


class Transport(Part):
    """Who plays, how fast, and how the page opens: slow for a second, then ever faster."""

    def __init__(self, lab):
        super().__init__(lab)
        self.link = lab.link
        self.plays_when_seen, self.gentle, self.rise = False, False, None
        self.recalled = False  # whether a recorded moment is shown

    def begin(self):
        """What the address says of play and pace."""
        query = self.lab.query
        self.plays_when_seen = query.get("play", "1") != "0"
        pace = query.get("pace")
        self.gentle = self.plays_when_seen and pace is None
        self.link.pace = FIRST_PACE if self.gentle else 0.0
        if pace:
            try:
                self.link.pace = max(float(pace), 0.0)
            except ValueError:
                self.lab.notice(f"pace={pace} is not a number; as fast as it can.")

    def seen(self):
        """The run starts once somebody can see it."""
        if self.plays_when_seen:
            self.plays_when_seen = False
            self.play()
            if self.gentle:
                self.rise = asyncio.ensure_future(self._rise())

    async def _rise(self):
        """From slow to full speed within three seconds, unless a hand touched something."""
        await asyncio.sleep(1.0)
        for seconds, pace in RISE:
            self.link.tell(self.set_pace, pace)
            await asyncio.sleep(seconds)
        self.rise = None

    def settle(self):
        """A hand took over: the opening's rise of the pace ends where it is."""
        self.plays_when_seen = False
        if self.rise is not None:
            self.rise.cancel()
            self.rise = None

    def play(self):
        self.link.playing = True
        self.link.send("play", pace=self.link.pace)
        self.link.pump()

    def pause(self):
        self.link.playing = False
        self.link.send("pause")
        self.link.pump()

    def set_pace(self, pace):
        self.link.pace = pace
        if self.link.playing:
            self.link.send("play", pace=pace)
        self.link.pump()
        self.lab.say_state()

    # ---------------------------------------------------------------- a hand

    def do_toggle(self, told):
        if self.link.playing:
            self.pause()
        else:
            self.play()

    def do_step(self, told):
        if self.link.playing:
            self.pause()
        self.link.send("step", count=1)
        self.link.pump()

    def do_reset(self, told):
        self.link.send("reset")

    def do_seed(self, told):
        self.link.send("reset", seed=random.randrange(1, 1_000_000))

    def do_pace(self, told):
        self.set_pace(pace_at(told["at"]))

    # ---------------------------------------------------------------- the engine

    def hear_failed(self, header, arrays):
        self.link.playing, self.link.asked = False, 0

    def hear_lost(self, header, arrays):
        self.link.playing = self.link.playing and header.get("again", False)

    def frame(self, header, arrays):
        return {
            "steps_rate": readings.rate(header["scalars"].get("steps_per_second"), "steps/s"),
            "pictures_rate": readings.rate(self.link.rate, "pictures/s"),
        }

    def state(self):
        return {
            "playing": self.link.playing,
            "pace": self.link.pace,
            "notch": notch_of(self.link.pace),
            "pace_words": pace_words(self.link.pace),
        }
