"""``crosstest``: every run's critic on every run's fakes, as a matrix with intervals."""

import json
from pathlib import Path

from toylab.files import write
from toylab.image import crosstest as protocol
from toylab.image import run
from toylab.image.commands import report, reports
from toylab.image.scoring import WEIGHTS, kept


def arguments(parser):
    """Declares the command's arguments."""
    usual = protocol.Asked()
    parser.add_argument("runs", metavar="RUN", nargs="+", help="run directories, or checkpoints")
    parser.add_argument("--n", type=int, default=usual.n, help=f"images of either kind ({usual.n})")
    parser.add_argument("--seed", type=int, default=0, help="of fakes and choice of reals (0)")
    parser.add_argument(
        "--norms",
        choices=protocol.NORMS,
        default=usual.norms,
        help="a critic's batch normalisation: statistics held, or of the batch at hand",
    )
    parser.add_argument(
        "--weights", choices=WEIGHTS, default=usual.weights, help="whose fakes (player)"
    )
    parser.add_argument(
        "--split", choices=("train", "test"), default="", help="of the reals (test if there is one)"
    )
    parser.add_argument(
        "--resamples", type=int, default=usual.resamples, help="of the bootstrap (1000)"
    )
    parser.add_argument("--out", help="the JSON file (eval/crosstest….json in the first run)")
    reports(parser)


def execute(parsed):
    """Cross-tests the runs; returns the exit code."""
    asked = protocol.Asked(
        parsed.n, parsed.seed, parsed.norms, parsed.weights, parsed.split, parsed.resamples
    )
    runs = [run.opened(path) for path in parsed.runs]
    found = protocol.crosstest(runs, asked)
    names = "-".join(folder.name[:5] for folder, *_ in runs)
    path = Path(parsed.out or runs[0][0] / "eval" / f"crosstest-{names}-seed{parsed.seed}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    if parsed.out:
        write(path, json.dumps(found, indent=1).encode() + b"\n")
    else:
        path = kept(path, found, ("rows", "thresholds"))
    return report(parsed, {**found, "file": str(path)}, [*_lines(found), str(path)])


def _lines(found):
    """The matrix in words: a block a number, a line a critic, a column a generator."""
    real, names = found["real"], [Path(name).name for name in found["runs"]]
    width = max(len(name) for name in names)
    yield (
        f"{real['n']} reals ({real['data']}, {real['split']}), {found['fake']['n']} fakes a "
        f"generator ({found['weights']}); norms: {found['norms']}"
    )
    for name, threshold in zip(names, found["thresholds"], strict=True):
        yield f"critic {name}: {threshold['rule']}"
    words = {"fp": "FP, fakes called real", "fn": "FN, reals called fake", "auc": "AUC"}
    for number, title in words.items():
        yield f"{title} [{found['level']:.0%} interval]; a line a critic, a column a generator"
        for name, row in zip(names, found["rows"], strict=True):
            cells = [
                "{:.4f} [{:.4f}, {:.4f}]".format(cell[number], *cell[f"{number}_interval"])
                for cell in row
            ]
            yield f"  {name:{width}}  " + "  ".join(cells)
