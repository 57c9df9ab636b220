"""The README says what the code says: its tables are the tables, its script runs as printed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from toylab import cards
from toylab.image.config import presets
from toylab.image.data import DATA
from toylab.image.layouts import FORMATS
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def rows(heading):
    """The rows of the table whose first column has this heading, as {first cell: whole line}."""
    table = re.search(rf"^\| {heading} \|.*?(?=^$)", README, re.M | re.S)[0].splitlines()[2:]
    return {line.split("|")[1].strip().strip("`"): line for line in table}


@pytest.mark.parametrize(
    "heading, table",
    [
        ("objective", OBJECTIVES),
        ("penalty", PENALTIES),
        ("rule", RULES),
        ("optimizer", OPTIMIZERS),
    ],
)
def test_every_row_of_every_table_is_in_the_readme_with_its_formula(heading, table):
    told = rows(heading)
    assert list(told) == list(table.written())
    for name, row in table.written().items():
        for part in row.formula.split("   "):
            formula = part.split(":", 1)[-1].strip() if heading == "objective" else part
            assert formula.replace("|", "\\|") in told[name], f"{name}: {formula}"


def test_the_custom_penalties_of_the_readme_are_those_that_there_are():
    """Every name and equation between the words, and how many more there are."""
    customs = {n: row for n, row in PENALTIES.items() if n not in PENALTIES.written()}
    (text,) = re.findall(r"^The kernel's other (.*?)\n\n", README, re.M | re.S)
    assert int(text.split()[0]) == len(customs)
    names = set(re.findall(r"`([^`]+-(?:logit|probability))`", text))
    assert names and names <= set(customs)
    for name in names:
        assert customs[name].formula.split(",  ")[0].replace("|", "\\|") in text.replace("|", "\\|")


def test_costs_of_the_optimizers_are_those_that_were_measured():
    """To the digit that is shown; the whole run is committed."""
    measured = json.loads((ROOT / "docs" / "bench.json").read_text())["rows"]
    costs = {row["case"].split()[-1]: row for row in measured if row["suite"] == "optimizers"}
    told = {name: line.split("|")[-3].strip() for name, line in rows("optimizer").items()}
    assert told == {name: f"{row['ratio']:.1f}" for name, row in costs.items()}
    assert float(told["alternating"]) == pytest.approx(1.0, abs=0.15)


def test_costs_and_parts_of_a_step_are_those_that_were_measured():
    """Every figure that the two tables show, in the order of the file; both suites whole."""
    measured = json.loads((ROOT / "docs" / "bench.json").read_text())["rows"]
    for heading, suite in (("what grows", "costs"), ("ms CPU/step", "profile")):
        values = [f"{row['value']:.3g}" for row in measured if row["suite"] == suite]
        cells = " ".join(line.split("|", 2)[2] for line in rows(heading).values())
        told = re.findall(r"(?<![\d.])\d[\d.]*(?![\d.:])", cells)
        assert values and sorted(told) == sorted(values)


def test_every_data_card_is_in_the_readme():
    assert set(rows("data card")) == set(cards.names())


@pytest.mark.parametrize("heading, table", [("layout", FORMATS), ("image set", DATA)])
def test_every_layout_and_image_set_is_in_the_readme_in_its_own_words(heading, table):
    told = rows(heading)
    assert list(told) == list(table.written())
    for name, row in table.written().items():
        assert row.doc in told[name]


def test_the_readme_names_every_preset():
    """A name in braces stands for several, as a shell reads them."""

    def spelt(name):
        match = re.search(r"\{([^}]*)\}", name)
        if not match:
            return {name}
        head, tail = name[: match.start()], name[match.end() :]
        return set().union(*(spelt(head + word + tail) for word in match[1].split(",")))

    table = re.search(r"^\| presets \|.*?(?=^$)", README, re.M | re.S)[0].splitlines()[2:]
    quoted = [name for line in table for name in re.findall(r"`([^`]+)`", line.split("|")[1])]
    told = set().union(*map(spelt, quoted)) - {"-beta0.9"}
    told |= {f"{name}-beta0.9" for name in told if name.startswith("zerogp-mnist")}
    assert told == set(presets())


def test_pictures_and_files_that_the_readme_names_exist():
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path


def test_make_targets_that_the_readme_names_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    for name in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.M):
        assert name in targets, name


def script():
    return re.search(r"<!-- script -->\n```python\n(.*?)```", README, re.S)[1]


def printed(text):
    """What a script prints, run as a user would."""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_has_ten_lines_and_names_what_exists():
    lines = [line for line in script().splitlines() if line.strip()]
    assert len(lines) <= 10
    shown = printed(script().replace("steps=4000", "steps=2").replace("members=8", "members=2"))
    assert re.search(r"0.1 radius modes \[\d \d\] quality \[[\d. ]+\]\n3 std", shown)


@pytest.mark.long
def test_the_script_keeps_the_readmes_promise():
    """All eight modes and a quality of at least 0.8 within 0.1 radius, in at least 7 of 8 seeds.

    Another processor rounds differently on the way, so the digits themselves may differ.
    """
    near, strict = printed(script()).splitlines()
    modes, quality = (
        [float(value) for value in part.split()] for part in re.findall(r"\[([\d. ]+)\]", near)
    )
    good = [m == 8 and q >= 0.8 for m, q in zip(modes, quality, strict=True)]
    assert len(good) == 8 and sum(good) >= 7, near
    assert strict.startswith("3 std")
