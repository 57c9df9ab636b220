"""``python -m toylab.bench [SUITE …] [--quick] [--json FILE]``; suites are named in `SUITES`."""

import argparse
import importlib
import json
import os
import sys
import tempfile

from toylab.bench.measure import machine

SUITES = (
    *("steps", "compiled", "costs", "profile", "optimizers", "frames"),
    *("lab", "page", "sessions", "lanes", "idle", "image"),
)


def line(row):
    """One row as the terminal shows it."""
    low, high = row.spread
    text = f"{row.suite:9} {row.case:48} {row.value:10.4g} {row.unit:18}"
    if row.ratio is not None:
        return f"{text} {row.ratio:6.2f}× ({low:.2f}–{high:.2f}) {row.baseline}"
    return f"{text} ({low:.4g}–{high:.4g})"


def main(arguments=None):
    """Runs the suites named on the command line and prints their rows."""
    parser = argparse.ArgumentParser(prog="python -m toylab.bench", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"of {', '.join(SUITES)}; all")
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds")
    parser.add_argument(
        "--json", metavar="FILE", help="write rows and machine there; other suites' stay"
    )
    options = parser.parse_args(arguments)
    unknown = [suite for suite in options.suites if suite not in SUITES]
    if unknown:
        parser.error(f"suite {unknown[0]!r} is unknown; known: {', '.join(SUITES)}")
    found, failed = [], []
    for suite in options.suites or SUITES:
        try:
            for row in importlib.import_module(f"toylab.bench.{suite}").rows(options.quick):
                found.append(row)
                print(line(row), flush=True)
        except (ImportError, RuntimeError) as error:
            failed.append(suite)
            print(f"{suite:9} not measured: {error}", file=sys.stderr, flush=True)
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    if options.json:
        write(options.json, merged(options.json, about, [row._asdict() for row in found]))
    return 1 if failed else 0


def merged(path, about, rows):
    """What was measured now, and the rows of other suites that the file has; `machine` is theirs,
    `machines` has those of suites that were measured since."""
    try:
        with open(path, encoding="utf-8") as file:
            before = json.load(file)
    except FileNotFoundError:
        return {"machine": about, "rows": rows}
    suites = {row["suite"] for row in rows}
    kept = [row for row in before["rows"] if row["suite"] not in suites]
    machines = {**before.get("machines", {}), **dict.fromkeys(sorted(suites), about)}
    return {"machine": before["machine"], "machines": machines, "rows": kept + rows}


def write(path, content):
    """The JSON file, whole or not at all."""
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        json.dump(content, file, indent=1)
    os.replace(file.name, path)


if __name__ == "__main__":
    sys.exit(main())
