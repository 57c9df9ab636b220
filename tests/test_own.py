"""A user's own file: rows in the tables, words for its failures, and the engine that runs it."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import torch

import toylab
from tests.helpers import assert_same, run, small
from tests.test_engine import Page, played
from toylab import check, lab
from toylab.engine import address
from toylab.own import TABLES, Own, load
from toylab.penalties import PENALTIES

ROOT = Path(__file__).resolve().parents[1]
MINE = ROOT / "tests" / "own" / "mine.py"
ADDING = "from toylab.penalties import PENALTIES\n"


@pytest.fixture(autouse=True)
def tables():
    """Every test finds the tables as they are in the code, and leaves them so."""
    before = {field: dict(table) for field, table in TABLES.items()}
    yield
    for field, table in TABLES.items():
        table.data = before[field]


@pytest.fixture
def mine(tmp_path):
    """A copy of the example that a test may edit."""
    return Path(shutil.copy(MINE, tmp_path))


def own_of(tmp_path, text, name="mine.py"):
    path = tmp_path / name
    path.write_text(text)
    return Own(path)


# ------------------------------------------------------------------ the file


def test_a_row_of_the_file_trains_as_any_other():
    """The example is max(0, |∇φ| − 1)² a quarter of the way from a real point to its fake."""
    assert load(MINE).added() == [("penalty", "mine")]
    row = PENALTIES["mine"]
    assert (row.group, row.source) == ("Yours", "mine.py")
    assert row.doc == "Hinged slope: mean max(0, |grad| - 1)^2 around the data."
    assert row.formula == "λ E max(0, |∇φ(x̂)| − 1)², x̂ = x + a (y − x)/4"
    steep = {"penalty": "mine", "penalty_weight": 10.0, "seed": 3, "critic_width": 32}
    free = run(small(**{**steep, "penalty_weight": 0.0}), 200)
    held = run(small(**steep), 200)
    assert not torch.equal(free.players.critic, held.players.critic)
    assert_same(run(small(**steep), 200), held)


def test_a_function_put_into_a_table_in_a_notebook_is_a_name_at_once():
    def price(critic, real, fake, batch):
        """Large scores cost."""
        return critic(real).value.square()

    with pytest.raises(ValueError, match="price"):
        toylab.Experiment(penalty="price")
    toylab.PENALTIES["price"] = price
    run(small(penalty="price"), 2)
    del toylab.PENALTIES["price"]
    with pytest.raises(ValueError, match="price"):
        toylab.Experiment(penalty="price")


FAILING = {
    "PENALTIES['mine'] = 3\n": "mine.py, line 2: TypeError: 'mine' must be Penalty(label, function",
    "\n\n1 / 0\n": "mine.py, line 4: ZeroDivisionError: division by zero",
    "def mine(:\n": "mine.py, line 2: SyntaxError: invalid syntax",
    "PENALTIES['none'] = print\n": "mine.py, line 2: ValueError: 'none' means no penalty",
    "import sys\nsys.exit('enough')\n": "mine.py, line 3: SystemExit: enough",
    "import torch\ntorch.zeros(2) @ torch.zeros(3)\n": "mine.py, line 3: RuntimeError: ",
    "raise KeyError\n": "mine.py, line 2: KeyError",
}


@pytest.mark.parametrize("text", FAILING)
def test_a_file_that_fails_says_where_and_leaves_the_tables_alone(tmp_path, text):
    before = dict(PENALTIES)
    own = own_of(tmp_path, f"{ADDING}{text}")
    assert not own.load()
    assert own.problem.startswith(FAILING[text]) and "\n" not in own.problem
    assert dict(PENALTIES) == before and own.added() == []
    with pytest.raises(ValueError, match="mine.py, line"):
        load(own.path)


def test_a_file_that_is_not_there_says_so(tmp_path):
    own = Own(tmp_path / "gone.py")
    assert not own.load() and own.problem.startswith("gone.py: FileNotFoundError: ")


def test_run_again_a_file_starts_from_the_tables_of_the_code(mine):
    own = Own(mine)
    r1 = PENALTIES["r1"]
    own.load()
    first = PENALTIES["mine"]
    mine.write_text(mine.read_text().replace('PENALTIES["mine"]', 'PENALTIES["r1"]'))
    assert own.load() and own.added() == [("penalty", "r1")]
    assert "mine" not in PENALTIES and PENALTIES["r1"] is not r1
    mine.write_text("1 / 0")
    assert not own.load() and own.problem and own.added() == [("penalty", "r1")]
    shutil.copy(MINE, mine)
    assert own.load() and not own.problem
    assert PENALTIES["r1"] is r1 and PENALTIES["mine"] is not first


def test_the_newest_text_counts_however_fast_it_was_saved(tmp_path):
    """Same length, same second: a cached .pyc would give the old number."""
    own = own_of(tmp_path, "")
    for number in range(5):
        own.path.write_text(f"{ADDING}PENALTIES['m{number}'] = lambda c, r, f, b: r\n")
        assert own.load() and own.added() == [("penalty", f"m{number}")]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_rows_of_other_tables_and_rows_with_a_source_of_their_own(tmp_path):
    own = own_of(
        tmp_path,
        "from dataclasses import dataclass\n"
        "from toylab.rules import RULES\n"
        "from toylab.objectives import OBJECTIVES\n"
        "@dataclass\n"
        "class Kept:\n    number: int = 3\n"
        'RULES["lazy"] = RULES["sgd"]._replace(label="Lazy", source="")\n'
        'OBJECTIVES["ours"] = OBJECTIVES["hinge"]._replace(label="Ours")\n',
    )
    assert own.load()
    assert own.added() == [("objective", "ours"), ("rule", "lazy")]
    assert TABLES["rule"]["lazy"].source == "mine.py"
    assert TABLES["objective"]["ours"].source.startswith("Lim and Ye")
    run(small(rule="lazy", objective="ours"), 2)
    assert own.used([{"rule": "lazy"}]) and own.used([{}, {"objective": "ours"}])
    assert not own.used([{"rule": "sgd", "objective": "lazy"}])


def test_an_edit_is_told_once_and_looked_for_once_a_second(mine):
    own = Own(mine)
    own.load()
    assert not own.edited(100.0)
    mine.write_text(mine.read_text() + "# more\n")
    assert not own.edited(100.9)
    assert own.edited(101.0) and not own.edited(102.1)
    text = mine.read_text()
    mine.unlink()
    assert not own.edited(103.2), "an editor is about to write it anew"
    mine.write_text(text + "# more\n")
    assert own.edited(104.3) and not own.edited(105.4)
    own.load()
    assert not own.edited(106.5)


def test_the_schema_shows_own_rows_with_their_file_and_their_laws(mine):
    from toylab.laws import judge
    from toylab.schema import schema

    mine.write_text(
        mine.read_text().replace(".square()\n\n\n", "\n\n\n").replace("relu()", "neg()")
    )
    own = Own(mine)
    own.load()
    told = own.mark(schema(), judge)
    (penalty,) = (field for field in told["fields"] if field["name"] == "penalty")
    choices = {choice["value"]: choice for choice in penalty["choices"]}
    shown = choices["mine"]
    assert (shown["group"], shown["own"], shown["source"]) == ("Yours", "mine.py", "mine.py")
    assert shown["laws"]["total"] == 7 and shown["laws"]["held"] == 6
    assert list(shown["laws"]["broken"]) == ["sign"]
    assert "own" not in choices["r1"]
    assert told["with"] == {"file": "mine.py", "problem": "", "edited": False}


# ------------------------------------------------------------------ python -m toylab.check


def test_check_prints_a_line_a_law_and_ends_with_0(capsys):
    assert check.main([str(MINE)]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == 7 and all(line.endswith(" ok") for line in lines)
    assert lines[0].split() == ["penalty", "mine", "pure", "ok"]
    assert last == "mine.py: 7 of 7 laws hold"


def test_check_ends_with_1_where_a_law_is_broken(tmp_path, capsys):
    text = f"{ADDING}PENALTIES['bad'] = lambda critic, real, fake, batch: -critic(real).value\n"
    path = own_of(tmp_path, text).path
    assert check.main([str(path)]) == 1
    out = capsys.readouterr().out
    assert "penalty bad  sign         broken: a sample costs" in out
    assert "penalty bad  permutation  ok" in out and "6 of 7 laws hold" in out


@pytest.mark.parametrize(
    "text, said",
    [
        ("1 / 0\n", "mine.py, line 1: ZeroDivisionError"),
        ("x = 1\n", "mine.py adds no row"),
        (
            f"{ADDING}def f(critic, real, fake, batch):\n    return real.x\nPENALTIES['f'] = f\n",
            "penalty f  sign         broken: mine.py, line 3: AttributeError",
        ),
    ],
)
def test_check_says_what_is_wrong_with_the_file(tmp_path, capsys, text, said):
    assert check.main([str(own_of(tmp_path, text).path)]) == 1
    assert said in capsys.readouterr().out


# ------------------------------------------------------------------ who may name a file


@pytest.mark.parametrize(
    "name, alone",
    [
        *((name, True) for name in ("127.0.0.1", "127.3.2.1", "::1", "localhost")),
        *((name, False) for name in (None, "", "0.0.0.0", "::", "10.1.2.3", "no.such.invalid")),
    ],
)
def test_loopback(name, alone):
    assert address.loopback(name) is alone
    assert bool(address.refusal("mine.py", [name or "0.0.0.0"])) is not alone


def test_listening_finds_what_this_process_listens_at():
    before = address.listening()
    with socket.create_server(("127.0.0.9", 0)) as server:
        assert address.listening() - before == {"127.0.0.9"}
        with socket.create_connection(server.getsockname()) as line:
            assert line.fileno() and address.listening() - before == {"127.0.0.9"}
    assert address.listening() == before


def test_the_launcher_serves_this_machine_and_hands_the_file_on():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serve, environment, page = lab.command(["--with", str(MINE), "--port", str(port)])
    assert serve[1:4] == ["-m", "panel", "serve"] and Path(serve[4]) == ROOT / "apps" / "lab.py"
    assert serve[5:7] == ["--address", "127.0.0.1"] and int(serve[8]) > port
    assert environment[address.WITH] == str(MINE)
    assert page == f"http://127.0.0.1:{serve[8]}/lab"
    assert address.WITH not in lab.command([])[1]


@pytest.mark.parametrize("where", ["0.0.0.0", "::"])
def test_the_launcher_refuses_a_file_where_others_reach_the_page(where):
    with pytest.raises(SystemExit) as told:
        lab.command(["--with", str(MINE), "--address", where])
    assert "mine.py is not run" in told.value.code and "--address 127.0.0.1" in told.value.code
    lab.command(["--address", where])
    with pytest.raises(SystemExit, match="no such file"):
        lab.command(["--with", "nowhere.py"])


# ------------------------------------------------------------------ the engine


def choices(schema):
    (penalty,) = (field for field in schema["fields"] if field["name"] == "penalty")
    return {choice["value"]: choice for choice in penalty["choices"]}


def test_the_engine_runs_the_file_shows_its_failures_and_reloads_it(mine, monkeypatch):
    """Trains with `mine`; breaks it at step 5 in file and line; mends it, and the run goes on."""
    monkeypatch.setenv(address.WITH, str(mine))
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


def test_a_row_that_is_gone_stops_its_runs_in_words_and_comes_back(mine, monkeypatch):
    monkeypatch.setenv(address.WITH, str(mine))
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


def test_an_own_row_that_raises_while_it_is_chosen_is_refused_and_all_goes_on(mine, monkeypatch):
    monkeypatch.setenv(address.WITH, str(mine))
    mine.write_text(
        "from toylab.optimizers import OPTIMIZERS\n"
        "def build(rules, steps, first):\n"
        "    raise OSError('no such thing')\n"
        'OPTIMIZERS["mine"] = OPTIMIZERS["simultaneous"]._replace(build=build)\n'
    )

    async def story(engine):
        page = Page(engine)
        await page.open()
        died = engine.process.pid
        page.send(do="swap", changes={"optimizer": "mine"})
        told, _ = await page.next("refused")
        assert told["text"] == "mine.py, line 3: OSError: no such thing"
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


def test_an_engine_that_is_replaced_runs_the_file_as_it_is_then(mine, monkeypatch):
    monkeypatch.setenv(address.WITH, str(mine))

    async def story(engine):
        page = Page(engine)
        await page.open(penalty="mine")
        page.send(do="step", count=4)
        await page.frame()
        page.send(do="pause")
        await asyncio.sleep(0.3)
        mine.write_text(mine.read_text().replace("Hinged slope", "Another slope"))
        engine.process.kill()
        await page.next("lost")
        told, _ = await page.next("schema")
        assert choices(told["schema"])["mine"]["doc"].startswith("Another slope")
        assert (await page.next("opened"))[0]["step"] == 4

    played(story)


def test_a_server_that_others_reach_does_not_run_the_file(mine, monkeypatch):
    monkeypatch.setenv(address.WITH, str(mine))
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


@pytest.mark.parametrize("given, alone", [(["--address", "127.0.0.1"], True), ([], False)])
def test_a_served_app_knows_where_its_own_server_listens(tmp_path, given, alone):
    """`panel serve` in a process of its own; the app prints what the engine would be refused by."""
    app = tmp_path / "app.py"
    app.write_text(
        "import sys\nfrom toylab.engine import address\n"
        "print('told', address.refusal('mine.py', address.listening()) or 'run', flush=True)\n"
    )
    port = lab.free_port(20000 + os.getpid() % 20000, "127.0.0.1")
    serve = [sys.executable, "-m", "panel", "serve", str(app), "--port", str(port), *given]
    with subprocess.Popen(
        serve, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as server:
        try:
            next(line for line in server.stdout if "running at" in line)
            urllib.request.urlopen(f"http://127.0.0.1:{port}/app").read()
            said = next(line for line in server.stdout if line.startswith("told"))
        finally:
            server.kill()
    assert (said.strip() == "told run") is alone
