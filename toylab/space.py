"""Data in space: heights off the data's sheet, and the critic seen from the sheet's edge.

The sheet is the plane that the data's card lays into space, with the window's coordinates (a, b);
h is the signed distance from it along the sheet's normal.
"""

from typing import NamedTuple

import numpy as np
import torch

from toylab import probes
from toylab.data import Embedded, clusters, source
from toylab.randomness import Keys

ROWS, COLUMNS = 48, 144  # cells of the edge view
TALL = 0.6  # its half height, in units of the ring's radius or of the axis' reach


class Edge(NamedTuple):
    """The surface that is seen from the edge: a cylinder through a ring, or a plane upright.

    centre (2,) in the window · along (2,): unit vector of angle 0, or of the first principal axis ·
    reach: the ring's radius, or half the axis' length.
    """

    ring: bool
    centre: np.ndarray
    along: np.ndarray
    reach: float

    def flat(self):
        """The cells' places as (a, b, h), (ROWS·COLUMNS, 3), row by row from below."""
        part = (np.arange(COLUMNS) + 0.5) / COLUMNS
        if self.ring:
            angle = 2 * np.pi * part
            across = np.array([-self.along[1], self.along[0]])
            foot = np.cos(angle)[:, None] * self.along + np.sin(angle)[:, None] * across
        else:
            foot = (2 * part - 1)[:, None] * self.along
        height = self.reach * TALL * (2 * (np.arange(ROWS) + 0.5) / ROWS - 1)
        foot = np.broadcast_to(self.centre + self.reach * foot, (ROWS, COLUMNS, 2))
        height = np.broadcast_to(height[:, None, None], (ROWS, COLUMNS, 1))
        return np.concatenate([foot, height], -1).reshape(-1, 3)


def normal(view):
    """The unit vector (3,) along which heights off the window's plane are counted."""
    return np.cross(*view.axes)


def placed(points, view):
    """(..., 3) in space -> (..., 3) as (a, b, h) of the window's sheet."""
    points = np.asarray(points, np.float64)
    height = (points - view.origin) @ normal(view)
    return np.concatenate([view.flat(points), height[..., None]], -1)


def lifted(places, view):
    """(..., 3) as (a, b, h) -> (..., 3) in space; undoes `placed`."""
    places = np.asarray(places)
    return view.lifted(places[..., :2]) + places[..., 2:] * normal(view)


def edge(card, view, **numbers):
    """The `Edge` of a card laid into space; None for data in the plane.

    A card of the family ring is seen on the cylinder through it, from the sheet's first axis on;
    other data along their first principal axis, with a margin of a tenth.
    """
    real = source(card, "real", **numbers)
    if not isinstance(real, Embedded):
        return None
    fields = card.resolved("real", numbers)
    if fields["family"] == "ring":
        return Edge(True, view.flat(real.shift), np.array([1.0, 0.0]), fields["radius"])
    points = view.flat(real.sample(2000, Keys(0, "window")))
    middle = (points.min(0) + points.max(0)) / 2
    _, vectors = np.linalg.eigh(np.cov(points.T))
    along = vectors[:, -1] * np.sign(vectors[np.abs(vectors[:, -1]).argmax(), -1])
    return Edge(False, middle, along, 1.1 * float(np.abs((points - middle) @ along).max()))


def scores(critic, seen, view, like):
    """The logit on the cells of an `Edge`, (ROWS, COLUMNS) float32, row 0 at the bottom."""
    places = torch.from_numpy(lifted(seen.flat(), view).astype(np.float32)).to(like)
    return probes.asked(critic, places).view(ROWS, COLUMNS).float().numpy()


def about(card, view, **numbers):
    """What a page must know of data in space, as JSON carries it; None for data in the plane.

    ring, centre, along, reach as in `Edge`; radius of the ring or None; height: half the edge
    view's; std: width of the widest cluster or None; normal and the sheet's axes in space.
    """
    seen = edge(card, view, **numbers)
    if seen is None:
        return None
    there = clusters(card, **numbers)
    return {
        "ring": seen.ring,
        "centre": seen.centre.round(9).tolist(),
        "along": seen.along.round(9).tolist(),
        "reach": seen.reach,
        "radius": seen.reach if seen.ring else None,
        "height": TALL * seen.reach,
        "std": None if there is None else float(there.std.max()),
        "normal": normal(view).round(9).tolist(),
        "axes": view.axes.round(9).tolist(),
    }
