"""``python -m toylab.sweep SPEC.toml``: trains every run of a sweep, makes one table of them.

Exit codes: 0 done (a run that fails is a row with its reason) · 2 a wrong spec, folder or scheduler
· 75 stopped by Ctrl-C or SIGTERM (the same command goes on).
"""

import argparse
import signal
import sys
from pathlib import Path

from toylab.sweep import cores, kept, plan, spec, table
from toylab.sweep.cluster import NoCluster, remote
from toylab.sweep.measures import MEASURES
from toylab.sweep.progress import progress

DONE, WRONG, STOPPED = 0, 2, 75


def parser():
    """The command line."""
    about, codes = __doc__.split("\n\n")
    rows = [
        f"  {name:12} {row.doc} {', '.join(f'{c} [{unit}]' for c, unit in row.columns.items())}"
        for name, row in MEASURES.items()
    ]
    made = argparse.ArgumentParser(
        prog="python -m toylab.sweep",
        description=about,
        epilog="\n\n".join([codes.strip(), spec.__doc__.strip(), "Measures:\n" + "\n".join(rows)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("spec", metavar="SPEC.toml", help="what to train; see below")
    made.add_argument("--out", metavar="FOLDER", help="of the results (runs/sweeps/NAME)")
    made.add_argument("--jobs", type=int, help="worker processes (all cores)")
    made.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster to train on")
    made.add_argument("--backend", help="in place of the file's: auto, plain, ahead, inductor, …")
    made.add_argument("--table", action="store_true", help="only write the table of what is there")
    made.add_argument("--yes", action="store_true", help=f"more than {spec.ASKED} runs are meant")
    return made


def main(words=None):
    """Runs a sweep and returns the exit code; what is wrong is said in one line."""
    given = parser().parse_args(words)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if given.jobs is not None and given.jobs < 1:
            raise spec.SpecError(f"--jobs must be 1 or more, got {given.jobs}")
        sweep = spec.load(given.spec, given.yes, given.backend)
        folder = Path(given.out or Path("runs") / "sweeps" / sweep.name)
        _told(sweep)
        if given.table:
            return _table(sweep, folder)
        with kept.locked(folder):
            return _run(sweep, folder, given)
    except (spec.SpecError, kept.Busy, NoCluster, OSError) as error:
        print(f"toylab.sweep: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("stopped; what is finished is kept, the same command goes on", flush=True)
        return STOPPED
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(sweep):
    left = f", {len(sweep.impossible)} of them impossible" if sweep.impossible else ""
    print(
        f"{sweep.name}: {sweep.points} settings x {len(sweep.seeds)} seeds = "
        f"{sweep.points * len(sweep.seeds)} runs of {sweep.steps} steps{left}",
        flush=True,
    )


def _found(sweep, folder):
    rows, damaged = kept.found(folder, sweep.columns)
    for path, why in damaged:
        print(f"{path} is damaged: {why}; its runs count as missing", flush=True)
    return rows, [path for path, _ in damaged]


def _run(sweep, folder, given):
    rows, damaged = _found(sweep, folder)
    for path in damaged:
        path.unlink()
    done = {run.key for run in sweep.runs if run.key in rows and rows[run.key]["settled"]}
    jobs, missing = given.jobs or cores.count(), len(sweep.runs) - len(done)
    tasks = plan.tasks(sweep, done, jobs)
    where = f"the cluster at {given.scheduler}" if given.scheduler else f"{jobs} cores"
    print(
        f"{len(done)} are there, {missing} to train: {len(tasks)} ensembles on {where}", flush=True
    )
    if tasks:
        ends = remote(tasks, given.scheduler) if given.scheduler else cores.local(tasks, jobs)
        with progress(missing) as told:
            for _, made in ends:
                kept.keep(folder, made)
                told(len(made), sum(bool(row["failure"]) for row in made))
    return _table(sweep, folder)


def _table(sweep, folder):
    told = table.rows(sweep, _found(sweep, folder)[0])
    if not told:
        print(f"{folder} has none of these runs yet")
        return DONE
    print("\n".join(table.summary(sweep, told)))
    print(f"{table.save(folder, told)}: {len(told)} of {len(sweep.seeds) * sweep.points} runs")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
