"""Holds the rows of a user's own file to the laws of their tables: ``python -m toylab.check FILE``.

One line a row and law, "ok" or what is broken; ends with 1 where a law is broken, the file cannot
be run, or adds no row.
"""

import argparse
import sys

from toylab.laws import judge
from toylab.own import TABLES, Own


def report(path):
    """(lines to print, whether every law holds) of one file."""
    own = Own(path)
    if not own.load():
        return [own.problem], False
    if not own.added():
        return [f'{own.name} adds no row to any table, as PENALTIES["mine"] = f does'], False
    lines, held, total = [], 0, 0
    for field, name in own.added():
        for law, why in judge(field, TABLES[field][name], own.words).items():
            lines.append(f"{field} {name}  {law:<12} {f'broken: {why}' if why else 'ok'}")
            held, total = held + (not why), total + 1
    return [*lines, f"{own.name}: {held} of {total} laws hold"], held == total


def main(arguments=None):
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m toylab.check", description=__doc__)
    parser.add_argument(
        "file", help="Python that adds rows to the tables, as PENALTIES['mine'] = f"
    )
    lines, holds = report(parser.parse_args(arguments).file)
    print(*lines, sep="\n")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
