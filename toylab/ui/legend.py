"""The legend is the switchboard: seven layers in the order of their keys, and the scales below."""

from typing import NamedTuple

from toylab.ui.arena import ARROWS, Arena
from toylab.ui.arrows import MODES
from toylab.ui.part import Part

HEAVY = 0.1  # seconds of painting from which on some layers come with every second picture only
PATIENT = ("field", "density", "grid")  # these; fakes, critic and rings come with every picture


class Layer(NamedTuple):
    """One row of the legend: a layer of the arena and its words."""

    name: str  # as in the protocol
    label: str
    caption: str
    shown: bool  # at first sight
    tooltip: str


LAYERS = (
    Layer("real", "Real data", "500 true points", True,
          "The real points. The generator never sees them; only the critic does."),
    Layer("fake", "Fakes", "made by the generator", True,
          "500 generated points, always from the same latents: each is an individual that moves."),
    Layer("surface", "Critic", "how real a place looks", True,
          "What the critic (discriminator) says of every place. Dashed: where it cannot tell."),
    Layer("force", "Push", "where fakes are sent", True,
          "−∂L_G/∂x at each fake: the force of the generator's loss on it, logarithmic in length."),
    Layer("field", "Slopes", "uphill for the critic", False,
          "∇φ(x): the slope of the critic's score before the squashing, logarithmic in length."),
    Layer("density", "Density", "½ and 90 % of fakes", False,
          "Two level lines of the fakes' density: inside lie one half and nine tenths of them."),
    Layer("grid", "Grid", "the bent latent plane", False,
          "A square grid of latents, as the generator bends it."),
)  # fmt: skip
NAMES = tuple(layer.name for layer in LAYERS)


class Layers(Part):
    """Which layers are on, the arena that draws them, and the arrows that say how to read it."""

    def __init__(self, lab):
        super().__init__(lab)
        self.arena = Arena()
        self.arena.on = {layer.name for layer in LAYERS if layer.shown}
        self.skipped = False  # whether the last request left the patient layers out

    def wanted(self):
        """The layers to ask for: those that are on, bottom to top."""
        link, arena = self.lab.link, self.arena
        self.skipped = not link.slow and link.painting > HEAVY and not self.skipped
        return [
            name
            for name in NAMES
            if name == arena.alone or (name in arena.on and not (self.skipped and name in PATIENT))
        ]

    def _restyle(self, new=()):
        """Shows what was chosen; where no step is coming, the picture lacks a layer that is new."""
        self.arena.style(self.lab.beat.dark)
        link = self.lab.link
        link.pump(at_once=link.slow and bool(set(new) & self.arena.shown))

    def do_layer(self, told):
        """A layer on or off."""
        if told.get("name") in NAMES:
            self.arena.on ^= {told["name"]}
            self._restyle({told["name"]})

    def do_alone(self, told):
        """Only this layer for as long as its key is held; without a name all are back."""
        name = told.get("name")
        if name is None or name in NAMES:
            self.arena.alone = name
            self._restyle({name} if name else self.arena.on)

    def do_lift(self, told):
        """One layer stands out and the rest is dimmed; without a name all are as they were."""
        name = told.get("name")
        if name is None or name in NAMES:
            self.arena.lifted = name if name in self.arena.shown else None
            self._restyle()

    def do_lasso(self, told):
        """While some fakes are chosen, the others are dimmed."""
        self.arena.faint = ("fake",) if told.get("on") else ()
        self._restyle()

    def do_arrows(self, told):
        """What the length of an arrow says."""
        if told.get("mode") in MODES:
            self.arena.lengthen(told["mode"])

    def hear_opened(self, header, arrays):
        self.arena.open(header, arrays)

    def hear_changed(self, header, arrays):
        if "data" in header and "real" in arrays:
            self.arena.data(header, arrays)

    def resized(self):
        self.arena.pixels = max(self.lab.beat.pixels, 100)
        self.arena.lengthen(self.arena.mode)

    def frame(self, header, arrays):
        scalars = header["scalars"]
        self.arena.show(scalars, arrays)
        return {
            "references": self._references(),
            "outside": scalars.get("outside", 0),
            "found": scalars.get("found") or [],
        }

    def _references(self):
        return {name: self.arena.references(name) for name in ARROWS}

    def state(self):
        arena, data = self.arena, self.lab.run.data
        return {
            "layers": sorted(arena.on),
            "shown": sorted(arena.shown),
            "lifted": arena.lifted,
            "alone": arena.alone,
            "references": self._references(),
            "arrows": [[name, *words, name == arena.mode] for name, words in MODES.items()],
            "targets": [
                [*at, radius]
                for at, radius in zip(data["centres"], data.get("radii", []), strict=True)
            ],
        }

    def style(self, dark):
        self.arena.style(dark)
