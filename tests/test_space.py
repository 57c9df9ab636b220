"""Data in space: heights, feet and the view from the edge, against plain geometry."""

import json

import numpy as np
import pytest
import torch

from toylab import cards, probes, space
from toylab.data import clusters, source
from toylab.randomness import Keys

CARD = cards.load("roth3d")
VIEW = probes.window(CARD)
NORMAL = np.array([0.5, 0.5, np.sqrt(0.5)])  # the z-axis turned by 45° about (1, −1, 0)


def laid(family, tmp_path, **fields):
    """A card of another family on the same sheet, moved."""
    lines = [f"{name} = {value!r}" for name, value in fields.items()]
    text = ["[real]", f'family = "{family}"', *lines, "[embed]", "axis = [0, 1, 0]", "angle = 90"]
    path = tmp_path / "laid.toml"
    path.write_text("\n".join([*text, "shift = [1.0, 2.0, 3.0]"]))
    return cards.load(str(path))


def test_height_is_the_distance_along_the_sheet_s_normal():
    assert abs(space.normal(VIEW) @ NORMAL) == pytest.approx(1)
    points = Keys(0, "points").rng().standard_normal((40, 3))
    placed = space.placed(points, VIEW)
    assert placed[:, :2] == pytest.approx(VIEW.flat(points))
    assert space.lifted(placed, VIEW) == pytest.approx(points)
    shift = np.full(3, 3**-0.5)
    assert np.abs(placed[:, 2]) == pytest.approx(np.abs((points - shift) @ NORMAL))
    real = source(CARD).sample(200, Keys(0, "real"))
    assert np.abs(space.placed(real, VIEW)[:, 2]).max() < 1e-6, "real points lie on the sheet"


def test_a_ring_is_unrolled_from_the_first_axis_on():
    seen = space.edge(CARD, VIEW)
    assert seen.ring and seen.reach == 1.0
    a, b, h = seen.flat().reshape(space.ROWS, space.COLUMNS, 3).transpose(2, 0, 1)
    assert np.hypot(a, b) == pytest.approx(np.ones_like(a))
    angle = np.degrees(np.arctan2(b, a)) % 360
    assert angle[0] == pytest.approx((np.arange(144) + 0.5) * 2.5)
    assert h[:, 0] == pytest.approx(-0.6 + 1.2 * (np.arange(48) + 0.5) / 48)
    # A critic that sees nothing but the height draws stripes, low ones at the bottom.
    like = torch.zeros(0, dtype=torch.float64)
    normal = torch.from_numpy(space.normal(VIEW))
    origin = torch.from_numpy(VIEW.origin)
    drawn = space.scores(lambda x: (x - origin) @ normal, seen, VIEW, like)
    assert drawn == pytest.approx(h, abs=1e-6)
    # The clusters lie in the middle row, at their angles.
    for centre in clusters(CARD).centres:
        x, y, height = space.placed(centre, VIEW)
        assert height == pytest.approx(0, abs=1e-9) and np.hypot(x, y) == pytest.approx(1)


def test_other_data_are_seen_along_their_longest_axis(tmp_path):
    card = laid("mixture", tmp_path, means=[[-3.0, -3.0], [3.0, 3.0]], std=0.1)
    view = probes.window(card)
    seen = space.edge(card, view)
    assert not seen.ring
    assert seen.along == pytest.approx(np.full(2, 0.5**0.5), abs=0.01)
    assert seen.reach == pytest.approx(1.1 * 3 * 2**0.5, rel=0.1)
    foot = seen.flat().reshape(space.ROWS, space.COLUMNS, 3)[0, :, :2]
    assert (foot - seen.centre) @ [0.5**0.5, -(0.5**0.5)] == pytest.approx(0, abs=0.1)
    along = (foot - seen.centre) @ seen.along
    assert along[0] == pytest.approx(-seen.reach * 143 / 144) and (np.diff(along) > 0).all()


def test_what_a_page_is_told(tmp_path):
    told = space.about(CARD, VIEW)
    assert (told["ring"], told["radius"], told["reach"], told["height"]) == (True, 1.0, 1.0, 0.6)
    assert told["std"] == pytest.approx(0.01) and told["centre"] == [0, 0]
    assert np.cross(*told["axes"]) == pytest.approx(told["normal"])
    json.dumps(told)
    assert space.about(CARD, VIEW, spread=0.2)["std"] == pytest.approx(0.2)
    plane = cards.load("8gaussians")
    assert space.about(plane, probes.window(plane)) is None
    curve = laid("segment", tmp_path, start=[0.0, 0.0], end=[4.0, 0.0])
    told = space.about(curve, probes.window(curve))
    assert (told["ring"], told["radius"], told["std"]) == (False, None, None)
    assert told["along"] == pytest.approx([1, 0]) and told["centre"] == pytest.approx(
        [2, 0], abs=0.01
    )
