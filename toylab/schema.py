"""The schema: every setting as JSON-ready data, from which the page builds its controls.

Each field says whether it is *live* (any number, acts at the next step), *swap* (the players stay,
only that memory is reset) or *restart* (a new run). The tables' rows come with their words and
formulas, so a penalty added to its table appears on the page by itself.
"""

from typing import NamedTuple

from toylab import cards
from toylab.conflicts import conflicting, lacking_fakes
from toylab.constraints import CONSTRAINTS
from toylab.data import Keys, source
from toylab.experiment import Experiment
from toylab.hints import aliases, odd, parts
from toylab.networks import INITIALISATION_DOCS
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES
from toylab.rules import RULES
from toylab.settings import Card, Name, Whole

LIVE, SWAP, RESTART = "live", "swap", "restart"


class About(NamedTuple):
    """What the page shows of a field beyond its label, doc and bounds."""

    group: str
    kind: str
    formula: str = ""
    log: bool = False
    needs: dict = {}  # {other field: names, or row -> bool: where this one means something}
    why: str = ""


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


_TURNS = {
    "needs": {"optimizer": lambda row: row.takes_turns},
    "why": "Only when the players take turns.",
}
_PENALTY = {"needs": {"penalty": PENALTIES}, "why": "There is no penalty to weigh."}
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
    "penalty": About("game", SWAP),
    "penalty_weight": About("game", LIVE, "λ, or γ with ½", log=True, **_PENALTY),
    "penalty_interval": About("advanced", SWAP, **_PENALTY),
    "noise": About("training", LIVE, "x + ξ,  ξ ~ N(0, σ²I)"),
    "constraint": About("advanced", SWAP),
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
    "rate_generator": About("training", LIVE, "η_G", log=True),
    "critic_steps": About("training", SWAP, **_TURNS),
    "first": About("advanced", SWAP, **_TURNS),
    "batch": About("advanced", SWAP, "B"),
    "batch_generator": About("advanced", SWAP, "B_G", **_TURNS),
    "average": About("advanced", LIVE, "ḡ ← βḡ + (1−β)g"),
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

_TABLES = {
    "objective": OBJECTIVES,
    "penalty": PENALTIES,
    "constraint": CONSTRAINTS,
    "optimizer": OPTIMIZERS,
    "rule": RULES,
}
_WORDS = {
    "none": ("None", "The critic's slope is free."),
    "learned": ("a network", "A generator learns to make them."),
    "fixed": ("the card", "The card's own fakes, which never move."),
    "perfect": (
        "a perfect generator",
        "Exact new samples of the real law: what the critic says of a draw.",
    ),
    "leaky-relu": (
        "Leaky ReLU",
        "A kinked line; a little of what is negative stays.",
        "max(x, 0.2x)",
    ),
    "relu": ("ReLU", "A kinked line; what is negative is cut off.", "max(x, 0)"),
    "tanh": ("tanh", "Smooth, between −1 and 1.", "tanh x"),
    "softplus": ("Softplus", "A smooth ReLU.", "log(1 + eˣ)"),
    "silu": ("SiLU", "Smooth, and a little below 0 for what is negative.", "x σ(x)"),
    "normal": ("normal", "A round cloud, dense in the middle.", "z ~ N(0, I)"),
    "uniform": ("uniform", "A square, evenly filled.", "z ~ U[−1, 1]"),
    ("first", "critic"): ("the critic", "The critic moves, then the generator."),
    ("first", "generator"): ("the generator", "The generator moves, then the critic."),
    ("moves", "both"): ("both", "Both players move, in the order of the optimizer."),
    ("moves", "critic"): ("the critic", "The generator stands still: watch the critic judge it."),
    ("moves", "generator"): ("the generator", "The critic stands still: watch it being climbed."),
}


def _choice(field, value):
    row = _TABLES.get(field, {}).get(value)
    if row is not None:
        told = {
            "value": value,
            "label": row.label,
            "group": getattr(row, "group", ""),
            "doc": row.doc,
            "formula": row.formula,
            "source": row.source,
        }
        kernel = ("where", "pull", "of", "factor")  # what the page shows beside a penalty
        return told | {part: getattr(row, part) for part in kernel if field == "penalty"}
    label, doc, *formula = _WORDS.get((field, value)) or _WORDS.get(value, (value, ""))
    if field == "initialisation":
        label, doc = value, INITIALISATION_DOCS[value]
    told = {"value": value, "label": label, "group": "", "doc": doc, "source": ""}
    return {**told, "formula": "".join(formula)}


def _values(field, needed):
    """The names of another field for which this one means something."""
    if callable(needed):
        return [name for name, row in _TABLES[field].items() if needed(row)]
    return list(needed)


def _field(name):
    about, field = SETTINGS[name], Experiment.param[name]
    told = {
        "name": name,
        "label": field.label,
        "group": about.group,
        "kind": about.kind,
        "default": field.default,
        "doc": field.doc,
        "formula": about.formula,
        "log": about.log,
        "needs": {other: _values(other, needed) for other, needed in about.needs.items()},
        "why": about.why,
    }
    if isinstance(field, Name):
        told |= {"type": "choice", "choices": [_choice(name, value) for value in field.choices]}
    elif isinstance(field, Card):
        told |= {"type": "choice", "choices": [_of_card(card) for card in _ranked()]}
    else:
        low, high = field.bounds
        soft = getattr(field, "soft", None) or getattr(field, "softbounds", None) or field.bounds
        told |= {"type": "integer" if isinstance(field, Whole) else "number"}
        told |= {"low": soft[0], "high": soft[1], "least": low, "most": high}
    return told


def _of_card(name):
    card = cards.load(name)
    return {
        "value": name,
        "label": card.title,
        "group": "",
        "doc": card.doc,
        "formula": "",
        "source": card.source,
    }


def _ranked():
    """The cards' names in the order of the page: the well-known first."""
    return sorted(cards.names(), key=lambda name: (cards.load(name).rank, name))


def _thumbnail(card):
    """At most 80 points in [−1, 1]², two decimals."""
    points = source(card).sample(80, Keys(0, "thumbnail"))[:, :2]
    points = points - (points.max(0) + points.min(0)) / 2
    return (points / max(abs(points).max(), 1e-9)).round(2).tolist()


def schema():
    """Everything the page must know to show controls, as JSON-ready data (house.md: the schema)."""
    described = []
    for name in _ranked():
        card = cards.load(name)
        described.append(
            {
                "name": name,
                "title": card.title,
                "doc": card.doc,
                "source": card.source,
                "dimension": card.dimension,
                "batch": card.batch,
                "fake": card.fake is not None,
                "thumbnail": _thumbnail(card),
                "numbers": {key: number._asdict() for key, number in card.numbers.items()},
            }
        )
    return {
        "version": 1,
        "groups": [{"name": name, "label": label} for name, label in GROUPS.items()],
        "fields": [_field(name) for name in SETTINGS if name not in HIDDEN],
        "conflicts": [
            {**row, "with": {name: list(values) for name, values in row["with"].items()}}
            for row in (*conflicting(), *lacking_fakes(_ranked()))
        ],
        "odd": odd(),
        "aliases": aliases(),
        "parts": parts(),
        "cards": described,
    }
