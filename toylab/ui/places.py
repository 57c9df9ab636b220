"""Where each control stands: the drawer's lines, top to bottom.

A field that the engine adds and that stands in no line here comes last in its group, on a line of
its own, so nobody has to touch this file for it.
"""

LINES = (
    ("data",),
    ("spread",),
    ("theta",),
    ("objective",),
    ("generator_loss", "logit"),
    ("alpha",),
    ("target_real", "target_fake"),
    ("target_generator",),
    ("penalty",),
    ("kernel",),
    ("penalty_weight",),
    ("optimizer", "rule"),
    ("rate_critic", "lock", "rate_generator"),
    ("unroll",),
    ("adjustment",),
    ("solver_steps",),
    ("critic_steps", "noise"),
    ("fakes",),
    ("players",),
    ("generator_width", "critic_width"),
    ("generator_depth", "critic_depth"),
    ("generator_activation", "critic_activation"),
    ("latent_law", "initialisation"),
    ("latent", "critic_dropout"),
    ("moves", "first"),
    ("constraint",),
    ("clip", "gradient_clip"),
    ("penalty_interval", "penalised"),
    ("penalty_2",),
    ("penalty_2_weight", "penalty_2_interval"),
    ("penalty_3",),
    ("penalty_3_weight", "penalty_3_interval"),
    ("margin", "around"),
    ("smoothing", "noise_copies"),
    ("batch", "batch_generator"),
    ("average", "seed"),
    ("size",),
    ("solver_tolerance",),
    ("acgd_beta", "acgd_epsilon"),
    ("beta1", "beta2"),
    ("epsilon", "decay"),
    ("momentum", "weight_decay"),
    ("lookahead_steps", "lookahead_pull"),
    ("wide",),
)
# What comes beside its choice and is out of the way while that means nothing.
GUESTS = ("generator_loss", "logit", "alpha", "target_real", "target_fake", "target_generator")
GUESTS += ("unroll", "adjustment", "solver_steps")
UNDER_PLAYERS = "width", "depth", "activation"  # their heading says whose they are
SHARES = {"optimizer": 0.57, "rule": 0.43}  # of their line; others share it evenly
BETWEEN = ("lock",)  # what lies over the gap of two controls
GAP = 10


def lines(fields, group, waiting=()):
    """The lines of one group as lists of names.

    waiting -- names of numbers that the data set does not have, and of guests: in "advanced"
    """

    def home(name):
        if name in waiting:
            return "advanced"
        return fields[name]["group"]

    placed = {name for line in LINES for name in line}
    # What stands for more than one field.
    own = {"kernel": "game", "lock": "training", "players": "networks", "wide": "advanced"}
    found = []
    for line in (*LINES, *((name,) for name in fields if name not in placed)):
        here = [name for name in line if (own.get(name) or name in fields and home(name)) == group]
        if here and here != ["lock"]:
            found.append(here)
    return found


def styles(name, line):
    """The CSS of one control in its line."""
    if name in BETWEEN:
        return {"flex": "0 0 0px", "min-width": "0", "margin": f"0 -{GAP / 2:g}px"}
    free = [other for other in line if other not in BETWEEN]
    share = SHARES.get(name, 1 / len(free)) if len(free) > 1 else 1.0
    lost = share * GAP * (len(free) - 1) + 0.5  # half a pixel, lest rounding break the line
    return {"flex": f"1 1 calc({100 * share:g}% - {lost:g}px)", "min-width": "0"}


def label(field):
    """A field's label as it is read in its place."""
    what, _, whose = field["label"].partition(", ")
    below = field["name"].partition("_")[2] in UNDER_PLAYERS and whose
    return what if below else field["label"]
