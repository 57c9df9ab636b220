"""Scoring images against real ones, those of a run's state or any, with everything that the
numbers hang on.

A score is a file, RUN/eval/step-00000300-classifier-seed0.json: the numbers, and which images,
extractor, weights, seed and versions they are of.
"""

import itertools
import json
import platform
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import toylab
from toylab.files import write
from toylab.image import grids
from toylab.image.classifier import MOST
from toylab.image.config import ConfigError, build
from toylab.image.features import extractor
from toylab.image.metrics import KID_SIZE, KID_SUBSETS, METRICS, scores
from toylab.image.neighbours import DENSITY_K, PRECISION_K
from toylab.image.pixels import CHANNELS
from toylab.image.sets import chosen, held, labelled, whole_set
from toylab.randomness import Keys

SMALLEST = 50  # images of either kind, below which no score means anything
WEIGHTS = ("average", "player")  # whose images: the moving average's, or the generator's own


class Wanted(NamedTuple):
    """What is to be scored; `n` images at most, of either kind."""

    metrics: tuple = ("fid", "kid", "is", "classes", "pr", "dc")
    features: str = "classifier"
    n: int = 10_000
    seed: int = 0
    split: str = "train"
    weights: str = "average"
    baseline: bool = False  # also other real images against the real ones


def checked(wanted):
    """The wish itself; raises `ConfigError` where it cannot be met."""
    for name in wanted.metrics:
        METRICS[name]
    if wanted.n < SMALLEST or not 0 <= wanted.seed < 2**31:
        raise ConfigError(
            f"--n must be at least {SMALLEST} and --seed from 0 to 2³¹ − 1, got {wanted.n} and "
            f"{wanted.seed}"
        )
    return wanted


def generator_of(state, weights):
    """The generator's vector whose images are meant."""
    return state.average if weights == "average" else state.players.generator


def ready(folder, config):
    """Raises where scores while training could not be had, before the training begins."""
    settings = config.settings
    _extractor(settings.eval_features, settings, Path(folder) / "eval")


def _extractor(features, settings, folder):
    """The extractor of these words, for a set in the form that the settings give it."""
    form = settings.channels, settings.crop, settings.size, settings.images
    of = " ".join([settings.data, *map(str, form)])
    return extractor(features, partial(labelled, settings, MOST), folder, of)


def score(run, wanted):
    """{…} of a run (folder, config, setup, state): its scores and all that they hang on."""
    folder, config, setup, state = run

    def fakes():
        vector = generator_of(state, wanted.weights)
        made = grids.fakes(setup, vector, wanted.n, wanted.seed, purpose="evaluate")
        return grids.shown(setup, made)

    # They are decoded already where the run trains with them.
    there = held(setup.sources[0]) if wanted.split == "train" else None
    return _against(config.settings, folder / "eval", fakes, wanted, there) | {
        "step": state.step,
        "weights": wanted.weights,
        "norms": f"held: the statistics of {grids.CALIBRATION} other fakes",
        "run_seed": config.experiment.seed,
    }


def score_images(address, settings, folder, wanted):
    """{…} of images from anywhere, an address as in `toylab.image.data`, against a set's.

    They are compared as they are: raises `ConfigError` where one kind is larger than the other.
    """
    channels = {count: name for name, count in CHANNELS.items()}
    real = whole_set(settings, wanted.split).shape
    form = {"data": address, "channels": channels.get(real[0], "as-is")}
    own = build("images", form).settings
    found = whole_set(own)
    if found.shape != real:
        shown = " and ".join("×".join(map(str, shape)) for shape in (found.shape, real))
        raise ConfigError(
            f"{address} and {settings.data} are images of {shown}: only those of one size can be "
            "compared"
        )

    def fakes():
        order = Keys(wanted.seed, "evaluate/fake").rng().permutation(len(found))
        return chosen(found, order[: wanted.n])

    if len(found) < SMALLEST:
        raise ConfigError(f"{len(found)} images in {address}: {SMALLEST} are needed at least")
    told = {"images": address, "of": len(found), "sha256": found.fingerprint}
    return _against(settings, folder, fakes, wanted) | {"source": told}


def _against(settings, folder, fakes, wanted, there=None):
    """{…} of images that `fakes` gives, against the real ones of a set; trains in a folder.

    there -- the set's images, if somebody has them
    """
    checked(wanted)
    real_set = there or whole_set(settings, wanted.split)
    order = Keys(wanted.seed, "evaluate/real").rng().permutation(len(real_set))
    most = len(real_set) // 2 if wanted.baseline else len(real_set)
    n = min(wanted.n, most)
    if n < SMALLEST:
        raise ConfigError(f"{n} real images are too few: {SMALLEST} are needed at least")

    look = _extractor(wanted.features, settings, folder)
    real, fake = look.of(chosen(real_set, order[:n])), look.of(fakes())
    found = {"scores": scores(real, fake, wanted.metrics, wanted.seed)}
    if wanted.baseline:
        other = look.of(chosen(real_set, order[n : 2 * n]))
        found["baseline"] = scores(real, other, wanted.metrics, wanted.seed)
    return found | {
        "seed": wanted.seed,
        "extractor": {
            "name": look.name,
            "sha256": look.sha256,
            "resizer": look.resizer,
            "features": real.features.shape[1],
            **look.about,
        },
        "real": {
            "data": settings.data,
            "split": wanted.split,
            "n": n,
            "of": len(real_set),
            "sha256": real_set.fingerprint,
        },
        "fake": {"n": len(fake)},
        "constants": {
            "kid": f"{KID_SUBSETS} subsets of at most {KID_SIZE}",
            "pr": f"k = {PRECISION_K}",
            "dc": f"k = {DENSITY_K}",
        },
        "versions": versions(),
    }


def versions():
    """{name: version} of what the numbers were made with."""
    found = {"toylab": toylab.__version__, "python": platform.python_version()}
    for name in ("torch", "torchmetrics", "scikit-learn", "numpy"):
        with suppress(PackageNotFoundError):  # an export needs not all of them
            found[name] = version(name)
    return found


def written(folder, found):
    """Writes a score into a folder, whole or not at all; returns the path.

    One that hangs on anything else stays beside it: the new one has a number in its name then.
    """
    name = f"{found['extractor']['name']}-seed{found['seed']}"
    if "step" in found:  # of a run, not of images alone
        own = "" if found["weights"] == "average" else "-player"
        name = f"step-{found['step']:08d}-{name}{own}"
    part = "" if found["real"]["split"] == "train" else f"-{found['real']['split']}"
    folder.mkdir(parents=True, exist_ok=True)
    return kept(folder / f"{name}{part}.json", found, ("scores", "baseline"))


def kept(path, found, numbers):
    """Writes a table as JSON where none lies that hangs on something else; returns the path.

    numbers -- entries that are results: all others must be alike for one to replace another
    """
    what = {name: value for name, value in found.items() if name not in numbers}
    what, first = json.loads(json.dumps(what)), path.stem
    for number in itertools.count(2):
        if _others(path, numbers) in (None, what):
            break
        path = path.with_name(f"{first}.{number}.json")
    write(path, json.dumps(found, indent=1).encode() + b"\n")
    return path


def _others(path, numbers):
    """What the results in a file hang on; None where there is no such file, or none that can be."""
    try:
        held = json.loads(path.read_text())
        return {name: value for name, value in held.items() if name not in numbers}
    except (OSError, ValueError, AttributeError):
        return None
