"""Stop rules: when a playing run pauses by itself. The engine keeps them while it trains; in slow
motion, where it takes one step after the other as it is told, the page keeps them."""

import time

from toylab.ui.part import Part

LONGEST = {"step": 10**9, "found": 10**9, "idle": 30 * 24 * 3600}


class Stops(Part):
    """The rules as the engine has them: step, found and idle, each a number or None."""

    def __init__(self, lab):
        super().__init__(lab)
        self.rules = {}
        self.held_since, self.touched = None, time.monotonic()

    def set(self, **rules):
        self.rules |= rules
        self.lab.link.send("stop", **rules)

    def touch(self):
        """Somebody is there."""
        self.touched = time.monotonic()

    def met(self):
        """The header of a *stopped* message where a rule is met now, or None."""
        rules, step = self.rules, self.lab.run.step
        held = 0 if self.held_since is None else step - self.held_since
        idle = time.monotonic() - self.touched
        if step == rules.get("step"):
            return {"reason": "step", "text": f"Step {step:,}, as you asked.", "step": step}
        if rules.get("found") and held >= rules["found"]:
            text = f"All clusters are found, and were held for {held:,} steps."
            return {"reason": "found", "text": text, "step": step}
        if rules.get("idle") and idle >= rules["idle"]:
            text = f"Nobody touched this run for {rules['idle'] / 60:.3g} minutes."
            return {"reason": "idle", "text": text, "step": step}
        return None

    def do_stops(self, told):
        """What the menu says, all of it."""
        rules = {}
        for name, longest in LONGEST.items():
            value = told.get(name)
            if value is None or isinstance(value, bool) or not isinstance(value, int | float):
                rules[name] = None
            else:
                value = min(max(value, 1), longest)
                rules[name] = float(value) if name == "idle" else int(value)
        self.set(**rules)

    def hear_opened(self, header, arrays):
        self.rules, self.held_since = dict(header["stops"]), None

    hear_undone = hear_opened

    def frame(self, header, arrays):
        if not header["recorded"]:
            found = header["scalars"].get("found")
            if not found or not all(found):
                self.held_since = None
            elif self.held_since is None:
                self.held_since = header["step"]
        return {}

    def state(self):
        return {"stops": self.rules}
