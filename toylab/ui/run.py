"""The run as the engine told of it: its settings, its step, its data, and what went wrong."""

from toylab.ui import address
from toylab.ui.part import Part
from toylab.ui.phrases import caption, spoken


class Run(Part):
    """Everything the page knows of its lane; the other parts read it here."""

    def __init__(self, lab):
        super().__init__(lab)
        self.ready = False
        self.accepted = {}  # the settings that hold
        self.step, self.scalars = 0, {}
        self.data = {"centres": []}

    def open(self, schema):
        """Opens the run that the address asks for, still; it plays once it has been seen."""
        settings, complaints = address.read(schema, self.lab.query)
        for text in complaints:
            self.lab.notice(text, "address")
        self._open(settings)

    def _open(self, settings):
        how = {"pace": self.lab.link.pace, "backend": self.lab.speed.backend}
        self.lab.link.send("open", settings=settings, playing=False, **how)

    def hear_opened(self, header, arrays):
        self.ready, self.lab.waiting = True, None
        self.accepted = dict(header["settings"])
        self.step, self.data = header.get("step", 0), header["data"]
        if header.get("continued"):
            self.lab.notice(f"The engine had stopped; the run went on from step {self.step:,}.")

    def hear_changed(self, header, arrays):
        self.accepted.update(header.get("settings") or header["changes"])
        self.data = header.get("data", self.data)

    def hear_refused(self, header, arrays):
        asked = (header.get("about") or {}).get("do")
        if self.lab.undo.can.get(asked, True):  # not an undo once too often: nothing is wrong then
            self.lab.notice(header["text"], "bad")
        if not self.accepted and self.lab.settings.fields:
            # The address asked for something impossible: open the ordinary run instead.
            self._open({})

    def hear_failed(self, header, arrays):
        self.lab.notice(f"The run has stopped: {header['text']}", "bad")

    def hear_lost(self, header, arrays):
        """The engine process died; where `again` is true the run is about to go on in another."""
        self.ready = False
        if not header.get("again"):
            text = header.get("text") or "The engine has stopped."
            self.lab.waiting = f"{text} Reload the page to start again."
            self.lab.notice(self.lab.waiting, "bad")

    def frame(self, header, arrays):
        step, scalars = header["step"], header["scalars"]
        return {
            "step": step,
            "recorded": header["recorded"],
            "spoken": spoken(step, scalars),
            "caption": caption(scalars),
        }

    def state(self):
        return {
            "seed": self.accepted.get("seed"),
            "clusters": bool(self.ready and self.data["centres"]),
        }
