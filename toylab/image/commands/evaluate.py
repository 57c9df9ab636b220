"""``evaluate``: scores of a run's images, or of any, written beside them with all they hang on."""

from pathlib import Path

from toylab.image import config, data, download, run, scoring
from toylab.image.commands import report, reports, told
from toylab.image.metrics import METRICS


def arguments(parser):
    """Declares the command's arguments."""
    usual = scoring.Wanted()
    parser.add_argument(
        "run",
        metavar="RUN",
        help="a run directory, a checkpoint in one, or with --data a folder of images",
    )
    parser.add_argument(
        "--data",
        metavar="SET",
        help="score the images of the folder RUN (or LAYOUT:PATH) against those of this set",
    )
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
    if parsed.data:
        folder, found = _images(parsed.run, parsed.data, wanted)
        fakes = f"{found['fake']['n']} of {found['source']['of']} images ({parsed.run})"
    else:
        opened = _run(parsed.run)
        folder, found = opened[0] / "eval", scoring.score(opened, wanted)
        fakes = f"step {found['step']}, {found['fake']['n']} fakes of the {found['weights']}"
    path = scoring.written(folder, found)
    extractor, real = found["extractor"], found["real"]
    lines = [
        f"{fakes}, {real['n']} of {real['of']} reals ({real['data']}, {real['split']})",
        f"features: {extractor['name']} {extractor['sha256'][:12]}"
        + (f", {extractor['accuracy']:.1%} right" if "accuracy" in extractor else ""),
    ]
    for name, value in found["scores"].items():
        other = f"   real against real {found['baseline'][name]:.4g}" if parsed.baseline else ""
        lines.append(f"{name:10} {value:10.4g}{other}")
    return report(parsed, {**found, "file": str(path)}, [*lines, str(path)])


def _run(path):
    """The run of that directory; raises `ConfigError`, in words where it may hold images alone."""
    try:
        run.locate(path)
    except config.ConfigError as error:
        if Path(path).is_dir() and not (Path(path) / "config.toml").is_file():
            more = "to score the images in it, name the set to compare them with: --data SET"
            raise config.ConfigError(f"{error}; {more}") from None
        raise
    return run.opened(path)


def _images(words, name, wanted):
    """(folder of the score, score) of images from elsewhere; it lies beside them, as NAME-eval."""
    named = words if ":" in words and not Path(words).exists() else f"folder:{words}"
    layout, _, path = named.partition(":")
    place = Path(path).expanduser().resolve()
    address = f"{layout}:{place}"  # the same from wherever it is called
    settings = config.build("evaluate", {"data": name}).settings
    folder = place.parent / f"{place.name}-eval"
    return folder, scoring.score_images(address, settings, folder, wanted)
