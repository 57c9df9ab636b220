"""What the rail can show: one row a card, with its curves, its axis and how it is measured."""

from typing import NamedTuple

from toylab.ui.axes import counts, decades, thirds

MOST = 4  # cards on the page at once


class Curve(NamedTuple):
    """One line of a card: a scalar of the pictures, its word in the key, and how it looks."""

    scalar: str
    word: str
    token: str
    dashed: bool
    sign: str = ""  # before its value beside the title


class Card(NamedTuple):
    """One card of the rail; what it cannot know from the ordinary pictures is a layer of its own.

    axis -- builds the y axis · log -- of the logarithm · robust -- values beyond the outermost
    percent are counted instead of drawn · form -- how values beside the title read: a "count",
    two decimals ("fixed"), or two digits ("short").
    """

    name: str
    title: str
    curves: tuple
    measured: str  # how: definition, samples, noise floor
    layer: str | None = None
    axis: callable = thirds
    log: bool = False
    robust: bool = False
    form: str = "fixed"


def _players(critic, generator, marks=("", "")):
    return (
        Curve(critic, "critic", "ink", False, marks[0]),
        Curve(generator, "generator", "fake", True, marks[1]),
    )


def _sides(real, fake):
    return Curve(real, "real", "real", False), Curve(fake, "fakes", "fake", True)


CARDS = {
    card.name: card
    for card in (
        Card(
            "clusters",
            "Clusters found",
            (Curve("modes", "", "fake", False),),
            "A cluster is found once a quarter of its fair share of the fakes lies within "
            "max(3 σ, 0.1 × the radius of the data) of its centre, and lost below a tenth. "
            "4,096 fakes, always of the same latents. Noise: with eight even clusters the share "
            "at the threshold is 128 ± 11 fakes, so a cluster near it may flicker by one.",
            axis=counts,
            form="count",
        ),
        Card(
            "losses",
            "Losses",
            _players("loss_critic", "loss_generator", ("D ", "G ")),
            "What each player is paid by, without penalty and noise: means over 500 fixed real "
            "points and 500 fakes of the same latents. Dashed: their values where fakes and data "
            "are equal and the critic is the best. Noise: the spread of the 500 divided by 22. "
            "▲ ▼ count the values beyond the axis, which holds 98 % of them.",
            robust=True,
        ),
        Card(
            "says",
            "Critic says “real” to",
            _sides("says_real", "says_fake"),
            "Mean of D(x) = σ(φ(x)), or of the score φ where the objective has no probability, "
            "over 500 fixed real points and 500 fakes of the same latents. At ½ it cannot tell. "
            "Noise: at most ± 0.02.",
        ),
        Card(
            "slopes",
            "Critic’s slope",
            _sides("slope_real", "slope_fake"),
            "Mean of |∇φ(x)|, the slope of the score before the squashing, at 500 fixed real "
            "points and at 500 fakes. Logarithmic. Dashed: the 1 to which the penalty pulls. "
            "Noise: the spread of the 500 divided by 22.",
            layer="slopes",
            axis=decades,
            log=True,
            form="short",
        ),
        Card(
            "wasserstein",
            "Distance W₁",
            (Curve("wasserstein", "", "fake", False),),
            "Sliced Wasserstein-1 distance of 4,096 fakes to 4,096 real points: the mean distance "
            "of sorted projections on 64 fixed directions. Logarithmic. Noise floor (grey): the "
            "same distance between two independent sets of 4,096 real points; a perfect "
            "generator reaches it and cannot get below.",
            layer="wasserstein",
            axis=decades,
            log=True,
            form="short",
        ),
        Card(
            "histogram",
            "Histogram of D",
            _sides("histogram_real", "histogram_fake"),
            "Shares of 500 fixed real points and of 500 fakes in 40 bins of D(x), or of the score "
            "from its threshold where the objective has no probability; the end bins take what "
            "lies beyond. a, b, c: your probes. Noise: a share of 5 % is ± 1 %.",
            layer="histogram",
        ),
    )
}
FIRST = ("clusters", "losses", "says")
FLOOR = "wasserstein_floor"
# Every number that is kept of a picture: the curves, and what else belongs into a table of the run.
KEPT = tuple(
    curve.scalar for card in CARDS.values() if card.name != "histogram" for curve in card.curves
) + ("accuracy", FLOOR)


def title(card, probable):
    """The card's title; where the objective has no probability the critic gives a score."""
    scores = {"says": "Mean score of", "histogram": "Histogram of the score"}
    return card.title if probable else scores.get(card.name, card.title)


def told():
    """The table as the page's scripts read it."""
    return [
        {
            "name": card.name,
            "title": card.title,
            "curves": [curve._asdict() for curve in card.curves],
            "measured": card.measured,
            "log": card.log,
            "form": card.form,
        }
        for card in CARDS.values()
    ]
