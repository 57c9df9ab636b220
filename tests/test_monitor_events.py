"""What the monitor tells of a run's events.jsonl."""

import json

import pytest

from tests.monitored import event, made, read
from toylab.monitor import events
from toylab.monitor.confined import Confined
from toylab.monitor.record import Record


def told(folder):
    return [(one.step, one.words, one.plain) for one in read(folder).events]


@pytest.fixture
def run(tmp_path):
    folder = made(tmp_path / "run")
    return Record(Confined(folder), "run")


def add(record, *rows):
    with open(f"{record.folder.path}/events.jsonl", "a", encoding="utf-8") as file:
        file.writelines(one if isinstance(one, str) else json.dumps(one) + "\n" for one in rows)


def test_events_are_told_in_words_as_they_come(run):
    assert told(run) == []
    add(run, event("started", 0, device="cpu", processes=1))
    version = run.version
    assert told(run) == [(0, "began", True)] and run.version > version
    add(run, event("best", 4, fid=31.25), event("diverged", 7, terms=["critic loss", "fid"]))
    add(run, event("rolled back", 4, seed=3, rate_critic="0.5", rate_generator="0.25"))
    add(run, event("stopped", 9), event("started", 9), event("folded", 10))
    assert told(run) == [
        (0, "began", True),
        (4, "best FID 31.25", False),
        (7, "diverged: critic loss, fid", False),
        (4, "went back here, rate_critic=0.5, rate_generator=0.25", False),
        (9, "stopped", True),
        (9, "went on", False),
        (10, "folded", False),
    ]
    assert run.events[0].time == 1.5 and run.notes() == []


def test_of_the_best_scores_only_the_last_is_one(run):
    add(run, *(event("best", step, fid=100.0 / step) for step in range(1, 400)))
    add(run, event("stopped", 400))
    assert told(run) == [(399, "best FID 0.2506", False), (400, "stopped", True)]


def test_only_the_end_of_a_long_file_is_read_and_half_a_line_waits(run):
    add(run, *(event(f"number {step}", step) for step in range(5000)), '{"event": "nearly half')
    words = [words for _, words, _ in told(run)]
    assert words == [f"number {step}" for step in range(5000 - events.MOST, 5000)]
    assert run.notes() == [], "where the piece begins is no line of its own"
    add(run, ' a line", "step": 1}\n')
    assert told(run)[-1] == (1, "nearly half a line", False)


@pytest.mark.parametrize(
    "line",
    [
        "nonsense", "[1]", "null", '{"a":' * 5000 + "1" + "}" * 5000, '{"event": "x"}',
        '{"event": 3, "step": 3}', '{"event": "x", "step": 1.5}', '{"event": "x", "step": true}',
        '{"event": "x", "step": 1' + "0" * 40 + "}",
    ],
    ids=range(9),
)  # fmt: skip
def test_a_line_that_is_no_event_is_named_and_the_others_are_told(run, line):
    add(run, event("started", 0), line + "\n", event("went wild", 3))
    assert told(run) == [(0, "began", True), (3, "went wild", False)]
    assert run.notes() == ["events.jsonl: lines that are no events: 1"]


@pytest.mark.parametrize(
    "row, words",
    [
        (event("best", 3, fid="low"), "best"),
        (event("best", 3, fid=float("nan")), "best FID nan"),
        (event("diverged", 3, terms=7), "diverged"),
        (event("diverged", 3, terms=[["x"] * 99]), "diverged: ['x'," + " 'x'," * 13),
        (event("rolled back", 3, rate_critic={"a": 1}), "went back here, rate_critic={'a': 1}"),
        (event("x" * 999, 3), "x" * events.LONGEST),
    ],
)
def test_events_of_another_hand_are_told_as_far_as_they_go(run, row, words):
    add(run, row | {"time": "noon"})
    (found,) = read(run).events
    assert found.words.startswith(words[: events.LONGEST]) and len(found.words) <= events.LONGEST
    assert found.time is None
    json.dumps(found._asdict())


def test_what_is_no_file_is_named(run, tmp_path):
    (tmp_path / "run" / "events.jsonl").symlink_to(tmp_path / "other")
    (tmp_path / "other").write_text(json.dumps(event("x", 1)) + "\n")
    assert told(run) == [] and run.notes() == ["events.jsonl: a link, which is not followed"]
