"""``python -m toylab.figures list | run NAME ... [--seeds N] [--quick] [--paper] | report``.

`run all` makes every figure, its seeds in `--jobs N` processes; what is kept under ``runs/figures``
is not measured again.
"""

import argparse
import sys

from toylab.figures import claims, results
from toylab.figures.report import table
from toylab.tables import UnknownName


def main(arguments=None):
    """The command; `run all` makes every figure. Ends with 1 if a name is unknown."""
    parser = argparse.ArgumentParser(prog="python -m toylab.figures", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    tasks.add_parser("list", help="the figures and what is known of them")
    tasks.add_parser("report", help="the README's table, made of the verdicts")
    run = tasks.add_parser("run", help="measure, judge, draw and write figures")
    run.add_argument("names", nargs="+", metavar="NAME", help="names of figures, or all")
    run.add_argument("--seeds", type=int, help="how many seeds (exact figures have one)")
    length = run.add_mutually_exclusive_group()
    length.add_argument("--quick", dest="length", action="store_const", const="quick")
    length.add_argument("--paper", dest="length", action="store_const", const="paper")
    run.add_argument("--jobs", type=int, help="worker processes for the seeds (all cores)")
    run.add_argument("--again", action="store_true", help="measure anew what is kept from before")
    run.add_argument("--out", help="another folder than docs/figures")
    given = parser.parse_args(arguments)
    if given.task == "run" and given.seeds is not None and given.seeds < 1:
        parser.error(f"--seeds must be 1 or more, got {given.seeds}")
    if given.task == "run" and given.jobs is not None and given.jobs < 1:
        parser.error(f"--jobs must be 1 or more, got {given.jobs}")
    return {"list": _list, "report": _report, "run": _run}[given.task](given)


def _list(given):
    told = results.verdicts()
    for name, claim in claims.load().items():
        verdict = told[name]["verdict"] if name in told else "not made"
        print(f"{name:24} {verdict:11} {claim.title}")
    return 0


def _report(given):
    print(table())
    return 0


def _run(given):
    from toylab.figures.index import FIGURES, figure  # torch and matplotlib only where they run
    from toylab.figures.runner import run

    names = list(FIGURES) if given.names == ["all"] else given.names
    try:
        for name in names:
            figure(name)
    except UnknownName as unknown:
        print(unknown, file=sys.stderr)
        return 1
    for name in names:
        length = given.length or "usual"
        run(name, given.seeds, length, given.out, again=given.again, jobs=given.jobs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
