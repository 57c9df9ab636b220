"""What a picture keeps steady does not breathe, and yet follows."""

import math

import numpy as np
import pytest

from toylab.steady import Length, Limit


def test_colour_limits_move_only_after_being_wrong_for_a_second():
    limit = Limit(4.0)

    def of(reach, now):
        return limit.of(np.full((4, 4), reach), now)

    assert [of(-3.0, now) for now in (0, 1, 2)] == [4, 4, 4]
    assert [of(9.0, now) for now in (3.0, 3.5, 3.9)] == [4, 4, 4]
    assert of(3.0, 4.0) == 4 and of(9.0, 4.1) == 4
    assert of(9.0, 5.2) == 16
    assert of(math.nan, 9.0) == 16


def test_a_limit_is_the_98th_percentile_rounded_up_to_a_power_of_two():
    values = np.concatenate([np.full(990, 0.6), np.full(10, 500.0)])
    limit = Limit(64.0)
    assert [limit.of(values, now) for now in (0.0, 1.1)] == [64, 1]
    assert [limit.of(0.6 * values, now) for now in (5.0, 9.0)] == [1, 1], "two thirds may be empty"
    assert [limit.of(0.5 * values, now) for now in (10.0, 11.1)] == [1, 0.5]


def test_arrow_scale_is_1_2_5_and_calm():
    length, arrows, seen = Length(), np.zeros((100, 4), np.float32), []
    for frame in range(60):
        arrows[:, 2] = 1.5 + 0.4 * (-1) ** frame
        seen.append(length.of(arrows, frame / 15))
    assert set(seen) == {2.0}
    assert Length().of(np.zeros((5, 4)), 0.0) == 1.0


def test_arrow_scale_forgets_half_in_a_second():
    length, arrows = Length(), np.zeros((10, 4))
    arrows[:, 3] = 8.0
    assert length.of(arrows, 0.0) == 10
    assert length.of(arrows / 4, 1.0) == 5  # (8 + 2) / 2
    assert length.value == pytest.approx(5.0)
    assert length.of(arrows / 4, 61.0) == 2
