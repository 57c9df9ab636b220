"""How the page opens: it plays by itself, stops by itself, and then says what to try."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from toylab.ui.part import Part
from toylab.ui.phrases import found

HELD, LAST = 300, 4000  # the automatic stop: so many steps with all clusters, or so many in all
COUNTED = "no one two three four five six seven eight nine ten eleven twelve".split()


class Chip(NamedTuple):
    """One thing to try after the first run."""

    name: str
    label: str
    done: str  # what it did
    changes: dict


CHIPS = (
    Chip("penalty", "Take the penalty away",
         "The penalty is gone: nothing keeps the critic from becoming a cliff.",
         {"penalty": "none"}),
    Chip("critic", "Make the critic too strong",
         "The critic moves five times a step, three times as far.",
         {"critic_steps": 5, "rate_critic": 3e-3}),
)  # fmt: skip


class Opening(Part):
    """Whether the run starts by itself, when it stops, and the chips that come after that."""

    def __init__(self, lab):
        super().__init__(lab)
        self.plays = False  # as soon as somebody can see it
        self.invites = False  # nothing has played yet, and somebody is asked to
        self.automatic = False  # the stop at the end of the opening is set
        self.met = False  # the opening is over
        self.stopped = None  # the sentence of the newest stop
        self.offered, self.tried, self.undos = (), None, 0

    def begin(self):
        """What the address says of playing."""
        self.plays = self.lab.query.get("play", "1") != "0"
        self.invites = not self.plays

    def seen(self):
        """The run starts once somebody can see it."""
        if not self.plays:
            return
        self.plays = False
        query, transport = self.lab.query, self.lab.transport
        if query.get("pace"):
            transport.play()
        else:
            transport.open_gently()
        if not {"play", "pace"} & set(query):  # else the address says when to stop: never
            self.automatic = True
            self.lab.stops.set(step=LAST, found=HELD)

    def settle(self):
        """A hand did something: nothing happens by itself any more."""
        self.plays, self.met = False, True
        self.stopped, self.offered, self.tried = None, (), None
        if self.automatic:
            self.automatic = False
            self.lab.stops.set(step=None, found=None)

    # ---------------------------------------------------------------- the browser

    def do_still(self, told):
        """Nothing may move by itself here: reduced motion, or data are dear."""
        if self.lab.query.get("play") is None:
            self.plays, self.invites = False, True

    def do_visit(self, told):
        """Somebody was here before: the run as it was left in its settings, at step 0, paused."""
        self.lab.query = {**dict(parse_qsl(str(told.get("address", "")).lstrip("?"))), "play": "0"}
        link = self.lab.link
        self.plays, self.invites, self.met = False, True, True
        if link.session is not None:
            self.lab.run.open(link.session.engine.schema)

    def do_try(self, told):
        """A chip: one change, and the run goes on with it."""
        chip = next((c for c in self.offered if c.name == told.get("chip")), None)
        if chip is None or self.tried:
            return
        kinds = {}
        for name, value in self._missing(chip).items():
            kinds.setdefault(self.lab.settings.fields[name]["kind"], {})[name] = value
        for kind, changes in kinds.items():
            self.lab.link.send("knob" if kind == "live" else "swap", changes=changes)
        self.tried, self.undos, self.stopped = chip, len(kinds), None
        self.lab.transport.play()

    def do_put_back(self, told):
        """The run as it was when the chip was pressed."""
        if self.tried:
            self.lab.transport.pause()
            self.lab.undo.back(self.undos)
            self.tried = None

    def _missing(self, chip):
        """What the chip would change now."""
        held = self.lab.run.accepted
        return {name: value for name, value in chip.changes.items() if held.get(name) != value}

    # ---------------------------------------------------------------- the engine

    def hear_stopped(self, header, arrays):
        self.stopped, self.met = header["text"], True
        if self.automatic:
            scalars = self.lab.run.scalars
            if header["reason"] == "step" and scalars.get("modes_total"):
                count = f"{found(scalars)} of {scalars['modes_total']}"
                self.stopped = f"Step {header['step']:,}: {count} clusters are found."
            self.automatic = False
            self.lab.stops.set(step=None, found=None)
            self.offered = tuple(chip for chip in CHIPS if self._missing(chip))

    def hear_opened(self, header, arrays):
        self.stopped = None

    def state(self):
        playing = self.lab.link.playing
        if playing:
            self.stopped = None
        return {
            "invite": self._invitation() if self.invites else None,
            "met": self.met,
            "stopped": self.stopped,
            "chips": [] if self.tried else [[c.name, c.label] for c in self.offered],
            "tried": self.tried and self.tried.done,
        }

    def _invitation(self):
        count = len(self.lab.run.data["centres"])
        if count < 2:
            return "Press play: can it find the data?"
        number = COUNTED[count] if count < len(COUNTED) else f"{count}"
        return f"Press play: can it find all {number}?"
