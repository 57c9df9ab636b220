"""Layers: what each of them draws of one moment, as arrays and numbers.

A layer is ``(pictures, moment, scalars) -> arrays``: it may add numbers to the scalars, and takes
from the `Pictures` what they keep between frames. The table is at the end.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch

from toylab import probes, space, theory
from toylab.anatomy import anatomy
from toylab.steady import Length

PUSHED, LATTICE = 84, 17
SURFACE = 128  # cells a side of surface and density; while training fast half of them are evaluated
BINS = 40  # of the histogram
LEVELS = (0.1, 0.25, 0.75, 0.9)  # of D, where a page wants more lines than the one at ½
LOGIT = 4.0  # fixed limit of the surface "logit"
DENSITY = 0.1  # the width h by which densities are smoothed, in half sides of the data's window


class Moment(NamedTuple):
    """One state as every layer sees it: both players as functions, and the shown points.

    fakes (n, d) tensor, flat (n, 2) in the window · on_real, on_fake (n,): logits · threshold:
    above it a logit means "real" · now: seconds · exact: no coarser surface is allowed · slopes:
    of each layer that needs them (points (m, d), logits (m,), slopes (m, d)), see `sloped`.
    """

    state: Any
    generator: Any
    critic: Any
    fakes: torch.Tensor
    flat: np.ndarray
    on_real: torch.Tensor
    on_fake: torch.Tensor
    threshold: float
    exact: bool
    now: float
    slopes: dict


def sloped(pictures, critic, fakes, wanted):
    """{layer: (points, logits, ∇φ there)} of the wanted layers that need the critic's slopes.

    One pass of the critic serves all of them.
    """
    points = {name: SLOPED[name](pictures, fakes) for name in wanted if name in SLOPED}
    if not points:
        return {}
    sizes = [len(each) for each in points.values()]
    told = probes.slopes(critic, torch.cat([*points.values()]))
    parts = zip(points.values(), *(each.split(sizes) for each in told), strict=True)
    return dict(zip(points, parts, strict=True))


def shades(values, low, high):
    """Values as the 256 shades between two limits, uint8; what is not finite is the middle one."""
    place = np.nan_to_num((values - low) / (high - low), nan=0.5)
    return np.rint(255 * place.clip(0, 1)).astype(np.uint8)


def _fake(pictures, moment, scalars):
    return {"fake": moment.flat}


def _coloured(pictures, logits, threshold, now=None):
    """(kind, low, high, values) of the critic's own score as the page chose to see it.

    now -- moves the limits of a raw score; None leaves them
    """
    kind = pictures.chosen.surface
    if kind == "probability" and pictures.setup.objective.probability:
        return kind, 0.0, 1.0, 1 / (1 + np.exp(-logits.clip(-60, 60)))
    values = logits - np.float32(threshold)
    if kind == "logit":
        return kind, -LOGIT, LOGIT, values
    limit = pictures.limits["surface"]
    limit = limit.value if now is None else limit.of(values, now)
    return "raw", -limit, limit, values


def _logits(pictures, moment):
    """The critic on the window's cells, (SURFACE, SURFACE) float32."""
    cells = SURFACE if moment.exact else SURFACE // 2
    logits = probes.surface(moment.critic, pictures.places(cells))
    if moment.exact:
        return logits
    grid = torch.from_numpy(logits)[None, None]
    return torch.nn.functional.interpolate(grid, scale_factor=2, mode="bicubic")[0, 0].numpy()


def _surface(pictures, moment, scalars):
    """The critic, the best critic D*, or how far one is from the other; and the line between."""
    chosen = pictures.chosen.optimal
    if chosen == "difference" and not pictures.setup.objective.probability:
        chosen = "none"  # there is no D to differ from D*; surface_kind tells what is drawn
    if chosen != "optimal":
        logits = _logits(pictures, moment)
        (half,) = probes.lines(logits, [moment.threshold], pictures.view)
    if chosen == "none":
        kind, low, high, values = _coloured(pictures, logits, moment.threshold, moment.now)
    else:
        h, dimension = _bandwidth(pictures), pictures.crowd.points.shape[1]
        fakes, weights, share = _on_the_sheet(pictures, h)
        real = share * pictures.truth.on(pictures.view, SURFACE, h)
        fake, _ = probes.density(fakes, pictures.view, SURFACE, h, weights)
        scalars |= {"optimal_h": h, "optimal_known": pictures.truth.known}
        best = theory.optimal(real, fake, h, dimension)
        kind, low, high, values = chosen, 0.0, 1.0, best
        if chosen == "difference":
            low, values = -1.0, 1 / (1 + np.exp(-logits.clip(-60, 60).astype(np.float64))) - best
        else:
            sure = theory.even(real, fake, h, dimension)
            (half,) = probes.lines(sure, [0.5], pictures.view)
    scalars |= {"surface_kind": kind, "surface_low": low, "surface_high": high}
    arrays = {"surface": values.astype(np.float32), "half": half}
    if pictures.chosen.levels and pictures.setup.objective.probability:
        arrays["levels"] = _levels(sure if chosen == "optimal" else logits, chosen, pictures.view)
    return arrays


def _levels(values, chosen, view):
    """The lines of D, or of D*, at `LEVELS`, pieces parted by NaN rows."""
    at = LEVELS if chosen == "optimal" else [math.log(p / (1 - p)) for p in LEVELS]
    gap = np.full((1, 2), np.nan, np.float32)
    return np.concatenate([part for line in probes.lines(values, at, view) for part in (line, gap)])


def _bandwidth(pictures):
    """h of both densities: a twentieth of the data's window, but at least one cell of the view."""
    return max(DENSITY * pictures.home.half, 2 * pictures.view.half / SURFACE)


def _on_the_sheet(pictures, h):
    """(crowd's places (n, 2), their weights, weight of a real point) for densities in the view.

    In space they are the densities on the sheet, where a fake off it counts less.
    """
    points, view = pictures.crowd.points, pictures.view
    if points.shape[1] == 2:
        return points, None, 1.0
    a, b, heights = space.placed(points, view).T
    return np.stack([a, b], 1), theory.beside(heights, h), theory.beside(0.0, h)


def watched(pictures, moment):
    """The scalars `probes`: D, logit, slope |∇φ| and both densities at the places to be watched."""
    if not pictures.chosen.probes:
        return []
    places, h = np.array(pictures.chosen.probes), _bandwidth(pictures)
    fakes, weights, share = _on_the_sheet(pictures, h)
    x = torch.from_numpy(pictures.view.lifted(places).astype(np.float32)).to(pictures.like)
    logits, slope = probes.slopes(moment.critic, x)
    probable = pictures.setup.objective.probability
    columns = {
        "x": places[:, 0],
        "y": places[:, 1],
        "D": torch.sigmoid(logits) if probable else [math.nan] * len(places),
        "logit": logits,
        "slope": slope.norm(dim=1),
        "p_data": share * pictures.truth.at(places, h),
        "p_fake": theory.kernel_density(fakes, places, h, weights),
    }
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(told, row), strict=True)) for row in rows]


def told(number):
    """A number as JSON carries it; None where it is not finite."""
    number = float(number)
    return number if math.isfinite(number) else None


def _steepness(name, moment, logits):
    """of'(φ − threshold) of the quantity whose slope is drawn: so many times ∇φ is that slope."""
    return probes.rate(probes.QUANTITIES[name], logits - moment.threshold)


def _arrows(pictures, layer, quantity, factor, moment, scalars):
    """The layer's arrows, `factor` (m,) times ∇φ; what the longest stands for in the scalars."""
    points, _, slope = moment.slopes[layer]
    arrows = probes.arrows(pictures.view, points, factor[:, None] * slope)
    length = pictures.scales.setdefault((layer, quantity), Length())
    scalars[f"{layer}_scale"] = length.of(arrows, moment.now)
    return {layer: arrows}


def _force(pictures, moment, scalars):
    """The push on the first fakes, −∂ℓ_G/∂x, or another slope there."""
    chosen, (_, logits, _) = pictures.chosen.force, moment.slopes["force"]
    if chosen == "loss":
        objective = pictures.setup.judged(moment.state)
        factor = probes.pay(objective, logits, moment.on_real)
    else:
        factor = _steepness(chosen, moment, logits)
    return _arrows(pictures, "force", chosen, factor, moment, scalars)


def _field(pictures, moment, scalars):
    """A slope of the critic on a lattice over the window."""
    chosen, (_, logits, _) = pictures.chosen.field, moment.slopes["field"]
    factor = _steepness(chosen, moment, logits)
    return _arrows(pictures, "field", chosen, factor, moment, scalars)


def _density(pictures, moment, scalars):
    """The lines that hold half and nine tenths of the shown fakes' mass."""
    cells = SURFACE if moment.exact else SURFACE // 2  # of a kernel three cells wide
    values, scalars["density_h"] = probes.density(moment.flat, pictures.view, cells)
    levels = probes.levels_of_mass(values, (0.5, 0.9))
    half, most = probes.lines(values, levels, pictures.view)
    return {"density_half": half, "density_most": most}


def _grid(pictures, moment, scalars):
    experiment, latent = pictures.setup.experiment, pictures.shown.shape[-1]
    if experiment.fakes != "learned":
        return {}
    reach = 2.0 if experiment.latent_law == "normal" else 1.0
    how = (moment.generator, latent, pictures.view, pictures.like)
    return {"grid": probes.warp(*how, reach=reach)}


def _slopes(pictures, moment, scalars):
    """Mean |∇φ| at the shown reals and fakes."""
    _, _, slope = moment.slopes["slopes"]
    sides = slope.norm(dim=1).split([len(pictures.real), len(moment.fakes)])
    scalars["slope_real"], scalars["slope_fake"] = (float(side.mean()) for side in sides)
    return {}


def _wasserstein(pictures, moment, scalars):
    scalars["wasserstein"], scalars["wasserstein_floor"] = pictures.crowd.wasserstein()
    return {}


def _histogram(pictures, moment, scalars):
    """Shares of the shown reals and fakes by D, or by φ − threshold; the end bins take the rest."""
    both = torch.stack([moment.on_real, moment.on_fake]).double().numpy()
    if pictures.setup.objective.probability:
        low, high, both = 0.0, 1.0, 1 / (1 + np.exp(-both.clip(-60, 60)))
    else:
        both = both - moment.threshold
        high = pictures.limits["histogram"].of(both, moment.now)
        low = -high
    scalars |= {"histogram_low": low, "histogram_high": high}
    shares = [np.histogram(side.clip(low, high), BINS, (low, high))[0] / side.size for side in both]
    return {"histogram": np.array(shares, np.float32)}


def _space(pictures, moment, scalars):
    """Of data in space the fakes with their heights, and the critic seen from the sheet's edge."""
    if pictures.edge is None:
        return {}
    view = pictures.home
    logits = space.scores(moment.critic, pictures.edge, view, pictures.like)
    _, low, high, values = _coloured(pictures, logits, moment.threshold)
    heights = space.placed(pictures.crowd.points, view)[:, 2]
    scalars |= {"off_sheet": float(np.abs(heights).mean()), "edge_low": low, "edge_high": high}
    fakes = space.placed(moment.fakes.double().numpy(), view).astype(np.float32)
    return {"fake3": fakes, "edge": shades(values, low, high)}


def _anatomy(pictures, moment, scalars):
    arrays, numbers = anatomy(pictures.setup, moment.state, pictures.view)
    known = {name: told(v) if isinstance(v, float) else v for name, v in numbers.items()}
    scalars["anatomy"] = known
    return arrays


# Where the critic's slope is needed: (pictures, fakes) -> points (m, d).
SLOPED = {
    "force": lambda pictures, fakes: fakes[:PUSHED],
    "field": lambda pictures, fakes: pictures.places(LATTICE),
    "slopes": lambda pictures, fakes: torch.cat([pictures.real, fakes]),
}

DRAWN = {
    "real": lambda pictures, moment, scalars: {},  # sent once, see `frames.real_points`
    "fake": _fake,
    "surface": _surface,
    "force": _force,
    "field": _field,
    "density": _density,
    "grid": _grid,
    "slopes": _slopes,
    "wasserstein": _wasserstein,
    "histogram": _histogram,
    "space": _space,
    "anatomy": _anatomy,
}
