"""The look: what the surface and the arrows show, which window, and the places that are probed."""

from typing import NamedTuple

from toylab.engine.protocol import LOOK
from toylab.ui.part import Part
from toylab.ui.settings import short

LETTERS = "abc"  # of the probes, three at most
RECENT = 50  # sets of places whose pictures may still come


class Choice(NamedTuple):
    """One line of a menu, and what the engine is asked when it is taken."""

    name: str
    label: str
    note: str
    options: dict


def _own(surface):
    return {"surface": surface, "optimal": "none"}


SURFACES = (
    Choice("probability", "Probability", "D = σ(φ), from 0 to 1", _own("probability")),
    Choice("logit", "Score, ±4", "φ, before the squashing", _own("logit")),
    Choice("raw", "Score, all of it", "φ, up to ±1, 2, 4, 8 …", _own("raw")),
    Choice("optimal", "Best critic D*", "p / (p + q), both blurred by h", {"optimal": "optimal"}),
    Choice(
        "difference", "Difference D − D*", "what it still gets wrong", {"optimal": "difference"}
    ),
)
SLOPES = (
    Choice("logit", "Score φ", "∇φ, before the squashing", {}),
    Choice("D", "Probability D", "∇D = D (1 − D) ∇φ", {}),
    Choice("log D", "log D", "∇log D = (1 − D) ∇φ", {}),
)
MENUS = {
    "surface": SURFACES,
    "force": (
        Choice("loss", "Loss of the generator", "−∂L_G/∂x, what moves the fakes", {}),
        *SLOPES,
    ),
    "field": SLOPES,
}
NAMES = {"loss": "loss", "logit": "φ", "D": "D", "log D": "log D"}


def bar(scalars):
    """The colour bar's three numbers, from its low end to its high one."""
    kind = scalars.get("surface_kind", "probability")
    low, high = scalars.get("surface_low"), scalars.get("surface_high")
    if kind in ("probability", "optimal"):
        return ["0 fake", "½", "real 1"]
    if kind == "difference":
        return ["−1", "0", "1"]
    if low is None or high is None:
        return ["—", "—", "—"]
    if scalars.get("centred"):  # no score means "real" by itself: the middle is between the means
        return [f"{short(low)} fake", "centred", f"real {short(high)}"]
    middle = scalars.get("threshold") or 0.0
    return [f"{short(middle + low)} fake", short(middle), f"real {short(middle + high)}"]


def meaning(scalars):
    """What the colours show, in the critic's row of the legend."""
    h = short(scalars.get("optimal_h"))
    return {
        "probability": "how real a place looks",
        "logit": "its score φ, ±4",
        "raw": "its score φ",
        "optimal": f"the best one, h = {h}",
        "difference": f"D − D*, h = {h}",
    }[scalars.get("surface_kind", "probability")]


def probed(told):
    """One probe's card: "D 0.31", "slope 1.2", "p_data 0", "p_G 0.4", where it is and how."""
    score = f"φ {short(told['logit'])}" if told["D"] is None else f"D {short(round(told['D'], 3))}"
    return {
        **told,
        "words": [
            score,
            f"slope {short(told['slope'])}",
            f"p_data {_density(told['p_data'])}",
            f"p_G {_density(told['p_fake'])}",
        ],
    }


def _density(value):
    """A density to two digits; what is far below any kernel's height reads 0."""
    return "0" if value is not None and value < 5e-4 else short(value and float(f"{value:.2g}"))


class Look(Part):
    """What the engine was asked to draw, in its own words; the engine keeps it with the run."""

    def __init__(self, lab):
        super().__init__(lab)
        self.options = dict(LOOK)
        self.letters = []  # of the probes, in the engine's order
        self.asked = {}  # places that were asked for -> their letters
        self.awaited = 0  # answers that the engine still owes
        self.eased = False  # whether the window is to be reached by an ease
        self.probable = True  # whether the objective's D is a probability

    def _ask(self, **options):
        self.awaited += 1
        self.lab.link.send("look", options=options)
        self.lab.link.pump()

    def do_look(self, told):
        """A line of a menu was taken."""
        menu, name = told.get("menu"), told.get("name")
        choice = next((choice for choice in MENUS.get(menu, ()) if choice.name == name), None)
        if choice is not None:
            self._ask(**(choice.options or {menu: name}))

    def do_levels(self, told):
        """The lines D = 0.1, 0.25, 0.75 and 0.9 on or off."""
        self._ask(levels=not self.options["levels"])

    def do_fit(self, told):
        """To the window that holds the fakes, and back to the data's own."""
        fit = self.lab.run.scalars.get("fit")
        back = self.options["extent"] is not None and not told.get("again")
        if back or fit is not None:
            self._ask(extent=None if back else fit)

    def do_probe(self, told):
        """Sets a probe, moves the one of that letter, or takes it away where no place is given.

        The fourth takes the place of the oldest.
        """
        letter, at = told.get("letter"), told.get("at")
        places = dict(zip(self.letters, self.options["probes"], strict=True))
        if letter is None:
            if len(places) == len(LETTERS):
                del places[next(iter(places))]
            letter = next(each for each in LETTERS if each not in places)
        elif letter not in places:
            return
        if at is None:
            del places[letter]
        else:
            places[letter] = at
        self.letters = list(places)
        self._probe(list(places.values()))  # a second tap may come before the answer
        self._ask(probes=self.options["probes"])

    def _probe(self, places):
        """Which letters these places have; a picture of an older place finds its own here."""
        self.options["probes"] = places
        self.asked[tuple(map(tuple, places))] = tuple(self.letters)
        while len(self.asked) > RECENT:
            del self.asked[next(iter(self.asked))]

    def _take(self, look):
        self.options = {**LOOK, **look}
        if len(self.letters) != len(self.options["probes"]):
            self.letters = list(LETTERS[: len(self.options["probes"])])
        self._probe(self.options["probes"])

    def hear_looked(self, header, arrays):
        self.awaited = max(0, self.awaited - 1)
        look, extent = header["look"], tuple(header["window"]["extent"])
        if self.awaited:  # a hand has been quicker: its probes are on their way
            look["probes"] = self.options["probes"]
        self._take(look)
        self.eased = True
        self.lab.layers.arena.look(extent)

    def hear_opened(self, header, arrays):
        self.awaited, self.eased = 0, False
        self._take(header.get("look", {}))

    def hear_changed(self, header, arrays):
        if "data" in header:
            self.eased = False
            if header["data"]["window"]["extent"] != list(self.lab.layers.arena.window):
                self._ask()  # another data set is seen in its own window: the look has changed

    def hear_refused(self, header, arrays):
        """What was asked for cannot be: the engine's own look holds."""
        if (header.get("about") or {}).get("do") == "look":
            self.awaited = max(0, self.awaited - 1)
            self._ask()

    def frame(self, header, arrays):
        scalars = header["scalars"]
        if scalars.get("probability", True) != self.probable:
            self.probable = not self.probable
            self.lab.say_state()
        watched = scalars.get("probes") or []
        letters = self.asked.get(tuple((row["x"], row["y"]) for row in watched), ())
        for row, letter in zip(watched, letters, strict=False):  # the charts read it there
            row["letter"] = letter if letter in self.letters else None
        return {
            "bar": bar(scalars),
            "meaning": meaning(scalars),
            "fit": scalars.get("fit", self.options["extent"]) != self.options["extent"],
            "probes": [probed(row) for row in watched if row.get("letter")],
        }

    def _reasons(self):
        """{line of the surface's menu: why it cannot be taken now}."""
        why = "This objective's critic has no probability."
        return {} if self.probable else {"probability": why, "difference": why, "levels": why}

    def _chosen(self, menu):
        options = self.options
        if menu != "surface":
            return options[menu]
        kind = options["surface"] if options["optimal"] == "none" else options["optimal"]
        return "raw" if kind in self._reasons() else kind

    def state(self):
        reasons = self._reasons()
        menus = {
            menu: [
                {
                    "name": each.name, "label": each.label, "note": each.note,
                    "chosen": each.name == self._chosen(menu),
                    "reason": reasons.get(each.name) if menu == "surface" else None,
                }
                for each in choices
            ]
            for menu, choices in MENUS.items()
        }  # fmt: skip
        return {
            "menus": menus,
            "quantities": {name: NAMES[self.options[name]] for name in ("force", "field")},
            "levels": self.options["levels"],
            "levels_reason": reasons.get("levels"),
            "view": {
                "extent": self.lab.layers.arena.window,
                "eased": self.eased,
                "fitted": self.options["extent"] is not None,
            },
        }
