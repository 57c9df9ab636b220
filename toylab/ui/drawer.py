"""The drawer of settings: what a hand moves there acts at once, is swapped, or waits."""

import panel as pn

from toylab.ui.controls import Controls
from toylab.ui.part import Part
from toylab.ui.phrases import readings


class Settings(Part):
    """The drawer: its controls once the schema is known, and the changes that wait for a restart.

    A live number acts at the next step, a name is swapped, a shape waits for a restart.
    """

    def __init__(self, lab):
        super().__init__(lab)
        self.home = pn.Column(sizing_mode="stretch_width", margin=0)
        self.controls, self.fields, self.staged = None, {}, {}

    def build(self, schema):
        self.controls = Controls(schema, self.lab.beat, self.touched)
        self.fields = self.controls.fields

    def seen(self):
        """The controls come after the first picture: they cost the browser as much as all else."""
        self.home.objects = [self.controls.view]
        self.controls.open()

    def touched(self, name, value):
        run, link, kind = self.lab.run, self.lab.link, self.fields[name]["kind"]
        if not run.ready or (run.accepted.get(name) == value and name not in self.staged):
            return
        self.lab.transport.settle()
        self.lab.forgive()
        if kind == "live":
            link.send("knob", changes={name: value})
        elif kind == "swap":
            link.send("swap", changes={name: value})
        else:
            self.staged = {**self.staged, name: value}
            if run.accepted.get(name) == value:
                del self.staged[name]
            if self.staged and run.step == 0:
                link.send("restart", changes=self.staged)
        self.controls.refresh()
        self.lab.say_state()

    def show(self, force=False):
        """Every control shows what holds, or what waits."""
        self.controls.accept({**self.lab.run.accepted, **self.staged}, force)

    def do_set(self, told):
        if self.controls is not None:
            self.controls.take(told.get("field"), told.get("raw"))

    def do_restart(self, told):
        self.lab.link.send("restart", changes=self.staged)

    def do_unstage(self, told):
        if self.staged:
            self.staged = {}
            self.show(force=True)

    def hear_opened(self, header, arrays):
        self.staged = {}
        self.show()
        generator, critic = header["sizes"]["generator"], header["sizes"]["critic"]
        self.controls.sizes.object = f"Generator {generator:,} numbers, critic {critic:,}"

    def hear_changed(self, header, arrays):
        self.show()

    def hear_refused(self, header, arrays):
        if self.lab.run.accepted:
            self.show(force=True)

    def state(self):
        return {"staged": readings.staged(self.fields, self.lab.run.accepted, self.staged)}
