"""``evaluate``: scores of a run's images, written into its directory with all they hang on."""

from toylab.image import data, download, run, scoring
from toylab.image.commands import report, reports, told
from toylab.image.metrics import METRICS


def arguments(parser):
    """Declares the command's arguments."""
    usual = scoring.Wanted()
    parser.add_argument("run", metavar="RUN", help="a run directory, or a checkpoint in one")
    parser.add_argument(
        "--metrics",
        default=",".join(usual.metrics),
        help=f"which, with commas: {', '.join(METRICS)} (all)",
    )
    parser.add_argument(
        "--features",
        default=usual.features,
        help="classifier[:PATH] or inception[:PATH] (classifier: trained on the set itself)",
    )
    parser.add_argument(
        "--download-inception",
        action="store_true",
        help="fetch Inception's weights (96 MB) unless they are there",
    )
    parser.add_argument("--n", type=int, default=usual.n, help=f"images of either kind ({usual.n})")
    parser.add_argument("--seed", type=int, default=0, help="of fakes and choice of reals (0)")
    parser.add_argument("--split", choices=("train", "test"), default="train", help="of the reals")
    parser.add_argument(
        "--weights",
        choices=scoring.WEIGHTS,
        default="average",
        help="of the moving average, or the generator's own",
    )
    parser.add_argument(
        "--baseline", action="store_true", help="score other real images too, as if they were fakes"
    )
    reports(parser)


def execute(parsed):
    """Scores a run; returns the exit code."""
    names = tuple(name.strip() for name in parsed.metrics.split(","))
    wanted = scoring.Wanted(
        names,
        parsed.features,
        parsed.n,
        parsed.seed,
        parsed.split,
        parsed.weights,
        parsed.baseline,
    )
    scoring.checked(wanted)
    if parsed.download_inception:
        download.fetch("inception", data.root(), told)
    opened = run.opened(parsed.run)
    found = scoring.score(opened, wanted)
    path = scoring.written(opened[0], found)
    extractor, real = found["extractor"], found["real"]
    lines = [
        f"step {found['step']}, {found['fake']['n']} fakes of the {found['weights']}, "
        f"{real['n']} of {real['of']} reals ({real['data']}, {real['split']})",
        f"features: {extractor['name']} {extractor['sha256'][:12]}"
        + (f", {extractor['accuracy']:.1%} right" if "accuracy" in extractor else ""),
    ]
    for name, value in found["scores"].items():
        other = f"   real against real {found['baseline'][name]:.4g}" if parsed.baseline else ""
        lines.append(f"{name:10} {value:10.4g}{other}")
    return report(parsed, {**found, "file": str(path)}, [*lines, str(path)])
