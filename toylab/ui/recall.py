"""Recorded moments: a step of the past stands on the screen while the run may go on."""

from toylab.ui.part import Part


class Recall(Part):
    """Which moment is looked at; one picture of the past is on its way at most, the last wins."""

    def __init__(self, lab):
        super().__init__(lab)
        self.on = False
        self.step = None  # of the moment that is shown
        self.wish, self.waiting = None, None  # (step, side) to ask for, and asked for

    def look(self, step, side=0):
        """The recorded moment nearest to a step; `side` -1 or 1: of those before or after it."""
        link = self.lab.link
        if not self.lab.run.ready:
            return
        if self.lab.phases.on and link.playing:
            self.lab.transport.pause()
        if not self.on:
            self.step = self.lab.run.step
        self.on, self.wish = True, (step, side)
        self._ask()

    def beside(self, side):
        """One recorded moment back or forth; forth from the newest is now."""
        if not self.on and self.lab.link.playing:
            self.lab.transport.pause()
        self.look(self.step if self.on else self.lab.run.step, side)

    def _ask(self):
        if self.wish is None or self.waiting is not None:
            return
        self.waiting, self.wish = self.wish, None
        step, side = self.waiting
        layers = self.lab.wanted(recorded=True)
        self.lab.link.send("recall", step=step, side=side, layers=layers)

    def came(self, step):
        """A recorded picture came; it is shown unless nobody looks back any more."""
        (asked, side), self.waiting = self.waiting or (step, 0), None
        if not self.on:
            return
        self.step = step
        now = self.lab.run.step
        if self.wish is None and side > 0 and (step <= asked or step >= now):
            self.leave()  # beyond the newest recorded moment is now
        else:
            self._ask()

    def leave(self):
        """Back to now, of which one more picture is needed."""
        if not self.on:
            return
        self._forget()
        self.lab.link.send("redraw")
        self.lab.link.pump(at_once=True)

    def _forget(self):
        self.on, self.wish, self.step = False, None, None

    def do_recall(self, told):
        step = told.get("step")
        if isinstance(step, int | float) and abs(step) < 1e12:
            self.look(max(int(step), 0))

    def do_back(self, told):
        self.beside(-1)

    def do_live(self, told):
        self.leave()

    def hear_opened(self, header, arrays):
        self._forget()
        self.waiting = None

    def hear_refused(self, header, arrays):
        if (header.get("about") or {}).get("do") == "recall":
            self.waiting = None
            self.leave()

    hear_undone = hear_lost = hear_opened

    def frame(self, header, arrays):
        return {}

    def state(self):
        return {"recalled": self.step if self.on else None, "now": self.lab.run.step}
