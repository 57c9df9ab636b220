"""Objectives: what each player is paid for, as losses to minimise.

The critic's value is a logit φ, higher = more real. With sp(t) = log(1 + eᵗ) and σ the sigmoid,
a row holds both losses per sample, ``(real, fake, knobs) -> (..., B)``, and what a picture needs
to know: the losses at the optimum, the "looks real" threshold, whether σ(φ) is a probability, and
the weights that turn the gradient penalty into Roth's regulariser. An f-divergence can be played
with either of two generator losses and read in either of two ways; see `played`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from toylab import payoffs
from toylab.divergences import LOG2, READINGS
from toylab.tables import Table, full


class Objective(NamedTuple):
    """One row; `critic` and `generator`: (real, fake, knobs) -> (..., B), minimised.

    `optimum` and `threshold` may be functions of the knobs, where live numbers move them.
    """

    label: str
    critic: Callable
    generator: Callable
    optimum: tuple | Callable  # (critic, generator) losses at P = Q; None: no fixed value
    threshold: float | Callable | None  # "looks real" above; None: midpoint of the mean logits
    probability: bool  # whether σ(φ) is the critic's probability of "real"
    weight: tuple | None  # Roth's bounded weights (of a real logit, of a fake one), his eq. 20
    needs_real: bool  # whether the generator's loss looks at real logits
    group: str
    doc: str
    formula: str
    source: str
    knobs: tuple = ()  # the live numbers that its losses read
    curvature: Callable | None = None  # (logit, knobs) -> Roth's weight of a fake, his eq. 19
    readings: dict = {}  # {name: `divergences.Reading`} of an f-divergence
    unweighted: str = ""  # why there is no Roth weight, where the reason is the row's own

    def at(self, knobs):
        """The row with these numbers put in: nothing of it looks at knobs any more."""
        return self._replace(
            critic=lambda real, fake, _=None: self.critic(real, fake, knobs),
            generator=lambda real, fake, _=None: self.generator(real, fake, knobs),
            optimum=told(self.optimum, knobs),
            threshold=told(self.threshold, knobs),
            curvature=self.curvature and (lambda logit, _=None: self.curvature(logit, knobs)),
        )


def told(value, knobs):
    """A row's optimum or threshold: itself, or what it is at these numbers."""
    return value(knobs) if callable(value) else value


GENERATOR_LOSSES = ("exact", "non-saturating")
LOGITS = ("log-ratio", "nowozin")


def played(row, generator_loss="exact", logit="log-ratio"):
    """A table's row as it is played; only f-divergences can be played in more than one way.

    generator_loss -- "exact": −f*(T(y)), what the divergence says; "non-saturating": −T(y), the
    trick of Nowozin et al. 2016, section 3.2
    logit -- "log-ratio" or "nowozin": how the critic's number becomes T. A divergence that has
    only one of them is read in that one
    """
    if not row.readings or (generator_loss, logit) == (GENERATOR_LOSSES[0], LOGITS[0]):
        return row
    return _read(row, row.readings.get(logit) or _first(row), generator_loss == "non-saturating")


def opposed(row):
    """A row as zero-sum optimizers play it: ℓ_G = −ℓ_D, (real, fake, knobs) -> (..., B).

    The generator raises the penalties, too, which the critic lowers; those are in no row.
    """

    def against(knobs):
        critic_pays, _ = told(row.optimum, knobs)
        return critic_pays, None if critic_pays is None else -critic_pays

    return row._replace(
        generator=lambda real, fake, knobs: -row.critic(real, fake, knobs),
        optimum=against,
        needs_real=True,
    )


def _first(row):
    """The reading of an f-divergence that is not asked for another one."""
    return next(iter(row.readings.values()))


def _read(row, read, swapped=False):
    """The row of an f-divergence with the losses of one reading."""
    critic_pays, generator_pays = row.optimum

    def critic(real, fake, knobs):
        return read.conjugate(fake, knobs) - read.statistic(real, knobs)

    def exact(real, fake, knobs):
        return -read.conjugate(fake, knobs)

    def non_saturating(real, fake, knobs):
        return -read.statistic(fake, knobs)

    return row._replace(
        critic=critic,
        generator=non_saturating if swapped else exact,
        optimum=(critic_pays, generator_pays + critic_pays * swapped),
        threshold=read.threshold,
        probability=read.probability,
        curvature=read.curvature,
    )


def _divergence(name, optimum=(0.0, 0.0), weight=None, knobs=(), unweighted="", **words):
    """The row of an f-divergence, exact and on the log-ratio logit where it has one."""
    row = Objective(
        **dict.fromkeys(("critic", "generator", "threshold", "probability")),
        optimum=optimum,
        weight=weight,
        needs_real=False,
        group="f-divergences",
        knobs=knobs,
        readings=READINGS[name],
        unweighted=unweighted,
        **words,
    )
    return _read(row, _first(row))


_JS = (payoffs.js_weight_real, payoffs.js_weight_fake)
_GAN = READINGS["gan"]["log-ratio"]
_GOODFELLOW = "Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661"
_NOWOZIN = "Nowozin et al. 2016, https://arxiv.org/abs/1606.00709"
_RELATIVISTIC = "Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734"

OBJECTIVES = Table(
    "objective",
    {
        "non-saturating": Objective(
            label="Non-saturating",
            critic=payoffs.log_loss,
            generator=payoffs.non_saturating_generator,
            optimum=payoffs.log_optimum(lambda at: math.log1p(math.exp(-at))),
            threshold=payoffs.smoothed_threshold,
            probability=True,
            weight=_JS,
            needs_real=False,
            group="Classic",
            doc="The generator wants its fakes called real; it is pushed hardest where they fail.",
            formula="D: E sp(−φ(x)) + E sp(φ(y))   G: E sp(−φ(y))",
            source=_GOODFELLOW,
            knobs=("smoothing",),
            curvature=_GAN.curvature,
        ),
        "minimax": Objective(
            label="Minimax (saturating)",
            critic=payoffs.log_loss,
            generator=payoffs.minimax_generator,
            optimum=payoffs.log_optimum(lambda at: -math.log1p(math.exp(at))),
            threshold=payoffs.smoothed_threshold,
            probability=True,
            weight=_JS,
            needs_real=False,
            group="Classic",
            doc="One pays what the other wins; the push dies where the critic is sure.",
            formula="D: E sp(−φ(x)) + E sp(φ(y))   G: −E sp(φ(y))",
            source=_GOODFELLOW,
            knobs=("smoothing",),
            curvature=_GAN.curvature,
        ),
        "least-squares": Objective(
            label="Least squares",
            critic=payoffs.least_squares_critic,
            generator=payoffs.least_squares_generator,
            optimum=payoffs.least_squares_optimum,
            threshold=payoffs.least_squares_threshold,
            probability=False,
            weight=None,
            needs_real=False,
            group="Classic",
            doc="The critic answers b for real and a for fake, graded by squared error.",
            formula="D: ½E(φ(x)−b)² + ½E(φ(y)−a)²   G: ½E(φ(y)−c)²",
            source="Mao et al. 2017, https://arxiv.org/abs/1611.04076",
            knobs=("target_fake", "target_real", "target_generator"),
        ),
        "hinge": Objective(
            label="Hinge",
            critic=payoffs.hinge_critic,
            generator=payoffs.minus_fake,
            optimum=(2.0, None),
            threshold=0.0,
            probability=False,
            weight=None,
            needs_real=False,
            group="Classic",
            doc="The critic only cares until it is right by a margin of 1.",
            formula="D: E max(0, 1−φ(x)) + E max(0, 1+φ(y))   G: −E φ(y)",
            source="Lim and Ye 2017, https://arxiv.org/abs/1705.02894",
        ),
        "wasserstein": Objective(
            label="Wasserstein",
            critic=payoffs.wasserstein_critic,
            generator=payoffs.minus_fake,
            optimum=(0.0, None),
            threshold=None,
            probability=False,
            weight=None,
            needs_real=False,
            group="Wasserstein",
            doc="The critic scores without limits, so it needs a penalty or clipping.",
            formula="D: E φ(y) − E φ(x)   G: −E φ(y)",
            source="Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875",
        ),
        "relativistic": Objective(
            label="Relativistic, paired",
            critic=payoffs.paired_critic,
            generator=payoffs.paired_generator,
            optimum=(LOG2, LOG2),
            threshold=None,
            probability=False,
            weight=None,
            needs_real=True,
            group="Relativistic",
            doc="The critic says which of a real point and a fake is the real one.",
            formula="D: E sp(φ(y)−φ(x))   G: E sp(φ(x)−φ(y))",
            source=_RELATIVISTIC,
        ),
        "relativistic-average": Objective(
            label="Relativistic, average",
            critic=payoffs.average_critic,
            generator=payoffs.average_generator,
            optimum=(2 * LOG2, 2 * LOG2),
            threshold=None,
            probability=False,
            weight=None,
            needs_real=True,
            group="Relativistic",
            doc="Each point is compared with the mean score of the other side.",
            formula="D: E sp(Ēφ(y)−φ(x)) + E sp(φ(y)−Ēφ(x))   "
            "G: E sp(Ēφ(x)−φ(y)) + E sp(φ(x)−Ēφ(y))",
            source=_RELATIVISTIC,
        ),
        "kl": _divergence(
            "kl",
            optimum=(0.0, -1.0),
            label="KL",
            doc="KL(P‖Q): dearest where real points have no fakes, so it covers them all.",
            formula="D: −E(1+ℓ(x)) + E e^ℓ(y)   G: −E e^ℓ(y)",
            source=_NOWOZIN,
        ),
        "reverse-kl": _divergence(
            "reverse-kl",
            optimum=(0.0, 1.0),
            label="Reverse KL",
            doc="KL(Q‖P): dearest where fakes have no real points, so it keeps to one mode.",
            formula="D: E e^−ℓ(x) + E(ℓ(y)−1)   G: −E(ℓ(y)−1)",
            source=_NOWOZIN,
        ),
        "pearson": _divergence(
            "pearson",
            label="Pearson χ²",
            doc="E_Q (p/q − 1)²: a real point without fakes costs without bounds.",
            formula="D: −2E(e^ℓ(x)−1) + E(e^2ℓ(y)−1)   G: −E(e^2ℓ(y)−1)",
            source=_NOWOZIN,
        ),
        "neyman": _divergence(
            "neyman",
            label="Neyman χ²",
            doc="E_P (q/p − 1)²: a fake far from real points costs without bounds.",
            formula="D: E(e^−2ℓ(x)−1) + 2E(1−e^−ℓ(y))   G: −2E(1−e^−ℓ(y))",
            source=_NOWOZIN,
        ),
        "hellinger": _divergence(
            "hellinger",
            label="Squared Hellinger",
            doc="∫(√p − √q)², at most 2: even-handed between what is missed and what is made up.",
            formula="D: E(e^−½ℓ(x)−1) + E(e^½ℓ(y)−1)   G: −E(e^½ℓ(y)−1)",
            source=_NOWOZIN,
        ),
        "js": _divergence(
            "js",
            weight=_JS,
            label="Jensen-Shannon",
            doc="2·JSD, at most 2 log 2: minimax with log 2 added for each side.",
            formula="D: E sp(−ℓ(x)) + E sp(ℓ(y)) − 2 log 2   G: −E sp(ℓ(y)) + log 2",
            source=_NOWOZIN,
        ),
        "gan": _divergence(
            "gan",
            optimum=(2 * LOG2, -LOG2),
            weight=_JS,
            label="GAN, as an f-divergence",
            doc="2·JSD − 2 log 2: exact it is minimax, else the non-saturating objective.",
            formula="D: E sp(−ℓ(x)) + E sp(ℓ(y))   G: −E sp(ℓ(y))",
            source=_NOWOZIN,
        ),
        "alpha": _divergence(
            "alpha",
            knobs=("alpha",),
            label="α-divergence",
            doc="One formula from reverse KL (0) over Hellinger (½) and KL (1) to Pearson (2). "
            "Nowozin's activation jumps at α = 1; here a bias takes the jump away, and its "
            "threshold is 0 at every α.",
            formula="D: −E(e^(α−1)ℓ(x)−1)/(α−1) + E(e^αℓ(y)−1)/α   G: −E(e^αℓ(y)−1)/α",
            source=_NOWOZIN,
        ),
        "total-variation": _divergence(
            "total-variation",
            unweighted="f*'' = 0: its statistic is bent nowhere, so noise has no first-order "
            "term and Roth's regulariser no weight",
            label="Total variation",
            doc="½∫|p − q|: the critic votes ±½. Only with Nowozin's activation; T is a tanh.",
            formula="D: −½E tanh v(x) + ½E tanh v(y)   G: −½E tanh v(y)",
            source=_NOWOZIN,
        ),
    },
    row=full(Objective),
)
