"""Breaks every formula in turn and prints the test that notices: ``python -m tests.mutate``.

A mutant is a change to one module's source, made in memory in a process of its own; the files stay
as they are. Rows of the tables are broken automatically, so a new row is covered the day it is
added; everything else is listed in `tests.mutants`. Words on the command line choose the mutants
whose names hold one of them. Ends with 1 if a mutant survives, or does not even import, or if a
test already fails with nothing broken.
"""

import ast
import contextlib
import importlib.util
import io
import multiprocessing
import multiprocessing.pool
import os
import sys
import time
from importlib.abc import Loader, MetaPathFinder
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"

# Imported before the processes are forked, so that each mutant costs only its tests.
import hypothesis  # noqa: E402, F401
import numpy  # noqa: E402, F401
import param  # noqa: E402, F401
import pytest  # noqa: E402
import scipy.stats  # noqa: E402, F401
import sklearn.datasets  # noqa: E402, F401
import torch._dynamo  # noqa: E402, F401

from tests.mutants import LINES, TESTS  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2


class Mutant(NamedTuple):
    """`module` of toylab with `old` (standing there once) replaced, or `more` put at its end.

    `tests` are the files that should notice, `seen_by` the test among them that is tried first.
    """

    what: str
    module: str
    tests: tuple
    old: str = ""
    new: str = ""
    more: str = ""
    seen_by: str = ""

    def source(self):
        """The broken source; raises `LookupError` where the line to break has changed."""
        file = ROOT / "toylab" / f"{self.module.replace('.', '/')}.py"
        text = file.read_text(encoding="utf-8")
        if self.old and text.count(self.old) != 1:
            raise LookupError(f"{self.old!r} stands {text.count(self.old)} times in {self.module}")
        return (text.replace(self.old, self.new) if self.old else text) + self.more


# Every row of every table.


def calls_in(module, function):
    """{row: call of that function in it} of the literal table at the end of a module."""
    tree = ast.parse((ROOT / "toylab" / f"{module}.py").read_text(encoding="utf-8"))
    table = tree.body[-1].value.args[1]
    return {
        key.value: next(
            (
                node
                for node in ast.walk(value)
                if isinstance(node, ast.Call) and ast.unparse(node.func) == function
            ),
            None,
        )
        for key, value in zip(table.keys, table.values, strict=True)
    }


def of_row(table, module, tests, row, what, **parts):
    """A mutant that replaces parts of one row, given as source in which `row` is the true one."""
    inner = ", ".join(f"{name}={source}" for name, source in parts.items())
    more = f"\nrow = {table}[{row!r}]\n{table}[{row!r}] = row._replace({inner})\n"
    return Mutant(f"{table} {row}: {what}", module, tests, more=more)


def of_objectives():
    for row in calls_in("objectives", "Objective"):

        def made(what, row=row, **parts):
            return of_row("OBJECTIVES", "objectives", ("objectives",), row, what, **parts)

        for loss in ("critic", "generator"):
            keep = f"lambda r, f, k, _loss=row.{loss}:"
            yield made(f"sign of the {loss}'s loss", **{loss: f"{keep} -_loss(r, f, k)"})
            yield made(f"½ of the {loss}'s loss", **{loss: f"{keep} 0.5 * _loss(r, f, k)"})
        yield made(
            "real and fake exchanged", critic="lambda r, f, k, _loss=row.critic: _loss(f, r, k)"
        )
        moved = "lambda k, _o=row.optimum: (told(_o, k)[0] + 0.01, told(_o, k)[1])"
        yield made("optimum", optimum=moved)
        moved = "lambda k, _t=row.threshold: (told(_t, k) or 0.0) + 0.1"
        yield made("threshold", threshold=moved)
        yield made("probability", probability="not row.probability")
        yield made("asks for real logits", needs_real="not row.needs_real")
        yield made(
            "Roth's weights exchanged",
            weight="row.weight[::-1] if row.weight else (payoffs.js_weight_fake,) * 2",
        )


DEFAULTS = {"weighting": "even", "factor": 1.0}
OTHER = {
    "where": {
        **{"real": "fake", "fake": "real", "both": "real", "between": "real"},
        **{"around": "real", "beside": "around"},
    },
    "pull": {"0": "1", "1": "0", "≤1": "1"},
    "of": {"logit": "probability", "probability": "logit"},
    "weighting": {"roth": "even", "curved": "even"},
}


def of_penalties():
    names = ("where", "pull", "of", "weighting", "factor")
    for row, call in calls_in("penalties", "slope_row").items():
        if call is None:  # no price on slopes
            for what, turned in {"sign": "-", "½": "0.5 * "}.items():
                function = f"lambda *given, _do=row.function: {turned}_do(*given)"
                yield of_row("PENALTIES", "penalties", ("penalties",), row, what, function=function)
            continue
        given = {word.arg: word.value for word in call.keywords if word.arg in names}
        arguments = DEFAULTS | {name: ast.literal_eval(value) for name, value in given.items()}
        factor = arguments["factor"]
        flips = {"sign": {"factor": -factor}, "½": {"factor": 0.5 if factor == 1.0 else 1.0}}
        for name, others in OTHER.items():
            if arguments[name] in others:
                other = others[arguments[name]]
                flips[f"{name} {arguments[name]} -> {other}"] = {name: other}
        for what, flip in flips.items():
            told = ", ".join(f"{key}={value!r}" for key, value in (arguments | flip).items())
            function = f"slope_penalty({told})"
            yield of_row("PENALTIES", "penalties", ("penalties",), row, what, function=function)
        for what, field in {
            "asks for mix": {"mix": "not row.mix"},
            "names other points": {"where": "'fake' if row.where == 'real' else 'real'"},
            "names another center": {"pull": "'1' if row.pull == '0' else '0'"},
            "names another output": {"of": "'logit' if row.of != 'logit' else 'probability'"},
        }.items():
            yield of_row("PENALTIES", "penalties", ("penalties",), row, what, **field)


def of_rules():
    for row in calls_in("rules", "Rule"):
        for what, update in {
            "sign": "lambda g, v, m, k, _do=row.update: _do(-g, v, m, k)",
            "½ of the rate": "lambda g, v, m, k, _do=row.update: "
            "_do(g, v, m, {**k, 'rate': 0.5 * k['rate']})",
            "changes its input": "lambda g, v, m, k, _do=row.update: "
            "(v.copy_(_do(g, v, m, k)[0]), _do(g, v, m, k)[1])",
        }.items():
            yield of_row("RULES", "rules", ("rules",), row, what, update=update)


def of_optimizers():
    for row in calls_in("optimizers", "Optimizer"):
        for what, build in {
            "stands still": "lambda *how, _build=row.build, **more: "
            "(made := _build(*how, **more))._replace(step=lambda g, p, m, k: (p, m))",
            "moves twice": "lambda *how, _build=row.build, **more: (made := _build(*how, **more))"
            "._replace(step=lambda g, p, m, k: made.step(g, *made.step(g, p, m, k), k))",
            "rates exchanged": "lambda *how, _build=row.build, **more: "
            "(made := _build(*how, **more))"
            "._replace(step=lambda g, p, m, k: made.step(g, p, m, type(k)(*k[::-1])))",
        }.items():
            tests = ("optimizers", "dense_steps")
            yield of_row("OPTIMIZERS", "optimizers", tests, row, what, build=build)


def of_lines():
    for module, rows in LINES.items():
        for what, old, new, seen_by in rows:
            yield Mutant(f"{module}: {what}", module, TESTS[module], old, new, seen_by=seen_by)


def mutants():
    """All of them, in the order of the table that is printed."""
    yield from of_objectives()
    yield from of_penalties()
    yield from of_rules()
    yield from of_optimizers()
    yield from of_lines()


# Running one.


class Broken(MetaPathFinder, Loader):
    """Imports one module of toylab from source that is given."""

    def __init__(self, module, source):
        self.module, self.text = f"toylab.{module}", source

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == self.module else None

    def exec_module(self, module):
        module.__file__ = str(ROOT / f"{self.module.replace('.', '/')}.py")
        exec(compile(self.text, module.__file__, "exec"), module.__dict__)


class FirstFailure:
    """A pytest plug-in that remembers which test failed first, or which file did not import."""

    def __init__(self):
        self.test = self.error = None

    def pytest_runtest_logreport(self, report):
        if report.failed and self.test is None:
            self.test = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed and self.error is None:
            self.error = f"{report.nodeid}: {report.longrepr}"


def tried(mutant):
    """(mutant, test that caught it or None, what went wrong or None)."""
    os.chdir(ROOT)
    try:
        sys.meta_path.insert(0, Broken(mutant.module, mutant.source()))
    except LookupError as error:
        return mutant, None, str(error)
    found = FirstFailure()
    files = [ROOT / "tests" / f"test_{name}.py" for name in mutant.tests]
    seen_by = f"def {mutant.seen_by}("
    here = [file for file in files if seen_by in file.read_text(encoding="utf-8")]
    for chosen in (*(f"{file}::{mutant.seen_by}" for file in here), *map(str, files)):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            pytest.main([chosen, "-x", "-q", "-p", "no:cacheprovider"], plugins=[found])
        if found.test or found.error:
            break
    return mutant, found.test, found.error


class Parent(multiprocessing.get_context("fork").Process):
    """A pool's process that may start others, as some tests do."""

    daemon = property(lambda self: False, lambda self, value: None)


class Forking(type(multiprocessing.get_context("fork"))):
    """The context of a pool of those."""

    Process = Parent


def main(words):
    """Tries the mutants whose names hold one of the words; 0 if every one of them is caught."""
    chosen = [m for m in mutants() if not words or any(word in m.what for word in words)]
    files = sorted({name for mutant in chosen for name in mutant.tests})
    whole = [Mutant(f"nothing broken: {name}", "tables", (name,)) for name in files]
    began = time.monotonic()
    survivors, broken = [], []
    # Forked while only libraries are loaded: every mutant imports toylab afresh.
    with multiprocessing.pool.Pool(WORKERS, maxtasksperchild=1, context=Forking()) as pool:
        for mutant, test, error in pool.imap(tried, [*whole, *chosen], chunksize=1):
            if mutant in whole:
                broken += [test or error] if test or error else []
                continue
            said = test.rpartition("/")[2] if test else f"SURVIVES {error or ''}"
            print(f"{mutant.what:<60} {said.splitlines()[0][:120]}", flush=True)
            survivors += [] if test else [mutant.what]
    caught = len(chosen) - len(survivors)
    print(f"{caught} of {len(chosen)} mutants caught in {time.monotonic() - began:.0f} s")
    for what in survivors:
        print(f"survives: {what}")
    for test in broken:
        print(f"fails with nothing broken, so it proves nothing: {test}")
    return 1 if survivors or broken or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
