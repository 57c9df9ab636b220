"""The palette: readable on every colour of the surface, told apart by every eye, in one table."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from toylab.ui import theme
from toylab.ui.arrows import arrows, nice

UI = Path(theme.__file__).parent
THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
# Machado et al. 2009, https://doi.org/10.1109/TVCG.2009.113, severity 1, on linear RGB.
BLIND = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def seen(code, eye):
    """A colour in OKLab ×100 as an eye of that kind sees it."""
    linear = np.clip(np.asarray(BLIND[eye]) @ theme._linear(theme.channels(code)), 0, 1)
    return 100 * theme._TO_LAB @ np.cbrt(theme._TO_LMS @ linear)


def test_contrast_is_wcags():
    assert theme.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert theme.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@THEMES
def test_every_mark_is_seen_and_every_text_read_on_every_colour_of_the_surface(dark):
    worst = {
        token: min(
            theme.contrast(theme.colour(token, dark), shade) for shade in theme.surface_map(dark)
        )
        for token in ("real", "fake", "push", "ink", "ink2", "ink3")
    }
    assert {token for token, ratio in worst.items() if ratio < 3.0} == set()
    assert worst["ink2"] >= 4.5 and worst["ink"] >= 4.5, "tick labels are text"


@THEMES
def test_every_text_is_read_on_its_ground(dark):
    grounds = [theme.colour(token, dark) for token in ("page", "panel")]
    for token in ("ink", "ink2", "real", "fake", "gold", "ok", "bad"):
        for ground in grounds:
            assert theme.contrast(theme.colour(token, dark), ground) >= 4.5, token
    assert theme.contrast(theme.colour("accent-text", dark), theme.colour("real", dark)) >= 4.5
    for ground in grounds:
        assert theme.contrast(theme.colour("ink3", dark), ground) >= 3, "a control's border"


@THEMES
@pytest.mark.parametrize("eye", BLIND)
def test_real_and_fake_differ_for_every_eye(dark, eye):
    def apart(one, other):
        return np.linalg.norm(seen(one, eye) - seen(other, eye))

    assert apart(theme.colour("real", dark), theme.colour("fake", dark)) > 20
    shades = theme.surface_map(dark)
    assert apart(shades[0], shades[-1]) > 10


@THEMES
@pytest.mark.parametrize("eye", BLIND)
def test_runs_side_by_side_differ_for_every_eye(dark, eye):
    codes = [pair[dark] for pair in theme.RUNS]
    assert all(theme.contrast(code, theme.colour("panel", dark)) >= 3 for code in codes)
    for one, other in itertools.combinations(codes, 2):
        assert np.linalg.norm(seen(one, eye) - seen(other, eye)) >= 14, (one, other)


@THEMES
def test_the_surface_is_256_even_steps_from_fake_over_the_middle_to_real(dark):
    shades = theme.surface_map(dark)
    assert len(shades) == 256
    assert [shades[0], shades[-1]] == [theme.SURFACE[dark][0], theme.SURFACE[dark][2]]
    steps = [
        np.linalg.norm(seen(a, "normal") - seen(b, "normal")) for a, b in itertools.pairwise(shades)
    ]
    assert max(steps) < 0.6, "a visible edge in the ground"


@pytest.mark.parametrize("path", sorted(UI.glob("*.*")), ids=lambda path: path.name)
def test_no_colour_is_written_anywhere_else(path):
    if path.name == "theme.py" or path.suffix not in (".py", ".js", ".css"):
        return
    found = re.findall(r"#[0-9a-fA-F]{3,8}\b(?![-\w])", path.read_text())
    assert [code for code in found if len(code) in (4, 7, 9)] == []


def test_arrow_lengths_are_logarithmic_clipped_and_never_below_a_dot():
    """L·log(1 + g/g₀)/log(1 + g_hi/g₀), g₀ = g_hi/30, in pixels; under 3 px a dot."""
    lengths = np.array([0.0, 0.001, 0.1, 1.0, 2.0, 50.0])
    vectors = np.stack([lengths, 0 * lengths], 1)
    shift, angle, dot = arrows(vectors, 2.0, 30, 0.01)
    drawn = np.hypot(*shift.T) / 0.01
    wanted = 30 * np.log1p(lengths / (2 / 30)) / np.log1p(30)
    expected = np.clip(wanted, 0, 30)
    assert drawn[~dot] == pytest.approx(expected[~dot], rel=1e-4)
    assert (dot == (expected < 3)).all() and drawn[-1] == pytest.approx(30)


def test_nice_numbers_are_1_2_5():
    for value in np.geomspace(1e-6, 1e6, 97):
        found = nice(value)
        mantissa = found / 10.0 ** np.floor(np.log10(found) + 1e-9)
        assert found >= value * (1 - 1e-9) and found <= 2.5 * value * (1 + 1e-9)
        assert min(abs(mantissa - k) for k in (1, 2, 5, 10)) < 1e-6
