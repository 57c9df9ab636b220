"""Probes: what the two players look like at one moment, as arrays over a window.

Everything is asked of ``(generator, critic)`` as plain functions, x -> points and x -> logits, made
of the effective vectors and without dropout or noise. Lengths are the data's own; points and arrows
of data in space are given in the window's two coordinates.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
from contourpy import LineType, contour_generator

from toylab.data import Embedded, clusters, source
from toylab.randomness import Keys
from toylab.tables import Table


class Window(NamedTuple):
    """A square piece of a plane in R^d: origin (d,), two orthonormal axes (2, d), half its side.

    `centre` (2,) are the origin's own coordinates in the window: its data coordinates for data in
    the plane, so that the axes say what the data are, and 0 for a plane in space.
    """

    origin: np.ndarray
    axes: np.ndarray
    half: float
    centre: np.ndarray = np.zeros(2)

    def flat(self, points):
        """(..., d) -> (..., 2): coordinates in the window's plane."""
        return (np.asarray(points) - self.origin) @ self.axes.T + self.centre

    def lifted(self, points):
        """(..., 2) in the plane -> (..., d)."""
        return (np.asarray(points) - self.centre) @ self.axes + self.origin

    def around(self, centre, half):
        """The same plane and coordinates, with another middle (2,) and another half side."""
        return Window(self.lifted(centre), self.axes, float(half), np.asarray(centre, np.float64))

    def lattice(self, n):
        """The centres of n × n cells, (n·n, 2), row by row from below."""
        line = (np.arange(n) + 0.5) / n * 2 * self.half - self.half
        return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2) + self.centre

    def holds(self, flat):
        """Which of the points (..., 2) lie within the window."""
        return (np.abs(np.asarray(flat) - self.centre) <= self.half).all(-1)

    @property
    def extent(self):
        x, y = self.centre.tolist()
        return [x - self.half, x + self.half, y - self.half, y + self.half]


def window(card, margin=1.55, **numbers):
    """The window of a data card: all real (and fixed fake) points with a margin around them.

    For data in space the plane of the card's embedding; its origin is the plane's own.
    """
    real = source(card, "real", **numbers)
    sides = ["real"] if card.fake is None else ["real", "fake"]
    shown = [source(card, side, **numbers).sample(2000, Keys(0, "window")) for side in sides]
    points = np.concatenate(shown)
    if (found := clusters(card, **numbers)) is not None:
        points = np.concatenate([points, found.centres])
    if isinstance(real, Embedded):
        origin, axes = real.shift, real.rotation[:2]
        points = (points - origin) @ axes.T
        return Window(origin, axes, _rounded(margin * np.abs(points).max()))
    low, high = points.min(0), points.max(0)
    quantum = 0.1 * (high - low).max() or 1.0  # a sample's own middle would be an odd number
    origin = np.round((low + high) / 2 / quantum) * quantum
    half = max(margin * np.abs(points - origin).max(), 0.1)
    return Window(origin, np.eye(2), _rounded(half), origin)


def fit(real, fakes, share=0.99, margin=1.1):
    """[x, y, half side] of a window that holds all real points and that share of the fakes.

    real, fakes -- (n, 2) and (m, 2) in the window's coordinates; the fakes left out are those
    farthest from the middle of the real points, and those that are not finite.
    """
    fakes = fakes[np.isfinite(fakes).all(1)].astype(np.float64)
    middle = (real.min(0) + real.max(0)) / 2
    far = np.abs(fakes - middle).max(1)
    near = fakes[np.argsort(far, kind="stable")[: int(np.ceil(share * len(fakes)))]]
    points = np.concatenate([real, near])
    low, high = points.min(0), points.max(0)
    half = _rounded(max(margin * float((high - low).max()) / 2, 0.1))
    unit = 10.0 ** np.floor(np.log10(half) - 1)
    x, y = (np.round((low + high) / 2 / unit) * unit).round(12).tolist()
    return [x, y, half]


def _rounded(half):
    """Up to two significant digits, so that the axes end at quiet numbers."""
    unit = 10.0 ** (np.floor(np.log10(half)) - 1)
    return round(float(np.ceil(half / unit) * unit), 12)


def _tensor(array, like):
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(like)


def asked(player, points, piece=1024):
    """What a player, as a plain function, says of many points, without a graph.

    In pieces whose hidden layers stay in the processor's cache: three times as fast as at once.
    """
    with torch.no_grad():
        return torch.cat([player(part) for part in points.split(piece)])


def places(view, n, like):
    """The centres of the window's n × n cells in the data's own coordinates, (n·n, d)."""
    return _tensor(view.lifted(view.lattice(n)), like)


def surface(critic, places):
    """The logit on the `places` of n × n cells, (n, n) float32, row 0 at the bottom."""
    n = math.isqrt(len(places))
    return asked(critic, places).view(n, n).float().numpy()


# What a page may see slopes of: (φ − threshold) -> the quantity. D is σ(φ) where that is a
# probability, and elsewhere the squashed distance from the "looks real" threshold.
QUANTITIES = Table(
    "quantity",
    {
        "logit": lambda score: score,
        "D": torch.sigmoid,
        "log D": torch.nn.functional.logsigmoid,
    },
)


def slopes(critic, points, of=None):
    """(φ (n,), ∇ of(φ) (n, d)) at points (n, d); of None: of the logit itself."""
    x = points.detach().requires_grad_()
    logits = critic(x)
    (slope,) = torch.autograd.grad((of or QUANTITIES["logit"])(logits).sum(), x)
    return logits.detach(), slope


def rate(of, logits):
    """of'(φ) at logits (n,): ∇ of(φ) is that times ∇φ."""
    logits = logits.detach().requires_grad_()
    (slope,) = torch.autograd.grad(of(logits).sum(), logits)
    return slope


def pay(objective, logits, real=None):
    """−∂ℓ_G/∂φ of each fake by its logit (n,): how strongly its generator wants a higher score.

    objective -- with its numbers put in, as `Objective.at` does
    real -- logits of real points, for objectives whose generator looks at them: averaged over all
    ways to put the fakes in a row beside them
    """
    logits = logits.detach().requires_grad_()
    if objective.needs_real:
        turns, places = torch.arange(len(real)), torch.arange(len(logits))
        beside = real.detach()[(turns[:, None] + places) % len(real)]
        losses = objective.generator(beside, logits.expand_as(beside)).mean(0)
    else:
        losses = objective.generator(None, logits)
    (slope,) = torch.autograd.grad(losses.sum(), logits)
    return -slope


def push(critic, objective, points, real=None):
    """The push on fakes at points (n, d): −∂ℓ_G/∂φ(x)·∇φ(x), (n, d), per sample, without 1/B."""
    logits, slope = slopes(critic, points)
    return pay(objective, logits, real)[:, None] * slope


def arrows(view, points, vectors):
    """Arrows at points (n, d): (n, 4) = the place, and the part of the vector, in the window."""
    place = view.flat(points.double().numpy())
    return np.concatenate([place, vectors.double().numpy() @ view.axes.T], 1).astype(np.float32)


def paths(critic, objective, points, stride, count, real=None):
    """Where the push leads from points (n, d): (count + 1, n, d) float64.

    `count` strides of one length along the push as it is on the way; a point without a push stays.
    """
    way = [points.detach()]
    for _ in range(count):
        arrow = push(critic, objective, way[-1], real)
        length = arrow.norm(dim=1, keepdim=True)
        way.append(way[-1] + stride * torch.where(length > 0, arrow / length, 0))
    return torch.stack(way).double().numpy()


@functools.lru_cache(maxsize=8)  # from picture to picture it is the same
def _transfer(size, cell, xx, xy, yy):
    """A Gaussian of that covariance on a grid of size × size cells, in `rfft2`'s frequencies."""
    frequency = 2 * np.pi * np.fft.fftfreq(size, cell)
    kx, ky = frequency[: size // 2 + 1].copy(), frequency[:, None]
    kx[-1] = abs(kx[-1])
    # Sharing a point among its four cells has blurred it by cell²/6 each way already.
    blurred = cell**2 / 6
    return np.exp(-0.5 * ((xx - blurred) * kx**2 + 2 * xy * kx * ky + (yy - blurred) * ky**2))


def density(points, view, n=128, bandwidth=None, weights=None):
    """Kernel density of points (m, 2) on n × n cells: (values (n, n) per area, h).

    The kernel is a full-covariance Gaussian applied by an FFT padded to twice the window, so mass
    neither wraps around nor reflects at the border; points are shared among their four cells.
    bandwidth -- None: h = 0.05 of the window's side; "scott": n^(−1/6) times the points' covariance
    (too wide for tight clusters); a number: h itself. Never below one cell: a collapsed generator
    draws a spike, not an error.
    weights -- (m,), of each point; 1 unless given. The sum is divided by m all the same
    """
    cell = 2 * view.half / n
    points = np.asarray(points, np.float64)
    if bandwidth == "scott":
        covariance = (
            np.cov(points.T) * len(points) ** (-1 / 3) if len(points) > 2 else np.zeros((2, 2))
        )
        values, vectors = np.linalg.eigh(covariance)
        covariance = (vectors * np.maximum(values, cell**2)) @ vectors.T
    else:
        h = max(0.1 * view.half if bandwidth is None else float(bandwidth), cell)
        covariance = h * h * np.eye(2)
    size = 2 * n
    place = (points - view.centre + view.half) / cell - 0.5 + n / 2
    near = ((place >= 0) & (place < size - 1)).all(1)
    mass = np.ones(len(points)) if weights is None else np.asarray(weights, np.float64)
    place, mass = place[near], mass[near]
    low = np.floor(place).astype(np.int64)
    part = place - low
    counts = np.zeros(size * size)
    for dx in (0, 1):
        for dy in (0, 1):
            weight = mass * np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            counts += np.bincount((low[:, 1] + dy) * size + low[:, 0] + dx, weight, size * size)
    transfer = _transfer(size, cell, *covariance[0], covariance[1, 1])
    spread = np.fft.irfft2(np.fft.rfft2(counts.reshape(size, size)) * transfer)
    inside = spread[n // 2 : n // 2 + n, n // 2 : n // 2 + n]
    values = np.maximum(inside, 0) / (max(len(points), 1) * cell * cell)
    return values.astype(np.float32), float(np.sqrt(np.trace(covariance) / 2))


def levels_of_mass(values, shares):
    """The density levels above which these shares of the window's mass lie."""
    ranked = np.sort(values, axis=None)[::-1]
    mass = np.cumsum(ranked, dtype=np.float64)
    if mass[-1] <= 0:
        return [np.inf for _ in shares]
    return [float(ranked[np.searchsorted(mass, share * mass[-1])]) for share in shares]


def lines(values, levels, view, most=4000):
    """Of each level its line on (n, n) cells as one polyline (v, 2), pieces parted by NaN rows.

    They end where cells are not finite.
    """
    n = len(values)
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (np.inf, -np.inf)
    at = (np.arange(n) + 0.5) / n * 2 * view.half - view.half
    made = contour_generator(at, at, values, line_type=LineType.ChunkCombinedNan)
    found = [made.lines(level)[0][0] if low < level < high else None for level in levels]
    nothing = np.zeros((0, 2), np.float32)
    return [
        nothing if line is None else (line[:most] + view.centre).astype(np.float32)
        for line in found
    ]


def warp(generator, latent, view, like, count=15, detail=61, reach=2.0):
    """The latent plane's grid, bent by the generator: one polyline (v, 2), lines parted by NaN.

    count lines each way over [−reach, reach]² of the first two latent numbers, the others 0.
    """
    line, along = np.linspace(-reach, reach, count), np.linspace(-reach, reach, detail)
    across, fine = np.meshgrid(line, along, indexing="ij")
    ways = [(fine, across), (across, fine)] if latent > 1 else [(fine[:1], across[:1])]
    z = np.zeros((sum(first.size for first, _ in ways), latent), np.float32)
    z[:, 0] = np.concatenate([first.ravel() for first, _ in ways])
    if latent > 1:
        z[:, 1] = np.concatenate([second.ravel() for _, second in ways])
    with torch.no_grad():
        made = view.flat(generator(_tensor(z, like)).double().numpy()).reshape(-1, detail, 2)
    gaps = np.full((len(made), 1, 2), np.nan)
    return np.concatenate([made, gaps], 1).reshape(-1, 2).astype(np.float32)


def effective(setup, state, member=None):
    """(generator, critic) as plain functions of points, as they are at this state."""
    vectors = state.players
    critic, _ = setup.constraint.effective(vectors.critic, state.constraint)
    generator = vectors.generator
    if member is not None:
        generator, critic = generator[member], critic[member]
    made, judged = setup.networks.generator.at(generator), setup.networks.critic.at(critic)
    return lambda z: made(z).value, lambda x: judged(x).value
