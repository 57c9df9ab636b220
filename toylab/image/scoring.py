"""Scoring a run: images of a state against real ones, with everything that the numbers hang on.

A score is a file, RUN/eval/step-00000300-classifier-seed0.json: the numbers, and which images,
extractor, weights, seed and versions they are of.
"""

import json
import platform
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import toylab
from toylab.files import write
from toylab.image import grids
from toylab.image.classifier import MOST
from toylab.image.config import ConfigError
from toylab.image.features import extractor
from toylab.image.metrics import KID_SIZE, KID_SUBSETS, METRICS, scores
from toylab.image.neighbours import DENSITY_K, PRECISION_K
from toylab.image.sets import chosen, labelled, whole_set
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
    if wanted.n < SMALLEST or wanted.seed < 0:
        raise ConfigError(
            f"--n must be at least {SMALLEST} and --seed at least 0, got {wanted.n} and "
            f"{wanted.seed}"
        )
    return wanted


def generator_of(state, weights):
    """The generator's vector whose images are meant."""
    return state.average if weights == "average" else state.players.generator


def ready(folder, config):
    """Raises where scores while training could not be had, before the training begins."""
    settings = config.settings
    extractor(settings.eval_features, partial(labelled, settings, MOST), Path(folder) / "eval")


def score(run, wanted):
    """{…} of a run (folder, config, setup, state): its scores and all that they hang on."""
    folder, config, setup, state = run
    checked(wanted)
    real_set = whole_set(config.settings, wanted.split)
    order = Keys(wanted.seed, "evaluate/real").rng().permutation(len(real_set))
    most = len(real_set) // 2 if wanted.baseline else len(real_set)
    n = min(wanted.n, most)
    if n < SMALLEST:
        raise ConfigError(f"{n} real images are too few: {SMALLEST} are needed at least")

    training = partial(labelled, config.settings, MOST)
    look = extractor(wanted.features, training, folder / "eval")
    real = look.of(chosen(real_set, order[:n]))
    vector = generator_of(state, wanted.weights)
    fakes = grids.fakes(setup, vector, wanted.n, wanted.seed, purpose="evaluate")
    fake = look.of(grids.shown(setup, fakes))
    found = {"scores": scores(real, fake, wanted.metrics, wanted.seed)}
    if wanted.baseline:
        other = look.of(chosen(real_set, order[n : 2 * n]))
        found["baseline"] = scores(real, other, wanted.metrics, wanted.seed)
    return found | {
        "step": state.step,
        "weights": wanted.weights,
        "norms": f"held: the statistics of {grids.CALIBRATION} other fakes",
        "seed": wanted.seed,
        "run_seed": config.experiment.seed,
        "extractor": {
            "name": look.name,
            "sha256": look.sha256,
            "resizer": look.resizer,
            "features": real.features.shape[1],
            **look.about,
        },
        "real": {
            "data": config.settings.data,
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
    others = ("torch", "torchmetrics", "scikit-learn", "numpy")
    found = {"toylab": toylab.__version__, "python": platform.python_version()}
    return found | {name: version(name) for name in others}


def written(folder, found):
    """Writes a score into its run's directory, whole or not at all; returns the path."""
    name = f"step-{found['step']:08d}-{found['extractor']['name']}-seed{found['seed']}"
    own = "" if found["weights"] == "average" else "-player"
    part = "" if found["real"]["split"] == "train" else f"-{found['real']['split']}"
    (folder / "eval").mkdir(exist_ok=True)
    path = folder / "eval" / f"{name}{own}{part}.json"
    write(path, json.dumps(found, indent=1).encode() + b"\n")
    return path
