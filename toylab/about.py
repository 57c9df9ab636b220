"""About: what the page knows of each setting beyond its label, doc and bounds.

Each is *live* (any number, acts at the next step), *swap* (the players stay, only that memory is
reset) or *restart* (a new run), stands in a group, and may mean something only beside others.
"""

from typing import NamedTuple

from toylab.penalties import PENALTIES, SLOTS

LIVE, SWAP, RESTART = "live", "swap", "restart"


class About(NamedTuple):
    """What the page shows of a field beyond its label, doc and bounds.

    needs  -- {other field: names, or row -> bool}: where this one means something, all of them met
    either -- the same, of which one is enough
    """

    group: str
    kind: str
    formula: str = ""
    log: bool = False
    needs: dict = {}
    why: str = ""
    either: dict = {}


GROUPS = {
    "data": "Data",
    "game": "Game",
    "training": "Training",
    "networks": "Networks",
    "advanced": "Advanced",
}


def _reading(knob):
    """row -> whether it reads that number; a user's own row may, too."""
    return lambda row: knob in row.knobs


def _taking(setting):
    """row -> whether that optimizer is built with that whole number."""
    return lambda row: setting in row.settings


def _of_rule(name, why, formula="", log=False):
    """A number of some rules, which means nothing where an optimizer brings its own."""
    needs = {"rule": _reading(name), "optimizer": lambda row: row.rule is None}
    return About("advanced", LIVE, formula, log=log, needs=needs, why=why)


def _two_losses(row):
    """Whether the exact generator loss −f*(T) of that objective differs from −T."""
    return any(read.conjugate is not read.statistic for read in row.readings.values())


def _asked(row):
    """Whether that optimizer asks for the generator's own loss."""
    return not row.zero_sum


def _of_penalties(chosen):
    """What a penalty must be, in whichever slot it stands."""
    return dict.fromkeys(SLOTS, chosen)


_TURNS = {
    "needs": {"optimizer": lambda row: row.takes_turns},
    "why": "Only when the players take turns.",
}
_PENALTY = {"needs": {"penalty": PENALTIES}, "why": "There is no penalty to weigh."}
_SECOND = {"needs": {"penalty_2": PENALTIES}, "why": "There is no second penalty."}
_THIRD = {"needs": {"penalty_3": PENALTIES}, "why": "There is no third penalty."}
_SOLVER = {"why": "Only the competitive optimizers solve for the answer."}
_SIZES = {"why": "Only adaptive CGD finds a step size for every number."}
_LEARNED = {"needs": {"fakes": ("learned",)}, "why": "No network makes the fakes."}

SETTINGS = {
    "data": About("data", SWAP),
    "spread": About("data", LIVE, "σ", log=True, why="This data set has no clusters to spread."),
    "size": About("advanced", LIVE, why="This data set has one size."),
    "theta": About("data", LIVE, "θ", why="Only data with a distance θ."),
    "fakes": About("networks", RESTART),
    "objective": About("game", SWAP),
    "generator_loss": About(
        "game",
        SWAP,
        needs={"objective": _two_losses, "optimizer": _asked},
        why="Only an f-divergence has two losses for its generator; zero-sum asks for neither.",
    ),
    "logit": About(
        "game",
        SWAP,
        needs={"objective": lambda row: len({*row.readings.values()}) > 1},
        why="Only for an f-divergence that can be read in two different ways.",
    ),
    "alpha": About(
        "game",
        LIVE,
        needs={"objective": _reading("alpha")},
        why="Only the α-divergence has it.",
    ),
    "smoothing": About(
        "advanced",
        LIVE,
        "(1−s) sp(−φ(x)) + s sp(φ(x))",
        needs={"objective": _reading("smoothing")},
        why="Only minimax and non-saturating have labels to smooth.",
    ),
    **{
        name: About(
            "game",
            LIVE,
            letter,
            needs={"objective": _reading(name)},
            why="Only least squares has targets.",
        )
        for name, letter in (("target_real", "b"), ("target_fake", "a"))
    },
    "target_generator": About(
        "game",
        LIVE,
        "c",
        needs={"objective": _reading("target_generator"), "optimizer": _asked},
        why="Only least squares has targets; zero-sum does not ask for the generator's.",
    ),
    "penalty": About("game", SWAP),
    "penalty_weight": About("game", LIVE, "λ, or γ with ½", log=True, **_PENALTY),
    "penalty_interval": About("advanced", SWAP, **_PENALTY),
    "penalty_2": About("advanced", SWAP),
    "penalty_2_weight": About("advanced", LIVE, "λ, or γ with ½", log=True, **_SECOND),
    "penalty_2_interval": About("advanced", SWAP, **_SECOND),
    "penalty_3": About("advanced", SWAP),
    "penalty_3_weight": About("advanced", LIVE, "λ, or γ with ½", log=True, **_THIRD),
    "penalty_3_interval": About("advanced", SWAP, **_THIRD),
    "penalised": About(
        "advanced",
        SWAP,
        needs={"optimizer": _asked},
        either=_of_penalties(lambda row: row.generator),
        why="No penalty that looks at fakes, or the generator's own loss is not asked for.",
    ),
    "margin": About(
        "advanced",
        LIVE,
        "max(0, … − M′)",
        either=_of_penalties(_reading("margin")),
        why="Only a consistency term lets something pass.",
    ),
    "around": About(
        "advanced",
        LIVE,
        "x + c s ξ",
        either=_of_penalties(_reading("around")),
        why="Only a penalty such as DRAGAN looks around the real points.",
    ),
    "noise": About("training", LIVE, "x + ξ,  ξ ~ N(0, σ²I),  variance γ = σ²"),
    "noise_copies": About("advanced", SWAP, "B/NSR points × NSR noises"),
    "constraint": About("advanced", SWAP),
    "gradient_clip": About("advanced", LIVE, "g ← g min(1, c/|g|)"),
    "clip": About(
        "advanced",
        LIVE,
        "±c",
        log=True,
        needs={"constraint": _reading("clip")},
        why="Nothing is clipped.",
    ),
    "optimizer": About("training", SWAP),
    "rule": About(
        "training",
        SWAP,
        needs={"optimizer": lambda row: row.rule is None},
        why="This optimizer brings its own rule.",
    ),
    "moves": About("advanced", SWAP),
    "rate_critic": About("training", LIVE, "η_D", log=True),
    "rate_generator": About("training", LIVE, "η_G", log=True, **_LEARNED),
    "critic_steps": About("training", SWAP, **_TURNS),
    "first": About("advanced", SWAP, **_TURNS),
    "batch": About("advanced", SWAP, "B"),
    "batch_generator": About("advanced", SWAP, "B_G", **_TURNS),
    "average": About("advanced", LIVE, "ḡ ← βḡ + (1−β)g", **_LEARNED),
    "unroll": About(
        "training",
        SWAP,
        "k",
        needs={"optimizer": _taking("unroll")},
        why="Only the unrolled optimizer looks at coming steps.",
    ),
    "adjustment": About(
        "training",
        LIVE,
        "γ",
        log=True,
        needs={"optimizer": _reading("adjustment")},
        why="Only consensus and the symplectic adjustment add a correction.",
    ),
    "solver_steps": About(
        "training", SWAP, needs={"optimizer": _taking("solver_steps")}, **_SOLVER
    ),
    "solver_tolerance": About(
        "advanced",
        LIVE,
        "|r| ≤ τ |b|",
        log=True,
        needs={"optimizer": _reading("solver_tolerance")},
        **_SOLVER,
    ),
    "acgd_beta": About("advanced", LIVE, "β", needs={"optimizer": _reading("acgd_beta")}, **_SIZES),
    "acgd_epsilon": About(
        "advanced", LIVE, "ε", log=True, needs={"optimizer": _reading("acgd_epsilon")}, **_SIZES
    ),
    "generator_width": About("networks", RESTART, **_LEARNED),
    "generator_depth": About("networks", RESTART, **_LEARNED),
    "generator_activation": About("networks", RESTART, **_LEARNED),
    "critic_width": About("networks", RESTART),
    "critic_depth": About("networks", RESTART),
    "critic_activation": About("networks", RESTART),
    "critic_dropout": About("networks", RESTART),
    "latent": About("networks", RESTART, "z ∈ Rᵏ", **_LEARNED),
    "latent_law": About("networks", RESTART, **_LEARNED),
    "initialisation": About("networks", RESTART),
    "seed": About("advanced", RESTART),
    "members": About("advanced", RESTART),
    "beta1": _of_rule("beta1", "Only rules with Adam's moments use it."),
    "beta2": _of_rule("beta2", "Only rules with Adam's moments use it."),
    "epsilon": _of_rule("epsilon", "Only rules that divide by a gradient's size use it.", log=True),
    "momentum": _of_rule("momentum", "Only Momentum and Nesterov use it."),
    "decay": _of_rule("decay", "Only RMSProp uses it."),
    "weight_decay": _of_rule("weight_decay", "Only AdamW uses it.", "w", log=True),
    "lookahead_steps": _of_rule("lookahead_steps", "Only Lookahead uses it.", "k", log=True),
    "lookahead_pull": _of_rule("lookahead_pull", "Only Lookahead uses it.", "α"),
}

HIDDEN = ("members",)  # not on the page: a lane is one run
