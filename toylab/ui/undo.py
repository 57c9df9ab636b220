"""Undo: the last change taken back, with the state before it; what came after is kept."""

from toylab.ui.part import Part


class Undo(Part):
    """What can be taken back or brought back, and the notice that says what was."""

    def __init__(self, lab):
        super().__init__(lab)
        self.can = {"undo": False, "redo": False}
        self.quietly = 0  # so many answers are nobody's news

    def back(self, count):
        """Takes back that many changes that the page itself made."""
        self.quietly += count
        for _ in range(count):
            self.lab.link.send("undo")

    def do_undo(self, told):
        if self.can["undo"]:
            self.lab.link.send("undo")

    def do_redo(self, told):
        if self.can["redo"]:
            self.lab.link.send("redo")

    def _know(self, header):
        self.can = {name: header[name] for name in self.can}
        if not self.can["redo"]:
            self.lab.withdraw("kept")

    def hear_opened(self, header, arrays):
        self._know(header)
        self.quietly = 0

    def hear_changed(self, header, arrays):
        self._know(header)

    def hear_undone(self, header, arrays):
        self._know(header)
        self.lab.withdraw("kept")
        if self.quietly:
            self.quietly -= 1
        elif self.can["redo"]:
            text = f"{header['text']} Your newer run is kept."
            self.lab.notice(text, "kept", {"do": "redo", "label": "Bring it back"})

    def state(self):
        return self.can
