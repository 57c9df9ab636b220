"""The speed chip's words, and what an address may say of speed."""

from types import SimpleNamespace

import pytest

from toylab.ui.speed import Speed


def chip(**query):
    said = []
    speed = Speed(SimpleNamespace(query=query, notice=lambda *told: said.append(told)))
    speed.begin()
    return speed, said


def told(kind, why="", plain=None, compiled=None):
    return {"kind": kind, "why": why, "milliseconds": {"plain": plain, "compiled": compiled}}


@pytest.mark.parametrize(
    "header, label, words",
    [
        (told("plain"), "plain", "as fast as it can is compiled after a while"),
        (told("plain", "no compiler", 2.0), "plain", "It is not compiled: no compiler"),
        (told("compiling"), "compiling…", "it trains meanwhile"),
        (told("compiled"), "compiled", "the same but for rounding. backend=plain"),
        (told("compiled", "", 3.0, 1.2), "compiled", "1.2 ms in place of 3: 2.5 times as fast"),
    ],
)
def test_the_chip_says_what_takes_the_steps(header, label, words):
    speed, _ = chip()
    speed.hear_speed(header, {})
    shown = speed.state()["speed"]
    assert shown["label"] == label and words in shown["words"]
    speed.hear_opened({}, {})
    assert speed.state()["speed"]["label"] == "plain"


def test_the_address_chooses_and_a_wrong_word_is_named():
    assert chip()[0].backend == "auto" and chip(backend="auto")[0].backend == "auto"
    speed, said = chip(backend="plain")
    assert speed.backend == "plain" and "bit for bit" in speed.words() and not said
    speed, said = chip(backend="fast")
    ((text, kind),) = said
    assert speed.backend == "auto" and kind == "address"
    assert text == "backend=fast is unknown; using auto. Known: auto, plain"
