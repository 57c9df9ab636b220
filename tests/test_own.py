"""A user's own file: its rows in the tables, words for its failures, and its check."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import toylab
from tests.helpers import assert_same, run, small
from toylab import check
from toylab.experiment import Experiment
from toylab.laws import judge
from toylab.own import TABLES, Own, load
from toylab.penalties import PENALTIES
from toylab.schema import schema
from toylab.script import script

MINE = Path(__file__).resolve().parent / "own" / "mine.py"
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
    "PENALTIES['half'] = lambda c, r, f, b: r\n1 / 0\n": "mine.py, line 3: ZeroDivisionError",
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


def test_the_line_is_the_innermost_of_the_file(tmp_path):
    """Not that of the call, and not one within a library that the file called."""
    text = "import json\ndef read(text):\n    return json.loads(text)\n\nread('{')\n"
    own = own_of(tmp_path, text)
    assert not own.load() and own.problem.startswith("mine.py, line 3: JSONDecodeError: ")


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
    theirs = PENALTIES["r1"]
    assert not own.load() and own.problem and own.added() == [("penalty", "r1")]
    assert PENALTIES["r1"] is theirs, "runs that use it go on"
    shutil.copy(MINE, mine)
    assert own.load() and not own.problem
    assert PENALTIES["r1"] is r1 and PENALTIES["mine"] is not first


def test_the_newest_text_counts_however_fast_it_was_saved(tmp_path, monkeypatch):
    """Same length, same second: a cached .pyc would give the old number."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
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
        'RULES["lazy"] = RULES["momentum"]._replace(label="Lazy", source="")\n'
        'OBJECTIVES["ours"] = OBJECTIVES["hinge"]._replace(label="Ours")\n',
    )
    assert own.load()
    assert own.added() == [("objective", "ours"), ("rule", "lazy")]
    assert TABLES["rule"]["lazy"].source == "mine.py"
    assert TABLES["objective"]["ours"].source.startswith("Lim and Ye")
    run(small(rule="lazy", objective="ours"), 2)
    needs = {field["name"]: field["needs"] for field in schema()["fields"]}
    assert needs["momentum"]["rule"] == ["momentum", "nesterov", "lazy"]
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


def test_the_exported_script_runs_the_file_first():
    load(MINE)
    first = Experiment(penalty="mine", generator_width=8, critic_width=8, batch=16).settings()
    text = script(first, [(3, {"penalty_weight": 20.0})], 6, own=MINE)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    state = run(
        Experiment(**first), 6, dtype=torch.float32, changes=[(3, {"penalty_weight": 20.0})]
    )
    sums = [str(vector.double().sum().item()) for vector in state.players]
    assert done.stdout.split() == ["6", *sums], done.stderr


def test_the_schema_shows_own_rows_with_their_file_and_their_laws(mine):
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
