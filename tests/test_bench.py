"""The bench's own arithmetic, and the picture of what is committed; nothing here asserts a time."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from toylab import artefacts
from toylab.bench import __main__ as bench
from toylab.bench import costs, measure, plot, profile
from toylab.figures.style import Paint

ROOT = Path(__file__).resolve().parents[1]
ROWS = json.loads((ROOT / "docs" / "bench.json").read_text())["rows"]


def test_loops_take_turns_and_a_step_s_time_is_its_reading_s_over_its_steps(monkeypatch):
    clock, order = [0.0], []

    def loop(name, cost):
        def take(count):
            order.append(name)
            clock[0] += cost * count

        return take

    monkeypatch.setattr(measure.time, "process_time", lambda: clock[0])
    found = measure.turns({"a": loop("a", 0.01), "b": loop("b", 0.03)}, rounds=3, seconds=0.3)
    assert order == [*"aabb", *"ab" * 3]
    assert found["a"] == pytest.approx([10.0] * 3) and found["b"] == pytest.approx([30.0] * 3)
    assert clock[0] == pytest.approx(6 * 0.04 + 3 * (0.3 + 0.3))


def test_a_compiled_cost_has_its_gain_over_the_plain_step_round_by_round():
    found = {(8, "plain"): [4.0, 9.0, 2.0], (8, "compiled"): [2.0, 3.0, 2.0]}
    plain, ours = costs._pairs("width", found)
    assert (plain.case, plain.value, plain.spread) == ("width: 8 plain", 4.0, (2.0, 9.0))
    assert (ours.value, ours.ratio, ours.spread) == (2.0, 2.0, (1.0, 3.0))


def test_what_was_not_measured_now_stays_in_the_file(tmp_path):
    path, one, two = tmp_path / "bench.json", {"processor": "one"}, {"processor": "two"}
    rows = [{"suite": "steps", "case": "a"}, {"suite": "costs", "case": "b"}]
    bench.write(path, bench.merged(path, one, rows))
    assert json.loads(path.read_text()) == {"machine": one, "rows": rows}
    fresh = [{"suite": "costs", "case": "c"}]
    found = bench.merged(path, two, fresh)
    assert found == {"machine": one, "machines": {"costs": two}, "rows": [rows[0], *fresh]}


@pytest.mark.parametrize(
    "name, kind",
    [
        ("aten::addmm", "matrix products"),
        ("aoti_torch_cpu_mm_out", "matrix products"),
        ("aten::mul", "other operators"),
        ("AddmmBackward0", "bookkeeping of differentiation"),
        ("autograd::engine::evaluate_function: MulBackward0", "bookkeeping of differentiation"),
        ("graph_0_cpp_fused_leaky_relu_backward_13", "fused loops"),
    ],
)
def test_every_operator_counts_as_one_kind(name, kind):
    assert profile.kind(name) == kind


def test_the_parts_of_a_step_are_the_whole_step():
    readings = [({"matrix products": 0.5, profile.REST: 0.5}, {"matrix products": 3.0})] * 2
    told = list(profile._parts("64x2x64 plain", 8.0, readings))
    assert sorted(row.case for row in told) == [
        "64x2x64 plain: Python and the rest",
        "64x2x64 plain: matrix products, 3 calls",
    ]
    assert sum(row.value for row in told) == 8.0


def test_the_plot_shows_every_cost_that_is_committed():
    canvas = Figure()
    plot.draw(canvas, ROWS, Paint())
    shown = sorted(value for panel in canvas.axes for line in panel.lines for value in line._yorig)
    assert shown == sorted(row["value"] for row in ROWS if row["suite"] == "costs")
    lines = {panel.get_xlabel(): len(panel.lines) for panel in canvas.axes}
    assert lines == {"width": 2, "batch": 2, "members": 2, "grid": 1, "sessions": 1}


def test_a_case_is_built_anew_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (artefacts.folder() / "kept").touch()
    with measure.nothing_cached():
        assert not list(artefacts.folder().iterdir())
        inside = artefacts.folder()
    assert not inside.exists() and [path.name for path in artefacts.folder().iterdir()] == ["kept"]
