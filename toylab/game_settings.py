"""The settings of the game itself: objective, penalty, constraint and noise, with their words."""

import param

from toylab.constraints import CONSTRAINTS
from toylab.divergences import USUAL_ALPHA
from toylab.objectives import GENERATOR_LOSSES, LOGITS, OBJECTIVES
from toylab.payoffs import USUAL
from toylab.penalties import PENALTIES
from toylab.settings import Knob, Name, Whole


def _slot(usual, doc, nth=""):
    """The three settings of a penalty: which row, its weight, how seldom it is charged.

    nth -- "Second", "Third": how its words differ from the first slot's, which say a little more
    """
    which, of = (nth, f"{nth.lower()} ") if nth else ("Penalty", "")
    free, lazy = ("", "") if nth else (" 0 is the same as no penalty.", " (lazy)")
    label = f"{nth} penalty" if nth else "Penalty"
    return (
        Name(usual, PENALTIES, before=("none",), label=label, doc=doc),
        Knob(
            1.0,
            bounds=(0.0, 1e4),
            soft=(0.01, 100.0),
            label=f"{which} weight λ",
            doc=f"How much the {of}price counts.{free}",
        ),
        Whole(
            1,
            bounds=(1, 64),
            label=f"{which} every",
            doc=f"Charge the {of}penalty only every k-th step, k times as much{lazy}.",
        ),
    )


class GameSettings(param.Parameterized):
    """What either player pays, and what the critic's numbers must obey."""

    objective = Name(
        "non-saturating",
        OBJECTIVES,
        label="Objective",
        doc="What each player is paid for. It sets the push on the fakes.",
    )
    generator_loss = Name(
        "exact",
        GENERATOR_LOSSES,
        label="Generator's loss",
        doc="Of an f-divergence: what the divergence says, or the non-saturating trick.",
    )
    logit = Name(
        "log-ratio",
        LOGITS,
        label="Critic's number",
        doc="How an f-divergence reads what the critic says.",
    )
    alpha = Knob(
        USUAL_ALPHA,
        bounds=(-2.0, 3.0),
        label="α",
        doc="Which divergence: 0 is reverse KL, ½ Hellinger, 1 KL, 2 Pearson (up to a factor).",
    )
    smoothing = Knob(
        USUAL["smoothing"],
        bounds=(0.0, 0.9),
        soft=(0.0, 0.5),
        label="Label smoothing",
        doc="Real points are labelled 1 − s in place of 1, so the critic is never quite sure.",
    )
    target_real = Knob(
        USUAL["target_real"],
        bounds=(-10.0, 10.0),
        soft=(-1.0, 2.0),
        label="Target b",
        doc="The label of real points.",
    )
    target_fake = Knob(
        USUAL["target_fake"],
        bounds=(-10.0, 10.0),
        soft=(-2.0, 1.0),
        label="Target a",
        doc="The label of fakes.",
    )
    target_generator = Knob(
        USUAL["target_generator"],
        bounds=(-10.0, 10.0),
        soft=(-1.0, 2.0),
        label="Target c",
        doc="What the generator wants its fakes to be given.",
    )
    penalty, penalty_weight, penalty_interval = _slot(
        "0-gp", "A price on the critic's slope, so that it cannot become a cliff."
    )
    penalty_2, penalty_2_weight, penalty_2_interval = _slot(
        "none", "Another price beside the first, with a weight of its own.", "Second"
    )
    penalty_3, penalty_3_weight, penalty_3_interval = _slot(
        "none", "A third price, with a weight of its own.", "Third"
    )
    penalised = Name(
        "critic",
        ("critic", "both"),
        label="Who pays penalties",
        doc="The critic alone, or the generator too, through the points that it makes.",
    )
    margin = Knob(
        0.0,
        bounds=(0.0, 100.0),
        soft=(0.0, 5.0),
        label="Margin M′ (CT)",
        doc="What a consistency term lets pass before it costs anything.",
    )
    around = Knob(
        0.5,
        bounds=(0.0, 100.0),
        soft=(0.0, 2.0),
        label="Reach c (DRAGAN)",
        doc="How far around the real points, in standard deviations of the batch.",
    )
    noise = Knob(
        0.0,
        bounds=(0.0, 10.0),
        soft=(0.0, 1.0),
        label="Noise on inputs",
        doc="Gaussian noise added to real and fake before the critic looks (instance noise), "
        "as standard deviation σ. Papers that say γ mean the variance σ²: γ = 0.1 is σ = 0.32.",
    )
    noise_copies = Whole(
        1,
        bounds=(1, 64),
        softbounds=(1, 8),
        label="Noises per point (NSR)",
        doc="Each point stands in the batch so often, each time with other noise; the batch "
        "keeps its size, so it holds fewer points.",
    )
    constraint = Name(
        "none",
        CONSTRAINTS,
        label="Constraint",
        doc="What the critic's numbers must obey after each of its steps.",
    )
    gradient_clip = Knob(
        0.0,
        bounds=(0.0, 1e6),
        soft=(0.0, 10.0),
        label="Gradient at most",
        doc="Length to which either player's gradient is shortened; 0 leaves it as it is.",
    )
    clip = Knob(
        0.01,
        bounds=(1e-6, 10.0),
        soft=(1e-3, 1.0),
        label="Clip at c",
        doc="No number of the critic is larger than c.",
    )
