"""The legend is the switchboard: seven layers in the order of their keys, and the scales below."""

import math
from typing import NamedTuple

import param
from panel.custom import JSComponent

from toylab.ui.assets import script, style


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
CROWD = 5  # from so many layers on, marks get thinner


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


class Layers(JSComponent):
    """Rows as switches with key, glyph, name, caption; colour bar, arrow scale, fakes outside."""

    rows = param.List([layer._asdict() for layer in LAYERS])
    _esm = script("legend.js")
    _stylesheets = [style("legend.css")]
