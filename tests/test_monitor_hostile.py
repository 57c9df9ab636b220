"""One run's broken or hostile files: they are named on its card, and every other run is shown."""

import json
import os
import platform

import numpy as np
import pytest

from tests.monitored import event, made, read, row, score
from toylab.monitor import record as records
from toylab.monitor.confined import Confined
from toylab.monitor.record import Record
from toylab.monitor.table import Table
from toylab.monitor.tail import Lines
from toylab.monitor.watch import Watch
from toylab.ui.monitor import Monitor


def text(*rows):
    return "".join(json.dumps(each) + "\n" for each in rows)


def cards(folder):
    """{name: card} of the page of a folder of runs."""
    page = Monitor(Watch([folder]))
    page.watch.look(budget=10)
    page.show()
    assert all(np.isfinite(curve.figure.y_range.end) for curve in page.curves.curves)
    return {card["name"]: card for card in page.runs}


@pytest.fixture
def folder(tmp_path):
    return made(tmp_path / "run", [row(1)])


@pytest.fixture
def run(folder):
    return read(Record(Confined(folder), "run"))


HUGE = '{"event": "best", "step": 1, "fid": 1' + "0" * 400 + "}\n"
HOSTILE = {
    "a hexadecimal number": ("config.toml", "a = 0x" + "f" * 20_000, "config.toml"),
    "a score in an event": ("events.jsonl", HUGE, "events.jsonl: lines that are no events: 1"),
    "far apart": ("metrics.jsonl", text(row(1, critic=1e308), row(2, critic=-1e308)), "critic"),
}  # fmt: skip


@pytest.mark.parametrize("name, content, said", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_run_is_named_and_the_page_shows_the_others(tmp_path, name, content, said):
    made(tmp_path / "good", [row(1), row(2)], owner=True)
    (made(tmp_path / "bad", [row(1), row(2)], owner=True) / name).write_text(content)
    found = cards(tmp_path)
    assert found["good"]["step"] == 2 and found["good"]["notes"] == []
    assert found["bad"]["step"] == 2 and said in " ".join(found["bad"]["notes"])


def test_a_number_too_long_to_show_leaves_the_other_settings(run, folder):
    with open(folder / "config.toml", "a", encoding="utf-8") as file:
        file.write("a = 0x" + "f" * 20_000)
    read(run)
    assert run.settings["run.a"] == records.TOO_LONG and run.steps == 100
    assert run.notes() == ["config.toml: a number in it has too many digits"]
    (folder / "config.toml").write_text("a = 0xff")
    assert read(run).notes() == [] and run.settings == {"a": "255"}


def test_events_beside_one_with_a_huge_score_are_told(run, folder):
    (folder / "events.jsonl").write_text(text(event("best", 1, fid=2.5)) + HUGE)
    assert [one.words for one in read(run).events] == ["best FID 2.5"]


@pytest.mark.parametrize("cuts", ["whole", "by rows"])
def test_numbers_beyond_1e300_are_not_finite(cuts):
    """A block of regular rows and single rows are alike, and what is just below stays."""
    table, lines = Table(), Lines()
    content = text(row(1, critic=-9e299), row(2, critic=1e300), row(3, critic=-1e308)).encode()
    for piece in [content] if cuts == "whole" else content.splitlines(keepends=True):
        table.add(lines.feed(piece))
    assert [x if x == x else None for x in table.columns["critic"]] == [-9e299, None, None]
    assert table.notes.words() == ["line 2 has a critic that is not finite (2 lines so)"]


ACTS = ("config.toml", "env.json", "ended.json", ".lock", "events.jsonl", "samples", "eval")


@pytest.mark.parametrize("name", ACTS)
def test_whatever_goes_wrong_with_a_file_is_the_run_s_own_problem(folder, monkeypatch, name):
    def broken(_):
        raise ZeroDivisionError("of all things")

    for other in ("ended.json", ".lock", "events.jsonl"):
        (folder / other).write_text("{}")
    (folder / "eval").mkdir()
    monkeypatch.setitem(Record._acts, name, broken)
    found = read(Record(Confined(folder), "run"))
    assert f"{name}: of all things" in found.notes() and list(found.table.steps) == [1]


def test_rows_that_cannot_be_taken_are_named_and_read_anew_once_they_change(folder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Table, "add", lambda *_: 1 / 0)
        found = read(Record(Confined(folder), "run"))
    assert found.notes() == ["metrics.jsonl: division by zero"] and found.steps == 100
    with open(folder / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(text(row(2)))
    assert list(read(found).table.steps) == [1, 2] and found.notes() == []


@pytest.mark.parametrize("process", ["0", "000"])
def test_process_0_trains_nothing(run, folder, process):
    (folder / ".lock").write_text(f"{platform.node()}, process {process}")
    assert read(run).state()[0] == "stopped"


def test_only_text_is_told_of_how_a_run_ended(run, folder):
    (folder / "ended.json").write_text('{"state": "failed", "words": [[["no", "text"]]]}')
    assert read(run).state() == ("failed", "")


# Scores


def test_a_cross_test_is_no_score(run, folder):
    (folder / "eval").mkdir()
    for name in ("crosstest-a-b-seed0.json", "one.json"):
        told = score(1) if name == "one.json" else {"matrix": [[1.0]]}
        (folder / "eval" / name).write_text(json.dumps(told))
    assert [*read(run).scores] == ["one.json"] and run.notes() == []


@pytest.mark.parametrize("how", ["the file", "the folder"])
def test_what_was_wrong_with_a_score_goes_with_its_file(run, folder, how):
    (folder / "eval").mkdir()
    (folder / "eval" / "a.json").write_text("{")
    (said,) = read(run).notes()
    assert said.startswith("eval/a.json: ")
    version = run.version
    (folder / "eval" / "a.json").unlink()
    if how == "the folder":
        (folder / "eval").rmdir()
    assert read(run).notes() == [] and run.scores == {} and run.version > version


def test_a_score_and_a_file_of_the_run_of_the_same_name_have_their_own_notes(run, folder):
    (folder / "eval").mkdir()
    (folder / "ended.json").write_text("{")
    (folder / "eval" / "ended.json").write_text(json.dumps(score(1)))
    (said,) = read(run).notes()
    assert said.startswith("ended.json: ")
    (folder / "eval" / "ended.json").write_text("{")
    os.utime(folder / "eval")
    assert [one.split(":")[0] for one in read(run).notes()] == ["ended.json", "eval/ended.json"]
    (folder / "ended.json").unlink()
    assert [one.split(":")[0] for one in read(run).notes()] == ["eval/ended.json"]


@pytest.mark.parametrize("name", ["samples", "eval"])
def test_what_was_wrong_with_a_folder_goes_once_it_is_one(run, folder, name):
    if name == "samples":
        (folder / name).rmdir()
    (folder / name).write_text("no folder")
    assert len(read(run).notes()) == 1
    (folder / name).unlink()
    (folder / name).mkdir()
    assert read(run).notes() == []


def test_a_score_that_goes_while_the_folder_is_listed_is_passed_over(run, folder, monkeypatch):
    (folder / "eval").mkdir()
    (folder / "eval" / "one.json").write_text(json.dumps(score(1)))
    listed = Confined.listed
    monkeypatch.setattr(Confined, "listed", lambda *how: [*listed(*how), "gone.json"])
    assert [*read(run).scores] == ["one.json"] and run.notes() == []
