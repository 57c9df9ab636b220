"""Schedules: closed forms, and text that reads back as the very same schedule."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toylab import schedules
from toylab.schedules import Schedule, evaluate, parse

CLOSED = {  # a schedule from 2 to 0.02 over 100 steps, at t = step/100
    "linear": (schedules.linear(2, 0.02, 100), lambda t: 2 * (1 - t) + 0.02 * t),
    "cosine": (
        schedules.cosine(2, 0.02, 100),
        lambda t: 0.02 + 1.98 * math.cos(math.pi * t / 2) ** 2,
    ),
    "exponential": (schedules.exponential(2, 0.02, 100), lambda t: 2 * 0.01**t),
    "constant": (schedules.constant(2), lambda t: 2.0),
    "jumps": (schedules.jumps(2, (50, 1), (100, 0.02)), lambda t: [2, 1, 0.02][int(2 * t)]),
}


def test_every_kind_is_covered_and_has_a_maker():
    assert set(CLOSED) == set(schedules.SCHEDULES) == set(schedules.MAKERS)


@pytest.mark.parametrize("kind", CLOSED)
def test_closed_form_and_constant_after_the_end(kind):
    made, formula = CLOSED[kind]
    for step in (0, 1, 25, 49, 50, 75, 99, 100):
        assert made(step) == pytest.approx(formula(step / 100), rel=1e-12)
    assert made(1000) == made(100) == pytest.approx(formula(1.0), rel=1e-12)
    assert made(0) == 2


def test_a_jump_acts_at_its_step_and_not_before():
    made = schedules.jumps(1, (980, 10), (981, -3))
    assert [made(step) for step in (0, 979, 980, 981, 5000)] == [1, 1, 10, -3, -3]


def test_roths_annealing():
    """γ₀·0.01^(t/T): from γ₀ to γ₀/100, γ₀/10 half way."""
    made = schedules.exponential(2, 0.02, 10_000)
    assert made(5_000) == pytest.approx(0.2, rel=1e-12)


numbers = st.floats(-1e12, 1e12, allow_nan=False)
positive = st.floats(1e-12, 1e12)
counts = st.integers(1, 10**9)


@st.composite
def any_schedule(draw):
    kind = draw(st.sampled_from(sorted(schedules.MAKERS)))
    if kind == "constant":
        return schedules.constant(draw(numbers))
    if kind == "exponential":
        sign = draw(st.sampled_from([1.0, -1.0]))
        return schedules.exponential(sign * draw(positive), sign * draw(positive), draw(counts))
    if kind == "jumps":
        steps = sorted(draw(st.sets(counts, max_size=4)))
        return schedules.jumps(draw(numbers), *[(step, draw(numbers)) for step in steps])
    return getattr(schedules, kind)(draw(numbers), draw(numbers), draw(counts))


@given(any_schedule())
def test_text_reads_back_as_the_same_schedule(made):
    assert parse(str(made)) == made


@given(any_schedule(), st.integers(0, 2 * 10**9))
def test_values_stay_between_the_smallest_and_the_largest(made, step):
    """What lets a knob check its bounds on `values` alone."""
    low, high = min(made.values), max(made.values)
    slack = 1e-9 * max(abs(low), abs(high))
    assert low - slack <= made(step) <= high + slack


@given(numbers)
def test_a_number_is_a_number(value):
    assert parse(repr(value)) == value
    assert evaluate(value, 7) == value
    assert evaluate(schedules.linear(value, value, 3), 7) == pytest.approx(value)


def test_schedules_are_data():
    assert schedules.linear(1, 2, 3) == schedules.linear(1.0, 2.0, 3) == parse(" linear(1,2, 3) ")
    assert isinstance(parse("jumps(1, 10@980)"), Schedule)
    assert parse("jumps(1, 10@980)") == schedules.jumps(1, (980, 10))


@pytest.mark.parametrize(
    "text, words",
    [
        ("fast", "neither a number nor a schedule"),
        ("linaer(1, 2, 3)", "did you mean 'linear'"),
        ("linear(1, 2)", "linear"),
        ("linear(1, 2, 0)", "whole number of steps ≥ 1"),
        ("linear(1, 2, 2.5)", "whole number of steps ≥ 1"),
        ("linear(1, 2, inf)", "whole number of steps ≥ 1"),
        ("linear(1, 2, nan)", "whole number of steps ≥ 1"),
        ("linear(nan, 2, 3)", "finite"),
        ("inf", "finite"),
        ("exponential(1, 0, 9)", "use linear to reach 0"),
        ("exponential(1, -1, 9)", "one sign"),
        ("jumps(1, 10)", "jumps"),
        ("jumps(1, 2@30, 3@30)", "increasing"),
        ("jumps(1, 2@0)", "≥ 1"),
        ("jumps()", "schedule"),
        ("", "schedule"),
    ],
)
def test_wrong_text_says_what_would_be_right(text, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        parse(text)


@pytest.mark.parametrize("value", ["1", True, None, float("nan")])
def test_only_finite_numbers_make_a_schedule(value):
    with pytest.raises(ValueError, match="constant takes"):
        schedules.constant(value)
