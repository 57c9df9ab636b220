"""Theory: the densities of data and fakes, and the best critic between them.

D*(x) = p(x) / (p(x) + q(x)),   p real, q fake       Goodfellow et al. 2014, Proposition 1,
                                                     https://arxiv.org/abs/1406.2661

Data on a sheet or on points have no density, and that of the fakes is only estimated; therefore
both are smoothed by one Gaussian of width h, p_h = p ∗ N(0, h²I), and D*_h is theirs.
"""

import math

import numpy as np

from toylab import probes
from toylab.closed_forms import on_cells
from toylab.data import Embedded, Finite, Parts, law
from toylab.randomness import Keys

SAMPLE = 20_000  # points that stand for data without a closed form
LEAST = 1e-6  # of one kernel's height: where both densities are far below it, D* is ½
FAINT = 1e-3  # of one kernel's height: below it no line D* = ½ is drawn


def mixture(places, centres, covariances, weights):
    """Σₖ wₖ N(x; μₖ, Cₖ) at places (m, d): (m,) float64, without under- or overflow on the way."""
    inverse = np.linalg.inv(covariances)
    _, volume = np.linalg.slogdet(2 * np.pi * np.asarray(covariances))
    off = np.asarray(places, np.float64)[:, None] - centres
    exponents = -0.5 * (np.einsum("mki,kij,mkj->mk", off, inverse, off) + volume)
    with np.errstate(divide="ignore"):
        exponents = exponents + np.log(weights)
    highest = exponents.max(1, keepdims=True)
    return np.exp(highest[:, 0]) * np.exp(exponents - highest).sum(1)


def kernel_density(points, places, h, weights=None):
    """Σᵢ wᵢ N(x; xᵢ, h²I) / n of points (n, 2) at places (m, 2): (m,) float64."""
    weights = np.ones(len(points)) if weights is None else weights
    made = [
        np.exp(-0.5 * ((points - place) ** 2).sum(1) / h**2) @ weights for place in np.array(places)
    ]
    return np.array(made) / (2 * np.pi * h**2 * max(len(points), 1))


def kernel(h, dimension):
    """Height of one kernel, (2πh²)^(−d/2)."""
    return (2 * math.pi * h * h) ** (-dimension / 2)


def beside(heights, h):
    """What a point at this height off the sheet adds on the sheet: N(height; 0, h²)."""
    return kernel(h, 1) * np.exp(-0.5 * (np.asarray(heights) / h) ** 2)


class Truth:
    """The density of a card's real points in their plane, in window coordinates.

    `known` is "exact" for mixtures of Gaussians, whose law is smoothed in closed form, and
    "sample" where a large fixed sample stands for it. A set drawn once counts as its law.
    """

    def __init__(self, card, **numbers):
        real = law(card, **numbers)
        plane = real.plane if isinstance(real, Embedded) else real
        self.parts = plane if isinstance(plane, Parts) else None
        self.known = "sample" if self.parts is None else "exact"
        if self.parts is None:
            whole = isinstance(plane, Finite) and len(plane.points) <= SAMPLE
            self.sample = plane.points if whole else plane.sample(SAMPLE, Keys(0, "truth"))
        self._drawn = (None, None)

    def at(self, places, h):
        """p_h at places (m, 2): (m,)."""
        if self.parts is None:
            return kernel_density(self.sample, places, h)
        roots = self.parts.roots
        covariances = np.einsum("kij,klj->kil", roots, roots) + h * h * np.eye(2)
        return mixture(places, self.parts.centres, covariances, self.parts.weights)

    def on(self, view, n, h):
        """p_h on n × n cells, (n, n), row 0 at the bottom; h at least one cell for a sample."""
        asked = (*view.extent, n, h)
        if self._drawn[0] != asked:
            if self.parts is None:
                values = probes.density(self.sample, view, n, h)[0].astype(np.float64)
            else:
                values = self.at(view.lattice(n), h).reshape(n, n)
            self._drawn = asked, values
        return self._drawn[1]


def optimal(real, fake, h, dimension=2):
    """D* = p / (p + q) of two smoothed densities; ½ where both vanish against one kernel's height.

    dimension -- of the space in which both are densities
    """
    least = LEAST * kernel(h, dimension)
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    return (real + least) / (real + fake + 2 * least)


def apart(truth, points, view, n=128, h=None):
    """(JSD, h) of the data and a cloud of fakes (m, 2) in window coordinates, both smoothed by h.

    JSD lies in [0, log 2]; histograms of samples would find 0.2 to 0.4 between equal laws, because
    few cells hold points of both. h None: 0.05 of the window's side, at least one cell.
    """
    fake, h = probes.density(points, view, n, h)
    return on_cells(truth.on(view, n, h), fake, (2 * view.half / n) ** 2), h


def even(real, fake, h, dimension=2):
    """D* where it means something, NaN elsewhere: the line D* = ½ ends where both are faint."""
    values = optimal(real, fake, h, dimension)
    return np.where(np.add(real, fake) > FAINT * kernel(h, dimension), values, np.nan)
