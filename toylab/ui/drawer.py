"""The drawer of settings: what a hand moves there acts at once, is swapped, or waits."""

import asyncio
import json

import panel as pn

from toylab.ui.controls import Controls
from toylab.ui.index import index
from toylab.ui.part import Part
from toylab.ui.phrases import readings
from toylab.ui.values import CALM


class Settings(Part):
    """The drawer: its controls once the schema is known, and the changes that wait for a restart.

    A live number acts at the next step, a name is swapped, a shape waits for a restart.
    """

    def __init__(self, lab):
        super().__init__(lab)
        self.home = pn.Column(sizing_mode="stretch_width", margin=0)
        self.controls, self.fields, self.schema, self.staged = None, {}, None, {}
        self.asked = {}  # {name: value} that the engine has not yet answered
        self.is_seen = self.held = False

    def build(self, schema):
        self.schema = schema
        self.controls = Controls(schema, self.lab.beat, self.touched, self._later)
        self.fields = self.controls.fields
        if problem := (schema.get("with") or {}).get("problem"):
            self.lab.notice(problem, "bad")
        if (schema.get("with") or {}).get("edited"):
            self.hear_edited(schema["with"], {})

    def seen(self):
        """The controls come after the first picture: they cost the browser as much as all else."""
        self.is_seen = True
        self.controls.open()  # before it stands in the page: each change there walks the whole page
        self.home.objects = [self.controls.view]
        self.lab.beat.index = json.dumps(index(self.schema))

    def touched(self, changes):
        """What a hand set: {name: value}."""
        run, link = self.lab.run, self.lab.link
        if not run.ready:
            return
        self.lab.transport.settle()
        self.lab.forgive()
        for kind, do in (("live", "knob"), ("swap", "swap")):
            told = {n: v for n, v in changes.items() if self._kind(n, v) == kind}
            if told:
                link.send(do, changes=told)
                self.asked |= told
        for name, value in changes.items():
            if self._kind(name, value) == "restart":
                self.staged[name] = value
            if run.accepted.get(name) == value or self._kind(name, value) != "restart":
                self.staged.pop(name, None)
        if self.staged and run.step == 0:
            link.send("restart", changes=self.staged)
        self.controls.refresh()
        self.lab.say_state()

    def _later(self, act):
        """Calls `act` on this page once the hand is calm, if the page is still there."""
        link = self.lab.link
        asyncio.get_running_loop().call_later(CALM, lambda: link.alive and link.tell(act))

    def _kind(self, name, value):
        """Data of another dimension need new networks; data of the same are swapped."""
        if name == "data":
            dimension = {card["name"]: card["dimension"] for card in self.schema["cards"]}
            if dimension.get(value) != dimension.get(self.lab.run.accepted.get("data")):
                return "restart"
        return self.fields[name]["kind"]

    def show(self, force=False):
        """Every control shows what holds, is about to, or waits."""
        self.controls.accept({**self.lab.run.accepted, **self.asked, **self.staged}, force)

    # ---------------------------------------------------------------- a hand

    def do_set(self, told):
        if self.controls is not None:
            self.controls.take(told.get("field"), told.get("raw"))

    def do_fix(self, told):
        """A choice made elsewhere than in its control: a note's link, a card of formulas."""
        if self.controls is not None:
            self.controls.set(told.get("changes") or {})
            self.controls.hands.clear()
            self.controls.refresh()

    def do_nudge(self, told):
        self.controls.nudge(told.get("field"), int(told.get("notches", 0)))

    def do_default(self, told):
        self.controls.default(told.get("field"))

    def do_lock(self, told):
        self.controls.lock()

    def do_wide(self, told):
        self.controls.widen(told.get("on"))

    def do_show(self, told):
        self.controls.show(told.get("field"))

    def do_restart(self, told):
        if self.staged:
            self.lab.link.send("restart", changes=self.staged)

    def do_unstage(self, told):
        if self.staged:
            self.staged = {}
            self.show(force=True)

    def do_reload(self, told):
        self.lab.link.send("reload")

    def do_hold(self, told):
        """A dialog lies over the arena: the run waits while it does."""
        self.held = self.lab.link.playing
        if self.held:
            self.lab.transport.pause()

    def do_release(self, told):
        if self.held and not self.lab.link.playing:
            self.lab.transport.play()
        self.held = False

    # ---------------------------------------------------------------- the engine

    def hear_opened(self, header, arrays):
        self.staged, self.asked = {}, {}
        self.show()
        generator, critic = header["sizes"]["generator"], header["sizes"]["critic"]
        self.controls.sizes.object = f"<p>Generator {generator:,} numbers, critic {critic:,}</p>"

    def hear_undone(self, header, arrays):
        self.controls.hands.clear()
        self.hear_opened(header, arrays)

    def hear_changed(self, header, arrays):
        for name, value in (header.get("made") or {}).items():
            if self.asked.get(name) == value:
                del self.asked[name]
        self.show()

    def hear_refused(self, header, arrays):
        self.asked = {}
        if self.lab.run.accepted:
            self.show(force=True)

    def hear_edited(self, header, arrays):
        """The user's own file was saved since it was run."""
        self.lab.withdraw("edited")
        action = {"label": f"Reload {header['file']} (keeps weights)", "do": "reload"}
        self.lab.notice(f"{header['file']} was saved.", "edited", action)

    def hear_schema(self, header, arrays):
        """The own file was run again: other rows, the same settings and weights."""
        wide, ratio = self.controls.wide, self.controls.ratio
        sections = list(self.controls.boxes)
        sizes = self.controls.sizes.object
        self.lab.withdraw("edited")
        self.build(header["schema"])
        self.controls.wide, self.controls.ratio = wide, ratio
        self.controls.sizes.object = sizes
        if self.is_seen:
            self.seen()
            for name in sections:
                self.controls.unfold(name)
        if self.lab.run.ready:
            self.show(force=True)

    # ---------------------------------------------------------------- what is shown

    def wanted(self):
        """While the weight is dragged its consequence is measured."""
        moved = self.controls is not None and self.controls.held("penalty_weight")
        return ["slopes"] if moved else []

    def frame(self, header, arrays):
        return {"consequence": consequence(self.controls, header["scalars"])}

    def state(self):
        told = {"staged": readings.staged(self.fields, self.lab.run.accepted, self.staged)}
        return told | (self.controls.chosen() if self.controls else {})


def consequence(controls, scalars):
    """{field: what the critic does about it now}: "slope wanted 0, now 1.3" beside the weight."""
    penalty = controls.choice("penalty") if controls else {}
    wanted, points = penalty.get("pull"), penalty.get("where")
    real, fake = scalars.get("slope_real"), scalars.get("slope_fake")
    if not wanted or real is None or fake is None:
        return {}
    now = {"real": real, "fake": fake}.get(points, (real + fake) / 2)
    return {"penalty_weight": f"slope wanted {wanted}, now {now:.2g}"}
