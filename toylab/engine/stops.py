"""Stop rules: when a playing run pauses by itself."""

import time

from toylab.engine import reading
from toylab.engine.protocol import STOPS


class Stops:
    """The rules of one lane; `held_since` is the step since which all clusters are found."""

    def __init__(self, now=None):
        self.rules, self.held_since = dict(STOPS), None
        self.touched = time.monotonic() if now is None else now

    def set(self, rules):
        """Changes some of the rules; raises `ValueError` in words."""
        self.rules |= reading.stops(rules)

    def touch(self, now=None):
        """Somebody is there."""
        self.touched = time.monotonic() if now is None else now

    def measured(self, step, found):
        """Takes note of which clusters are found at a step; None where the data have none."""
        if found is None or not all(found):
            self.held_since = None
        elif self.held_since is None or step < self.held_since:
            self.held_since = step

    def forget(self):
        """Another run, or another moment of this one."""
        self.held_since = None

    @property
    def idle_at(self):
        """When the run pauses because nobody is there; None: never."""
        return None if self.rules["idle"] is None else self.touched + self.rules["idle"]

    def overdue(self, now):
        """Whether nobody has been there for as long as that rule allows."""
        return self.idle_at is not None and now >= self.idle_at

    def at(self, step):
        """(reason, sentence) where a step has just brought the run to where it was to stop."""
        return ("step", f"Step {step:,}, as you asked.") if step == self.rules["step"] else None

    def met(self, step, now):
        """(reason, sentence) of another rule that is met, or None."""
        rules = self.rules
        held = 0 if self.held_since is None else step - self.held_since
        if rules["found"] is not None and held >= rules["found"]:
            return "found", f"All clusters are found, and were held for {held:,} steps."
        if self.overdue(now):
            minutes = rules["idle"] / 60
            return "idle", f"Nobody touched this run for {minutes:.3g} minutes."
        return None
