"""The experiment: one param class with every setting, its bounds and its words.

The lab, the script, the command line, the figures and the image trainer read this one class;
`toylab.schema` adds what the page shows of each field.
"""

import param

from toylab import cards, schedules
from toylab.conflicts import conflicting, without_fakes
from toylab.constraints import CONSTRAINTS
from toylab.move_settings import MoveSettings
from toylab.networks import ACTIVATIONS, INITIALISATIONS
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES
from toylab.settings import Card, Knob, Name, Whole
from toylab.tables import nearest

CARD_NUMBERS = ("spread", "size", "theta")  # fields that only some data cards have


class Experiment(MoveSettings):
    """Every setting of one run (or of an ensemble of `members` runs with seeds seed, seed+1, …).

    A number may be a `toylab.schedules.Schedule`; a live number of an ensemble may be a tuple with
    one value a member. A wrong name or number raises `ValueError` at once and says what is right.
    `batch`, `spread`, `size` and `theta` start as the data card has them; other data bring their
    own numbers (not their batch), but for those that are set together with `data`.
    """

    data = Card(
        "8gaussians",
        label="Data set",
        doc="The real points. The generator never sees them; only the critic does.",
    )
    spread = Knob(
        None,
        bounds=(0.0, 10.0),
        allow_None=True,
        each=False,
        label="Spread of each cluster",
        doc="Standard deviation of one cluster. Smaller is harder: the clusters become points.",
    )
    size = Knob(
        None,
        bounds=(0.01, 100.0),
        allow_None=True,
        each=False,
        label="Size",
        doc="Moves the clusters apart without making them wider.",
    )
    theta = Knob(
        None,
        bounds=(-10.0, 10.0),
        allow_None=True,
        each=False,
        label="Distance θ",
        doc="Where the fixed fakes lie.",
    )
    fakes = Name(
        "learned",
        ("learned", "fixed", "perfect"),
        label="Fakes come from",
        doc="A network that learns, the card's own fixed fakes, or a perfect generator.",
    )

    objective = Name(
        "non-saturating",
        OBJECTIVES,
        label="Objective",
        doc="What each player is paid for. It sets the push on the fakes.",
    )
    penalty = Name(
        "0-gp",
        PENALTIES,
        before=("none",),
        label="Penalty",
        doc="A price on the critic's slope, so that it cannot become a cliff.",
    )
    penalty_weight = Knob(
        1.0,
        bounds=(0.0, 1e4),
        soft=(0.01, 100.0),
        label="Penalty weight λ",
        doc="How much the price counts. 0 is the same as no penalty.",
    )
    penalty_interval = Whole(
        1,
        bounds=(1, 64),
        label="Penalty every",
        doc="Charge the penalty only every k-th step, k times as much (lazy).",
    )
    noise = Knob(
        0.0,
        bounds=(0.0, 10.0),
        soft=(0.0, 1.0),
        label="Noise on inputs",
        doc="Gaussian noise added to real and fake before the critic looks (instance noise), "
        "as standard deviation.",
    )
    constraint = Name(
        "none",
        CONSTRAINTS,
        label="Constraint",
        doc="What the critic's numbers must obey after each of its steps.",
    )
    clip = Knob(
        0.01,
        bounds=(1e-6, 10.0),
        soft=(1e-3, 1.0),
        label="Clip at c",
        doc="No number of the critic is larger than c.",
    )

    generator_width = Whole(
        128,
        bounds=(1, 4096),
        softbounds=(8, 512),
        label="Width, generator",
        doc="Neurons per layer.",
    )
    generator_depth = Whole(
        2, bounds=(0, 16), softbounds=(0, 6), label="Depth, generator", doc="Hidden layers."
    )
    generator_activation = Name(
        "leaky-relu",
        ACTIVATIONS,
        label="Activation, generator",
        doc="What a neuron does with its sum.",
    )
    critic_width = Whole(
        128, bounds=(1, 4096), softbounds=(8, 512), label="Width, critic", doc="Neurons per layer."
    )
    critic_depth = Whole(
        2, bounds=(0, 16), softbounds=(0, 6), label="Depth, critic", doc="Hidden layers."
    )
    critic_activation = Name(
        "leaky-relu",
        ACTIVATIONS,
        label="Activation, critic",
        doc="What a neuron does with its sum.",
    )
    critic_dropout = param.Number(
        0.0,
        bounds=(0.0, 0.95),
        label="Dropout, critic",
        doc="Share of the critic's neurons that are left out, anew for every point.",
    )
    latent = Whole(
        2,
        bounds=(1, 1024),
        softbounds=(1, 64),
        label="Latent size",
        doc="Random numbers from which the generator makes one fake.",
    )
    latent_law = Name(
        "normal",
        ("normal", "uniform"),
        label="Latent law",
        doc="Where the random numbers come from: N(0, I) or U[−1, 1].",
    )
    initialisation = Name(
        "uniform",
        INITIALISATIONS,
        label="Initialisation",
        doc="How the numbers of both networks start.",
    )
    seed = Whole(0, bounds=(0, 2**31 - 1), label="Seed", doc="Same seed, same run.")
    members = Whole(
        0,
        bounds=(0, 4096),
        label="Members",
        doc="An ensemble of that many seeds, trained as one; 0 is a single run.",
    )

    def __init__(self, **settings):
        for name in settings:
            if name not in names():
                raise ValueError(f"setting {name!r} is unknown; {nearest(name, names())}")
        card = cards.load(settings.get("data", "8gaussians"))
        of_card = {name: number.default for name, number in card.numbers.items()}
        of_card["batch"] = card.batch
        settings = {name: value for name, value in settings.items() if value is not None}
        self.version = 0  # counts changes, so that a training step can see one in no time
        super().__init__(**{**of_card, **settings})
        # Also a number that is set to what it was: beside another card it is a choice.
        self.param.watch(self._count, names(), onlychanged=False)

    def _count(self, *events):
        self.version += 1
        chosen = {event.name for event in events}
        if any(event.name == "data" and event.new != event.old for event in events):
            numbers = self.card.numbers
            self.param.update(
                {
                    name: numbers[name].default if name in numbers else None
                    for name in CARD_NUMBERS
                    if name not in chosen
                }
            )

    @property
    def card(self):
        """The checked data card."""
        return cards.load(self.data)

    @property
    def seeds(self):
        """One seed, or the tuple of an ensemble's."""
        return tuple(range(self.seed, self.seed + self.members)) if self.members else self.seed

    def numbers(self, step=0):
        """The card's numbers at a step, {name: float}."""
        return {name: schedules.evaluate(getattr(self, name), step) for name in self.card.numbers}

    def settings(self):
        """{name: value} of every field that applies to this card, ready for `Experiment(**…)`."""
        numbers = self.card.numbers
        return {
            name: getattr(self, name)
            for name in names()
            if name not in CARD_NUMBERS or name in numbers
        }

    def conflicts(self):
        """Sentences: which chosen names cannot work together; empty where all is well."""
        told = [
            row["why"]
            for row in conflicting()
            if getattr(self, row["field"]) == row["value"]
            and all(getattr(self, name) in values for name, values in row["with"].items())
        ]
        if self.fakes == "fixed" and self.card.fake is None:
            told.append(without_fakes(self.card))
        return list(dict.fromkeys(told))  # a row stands at both of its fields


def difference(before, after):
    """{name: value} whose update leads from some settings to others, as `settings()` has them."""
    if after["data"] != before["data"]:
        numbers = cards.load(after["data"]).numbers  # which other data bring along
        before = {**before, **{name: number.default for name, number in numbers.items()}}
    return {name: value for name, value in after.items() if before.get(name) != value}


def names():
    """The names of all settings, in the order of the class."""
    return [name for name in Experiment.param if name != "name"]
