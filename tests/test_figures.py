"""The figures' runner, the claims, and what is committed of them."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toylab.figures import causes, claims, report, results, runner, style
from toylab.figures.__main__ import main
from toylab.figures.digits import units
from toylab.figures.figure import Figure
from toylab.figures.index import FIGURES
from toylab.ui import theme

ROOT = Path(__file__).resolve().parents[1]
CLAIMS = claims.load()
TOLD = results.verdicts(ROOT / "docs" / "figures")
EVERY = pytest.mark.parametrize("name", FIGURES)

# ---------------------------------------------------------------- claims and verdicts


def test_every_figure_has_a_claim_and_every_claim_a_figure():
    assert set(CLAIMS) == set(FIGURES)
    for claim in CLAIMS.values():
        assert claim.checks and claim.title and claim.shows


def test_a_claim_with_a_word_too_many_or_too_few_is_refused():
    check = '{ number = "n", says = "s", most = 1 }'
    text = f'[a]\ntitle = "t"\npaper = "p"\nshows = "s"\nchecks = [{check}]'
    assert claims.parse(text, Path("x"))["a"].checks[0]["most"] == 1
    for wrong in (text.replace("most", "mots"), text.replace(", most = 1", "")):
        with pytest.raises(ValueError, match="a check of a must have"):
            claims.parse(wrong, Path("x"))
    with pytest.raises(ValueError, match="a must have"):
        claims.parse(text.replace("shows", "show"), Path("x"))


def test_a_check_holds_only_if_it_holds_for_every_seed():
    check = {"number": "n", "says": "s", "least": 1, "most": 2}
    found = claims.judged(check, [1.0, 2.0, 1.5])
    assert found["holds"] and found["median"] == 1.5 and found["spread"] == [1.0, 2.0]
    assert not claims.judged(check, [1.5, 2.01])["holds"]
    assert not claims.judged(check, [0.99, 1.5])["holds"]
    assert not claims.judged(check, [float("nan")])["holds"]
    assert claims.judged({"number": "n", "says": "s", "most": 2}, [-9.0, 1.0])["median"] == -4.0
    held = [{"holds": True}, {"holds": False}]
    assert [claims.verdict(c) for c in (held[:1], held, held[1:])] == [
        "reproduced",
        "partly",
        "not",
    ]


def test_digits_count_in_units_of_the_last_one():
    assert units(1.95, "1.96") == pytest.approx(1) and units(1.3, "1.40") == pytest.approx(10)
    assert units(3.5e9, "3.4e9") == pytest.approx(1) and units(5e-4, "4e-4") == pytest.approx(1)


def test_another_claim_has_another_digest():
    claim = CLAIMS["quadratic"]
    other = ({**claim.checks[0], "most": 9.0}, *claim.checks[1:])
    assert claim._replace(checks=other).digest != claim.digest == claim._replace(file="x").digest


# ---------------------------------------------------------------- the runner


@pytest.fixture
def toy(monkeypatch):
    """A figure that counts how often it was measured and breaks down where it is told to."""
    calls, broken = [], set()

    def measure(seed, steps):
        if seed in broken:
            raise KeyboardInterrupt
        calls.append((seed, steps))
        return {"value": np.array([seed + steps / 100])}

    def draw(canvas, every, paint):
        canvas.subplots().plot([found["value"][0] for found in every], color=paint.real)

    def numbers(found):
        return {"value": found["value"][0]}

    monkeypatch.setitem(FIGURES, "toy", Figure(measure, numbers, draw, (1, 10, 40), 3))
    check = {"number": "value", "says": "value", "most": 2.0}
    claim = claims.Claim("toy", "T", "P", "S", (check,), claims.FOLDER / "roth2017.toml")
    monkeypatch.setattr(runner.claims, "load", lambda: {"toy": claim})
    monkeypatch.setitem(causes.CAUSES, "toy", "the seed is too large")
    return calls, broken


def test_a_run_goes_on_where_it_was_interrupted(toy, tmp_path):
    calls, broken = toy
    where, kept = tmp_path / "out", tmp_path / "kept"
    broken.add(2)
    with pytest.raises(KeyboardInterrupt):
        runner.run("toy", where=where, kept=kept, jobs=1)
    assert calls == [(0, 10), (1, 10)] and not where.exists()
    broken.clear()
    told = runner.run("toy", where=where, kept=kept, jobs=1)
    assert calls == [(0, 10), (1, 10), (2, 10)], "the kept seeds are not measured again"
    assert told["verdict"] == "not" and told["cause"] == "the seed is too large"
    assert told["checks"][0]["values"] == [0.1, 1.1, 2.1] and told["share"] == 0.25
    assert json.loads((where / "toy.json").read_text()) == json.loads(json.dumps(told))
    assert results.verdicts(where)["toy"]["seeds"] == 3
    data = results.unpack(where / "toy.npz")
    assert data["seed-2/value"].tolist() == [2.1]
    runner.run("toy", seeds=1, length="quick", where=where, kept=kept)
    assert calls[3:] == [(0, 1)], "another length is another measurement"
    assert results.verdicts(where)["toy"]["cause"] == "" != told["cause"]
    runner.run("toy", seeds=1, length="quick", where=where, kept=kept, again=True)
    assert calls[4:] == [(0, 1)]


def test_seeds_of_worker_processes_are_those_measured_here(tmp_path, monkeypatch):
    """Bit for bit, and one that is there is not measured again."""
    row, places = FIGURES["lines"]._replace(steps=(2, 3, 4)), tmp_path / "lines" / "steps-2"
    monkeypatch.setitem(FIGURES, "lines", row)
    here = [results.pack(row.measure(seed, 2)) for seed in range(3)]
    results.write(places / "seed-0.npz", here[0])
    before = (places / "seed-0.npz").stat().st_mtime_ns
    said = []
    how = {"where": tmp_path / "out", "kept": tmp_path, "say": said.append, "jobs": 2}
    told = runner.run("lines", 3, "quick", **how)
    assert [(places / f"seed-{seed}.npz").read_bytes() for seed in range(3)] == here
    assert (places / "seed-0.npz").stat().st_mtime_ns == before and told["seeds"] == 3
    assert sorted(said[1:3]) == ["lines: seed 1 is measured", "lines: seed 2 is measured"]


def test_a_seed_whose_process_died_is_named():
    with pytest.raises(ChildProcessError, match="lines, seed 4: the process"):
        runner.lost(runner.Seed("lines", 4, 10, Path("x")), "the process that trained it died")


def test_files_appear_whole_or_not_at_all(tmp_path, monkeypatch):
    place = tmp_path / "a" / "file.json"
    results.write(place, "first")
    monkeypatch.setattr(results.os, "replace", lambda *paths: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):
        results.write(place, "second")
    assert place.read_text() == "first"


def test_the_same_numbers_draw_the_same_bytes(toy):
    every = [{"value": np.array([1.0])}, {"value": np.array([3.0])}]
    row = FIGURES["toy"]
    for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        one, other = (style.picture(row.draw, every, False, kind, row.size) for _ in range(2))
        assert one == other and one.startswith(start)
        assert style.picture(row.draw, every, True, kind, row.size) != one


def test_a_picture_too_large_becomes_coarser_and_never_too_large(monkeypatch):
    def draw(canvas, every, paint):
        noise = np.random.default_rng(0).random((2, 1500))
        canvas.subplots().plot(*noise, color=paint.real)

    for kind in ("svg", "png"):
        made = style.picture(draw, [], False, kind, (8, 8))
        assert len(made) <= style.LARGEST
    monkeypatch.setattr(style, "LARGEST", 1000)
    with pytest.raises(ValueError, match="draw less"):
        style.picture(draw, [], False, "png", (8, 8))


def test_the_colours_are_the_lab_s():
    for token, pair in style.COLOURS.items():
        if token != "page":  # pictures lie on the theme's panels
            assert pair == theme.TOKENS[token]
    assert style.COLOURS["page"] == theme.TOKENS["panel"]
    assert style.SURFACE == theme.SURFACE


# ---------------------------------------------------------------- the command


def test_the_command_names_what_it_does_not_know(capsys):
    assert main(["run", "lime"]) == 1
    assert "'lime' is unknown" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["run", "lines", "--seeds", "0"])
    with pytest.raises(SystemExit):
        main(["run", "lines", "--jobs", "0"])
    with pytest.raises(SystemExit):
        main(["run", "lines", "--quick", "--paper"])


def test_list_and_report_need_no_torch():
    code = "import sys; from toylab.figures.__main__ import main; main([sys.argv[1]])"
    code += "; assert not {'torch', 'matplotlib'} & set(sys.modules)"
    for task in ("list", "report"):
        done = subprocess.run(
            [sys.executable, "-c", code, task], capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        assert all(name in done.stdout for name in TOLD)


# ---------------------------------------------------------------- what is committed


def test_every_figure_was_made_and_nothing_else():
    assert set(TOLD) == set(FIGURES)


@EVERY
def test_a_verdict_follows_from_the_data_beside_it(name):
    """Numbers from the committed arrays, checks from the claim: nothing was written by hand."""
    told, claim, row = TOLD[name], CLAIMS[name], FIGURES[name]
    data = results.unpack(ROOT / "docs" / "figures" / f"{name}.npz")
    every = [
        {key.partition("/")[2]: data[key] for key in data if key.startswith(f"seed-{seed}/")}
        for seed in range(told["seeds"])
    ]
    fresh = runner.judge(claim, row, every, told["steps"])
    assert fresh["verdict"] == told["verdict"] and fresh["share"] == told["share"]
    assert fresh["claims"]["digest"] == told["claims"]["digest"], "the claim has changed since"
    for now, then in zip(fresh["checks"], told["checks"], strict=True):
        assert now["values"] == pytest.approx(then["values"], rel=1e-4, abs=1e-9)
        assert (now["holds"], now["says"]) == (then["holds"], then["says"])
    assert told["title"] == claim.title and told["claim"] == claim.shows
    assert bool(told["cause"]) is (told["verdict"] != "reproduced"), "say why it was not"
    assert told["cause"] == fresh["cause"]


@EVERY
def test_pictures_are_there_and_not_too_large(name):
    folder = ROOT / "docs" / "figures"
    for file in ("", "-dark", "-small", "-small-dark"):
        path = folder / f"{name}{file}.png"
        assert path.stat().st_size <= style.LARGEST
        with Image.open(path) as drawn:
            fits = drawn.width <= 480 and drawn.height <= 300
            assert fits is ("small" in file)
    svg = (folder / f"{name}.svg").read_text()
    assert len(svg.encode()) <= style.LARGEST and "<svg" in svg and "<dc:date>" not in svg


@EVERY
def test_the_claim_was_written_before_the_result(name):
    """The commit named in the verdict has this very claim, and no result of this figure's claim."""
    told = TOLD[name]["claims"]
    assert re.fullmatch("[0-9a-f]{40}", told["commit"])
    if not claims.git("cat-file", "-t", told["commit"]):
        return  # a copy without this history: the digest above still ties claim and verdict
    text = claims.git("show", f"{told['commit']}:{told['file']}")
    then = claims.parse(text, Path(told["file"]))[name]
    assert then.digest == told["digest"]
    before = claims.git("show", f"{told['commit']}:docs/figures/{name}.json")
    assert not before or json.loads(before)["claims"]["digest"] != told["digest"]


SLOW = ("dirac", "dirac-rows", "bilinear", "separable")  # several seconds each
EXACT = [
    pytest.param(name, marks=[pytest.mark.long] if name in SLOW else [])
    for name, row in FIGURES.items()
    if not row.steps[-1]
]


@pytest.mark.parametrize("name", EXACT)
def test_exact_figures_come_out_the_same_today(name):
    """Measured anew; the numbers themselves may differ by another processor's rounding."""
    row = FIGURES[name]
    arrays = {key: np.asarray(value) for key, value in row.measure(0, 0).items()}
    fresh = runner.judge(CLAIMS[name], row, [arrays], 0)
    assert fresh["verdict"] == TOLD[name]["verdict"]
    for now, then in zip(fresh["checks"], TOLD[name]["checks"], strict=True):
        assert now["holds"] == then["holds"], now["says"]


def test_the_readme_has_the_report():
    assert report.table() in (ROOT / "README.md").read_text()


def test_causes_are_of_figures_that_were_not_reproduced():
    assert set(causes.CAUSES) <= {n for n, told in TOLD.items() if told["verdict"] != "reproduced"}


def test_matplotlib_and_scipy_are_the_figures_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert [line.partition(">")[0] for line in extras["figures"]] == ["matplotlib", "scipy"]
