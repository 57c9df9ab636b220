"""metrics.jsonl as it grows: whoever wrote it and however it is cut, the same table comes out."""

import json
import os
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.monitored import listed, row
from toylab.monitor import table as tables
from toylab.monitor import tail as tails
from toylab.monitor.table import Table
from toylab.monitor.tail import Lines, Tail

NUMBERS = some.one_of(some.integers(-9, 9), some.floats(-1e3, 1e3))
STRANGE = some.one_of(
    NUMBERS, some.sampled_from(["text", None, True, [1], {}, float("nan"), float("inf"), 10**400])
)
ROWS = some.builds(
    lambda step, told: {"step": step, **told},
    some.one_of(some.integers(0, 40), some.just("x"), some.just(-1), some.just(2.0)),
    some.dictionaries(some.sampled_from(["a", "b", "c", "n" * 70]), STRANGE, max_size=4),
)
REGULAR = some.lists(NUMBERS, min_size=1, max_size=8).map(
    lambda values: [{"step": 50 + k, "a": v, "b": -v} for k, v in enumerate(values)]
)
LINES = some.one_of(
    ROWS.map(lambda told: json.dumps(told).encode()),
    some.sampled_from(
        [b"", b"  ", b"{", b"null", b"[1]", b'{"step": 3, "a": 1} x', b"\xff\xfe", b"[" * 3000]
    ),
    some.integers(0, 90).map(lambda n: b'{"step": 9, "a": ' + b"1" * n + b"}"),
)


def pieces(data, cuts):
    """The bytes in pieces that end at the cuts."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in zip(places, places[1:], strict=False)]


def fed(data, cuts=(), longest=60):
    table, lines = Table(), Lines(longest)
    for piece in pieces(data, cuts):
        table.add(lines.feed(piece))
    return table


@settings(max_examples=150, deadline=None)
@given(some.lists(some.one_of(LINES, REGULAR), max_size=12), some.lists(some.integers(0, 900)))
def test_however_the_bytes_are_cut_the_same_table_comes_out(parts, cuts):
    """Whole blocks of regular rows at once, and a row at a time, are the same too."""
    lines = []
    for part in parts:
        lines += [part] if isinstance(part, bytes) else [json.dumps(told).encode() for told in part]
    data = b"\n".join(lines)
    whole, cut, single = fed(data), fed(data, cuts), fed(data, range(len(data)))
    assert listed(whole) == listed(cut) == listed(single)
    steps = list(whole.steps)
    assert steps == sorted(set(steps))
    assert all(len(held) == len(steps) for held in whole.columns.values())


@settings(max_examples=100, deadline=None)
@given(some.lists(some.binary(max_size=30), max_size=8), some.lists(some.integers(0, 200)))
def test_lines_are_those_between_newlines(lines, cuts):
    """Any bytes at all; the last line waits for its end, one too long is only told of."""
    data = b"\n".join(lines)
    reader, found = Lines(longest=20), []
    for piece in pieces(data, cuts):
        found += reader.feed(piece)
    whole = data.split(b"\n")[:-1]
    expected = [
        (number, None if len(line) > 20 else line)
        for number, line in enumerate(whole, 1)
        if len(line) > 20 or line.strip()
    ]
    assert found == expected


def test_half_a_line_waits_for_its_other_half():
    table, lines = Table(), Lines()
    whole = json.dumps(row(7)).encode() + b"\n"
    table.add(lines.feed(whole[:20]))
    assert len(table.steps) == 0 and not table.notes.words()
    table.add(lines.feed(whole[20:]))
    assert list(table.steps) == [7] and table.last("seconds") == 1.75


def test_what_is_wrong_is_said_in_words_and_the_rest_is_read():
    text = [
        '{"step": 1, "critic": 2.0, "generator": 1}',
        '{"step": 2, "critic": NaN, "generator": 1}',
        '{"step": 3, "critic": Infinity, "generator": "one"}',
        "not JSON", "[3]", '{"critic": 1}', '{"step": true}', '{"step": 4.0}', "[" * 100_000,
        '{"step": 4, "critic": 1e999, "generator": null, "more": {"a": 1}}',
        '{"step": 5, "critic": 1' + "0" * 400 + ', "generator": 3}',
        '{"step": 6, "critic": 1' + "0" * 5000 + ', "generator": 3}',
        '{"step": 7, "critic": 0.5, "generator": 2}',
        '{"step": 8, "critic": 0.5, "generator": 2} and more',
    ]  # fmt: skip
    table = fed("\n".join(text).encode() + b"\n", longest=10**6)
    steps, columns, _ = listed(table)
    assert steps == [1, 2, 3, 4, 5, 7]
    assert columns["critic"] == [2.0, None, None, None, None, 0.5]
    assert columns["generator"] == [1, 1, None, None, 3, 2]
    assert columns["more"] == [None] * 6
    said = table.notes.words()
    assert "line 2 has a critic that is not finite (4 lines so)" in said
    assert "line 3 has text for generator" in said and "line 10 has null for generator" in said
    assert "line 4 is not JSON: left out (4 lines so)" in said
    assert "line 5 is not a row of names and numbers: left out" in said
    assert "line 6 has no step that is a whole number: left out (3 lines so)" in said
    assert "line 10 has a table for more" in said
    assert table.last("critic") == 0.5 and table.last("more") is None


def test_a_run_taken_up_further_back_replaces_its_later_rows():
    rows = [row(step) for step in (2, 4, 6, 8)] + [row(step, critic=9.0) for step in (5, 7)]
    data = b"".join(json.dumps(each).encode() + b"\n" for each in rows)
    table = fed(data, longest=10**6)
    assert list(table.steps) == [2, 4, 5, 7]
    assert list(table.columns["critic"]) == [0.5, 0.25, 9.0, 9.0]
    assert table.notes.words() == [
        "line 5 goes back in steps: what came after that step is left out"
    ]


def test_no_file_makes_a_table_without_bound(monkeypatch):
    """Neither more columns, nor more rows, nor more remarks than fit."""
    wide = json.dumps({"step": 1, **{f"c{k}": k for k in range(500)}}).encode() + b"\n"
    table = fed(wide, longest=10**6)
    assert len(table.columns) == tables.MOST_COLUMNS - 1
    assert f"fit ({tables.MOST_COLUMNS}): left out (437 lines so)" in table.notes.words()[0]
    strange = [json.dumps({"step": k, f"x{k}": "text"}) for k in range(200)]
    assert len(fed("\n".join(strange).encode(), longest=99).notes.kinds) == tables.MOST_NOTES
    monkeypatch.setattr(tables, "MOST_NUMBERS", 30)
    rows = b"".join(json.dumps({"step": k, "a": 1, "b": 2}).encode() + b"\n" for k in range(50))
    for cuts in ((), range(len(rows))):
        table = fed(rows, cuts)
        assert list(table.steps) == [*range(10)]
        assert "is one more than fit" in table.notes.words()[0]


# The file itself


@pytest.fixture
def file(tmp_path):
    return tmp_path / "metrics.jsonl"


def text(*steps):
    return "".join(json.dumps(row(step)) + "\n" for step in steps)


def after(tail, path):
    """Steps of the lines that a tail finds now; None where the file is another one."""
    with open(path, "rb") as file:
        found, steps = tail.read(file.fileno()), []
        while found:
            steps += [json.loads(line)["step"] for _, line in found]
            found = tail.read(file.fileno())
    return None if found is None else steps


def test_only_new_bytes_are_read(file, monkeypatch):
    read, pread = [], os.pread
    monkeypatch.setattr(tails.os, "pread", lambda *how: read.append(pread(*how)) or read[-1])
    file.write_text(text(*range(1, 2000)))
    tail = Tail()
    assert after(tail, file) == [*range(1, 2000)]
    read.clear()
    with open(file, "a") as end:
        end.write(text(2000))
    assert after(tail, file) == [2000]
    new = len(text(2000))
    assert max(map(len, read)) == new + tails.GUARD, "the guard and what is new"


@pytest.mark.parametrize("how", ["truncated", "replaced", "rewritten"])
def test_another_file_in_its_place_is_noticed(file, how):
    file.write_text(text(1, 2, 3, 4))
    tail = Tail()
    assert after(tail, file) == [1, 2, 3, 4]
    other = text(1, 2) if how == "truncated" else text(1, 2, 3, 4)
    if how == "replaced":  # as the trainer does when it goes on from a checkpoint
        (file.parent / "new").write_text(other)
        os.replace(file.parent / "new", file)
    elif how == "truncated":
        os.truncate(file, len(other))
    else:
        file.write_text(text(1, 2, 3, 9) + text(10))
    assert after(tail, file) is None
    wanted = {"truncated": [1, 2], "replaced": [1, 2, 3, 4], "rewritten": [1, 2, 3, 9, 10]}[how]
    assert after(Tail(), file) == wanted


def test_a_line_of_a_gigabyte_is_never_held(file):
    with open(file, "wb") as out:
        out.write(text(1).encode())
        out.truncate(len(text(1)) + (1 << 30))  # a hole: zeros without a newline
        out.seek(0, os.SEEK_END)
        out.write(b"\n" + text(2).encode())
    tail, table, most = Tail(), Table(), 0
    with open(file, "rb") as opened:
        tail.offset = (1 << 30) - (1 << 24)  # the first part is no other than the rest
        tail.lines.number = 1
        while (lines := tail.read(opened.fileno())) or tail.offset < os.path.getsize(file):
            table.add(lines)
            most = max(most, sys.getsizeof(tail.lines._held))
    assert list(table.steps) == [2]
    assert table.notes.words() == ["line 2 is longer than 1 MB: left out"]
    assert most < 1 << 21
