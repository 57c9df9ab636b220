"""The table of a sweep: a row a run, as Parquet where pyarrow is installed, else as CSV."""

import csv
import io
from pathlib import Path
from statistics import median

from toylab.files import write

SHOWN = 40  # lines on the screen


def rows(sweep, found):
    """[{column: value}] of the runs that are known, in the sweep's order.

    Columns: the settings that the file names, seed, the measures, seconds, backend, failure.
    found -- {key: row} as `kept.found` gives them
    """
    known = [found[run.key] for run in sweep.runs if run.key in found]
    return [
        {name: row["settings"][name] for name in sweep.named}
        | {"seed": row["seed"]}
        | {column: row["measures"].get(column) for column in sweep.columns}
        | {name: row[name] for name in ("seconds", "backend", "failure")}
        for row in (*known, *sweep.impossible)
    ]


def save(folder, told):
    """Writes the rows as table.parquet or table.csv and returns the path."""
    names = list(told[0])
    values = {name: _alike([row[name] for row in told]) for name in names}
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        path, text = Path(folder) / "table.csv", io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([names, *zip(*values.values(), strict=True)])
        write(path, text.getvalue().encode())
        return path
    path, made = Path(folder) / "table.parquet", io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(values), made)
    write(path, made.getvalue())
    return path


def _alike(column):
    """A column of one type: text where some are text, such as a schedule among numbers."""
    if any(isinstance(value, str) for value in column):
        return [value if value is None else str(value) for value in column]
    return column


def _short(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def summary(sweep, told):
    """Lines for the screen: the medians over the seeds of each setting, then what failed and why.

    Settings that do not vary are left out.
    """
    vary = [name for name in sweep.named if len({row[name] for row in told}) > 1]
    groups = {}
    for row in told:
        groups.setdefault(tuple(_short(row[name]) for name in vary), []).append(row)
    lines = [[*vary, "runs", "failed", *sweep.columns]]
    for values, inside in groups.items():
        held = [row for row in inside if not row["failure"]]
        numbers = [[row[c] for row in held if row[c] is not None] for c in sweep.columns]
        medians = [_short(float(median(column))) if column else "-" for column in numbers]
        lines.append([*values, str(len(inside)), str(len(inside) - len(held)), *medians])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    bad = [
        f"{', '.join(f'{name}={_short(row[name])}' for name in (*vary, 'seed'))}: {row['failure']}"
        for row in told
        if row["failure"]
    ]
    return [*_first(shown), *_first(bad)]


def _first(lines):
    left = len(lines) - SHOWN
    return lines if left <= 0 else [*lines[:SHOWN], f"and {left} more: see the table"]
