"""The speed chip: by what the steps are taken, and how much faster that is, as the engine says."""

from toylab.ui.part import Part

BACKENDS = ("auto", "plain")
LABELS = {"plain": "plain", "compiling": "compiling…", "compiled": "compiled"}
BY_PYTHON = "Every step is taken by Python, operation by operation"


class Speed(Part):
    """What the address asks for (`backend`, "auto" unless it says "plain"), and what is so."""

    def __init__(self, lab):
        super().__init__(lab)
        self.backend = "auto"
        self.told = {"kind": "plain", "why": "", "milliseconds": {}}

    def begin(self):
        """What the address says of it."""
        asked = self.lab.query.get("backend", "auto")
        if asked in BACKENDS:
            self.backend = asked
        else:
            known = ", ".join(BACKENDS)
            self.lab.notice(
                f"backend={asked[:40]} is unknown; using auto. Known: {known}", "address"
            )

    def hear_opened(self, header, arrays):
        """Every run begins plainly; the engine says when that is another."""
        self.told = {"kind": "plain", "why": "", "milliseconds": {}}

    def hear_speed(self, header, arrays):
        self.told = header

    def words(self):
        """What the chip says when it is pointed at."""
        kind, why, times = self.told["kind"], self.told["why"], self.told["milliseconds"]
        if self.backend == "plain":
            return f"{BY_PYTHON}, as backend=plain in the address asks: the same run, bit for bit"
        if kind == "compiling":
            return "Native code of this run's step is being built beside it; it trains meanwhile"
        if kind == "plain":
            later = "A run that plays as fast as it can is compiled after a while"
            return f"{BY_PYTHON}. {f'It is not compiled: {why}' if why else later}"
        said = "The whole step is native code, the same but for rounding"
        if times.get("compiled") and times.get("plain"):
            ratio = times["plain"] / times["compiled"]
            took, takes = f"{times['plain']:.3g}", f"{times['compiled']:.3g}"
            said += f". It takes {takes} ms in place of {took}: {ratio:.1f} times as fast"
        return f"{said}. backend=plain in the address keeps to Python"

    def state(self):
        return {"speed": {"label": LABELS[self.told["kind"]], "words": self.words()}}
