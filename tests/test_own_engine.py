"""The engine with a user's own file: it trains, fails in words, is edited, and runs again."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.engine_pages import Page, played
from toylab.engine import address

MINE = Path(__file__).resolve().parent / "own" / "mine.py"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A copy of the example that a test may edit, named as the engine's own file."""
    path = Path(shutil.copy(MINE, tmp_path))
    monkeypatch.setenv(address.WITH, str(path))
    return path


def choices(schema):
    (penalty,) = (field for field in schema["fields"] if field["name"] == "penalty")
    return {choice["value"]: choice for choice in penalty["choices"]}


def test_the_engine_runs_the_file_shows_its_failures_and_reloads_it(mine):
    """Trains with `mine`; breaks it at step 5 in file and line; mends it, and the run goes on."""
    good = mine.read_text()
    # Only training has 32 samples in its batch: trying the laws does not count.
    breaking = good.replace("def mine", "CALLS = []\n\n\ndef mine").replace(
        "    logit =",
        "    CALLS.extend([0] * (len(real) == 32))\n    1 / (6 - len(CALLS))\n    logit =",
    )
    line = breaking.splitlines().index("    1 / (6 - len(CALLS))") + 1

    async def story(engine):
        assert choices(engine.schema)["mine"]["laws"] == {"held": 7, "total": 7, "broken": {}}
        page, other = Page(engine), Page(engine)
        await page.open(penalty="mine", penalty_weight=5.0)
        await other.open(playing=True)
        page.send(do="step", count=20)
        header, first = await page.frame("fake")
        assert header["step"] == 20

        mine.write_text(breaking)
        for each in (page, other):
            told, _ = await each.next("edited")
            assert told["file"] == "mine.py"
        assert engine.schema["with"]["edited"]
        page.send(do="reload")
        for each in (page, other):
            told, _ = await each.next("schema")
            assert told["schema"]["with"] == {"file": "mine.py", "problem": "", "edited": False}
        assert engine.schema == told["schema"]
        page.send(do="step", count=100)
        told, _ = await page.next("failed")
        assert told["text"] == f"mine.py, line {line}: ZeroDivisionError: division by zero"
        assert told["step"] == 25
        running, _ = await other.frame("fake")
        assert (await other.frame("fake"))[0]["step"] > running["step"]

        mine.write_text("PENALTIES = ")
        page.send(do="reload")
        told, _ = await page.next("schema")
        assert told["schema"]["with"]["problem"].startswith("mine.py, line 1: SyntaxError")
        assert "mine" in choices(told["schema"])

        mine.write_text(good)
        page.send(do="reload")
        told, _ = await page.next("schema")
        assert told["schema"]["with"]["problem"] == ""
        page.send(do="step", count=15)
        header, second = await page.frame("fake")
        assert header["step"] == 40

        fresh = Page(engine)
        await fresh.open(penalty="mine", penalty_weight=5.0)
        fresh.send(do="step", count=40)
        assert ((await fresh.frame("fake"))[1]["fake"] == second["fake"]).all()
        assert not (first["fake"] == second["fake"]).all()

        page.send(do="export")
        script = (await page.next("exported"))[0]["script"]
        assert f"own.load({str(mine)!r})" in script and len(script.splitlines()) <= 15
        other.send(do="export")
        assert "own" not in (await other.next("exported"))[0]["script"]

    played(story)


def test_a_row_that_is_gone_stops_its_runs_in_words_and_comes_back(mine):
    good = mine.read_text()

    async def story(engine):
        page = Page(engine)
        await page.open(penalty="mine")
        page.send(do="step", count=3)
        await page.frame()
        mine.write_text("")
        page.send(do="reload")
        told, _ = await page.next("failed")
        assert "mine.py was run again" in told["text"] and "'mine' is unknown" in told["text"]
        assert "mine" not in choices((await page.next("schema"))[0]["schema"])
        mine.write_text(good)
        page.send(do="reload")
        await page.next("schema")
        page.send(do="step", count=3)
        assert (await page.frame())[0]["step"] == 6

    played(story)


def test_an_own_row_that_raises_while_it_is_chosen_is_refused_and_all_goes_on(mine):
    mine.write_text(
        "from toylab.optimizers import OPTIMIZERS\n"
        "def build(rules, steps, first):\n"
        "    raise [OSError('no such thing'), SystemExit(3)][steps - 1]\n"
        'OPTIMIZERS["mine"] = OPTIMIZERS["simultaneous"]._replace(build=build)\n'
    )

    async def story(engine):
        page = Page(engine)
        await page.open()
        died = engine.process.pid
        page.send(do="swap", changes={"optimizer": "mine"})
        told, _ = await page.next("refused")
        assert told["text"] == "mine.py, line 3: OSError: no such thing"
        page.send(do="swap", changes={"optimizer": "mine", "critic_steps": 2})
        assert (await page.next("refused"))[0]["text"] == "mine.py, line 3: SystemExit: 3"
        page.send(do="step", count=2)
        assert (await page.frame())[0]["step"] == 2 and engine.process.pid == died

    played(story)


def test_without_a_file_nothing_is_reloaded_and_the_schema_says_none():
    async def story(engine):
        assert engine.schema["with"] is None
        page = Page(engine)
        await page.open()
        page.send(do="reload")
        assert "make lab WITH=" in (await page.next("refused"))[0]["text"]

    played(story)


def test_an_engine_that_is_replaced_runs_the_file_as_it_is_then(mine):

    async def story(engine):
        page = Page(engine)
        await page.open(penalty="mine")
        page.send(do="step", count=4)
        await page.frame()
        await page.kept(step=4)
        mine.write_text(mine.read_text().replace("Hinged slope", "Another slope"))
        engine.process.kill()
        await page.next("lost")
        told, _ = await page.next("schema")
        assert choices(told["schema"])["mine"]["doc"].startswith("Another slope")
        assert (await page.next("opened"))[0]["step"] == 4

    played(story)


def test_a_server_that_others_reach_does_not_run_the_file(mine):
    mine.write_text(f"open({str(mine.parent / 'was-run')!r}, 'w')\n")

    async def story(engine):
        told = engine.schema["with"]
        assert told["file"] == "mine.py" and "--address 127.0.0.1" in told["problem"]
        page = Page(engine)
        await page.open()
        page.send(do="reload")
        assert "no file" in (await page.next("refused"))[0]["text"]

    with socket.create_server(("0.0.0.0", 0)):
        played(story)
    assert not (mine.parent / "was-run").exists()
