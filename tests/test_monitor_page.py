"""The monitor's page without a browser: what it is told, what it answers, whom it lets see what."""

import base64
import json

import numpy as np
import pytest

from tests.monitored import made, row
from toylab.monitor.watch import Watch
from toylab.ui.monitor import MOST_SHOWN, REALS, Monitor


@pytest.fixture
def folder(tmp_path):
    made(tmp_path / "00-a", [row(4), row(8)], steps=40, grids=[0, 8], ended="stopped")
    made(tmp_path / "01-b", [row(4), row(8)], steps=40, penalty="none", grids=[4], owner=True)
    return tmp_path


def page(folder, **params):
    made_ = Monitor(Watch([folder]), **params)
    made_.watch.look(budget=10)
    made_.watch.look(budget=10)
    made_.show()
    return made_


def test_cards_say_what_is_known_and_when_it_will_be_done(folder):
    b, a = page(folder).runs
    assert (a["name"], a["state"], b["name"], b["state"]) == ("00-a", "stopped", "01-b", "running")
    assert (a["slot"], b["slot"]) == (1, 0), "the newest stands first"
    assert b["left"] == pytest.approx(8.0) and a["left"] is None, "32 steps of a quarter second"
    assert (b["step"], b["steps"], b["rate"], b["kimg"]) == (8, 40, 100, 0.512)
    json.dumps([a, b])


def test_only_settings_that_differ_stand_first(folder):
    rows = page(folder).settings
    assert [row["name"] for row in rows if not row["same"]] == ["experiment.penalty"]
    assert sorted(rows[0]["values"].values()) == ["none", "roth"]
    assert {row["name"] for row in rows} > {"run.steps", "experiment.batch"}


def test_pictures_are_sent_as_asked_and_nothing_else_is(folder):
    made_ = page(folder)
    b, a = (run["key"] for run in made_.runs)
    made_.wanted = {"n": 1, "which": [[a, 8], [a, REALS], [b, 4], [b, 5]]}
    got = made_.pictures["got"]
    assert made_.pictures["n"] == 1 and got[f"{b}|5"] == {"problem": "no grid of step 5"}
    for key, path in ((f"{a}|8", "00-a/samples/fakes00000008.png"), (f"{a}|-1", "00-a/reals.png")):
        address = got[key]["address"].removeprefix("data:image/png;base64,")
        assert base64.b64decode(address) == (folder / path).read_bytes()
    hostile = [
        "../secret",
        3,
        None,
        [],
        ["x"],
        ["x", 1],
        [a, "8"],
        [a, "../../x"],
        [["a"], 8],
        [a, {}],
    ]
    for which in (hostile, "all", None, {"a": 1}, [[a, 1e300]]):
        made_.wanted = {"n": which, "which": which}
        assert all("problem" in told for told in made_.pictures["got"].values())
        json.dumps(made_.pictures)


def test_a_run_keeps_its_colour_and_at_most_twelve_are_shown(tmp_path):
    for k in range(15):
        made(tmp_path / f"{k:02d}", [row(1)])
    made_ = page(tmp_path)
    names = {run["name"]: run["slot"] for run in made_.runs}
    assert [n for n, slot in names.items() if slot is not None] == ["14", "13", "12", "11"]
    keys = {run["name"]: run["key"] for run in made_.runs}
    made_.dark = False
    made_.choice = {"shown": [keys["12"], keys["03"]]}
    slots = {run["name"]: run["slot"] for run in made_.runs if run["slot"] is not None}
    assert slots == {"12": names["12"], "03": 0}
    made_.choice = {"shown": [*keys, 7, None]}
    slots = [run["slot"] for run in made_.runs if run["slot"] is not None]
    assert sorted(slots) == [*range(MOST_SHOWN)]
    made_.choice = {"shown": "everything"}
    assert sum(run["slot"] is not None for run in made_.runs) == 4


def test_what_has_not_changed_is_not_sent_again(folder):
    """Five idle looks send nothing; one new row sends its run's card and charts, no picture."""
    made_ = page(folder)
    sent = []
    made_.param.watch(lambda *events: sent.extend(e.name for e in events),
                      [*made_.param.values()], onlychanged=False)  # fmt: skip
    for _ in range(5):
        made_.look()
    assert sent == []
    with open(folder / "01-b" / "metrics.jsonl", "a") as file:
        file.write(json.dumps(row(12)) + "\n")
    made_.watch._due.clear()
    made_.look()
    assert {"runs", "clock"} <= {*sent} and not {*sent} & {"pictures", "settings", "trouble"}
    newest = made_.curves.curves[0].source.data["xs"][0]
    assert np.array_equal(newest, [4, 8, 12])


def test_nothing_is_looked_at_while_nobody_sees_the_page(folder, monkeypatch):
    made_ = Monitor(Watch([folder]))
    beats = []
    monkeypatch.setattr(made_._beat, "start", lambda: beats.append("start"))
    monkeypatch.setattr(made_._beat, "stop", lambda: beats.append("stop"))
    assert not made_._beat.running and made_.watch.records == {}
    made_.awake = True
    assert beats == ["start"] and len(made_.watch.records) == 2
    monkeypatch.setattr(type(made_._beat), "running", True, raising=False)
    made_.awake = False
    assert beats == ["start", "stop"]
