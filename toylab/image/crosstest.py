"""Cross-testing: each run's critic on each run's fakes, after Roth et al. 2017, section 5.5.

Critic i is asked about real images and about the fakes of generator j. An own critic that knows its
generator's fakes may be fooled by another's: false positives off the diagonal say so.
https://arxiv.org/abs/1705.09367
"""

from typing import NamedTuple

import torch

from toylab.image import grids
from toylab.image.config import ConfigError
from toylab.image.confusion import LEVEL, RESAMPLES, confusion
from toylab.image.layouts.common import NoPart
from toylab.image.moments import holding, measured
from toylab.image.scoring import generator_of, versions
from toylab.image.sets import whole_set
from toylab.randomness import Keys

NORMS = ("held", "batch")
HELD = 2048  # images of either kind whose statistics a critic's normalisations hold
RULES = {
    "fixed": "real where the logit is above {0:g}, where the objective says so",
    "midpoint": "real where the logit is above the middle of its means on other reals and own "
    "fakes: the objective has no fixed one",
}


class Asked(NamedTuple):
    """What is asked of the runs.

    norms   -- of a critic with batch normalisation. "held": the statistics of other real images and
               own fakes, in batches of one kind each, as moving averages in training would be;
               "batch": those of the batch at hand, which holds one kind only and so tells it
    weights -- the fakes' generator: the players' own, whom the critics met, or the average
    """

    n: int = 10_000
    seed: int = 0
    norms: str = "held"
    weights: str = "player"
    split: str = ""  # "": test where there is one, else train
    resamples: int = RESAMPLES


class _Images(NamedTuple):
    """Real images in a run's numbers: to be judged, and others to fit with."""

    judged: torch.Tensor
    others: torch.Tensor


def crosstest(runs, asked):
    """{…} of runs (folder, config, setup, state): a matrix of `Confusion`, and how it came about.

    rows[i][j]: critic i on the fakes of generator j, and how many of either kind it was asked
    about; the fewest of all are told as n. Raises `ConfigError` where runs differ in
    what an image is, or in the images.
    """
    if len(runs) < 2:
        raise ConfigError(f"a cross-test takes two runs or more, got {len(runs)}")
    if asked.n < 2 or asked.seed < 0 or asked.resamples < 1:
        raise ConfigError("--n must be at least 2, --seed at least 0, --resamples at least 1")
    first = runs[0]
    for folder, config, setup, _ in runs[1:]:
        if setup.sources[0].shape != first[2].sources[0].shape:
            raise ConfigError(
                f"{folder}: images {setup.sources[0].shape}, but {first[0]} has "
                f"{first[2].sources[0].shape}"
            )
        if setup.sources[0].fingerprint != first[2].sources[0].fingerprint:
            raise ConfigError(f"{folder} was trained on other images than {first[0]}")
        if config.settings.scaling != first[1].settings.scaling:
            raise ConfigError(f"{folder} has another scaling of images than {first[0]}")
    split, images = _reals(first, asked)
    # All runs of one cross-test meet the same latents and the same reals.
    fakes = [_fakes(one, asked, "crosstest") for one in runs]
    rows, thresholds = [], []
    for one in runs:
        critic, threshold, rule = _critic(one, images, asked)
        real = critic(images.judged)
        rows.append([_cell(real, critic(x), threshold, asked) for x in fakes])
        thresholds.append({"value": threshold, "rule": RULES[rule].format(threshold)})
    return {
        "runs": [str(folder) for folder, *_ in runs],
        "steps": [state.step for *_, state in runs],
        "rows": rows,
        "thresholds": thresholds,
        "norms": asked.norms,
        "weights": asked.weights,
        "seed": asked.seed,
        "level": LEVEL,
        "resamples": asked.resamples,
        "real": {
            "data": first[1].settings.data,
            "split": split,
            "n": _fewest(rows, "reals"),
            "sha256": first[2].sources[0].fingerprint,
        },
        "fake": {"n": _fewest(rows, "fakes")},
        "versions": versions(),
    }


def _cell(real, fake, threshold, asked):
    """{…} of a `Confusion` of logits, with how many there are of either kind."""
    found = confusion(real, fake, threshold, asked.seed, asked.resamples)
    return {**found._asdict(), "reals": len(real), "fakes": len(fake)}


def _fewest(rows, kind):
    return min(cell[kind] for row in rows for cell in row)


def _numbers(setup, source, n, keys):
    """n images of a source in the network's numbers, on its device."""
    points = torch.as_tensor(source.sample(n, keys))
    return points.to(setup.device, setup.dtype)


def _reals(one, asked):
    """(split, `_Images`): the test part, fitted with the training part, where there is one."""
    _, config, setup, _ = one
    split = asked.split
    try:
        judged = whole_set(config.settings, split or "test")
        split = split or "test"
    except NoPart:
        if split:
            raise
        judged, split = whole_set(config.settings, "train"), "train"
    others = whole_set(config.settings, "train")
    keys = Keys(asked.seed, "crosstest/real")
    if split == "test":
        n = min(asked.n, len(judged))
        fitted = min(HELD, len(others))
        other = _numbers(setup, others, fitted, keys._replace(purpose="crosstest/other"))
        return split, _Images(_numbers(setup, judged, n, keys), other)
    # One walk through the set: what is judged is not what is fitted with.
    n = min(asked.n, len(judged) // 2)
    fitted = min(HELD, len(judged) - n)
    both = _numbers(setup, judged, n + fitted, keys)
    return split, _Images(both[:n], both[n:])


def _fakes(one, asked, purpose, n=0):
    _, _, setup, state = one
    vector = generator_of(state, asked.weights)
    made = grids.fakes(setup, vector, n or asked.n, asked.seed, purpose)
    return torch.from_numpy(made).to(setup.device, setup.dtype)


def _critic(one, images, asked):
    """(images -> logits as numpy, threshold, its rule) of a run's critic."""
    _, config, setup, state = one
    vector, _ = setup.constraint.effective(state.players.critic, state.constraint)
    network, size = setup.networks.critic, config.experiment.batch
    others = images.others.to(setup.device, setup.dtype)
    own = _fakes(one, asked, "crosstest/own", max(len(others), 2))
    if asked.norms == "held":
        batches = [batch for kind in (others, own) for batch in _even(kind, size)]
        network = holding(network, measured(network, vector, batches))

    def logits(points):
        points = points.to(setup.device, setup.dtype)  # they may be another run's
        whole = asked.norms == "held" or not _normalised(setup.networks.critic, vector, points)
        # A last part that is not a whole batch would have statistics of another kind.
        parts = points.split(size) if whole else _even(points, size)
        with torch.no_grad():
            return torch.cat([network.apply(vector, part).value for part in parts]).cpu().numpy()

    threshold = setup.judged(state).threshold
    if threshold is not None:
        return logits, float(threshold), "fixed"
    middle = (logits(others).mean() + logits(own).mean()) / 2
    return logits, float(middle), "midpoint"


def _even(points, size):
    """Parts of equal size, at most `size`; what is left over is left out."""
    size = min(size, len(points))
    return points[: len(points) // size * size].split(size)


def _normalised(network, vector, points):
    """Whether a network has batch normalisation."""
    return bool(measured(network, vector, [points[:2]]))
