"""The monitor's charts without a browser: what is drawn of many rows, and what is said of it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.monitored import made, read, row, score
from toylab.monitor.confined import Confined
from toylab.monitor.record import Record
from toylab.monitor.thinning import smoothed, thinned
from toylab.ui import curves, theme
from toylab.ui.curves import Choice, Curves

RISING = some.lists(some.integers(0, 10**6), max_size=400, unique=True).map(sorted)


@given(RISING, some.integers(0, 2**32), some.integers(1, 20), some.data())
def test_thinning_keeps_the_extremes_of_every_window(x, seed, blocks, data):
    """Points of the line in their order, few, both ends, and the greatest and least among them."""
    x = np.array(x, float)
    y = np.random.default_rng(seed).normal(size=len(x))
    y[::7] = np.nan
    low, high = sorted(data.draw(some.tuples(some.integers(0, 10**6), some.integers(0, 10**6))))
    there = np.isfinite(y)
    for window in ((None, None), (low, high)):
        at, height = thinned(x, y, *window, blocks=blocks)
        assert len(at) <= 2 * blocks + 6 and (np.diff(at) > 0).all()
        pairs = dict(zip(x[there], y[there], strict=True))
        assert all(pairs[a] == b for a, b in zip(at, height, strict=True))
        inside = (
            there & (x >= (window[0] or 0)) & (x <= (10**7 if window[1] is None else window[1]))
        )
        if inside.any():
            kept = height[np.isin(at, x[inside])]
            assert kept.max() == y[inside].max() and kept.min() == y[inside].min()
            assert at[0] <= x[inside][0] and at[-1] >= x[inside][-1]


@pytest.mark.parametrize("low", [1000, 1001, 1013, 1024])
def test_stretches_are_counted_from_the_first_row_wherever_the_window_is(low):
    """3,000 rows in at most 100 stretches: of 32 rows, and a point on either side of the window."""
    x, y = np.arange(5000.0), np.random.default_rng(low).normal(size=5000)
    first, last = low - 1, 4001
    kept = {first, last}
    for begin in range(0, 5000, 32):
        if inside := range(max(begin, first), min(begin + 32, last + 1)):
            kept |= {min(inside, key=y.item), max(inside, key=y.item)}
    at, height = thinned(x, y, low, 4000, blocks=100)
    assert at.tolist() == sorted(kept) and (height == y[sorted(kept)]).all()


def test_a_million_rows_are_few_points_and_a_spike_stays():
    x, y = np.arange(1e6), np.zeros(1_000_000)
    y[654_321] = 9.0
    at, height = thinned(x, y)
    assert len(at) <= 606 and height.max() == 9.0
    more = thinned(np.arange(1e6 + 100), np.zeros(1_000_100))[0]
    same = np.isin(thinned(x, np.zeros(1_000_000))[0][:-2], more)
    assert same.all(), "what comes later moves no point that is drawn"


def test_smoothing_is_the_mean_around_a_row_and_keeps_gaps():
    y = np.random.default_rng(0).normal(size=200)
    y[50] = np.nan
    soft = smoothed(y, 0.1)
    for k in (0, 3, 60, 120, 199):
        reach = min(k, 199 - k, 10)
        assert soft[k] == pytest.approx(np.nanmean(y[k - reach : k + reach + 1]))
    assert np.isnan(soft[50]) and np.isfinite(np.delete(soft, 50)).all()
    assert smoothed(y, 0.0) is y


# Lines


def records(tmp_path, **runs):
    found = {}
    for name, how in runs.items():
        folder = made(tmp_path / name, **how)
        found[name] = read(Record(Confined(folder), name))
    return found


def drawn(found, told=None, dark=False):
    charts = Curves()
    slots = {key: slot for slot, key in enumerate(found)}
    said = charts.draw(found, slots, Choice.read(told or {}), dark)
    return {row["name"]: (row, curve) for row, curve in zip(said, charts.curves, strict=False)}


def test_every_number_has_a_chart_and_every_run_its_line(tmp_path):
    rows = [row(step, penalty=0.1, critic_gradient=1.0, mine=3) for step in (1, 2, 4)]
    found = records(
        tmp_path,
        a=dict(rows=rows, scores=[score(2), score(4, fid=2.0, baseline={"fid": 1.7})]),
        b=dict(rows=rows[:2]),
    )
    shown = drawn(found)
    assert list(shown) == ["critic", "generator", "penalty", "critic_gradient", "score:fid",
                           "images_per_second", "mine"]  # fmt: skip
    told, curve = shown["critic"]
    assert [line["run"] for line in told["lines"]] == ["a", "b"]
    assert [list(x) for x in curve.source.data["xs"]] == [[1, 2, 4], [1, 2]]
    assert [list(y) for y in curve.source.data["ys"]] == [[1, 0.5, 0.25], [1, 0.5]]
    assert curve.source.data["colour"] == [theme.RUNS[0][0], theme.RUNS[1][0]]
    told, curve = shown["score:fid"]
    assert curve.points.data["x"] == [2, 4] and curve.points.data["y"] == [3, 2]
    assert (
        "extractor classifier" in told["lines"][0]["made"]
        and "n fake 1000" in told["lines"][0]["made"]
    )
    assert told["lines"][0]["made"].endswith("run's seed 0, real against real 1.7")
    assert [c.figure.visible for c in Curves().curves] == [False] * curves.MOST_CHARTS


def test_a_run_of_one_row_is_a_point_until_it_is_a_line(tmp_path):
    shown = drawn(records(tmp_path, a=dict(rows=[row(4)]), b=dict(rows=[row(4), row(8)])))
    points = shown["critic"][1].points.data
    assert points["x"] == [4] and points["y"] == [0.25]
    assert points["colour"] == [theme.RUNS[0][0]]


def test_scores_that_were_measured_otherwise_are_no_line_and_it_is_said(tmp_path):
    found = records(
        tmp_path,
        a=dict(scores=[score(2, n=1000), score(4, n=1000), score(4, n=500)]),
        b=dict(scores=[score(3, n=1000)]),
    )
    told, curve = drawn(found)["score:fid"]
    assert told["warning"] == "not comparable: other n real, n fake"
    assert sorted(len(x) for x in curve.source.data["xs"]) == [1, 1, 2]
    del found["b"].scores["step-00000003-n1000.json"]
    found["a"].scores = {k: s for k, s in found["a"].scores.items() if s.made["n real"] == "1000"}
    assert drawn(found)["score:fid"][0]["warning"] == ""


def test_one_axis_for_all_in_steps_images_or_time(tmp_path):
    rows = [row(step) for step in (2, 4, 10)]
    found = records(tmp_path, a=dict(rows=rows, scores=[score(4)]))
    for axis, wanted, at in (("step", [2, 4, 10], 4), ("kimg", [0.128, 0.256, 0.64], 0.256),
                             ("time", [0.5, 1, 2.5], 1.0)):  # fmt: skip
        shown = drawn(found, {"axis": axis})
        assert shown["critic"][1].source.data["xs"][0] == pytest.approx(wanted)
        assert shown["score:fid"][1].points.data["x"] == pytest.approx([at])
        ranges = {curve.figure.x_range for _, curve in shown.values()}
        assert len(ranges) == 1 and next(iter(ranges)).end == pytest.approx(max(1, wanted[-1]))
    half = drawn(found, {"window": 0.5})["critic"][1].figure.x_range
    assert (half.start, half.end) == (5, 10)
    part = drawn(found, {"window": [3, 5]})["critic"][1]
    assert (part.figure.x_range.start, part.figure.x_range.end) == (3, 5)
    del found["a"].table.columns["seconds"]
    assert not drawn(found, {"axis": "time"})["critic"][0]["lines"], "no clock, no line"


def test_a_run_that_has_not_changed_costs_nothing_and_one_that_has_is_drawn(tmp_path, monkeypatch):
    """Another run with the same name is another run, too."""
    rows = [row(step) for step in range(1, 50)]
    found = records(tmp_path, a=dict(rows=rows, owner=True), b=dict(rows=rows, ended="finished"))
    asked, thin = [], curves.thinned
    monkeypatch.setattr(curves, "thinned", lambda x, *how: asked.append(len(x)) or thin(x, *how))
    charts, slots = Curves(), {"a": 0, "b": 1}
    charts.draw(found, slots, Choice(), False)
    first, asked[:] = len(asked), []
    charts.draw(found, slots, Choice(), True)
    assert asked == [] and first == 6
    with open(tmp_path / "a" / "metrics.jsonl", "a") as file:
        file.write(json.dumps(row(50)) + "\n")
    read(found["a"])
    charts.draw(found, slots, Choice(), False)
    assert asked == [50] * 3, "the three charts of the run that goes on"
    asked.clear()
    other = records(tmp_path / "other", b=dict(rows=rows[:5], ended="finished"))
    charts.draw(found | other, slots, Choice(), False)
    assert asked == [5] * 3


def test_a_logarithm_where_it_shows_more_or_was_asked_for(tmp_path):
    rows = [row(step, critic_gradient=10.0 ** (step - 3)) for step in range(1, 7)]
    found = records(tmp_path, a=dict(rows=rows))
    told, curve = drawn(found)["critic_gradient"]
    assert told["log"] and curve.source.data["ys"][0] == pytest.approx([-2, -1, 0, 1, 2, 3])
    assert set(curve.figure.yaxis.major_label_overrides.values()) == {"0.01", "1", "100"}
    told, curve = drawn(found, {"logs": {"critic_gradient": False}})["critic_gradient"]
    assert not told["log"] and curve.source.data["ys"][0].max() == 1000
    assert not drawn(found)["critic"][0]["log"]


def test_one_spike_does_not_flatten_a_loss_and_is_counted(tmp_path):
    rows = [row(step, critic=1e6 if step == 77 else 1 + step % 2) for step in range(1, 400)]
    told, curve = drawn(records(tmp_path, a=dict(rows=rows)))["critic"]
    assert told["beyond"] == 1 and curve.figure.y_range.end < 10
    assert max(curve.source.data["ys"][0]) == 1e6, "it is drawn all the same"


def test_smooth_lines_have_the_numbers_under_them(tmp_path):
    rows = [row(step, critic=step % 2) for step in range(1, 400)]
    told, curve = drawn(records(tmp_path, a=dict(rows=rows)), {"smooth": 0.1})["critic"]
    assert [line["faint"] for line in told["lines"]] == [True, False]
    assert curve.source.data["alpha"] == [curves.FAINT, 1.0]
    assert (
        np.ptp(curve.source.data["ys"][0]) == 1 and np.ptp(curve.source.data["ys"][1][20:-20]) < 0.1
    )


@pytest.mark.parametrize(
    "told",
    [
        {"axis": "age", "smooth": "much", "window": [5, 1], "logs": 3},
        {"axis": ["step"], "smooth": float("nan"), "window": [0, 1e300], "logs": None},
        {"window": ["a", "b"]}, {"window": [1]}, {"window": 7}, {"smooth": [1]}, {"window": {}},
    ],
)  # fmt: skip
def test_nothing_that_a_browser_says_is_believed(told):
    assert Choice.read(told) == Choice(logs={})


def test_more_runs_than_colours_have_dashes(tmp_path):
    rows = [row(1), row(2)]
    found = records(tmp_path, **{f"r{k}": dict(rows=rows) for k in range(8)})
    data = drawn(found)["critic"][1].source.data
    assert data["colour"][0] == data["colour"][6] and data["dash"][0] != data["dash"][6]
