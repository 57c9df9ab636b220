"""Run folders as the monitor finds them: states, grids, scores, hostile files, coming and going."""

import json
import os
import re
import threading
import time
from pathlib import Path

import pytest

from tests.image_runs import TINY, trained
from tests.monitored import grid, made, read, row, score
from toylab.image.__main__ import main
from toylab.image.ending import Ending
from toylab.monitor.confined import Confined, Refused
from toylab.monitor.life import SILENCE
from toylab.monitor.record import MOST_SIDE, REALS_FILE, Record
from toylab.monitor.watch import Watch

DEAD = 999_999_999  # more than a process's number can be


def record(folder):
    return read(Record(Confined(folder), folder.name))


def watched(*paths):
    watch = Watch(paths)
    while watch.look(budget=10):
        pass
    return watch


def again(watch):
    """Another look, as if enough time had gone by."""
    watch._due.clear()
    while watch.look(budget=10):
        pass
    return watch


# What a run is


@pytest.mark.parametrize(
    "how, state",
    [
        (dict(owner=True), "running"),
        (dict(owner=True, rows=[row(100)]), "running"),
        (dict(owner=DEAD), "stopped"),
        (dict(owner=DEAD, rows=[row(100)]), "finished"),
        (dict(owner=DEAD, rows=[row(99)], grids=[100]), "finished"),
        (dict(owner=True, ended="finished"), "finished"),
        (dict(owner=DEAD, ended="stopped"), "stopped"),
        (dict(owner=DEAD, ended="diverged"), "diverged"),
        (dict(owner=DEAD, ended="failed"), "failed"),
        (dict(owner=DEAD, ended="wonderful"), "stopped"),
    ],
)
def test_the_state_comes_from_the_run_s_own_files(tmp_path, how, state):
    found = record(made(tmp_path / "run", **{"rows": [row(10)], **how}))
    name, words = found.state()
    assert name == state
    if state in ("diverged", "failed"):
        assert words == "as it went"
    elif state == "stopped" and how.get("ended") != "stopped":
        assert "without a word" in words


def test_a_run_of_another_machine_is_held_for_dead_once_it_is_silent(tmp_path):
    folder = made(tmp_path / "run", [row(10)])
    (folder / ".lock").write_text("elsewhere.example, process 1")
    found = record(folder)
    assert found.state(time.time())[0] == "running"
    assert found.state(time.time() + SILENCE + 5)[0] == "stopped"
    assert 0 <= found.life.age(time.time()) < 60
    assert found.life.age(time.time() + 100) == pytest.approx(100, abs=60)


def test_a_real_run_is_read_whole_while_it_ends_is_resumed_and_diverges(tmp_path, capsys):
    """Everything that `toylab.image` writes is understood, and nothing is ever written there."""
    folder = trained(tmp_path, "steps=6", "log_every=2", "sample_every=3", "penalty=roth")
    found = record(folder)
    assert found.state() == ("finished", "") and found.step == found.steps == 6
    wanted = {"critic", "generator", "penalty", "critic_gradient", "generator_gradient", "seconds"}
    assert wanted < set(found.table.columns)
    assert list(found.table.steps) == [2, 4, 6]
    assert min(found.table.columns["critic_gradient"]) > 0
    seconds = list(found.table.columns["seconds"])
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert [step for step, _ in found.grids] == [0, 3, 6]
    assert found.settings["experiment.penalty"] == "roth" and found.settings["run.steps"] == "6"
    assert found.about["device"] == "cpu" and found.notes() == []
    assert [one.words for one in found.events] == ["began", "finished"]
    generation = found.generation

    assert main(["train", "--resume", str(folder), "steps=9"]) == 0
    read(found)
    assert found.state() == ("finished", "") and found.steps == 9 and found.generation > generation
    assert list(found.table.steps)[:3] == [2, 4, 6] and found.step == 9
    assert [(one.step, one.words) for one in found.events[2:]] == [(6, "went on"), (9, "finished")]
    longer = list(found.table.columns["seconds"])
    assert longer[:3] == seconds and longer == sorted(longer), "pauses count for nothing"

    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.rglob("*")}
    watch = watched(tmp_path)
    for each in watch.records.values():
        each.picture("samples", each.grids[-1][1])
        each.picture(REALS_FILE)
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.rglob("*")}

    words = ["digits-smoke", *TINY, "rate_critic=10", "optimizer=simultaneous", "rule=sgd"]
    words += ["objective=least-squares", "penalty=none", "steps=60", "log_every=1"]
    assert main(["train", *words, "--out", str(tmp_path)]) == 3
    again(watch)
    last = next(iter(watch.records.values()))
    name, told = last.state()
    assert name == "diverged" and "not finite" in told
    assert last.events[-1].words.startswith("diverged: critic ")
    capsys.readouterr()


def test_rows_grids_scores_and_settings_are_followed(tmp_path):
    folder = made(tmp_path / "run", [row(10)], grids=[0, 10], owner=True)
    found = record(folder)
    before = found.version
    assert not found.look() and found.version == before, "nothing is new"
    with open(folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps(row(20)) + "\n" + json.dumps(row(30))[:9])
    grid(folder / "samples" / "fakes00000020.png")
    (folder / "samples" / ".fakes00000030.png.77.tmp").write_bytes(b"half")
    (folder / "eval").mkdir()
    (folder / "eval" / "one.json").write_text(json.dumps(score(20, fid=7.5)))
    read(found)
    assert list(found.table.steps) == [10, 20] and found.version > before
    assert found.grids[-1] == (20, "fakes00000020.png") and len(found.grids) == 3
    (scored,) = found.scores.values()
    assert scored.values == {"fid": 7.5, "is_std": 0.1} and scored.made["n fake"] == "1000"
    (folder / "ended.json").write_text('{"state": "stopped", "step": 20, "words": ""}')
    read(found)
    assert found.state() == ("stopped", "")
    (folder / "ended.json").unlink()  # it goes on
    read(found)
    assert found.state()[0] == "running"


def test_the_end_of_a_run_is_written_and_taken_back(tmp_path):
    """Finished, stopped before the last step, failed; while it trains there is no such file."""
    path = tmp_path / "ended.json"
    for reached, wanted in ((9, "finished"), (4, "stopped")):
        with Ending(tmp_path, 9) as ending:
            assert not path.exists()
            ending.step = reached
        told = json.loads(path.read_text())
        assert told == {"state": wanted, "step": reached, "words": ""}
    with pytest.raises(ValueError), Ending(tmp_path, 9) as ending:
        ending.step = 9
        raise ValueError("no room")
    assert json.loads(path.read_text()) == {"state": "failed", "step": 9, "words": "no room"}
    with Ending(None, 9):
        pass  # of a process that writes nothing


def test_a_folder_that_has_just_changed_is_listed_again(tmp_path):
    """Two changes within one tick of a file system's clock leave the same time behind."""
    folder = made(tmp_path / "run", [row(1)], grids=[1])
    found = record(folder)
    told = (folder / "samples").stat()
    grid(folder / "samples" / "fakes00000002.png")
    os.utime(folder / "samples", ns=(told.st_atime_ns, told.st_mtime_ns))
    assert [step for step, _ in read(found).grids] == [1, 2]


def test_a_replaced_file_stays_on_the_page_until_the_new_one_is_read(tmp_path):
    """The trainer rewrites its rows when it goes on from an earlier checkpoint."""
    rows = [row(step) for step in range(1, 4000)]
    folder = made(tmp_path / "run", rows, owner=True)
    found = record(folder)
    new = "".join(json.dumps(each) + "\n" for each in rows[:3000])
    (folder / "new").write_text(new)
    os.replace(folder / "new", folder / "metrics.jsonl")
    seen = []
    while found.look():
        seen.append(len(found.table.steps))
    assert {*seen} == {3999} and len(found.table.steps) == 3000
    assert found.generation == 1


# Folders of runs


def test_runs_come_and_go_and_the_last_one_stands_first(tmp_path):
    for name in ("00000-a", "00001-b"):
        made(tmp_path / name, [row(1)])
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").write_text("")
    watch = watched(tmp_path)

    def names():
        return [each.name for each in watch.records.values()]

    assert names() == ["00001-b", "00000-a"] and not watch.problems
    made(tmp_path / "00002-c", [row(1)])
    again(watch)
    assert names() == ["00002-c", "00001-b", "00000-a"]
    for path in sorted((tmp_path / "00001-b").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "00001-b").rmdir()
    again(watch)
    assert names() == ["00002-c", "00000-a"]
    two = watched(tmp_path / "00000-a", tmp_path / "00002-c")
    assert [each.name for each in two.records.values()] == ["00000-a", "00002-c"]


def test_runs_in_folders_of_their_own_are_found_and_named_by_them(tmp_path):
    """As ``--out runs/ARM`` makes them; deeper than that, and through links, nothing is sought."""
    watch = watched(tmp_path)
    assert "no run in it yet" in watch.problems[str(tmp_path)]
    made(tmp_path / "roth" / "00000-digits", [row(1)])
    again(watch)
    assert [each.name for each in watch.records.values()] == ["roth/00000-digits"]
    assert not watch.problems
    made(tmp_path / "00000-alone", [row(1)])
    made(tmp_path / "roth" / "00001-digits", [row(1)])
    made(tmp_path / "roth" / "deep" / "00000-deep", [row(1)])
    again(watch)
    names = {each.name for each in watch.records.values()}
    assert names == {"roth/00000-digits", "roth/00001-digits", "00000-alone"}
    old = time.time() - 60
    for folder in (tmp_path, tmp_path / "roth", tmp_path / "roth" / "deep"):
        os.utime(folder, (old, old))
    again(watch)
    made(tmp_path / "roth" / "00002-digits", [row(1)])  # only its own folder's clock tells of it
    os.utime(tmp_path / "roth", (old + 9, old + 9))
    again(watch)
    assert "roth/00002-digits" in {each.name for each in watch.records.values()}
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "arm").symlink_to(tmp_path / "roth")
    other = watched(tmp_path / "named")
    assert not other.records and "arm in" in other.problems[str(tmp_path / "named")]


def test_runs_of_one_name_are_told_apart_by_their_paths(tmp_path):
    places = [tmp_path / place for place in ("old/seeds/a", "new/seeds/a", "new/rates/a", "b")]
    for place in places:
        made(place, [row(1)])
    watch = watched(*places)
    names = [each.name for each in watch.records.values()]
    assert names == ["old/seeds/a", "new/seeds/a", "rates/a", "b"]
    both = watched(tmp_path / "new", places[0])
    assert [each.name for each in both.records.values()] == ["seeds/a", "rates/a", "a"]


def test_folders_beyond_those_that_are_sought_in_are_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("toylab.monitor.watch.MOST_FOLDERS", 2)
    (tmp_path / "a").mkdir()
    for name in "bc":
        made(tmp_path / name / "00000-run", [row(1)])
    watch = watched(tmp_path)
    assert [each.name for each in watch.records.values()] == ["b/00000-run"]
    (said,) = watch.problems.values()
    assert "3 folders besides runs" in said and "first 2" in said
    (tmp_path / "a").rmdir()
    again(watch)
    assert not watch.problems and str(tmp_path / "a") not in watch._listed
    assert sorted(each.name for each in watch.records.values()) == ["b/00000-run", "c/00000-run"]


def test_nothing_is_opened_for_runs_that_are_not_due(tmp_path, monkeypatch):
    """A finished run that is looked at twice in a moment costs not one call of the system."""
    made(tmp_path / "run", [row(100)], ended="finished")
    watch = watched(tmp_path)
    old = time.time() - 60
    os.utime(tmp_path, (old, old))
    again(watch)
    opened = []
    monkeypatch.setattr(os, "open", lambda *how, **more: opened.append(how))
    for _ in range(50):
        assert not watch.look()
    assert opened == []


def test_what_cannot_be_watched_is_said(tmp_path):
    assert "No run was named" in next(iter(watched().problems.values()))
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    watch = watched(tmp_path / "nowhere", tmp_path / "file", tmp_path / "empty")
    said = list(watch.problems.values())
    assert f"{tmp_path / 'nowhere'} cannot be read: No such file or directory" in said
    assert f"{tmp_path / 'file'} cannot be read: Not a directory" in said
    assert any("empty has no run in it yet" in text for text in said) and not watch.records
    made(tmp_path / "empty" / "run", [row(1)])
    again(watch)
    assert len(watch.records) == 1 and len(watch.problems) == 2


# Hostile folders


def test_no_link_leads_out_of_a_named_folder(tmp_path):
    """A file, a folder, a grid, a run: whatever is a link is not opened, and said."""
    secret = made(tmp_path / "secret", [row(1, critic=42.0)], grids=[5], scores=[score(5)])
    folder = made(tmp_path / "runs" / "run", [row(2)], grids=[2])
    for name in ("metrics.jsonl", "config.toml", "env.json", "reals.png"):
        (folder / name).unlink()
        (folder / name).symlink_to(secret / name)
    (folder / "eval").symlink_to(secret / "eval")
    (folder / "samples" / "fakes00000009.png").symlink_to(secret / "samples" / "fakes00000005.png")
    found = record(folder)
    assert len(found.table.steps) == 0 and not found.scores and not found.settings
    said = " ".join(found.notes())
    assert "metrics.jsonl: a link, which is not followed" in said and "eval: " in said
    for names in (("reals.png",), ("samples", "fakes00000009.png")):
        with pytest.raises(OSError):
            found.picture(*names)
    (tmp_path / "runs" / "latest").symlink_to(secret)
    watch = watched(tmp_path / "runs")
    assert watch.records == {}, "not even the run, whose config.toml is a link"
    assert "latest in" in next(iter(watch.problems.values()))
    (tmp_path / "named").symlink_to(secret)
    assert len(watched(tmp_path / "named").records) == 1, "what is named itself may be a link"


@pytest.mark.parametrize("name", ["..", "", ".", "../secret", "/etc/passwd", "a/b", "a\0b"])
def test_only_plain_names_are_opened(tmp_path, name):
    (tmp_path / "run").mkdir()
    with pytest.raises(Refused, match="is not a name"):
        Confined(tmp_path / "run").read(10, name)
    with pytest.raises(Refused, match="is not a name"):
        Confined(tmp_path, "run").read(10, name, "file")


def test_pipes_and_giants_and_what_is_no_png_are_refused(tmp_path):
    folder = made(tmp_path / "run", [row(1)], grids=[1, 2, 3])
    (folder / "metrics.jsonl").unlink()
    os.mkfifo(folder / "metrics.jsonl")
    (folder / "env.json").write_bytes(b" " * (1 << 20))
    samples = folder / "samples"
    (samples / "fakes00000001.png").write_bytes(b"<svg onload=alert(1)>" * 9)
    huge = bytearray((samples / "fakes00000002.png").read_bytes())
    huge[16:20] = (MOST_SIDE + 1).to_bytes(4)
    (samples / "fakes00000002.png").write_bytes(huge)
    with open(samples / "fakes00000003.png", "r+b") as file:
        file.truncate(1 << 26)
    done = []
    worker = threading.Thread(target=lambda: done.append(record(folder)), daemon=True)
    worker.start()
    worker.join(60)
    assert done, "a pipe must not be waited for"
    said = " ".join(done[0].notes())
    assert "metrics.jsonl is not a file" in said and "at most 262,144 are read" in said
    for step, why in ((1, "is not a PNG"), (2, "pixels"), (3, "bytes; at most")):
        with pytest.raises(Refused, match=why):
            done[0].picture("samples", f"fakes{step:08d}.png")


DEEP = '{"a":' * 5000 + "1" + "}" * 5000


HOSTILE = [
        ("env.json", DEEP), ("env.json", "[1]"), ("env.json", '{"device": {"a": [1]}}'),
        ("ended.json", DEEP), ("ended.json", '{"state": ["finished"]}'), ("ended.json", "null"),
        ("config.toml", "x = " + "[" * 5000 + "]" * 5000), ("config.toml", "steps = 'many"),
        ("config.toml", "run = 3"), ("config.toml", f"run.steps = {'9' * 400}"),
        ("config.toml", "run.steps = -1"),
        ("config.toml", "\n".join(f"a{k} = 1" for k in range(9999))),
        (".lock", "x" * 5000), (".lock", "\x00, process -1"),
        ("eval/a.json", DEEP), ("eval/a.json", '{"step": "x"}'), ("eval/a.json", '{"step": 3}'),
        ("eval/a.json", '{"step": 3, "scores": {"fid": NaN, "kid": "x", "is": 1e999}}'),
        ("eval/a.json", '{"step": 3, "scores": {"fid": 2}, "real": 7, "extractor": [1]}'),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, text", HOSTILE, ids=[f"{k} {n}" for k, (n, _) in enumerate(HOSTILE)]
)
def test_hostile_files_are_named_and_the_rest_stays(tmp_path, name, text):
    folder = made(tmp_path / "run", [row(1), row(2)], grids=[1])
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    found = record(folder)
    assert list(found.table.steps) == [1, 2] and len(found.grids) == 1
    assert found.state()[0] in ("running", "stopped", "finished")
    assert all(isinstance(value, str) and len(value) <= 80 for value in found.settings.values())
    assert len(found.settings) <= 500
    fine = [("env.json", "{"), ("ended.json", '{"state'), ("config.toml", "run")]
    good = any(name == n and text.startswith(start) for n, start in fine) and text != DEEP
    if name != ".lock" and not good and "real" not in text and "a9" not in text:
        assert name.rpartition("/")[2] in " ".join(found.notes())
    json.dumps([found.notes(), found.settings, found.about])


def test_names_that_are_no_text_can_be_shown(tmp_path):
    made(tmp_path / "run\udcff\n<b>", [row(1)])
    watch = watched(tmp_path)
    ((key, found),) = watch.records.items()
    assert found.name == "run��<b>" and key.encode()
    assert len(found.table.steps) == 1


def test_the_package_is_read_only():
    """No word of it opens anything for writing."""
    here = Path(__file__).parents[1] / "toylab" / "monitor"
    for path in here.glob("*.py"):
        text = path.read_text()
        for word in ("O_WRONLY", "O_RDWR", "O_CREAT", "unlink", "rename", "replace(", "mkdir"):
            assert word not in text.replace('errors="replace")', ""), (path.name, word)
        assert set(re.findall(r"\bopen\(\w+, (\S+)[,)]", text)) <= {'"rb"', "HERE", "how"}
