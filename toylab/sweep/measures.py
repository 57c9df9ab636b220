"""Measures: what is known of a run at its end; one literal table.

All but the critic's are numbers about the 4,096 fakes by which the page measures too, made by the
averaged generator (which is the generator itself where `average` is 0).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab.crowd import Crowd
from toylab.data import clusters, source
from toylab.frames import MEASURED
from toylab.judgement import steepness, told_jsd, verdicts
from toylab.probes import effective, window
from toylab.randomness import Keys
from toylab.tables import Table, full
from toylab.theory import Truth, apart


class Ended:
    """One member of a run that has ended: its fakes, and what they are compared with.

    setup, state -- of a single run, or of an ensemble and which `member` of it · seed -- its own
    """

    def __init__(self, setup, state, seed, member=None):
        experiment = setup.experiment
        self.card, self.numbers = experiment.card, experiment.numbers(state.step)
        _, self.critic = effective(setup, state, member)
        average = state.average if member is None else state.average[member]

        def averaged(latents):
            return setup.networks.generator.apply(average, latents).value

        def drawn(origin, purpose):
            return torch.from_numpy(origin.sample(MEASURED, Keys(seed, purpose))).to(average)

        self.crowd = Crowd()
        found = clusters(self.card, **self.numbers)
        self.crowd.follow(drawn(setup.sources[1], "measured"), found, self.card, self.numbers)
        self.crowd.measure(state, averaged, True, 0.0)
        self.fakes = torch.from_numpy(self.crowd.points).to(average)
        self.real = drawn(source(self.card, "real", **self.numbers), "measured/critic")


def _modes(ended):
    told = ended.crowd.numbers_told()
    return told["modes"], told["modes_total"]


def _quality(ended):
    return (ended.crowd.numbers_told()["share"],)


def _wasserstein(ended):
    return ended.crowd.wasserstein()


def _jsd(ended):
    view = window(ended.card, **ended.numbers)
    return apart(Truth(ended.card, **ended.numbers), view.flat(ended.crowd.points), view)


def _critic(ended):
    told = verdicts(ended.critic, ended.real, ended.fakes)
    return told.loss, told.accuracy, told_jsd(told.loss)


def _slope(ended):
    return tuple(steepness(ended.critic, x).mean for x in (ended.real, ended.fakes))


class Measure(NamedTuple):
    """`of` (Ended) -> one number for each of the `columns`, {column: unit}."""

    columns: dict
    doc: str
    of: Callable
    clusters: bool = False  # whether the data must have clusters


MEASURES = Table(
    "measure",
    {
        "modes": Measure(
            {"modes": "clusters", "modes_total": "clusters"},
            "Clusters found (a quarter of their fair share of the fakes), of how many.",
            _modes,
            clusters=True,
        ),
        "quality": Measure(
            {"quality": "share of fakes"},
            "Fakes within max(3 std, 0.1 radius) of a cluster.",
            _quality,
            clusters=True,
        ),
        "wasserstein": Measure(
            {"wasserstein": "data's length", "wasserstein_floor": "data's length"},
            "Sliced W₁ to as many real points; the floor is that of two sets of real points.",
            _wasserstein,
        ),
        "jsd": Measure(
            {"jsd": "nats, 0 to log 2", "jsd_h": "data's length"},
            "Jensen-Shannon divergence of both densities smoothed by h, in the data's plane.",
            _jsd,
        ),
        "critic": Measure(
            {"critic_loss": "nats", "critic_accuracy": "share", "critic_jsd": "nats"},
            "The critic's log loss on new points, the share it tells, the JSD that bounds.",
            _critic,
        ),
        "slope": Measure(
            {"slope_real": "logits a length", "slope_fake": "logits a length"},
            "Mean |∇φ| at real points and at fakes.",
            _slope,
        ),
    },
    full(Measure),
)


def columns(names):
    """The table's columns of these measures, in order."""
    return [column for name in names for column in MEASURES[name].columns]


def measured(ended, names):
    """{column: number or None}: None where a measure means nothing for the data, or is not finite.

    Raises `UnknownName` for a name that is not in the table.
    """
    found = {}
    for name in names:
        row = MEASURES[name]
        means = ended.crowd.clusters is not None or not row.clusters
        values = row.of(ended) if means else [None] * len(row.columns)
        for column, value in zip(row.columns, values, strict=True):
            real = value is not None and abs(float(value)) < float("inf")
            found[column] = value if isinstance(value, int) else float(value) if real else None
    return found
