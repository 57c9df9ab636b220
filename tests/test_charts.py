"""The charts' numbers: what is kept of a run, what is drawn of it, and which axis holds it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toylab.ui import labels
from toylab.ui.axes import CALM, Limits, counts, decades, label, thirds
from toylab.ui.charts import named, parcel
from toylab.ui.drawing import FAINT, POINTS, Chart, Now, outline, reach
from toylab.ui.history import History, Shelf, extremes, moving_average
from toylab.ui.measures import CARDS, KEPT
from toylab.ui.phrases import marks

number = st.floats(-1e6, 1e6, allow_nan=False)
FIELDS = {"penalty_weight": {"label": "Penalty weight"}}


def walk(rows, curves, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, curves)).cumsum(0)


@given(rows=st.integers(1, 3000), curves=st.integers(1, 3), seed=st.integers(0, 99))
def test_no_spike_is_lost(rows, curves, seed):
    values = walk(rows, curves, seed)
    index = extremes(values, 400)
    assert len(index) <= 400 and (np.diff(index) > 0).all()
    assert index[0] == 0 and index[-1] == rows - 1
    assert (values[index].min(0) == values.min(0)).all()
    assert (values[index].max(0) == values.max(0)).all()


def test_every_slice_keeps_its_extremes():
    values = walk(5000, 1)
    index = extremes(values, 402)
    for start in range(0, 5000, 25):
        part = np.arange(start, start + 25)
        assert values[part].argmax() + start in index and values[part].argmin() + start in index


def test_a_number_that_was_not_asked_for_hides_no_other():
    values = walk(2000, 2)
    values[1::2, 1] = np.nan
    values[1401, 0] = values[1500, 1] = 1e9
    values[501, 0] = values[602, 1] = -1e9
    assert {501, 602, 1401, 1500} <= set(extremes(values, 100))


def test_a_flat_curve_reaches_to_the_newest_row():
    index = extremes(np.zeros((1990, 1)), 400)
    assert index[0] == 0 and index[-1] == 1989


@given(low=number, span=st.floats(0, 1e6))
def test_an_axis_holds_its_numbers_with_three_round_ticks(low, span):
    axis = thirds(low, low + span)
    step = axis.ticks[1] - axis.ticks[0]
    slack = 1e-6 * max(step, abs(low), abs(axis.high))
    assert axis.low <= low + slack and axis.high >= low + span - slack
    assert len(axis.ticks) == 3 and axis.low == axis.ticks[0] and axis.high == axis.ticks[2]
    assert len({label(tick) for tick in axis.ticks}) == 3


def test_the_axis_of_one_number_is_round():
    assert thirds(1.38227, 1.38227).ticks == (1.38, 1.39, 1.4)


@given(low=st.floats(-100, 100), span=st.floats(0.01, 1e4))
def test_no_finer_axis_would_do(low, span):
    axis = thirds(low, low + span)
    step = (axis.high - axis.low) / 2
    power = 10.0 ** np.floor(np.log10(step) + 1e-9)
    factor = round(step / power)
    assert factor in (1, 2, 5)
    finer = power * {1: 0.5, 2: 1, 5: 2}[factor]
    assert (np.floor(low / finer + 1e-9) + 2) * finer < low + span + 1e-9 * finer


@given(low=st.floats(-9, 6), span=st.floats(0, 9))
def test_a_logarithm_has_decades_only(low, span):
    axis = decades(low, low + span)
    assert axis.low <= low + 1e-6 and axis.high >= low + span - 1e-6
    assert 2 <= len(axis.ticks) <= 3
    assert all(tick == int(tick) for tick in axis.ticks)


@given(total=st.integers(1, 5000))
def test_a_count_goes_from_nothing_to_all(total):
    axis = counts(total)
    assert (axis.low, axis.high) == (0, total) and axis.ticks[0] == 0
    assert 2 <= len(axis.ticks) <= 3 and axis.ticks[-1] <= total


def test_limits_grow_at_once_and_shrink_after_two_calm_seconds():
    limits = Limits(thirds)
    wide = limits.of(0.0, 9.0, now=0.0)
    assert limits.of(0.0, 1.0, now=CALM - 0.1) == wide
    assert limits.of(0.0, 1.0, now=CALM) == thirds(0.0, 1.0)
    grown = limits.of(0.5, 30.0, now=CALM + 0.1)
    assert grown.high >= 30.0 and grown.low <= 0.0  # while one side grows the other does not shrink
    assert limits.of(-1.0, 1.0, now=CALM + 0.2).high >= 30.0
    # Whoever needs the axis in between starts the clock anew.
    held = limits.of(-1.0, 30.0, now=2 * CALM)
    assert limits.of(0.0, 1.0, now=3 * CALM - 0.1) == held


def test_one_spike_does_not_flatten_the_losses():
    values = np.concatenate([np.linspace(1, 2, 999), [1e6]])[:, None]
    assert reach(values, robust=True)[1] < 2.1
    assert reach(values, robust=False)[1] == 1e6
    history = History(KEPT)
    for step, value in enumerate(values[:, 0]):
        history.add(step, {"loss_critic": value, "loss_generator": 1.5})
    drawn = Chart(CARDS["losses"]).picture(Now(history, {}, None, False), 0.0)
    assert drawn["y"][1] < 3 and drawn["beyond"] == [1, 0]
    assert drawn["raw"]["first"].max() == 1e6  # it is there, beyond the edge


def run(steps, **curves):
    history = History(KEPT)
    for k, step in enumerate(steps):
        history.add(step, {name: values[k] for name, values in curves.items()})
    return history


def test_cut_back_and_brought_back():
    shelf = Shelf(("a",))
    settings, log = {"weight": 1.0}, []
    shelf.begin(settings, log)
    for step in range(100):
        shelf.history.add(step, {"a": step})
    changed, later = {"weight": 10.0}, [[50, {"weight": 10.0}]]
    shelf.note(changed, later)
    shelf.turn_back(50, settings, log)  # the change at 50 is undone
    assert shelf.history.last == 50
    for step in range(51, 200):
        shelf.history.add(step, {"a": -step})
    shelf.begin({"weight": 2.0}, [])
    shelf.turn_back(99, changed, later)  # and brought back, from under a newer run
    assert shelf.history.rows[:, 1].tolist() == list(range(100))
    assert shelf.present.first == settings
    shelf.turn_back(50, settings, log)
    assert shelf.history.last == 50
    shelf.begin({"weight": 3.0}, [])  # another run, taken back
    shelf.history.add(0, {"a": 7.0})
    shelf.turn_back(50, settings, log)
    assert shelf.history.rows[:, 1].tolist() == list(range(51))


def test_a_row_takes_later_what_it_did_not_have():
    history = History(("a", "b"))
    history.add(3, {"a": 1.0, "b": None})
    history.add(3, {"b": 2.0, "a": None})
    history.add(2, {"a": 9.0, "b": 9.0})
    assert history.rows.tolist() == [[3.0, 1.0, 2.0]]


def test_a_long_run_keeps_its_spikes_in_a_small_table():
    history = History(("a", "b"), kept=1000)
    values = walk(5000, 2)
    values[1234, 1] = 1e6
    for step, (a, b) in enumerate(values):
        history.add(step, {"a": a, "b": b})
        assert len(history.rows) <= 1000
    kept = history.rows
    assert (kept[:, 1:].max(0) == values.max(0)).all() and (
        kept[:, 1:].min(0) == values.min(0)
    ).all()
    assert kept[0, 0] == 0 and kept[-1, 0] == 4999 and (np.diff(kept[:, 0]) > 0).all()
    assert (kept[:, 1:] == values[kept[:, 0].astype(int)]).all()


def test_csv_is_every_row():
    history = run([0, 7], modes=[3, 4], loss_critic=[1.25, None])
    head, first, second = history.csv().splitlines()
    assert head == ",".join(("step", *KEPT))
    told = dict(zip(head.split(","), first.split(","), strict=True))
    assert told["step"] == "0" and told["modes"] == "3" and told["loss_critic"] == "1.25"
    assert dict(zip(head.split(","), second.split(","), strict=True))["loss_critic"] == ""


@given(rows=st.integers(1, 200), width=st.integers(1, 50))
def test_the_moving_average_is_a_mean_of_neighbours(rows, width):
    values = walk(rows, 2)
    half = width // 2
    slow = [values[max(k - half, 0) : k + half + 1].mean(0) for k in range(rows)]
    np.testing.assert_allclose(moving_average(values, width), slow, atol=1e-9)


def test_only_a_rough_curve_is_averaged():
    steps, smooth = np.arange(1000), np.linspace(0, 1, 1000)
    rough = smooth + 0.3 * np.random.default_rng(0).normal(size=1000)
    for curve, alpha in ((smooth, 1.0), (rough, FAINT)):
        now = Now(run(steps, says_real=curve, says_fake=smooth), {}, None, False)
        drawn = Chart(CARDS["says"]).picture(now, 0.0)
        assert drawn["alpha"] == alpha
        assert bool(len(drawn["mean"]["x"])) == (alpha == FAINT)
        assert len(drawn["raw"]["x"]) <= POINTS
    middle = abs(drawn["mean"]["x"] - 500) < 200
    assert abs(drawn["mean"]["first"] - drawn["mean"]["x"] / 999)[middle].max() < 0.2


def test_a_line_ends_where_nobody_asked_for_its_numbers():
    slopes = [1.0] * 10 + [None] * 5 + [2.0] * 10
    history = run(range(25), slope_real=slopes, slope_fake=slopes)
    drawn = Chart(CARDS["slopes"]).picture(Now(history, {}, None, True), 0.0)
    (gap,) = np.flatnonzero(np.isnan(drawn["raw"]["first"]))
    assert drawn["raw"]["x"][gap - 1] == 9 and drawn["raw"]["x"][gap + 1] == 15
    assert drawn["optimum"] == [0.0] and drawn["names"][0][2] == "slope 1"
    np.testing.assert_allclose(drawn["raw"]["first"][gap + 1 :], np.log10(2))
    assert drawn["y"][0] < 0 < 1 < drawn["y"][1] and drawn["ticks"] == [[0.0, "1"], [1.0, "10"]]


def test_the_noise_floor_is_a_band_that_the_axis_holds():
    history = run(range(5), wasserstein=[1.0, 0.5, 0.4, 0.3, 0.2])
    now = Now(history, {"wasserstein_floor": 0.012}, None, False)
    drawn = Chart(CARDS["wasserstein"]).picture(now, 0.0)
    low, high = drawn["floor"]
    assert low < drawn["y"][0] < high == pytest.approx(np.log10(0.012))


def test_a_histogram_s_outline_holds_its_shares():
    shares = np.array([[0.1, 0.9, 0.0], [0.5, 0.25, 0.25]])
    x, y = outline(shares, -2.0, 4.0)
    assert x[0] == -2.0 and x[-1] == 4.0 and (y[0] == 0).all() and (y[-1] == 0).all()
    np.testing.assert_allclose(np.trapezoid(y, x, axis=0), 2.0 * shares.sum(1))
    rows = [{"D": 0.3, "letter": "a"}, {"D": None, "letter": "b"}, {"D": 1, "letter": "c"}]
    told = {"histogram_low": 0, "histogram_high": 1, "probes": rows}
    drawn = Chart(CARDS["histogram"]).picture(Now(History(KEPT), told, shares, False), 0.0)
    assert drawn["lines"] == [0.3, 1] and [name[2] for name in drawn["names"]] == ["a", "c"]


@given(height=st.floats(0, 70), seed=st.integers(0, 50))
def test_a_name_stands_within_the_frame_and_beside_curves_where_it_can(height, seed):
    x = np.linspace(0, 200, 60)
    curves = 35 + 25 * np.sin(x / 17 + seed)[:, None]
    covered = labels.columns(x, curves, 200)
    right, above = labels.stand(height, "2 log 2", covered, 70)
    foot = height + labels.GAP if above else height - labels.GAP - labels.HIGH
    assert 0 <= foot and foot + labels.HIGH <= 70 and 40 <= right <= 200


def test_a_name_leaves_the_place_that_a_curve_takes():
    x = np.arange(201.0)
    y = np.where(x < 150, 5.0, 45.0)[:, None]  # the curve runs right above the line at its end
    right, above = labels.stand(40.0, "½", labels.columns(x, y, 200), 70)
    assert not above and right == 200
    nowhere = np.where(x < 100, 5.0, 30 + 25 * np.sin(x))[:, None]
    right, _ = labels.stand(40.0, "½", labels.columns(x, nowhere, 200), 70)
    assert right <= 100


def test_marks_tell_old_and_new():
    log = [[980, {"penalty_weight": 10.0}], [1200, {"penalty_weight": 2.0}]]
    told = marks(FIELDS, {"penalty_weight": 1.0}, log)
    assert told == [
        (980, "Penalty weight 1.0 → 10.0 at 980"),
        (1200, "Penalty weight 10.0 → 2.0 at 1,200"),
    ]
    drag = [[100 + k, {"penalty_weight": float(k)}] for k in range(20)]
    assert marks(FIELDS, {"penalty_weight": 1.0}, drag, apart=5) == [
        (119, "Penalty weight 1.0 → 19.0 at 119")
    ]


def test_a_parcel_holds_every_column_where_it_says():
    history = run(range(50), modes=list(range(50)))
    drawn = Chart(CARDS["clusters"]).picture(Now(history, {"modes_total": 50}, None, False), 0.0)
    made = parcel({2: drawn}, [[3, "x"]])
    layout, numbers = json.loads(made["layout"][0]), made["bytes"][0].view(np.float32)
    offset, count = layout["slots"]["2"]["raw"]["first"]
    assert numbers[offset : offset + count].tolist() == list(range(50))
    assert layout["marks"] == [[3, "x"]]


def test_an_address_names_its_cards():
    assert named("slopes,clusters,slopes") == ["slopes", "clusters"]
    with pytest.raises(ValueError, match="no card nonsense"):
        named("nonsense")
    with pytest.raises(ValueError, match="room for 4"):
        named(",".join(list(CARDS)[:5]))


def test_two_names_never_lie_over_each_other():
    nowhere = labels.columns(np.array([0.0, 1.0]), np.full((2, 1), np.nan), 200)
    taken = []
    for y, text in ((30.0, "2 log 2"), (33.0, "log 2"), (36.0, "½")):
        place = labels.stand(y, text, nowhere, 70, taken=taken)
        left, right, foot = labels.box(y, text, place)
        for other_left, other_right, other in taken:
            apart = left >= other_right or right <= other_left
            assert apart or abs(foot - other) >= labels.HIGH
        taken.append((left, right, foot))
