"""The legend is the switchboard: seven layers in the order of their keys, and the scales below."""

import math
from typing import NamedTuple

from toylab.ui.arena import Arena
from toylab.ui.arrows import PUSH
from toylab.ui.part import Part


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


def short(value):
    """A number in at most four signs: 0.1, 1.2, 20, 5e-4."""
    if value is None or not math.isfinite(value):
        return "—"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")


def bar(scalars):
    """The three words at the colour bar: its ends and its middle."""
    low, high = scalars.get("surface_low"), scalars.get("surface_high")
    if scalars.get("surface_kind", "probability") == "probability":
        return ["0 fake", "½", "real 1"]
    return [f"{short(low)} fake", "centred", f"real {short(high)}"]


def arrow_scale(scales, longest):
    """Reference arrows as (length in px, value) for push: its scale and a tenth of it."""
    scale = scales.get("force") or 1.0
    return [
        [longest * math.log1p(30 * part) / math.log1p(30), short(scale * part)]
        for part in (1.0, 0.1)
    ]


class Layers(Part):
    """Which layers are on, the arena that draws them, and the scales that say how to read it."""

    def __init__(self, lab):
        super().__init__(lab)
        self.arena = Arena()
        self.arena.on = {layer.name for layer in LAYERS if layer.shown}

    def wanted(self):
        """The layers to ask for: those that are on, bottom to top."""
        return [name for name in NAMES if name in self.arena.on]

    def do_layer(self, told):
        if told.get("name") not in NAMES:
            return
        self.arena.on ^= {told["name"]}
        self.arena.style(self.lab.beat.dark)
        # Where no new step is coming, the picture on the screen lacks a layer that is new.
        link = self.lab.link
        link.pump(at_once=link.slow and told["name"] in self.arena.on)

    def hear_opened(self, header, arrays):
        self.arena.open(header, arrays["real"])

    def hear_changed(self, header, arrays):
        if "data" in header and "real" in arrays:
            self.arena.data(header, arrays["real"])

    def resized(self):
        self.arena.pixels = max(self.lab.beat.pixels, 100)
        if self.lab.run.ready:
            self.arena.resized()

    def frame(self, header, arrays):
        scalars = header["scalars"]
        self.arena.show(scalars, arrays)
        return {
            "bar": bar(scalars),
            "arrows": arrow_scale(self.arena.scales, PUSH),
            "outside": scalars.get("outside", 0),
        }

    def state(self):
        return {"layers": sorted(self.arena.on)}

    def style(self, dark):
        self.arena.style(dark)
