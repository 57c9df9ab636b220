"""The schema: every setting as JSON-ready data, from which the page builds its controls.

The tables' rows come with their words and formulas, so a penalty added to its table appears on the
page by itself.
"""

from toylab import cards
from toylab.about import GROUPS, HIDDEN, SETTINGS
from toylab.conflicts import conflicting, lacking_fakes
from toylab.constraints import CONSTRAINTS
from toylab.data import Keys, source
from toylab.experiment import Experiment
from toylab.hints import aliases, odd
from toylab.networks import INITIALISATION_DOCS
from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.parts import parts
from toylab.penalties import PENALTIES, SLOTS
from toylab.rules import RULES
from toylab.settings import Card, Name, Whole

_TABLES = {
    "objective": OBJECTIVES,
    **dict.fromkeys(SLOTS, PENALTIES),
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
    ("generator_loss", "exact"): (
        "exact",
        "What the divergence says: the critic's gain is its loss.",
        "G: −E f*(T(y))",
    ),
    ("generator_loss", "non-saturating"): (
        "non-saturating",
        "It raises T of its fakes in place of lowering f*: another game, often a stronger push.",
        "G: −E T(y)",
    ),
    ("logit", "log-ratio"): (
        "log-ratio",
        "The best critic says log p/q, whatever the divergence is.",
        "T = f'(e^ℓ)",
    ),
    ("logit", "nowozin"): (
        "Nowozin's activation",
        "Each divergence has its own squashing of the critic's number (f-GAN, table 6).",
        "T = g_f(v)",
    ),
    ("penalised", "critic"): ("the critic", "Added to the critic's loss, as in the papers."),
    ("penalised", "both"): (
        "both",
        "Added to the generator's loss too: it moves its fakes where the critic is even.",
    ),
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
        if field not in SLOTS:
            return told
        # What the page shows beside a penalty; `listed`: in its menu before it is chosen, too.
        kernel = ("where", "pull", "of", "factor", "needs")
        told["listed"] = value in _TABLES[field].written()
        return told | {part: getattr(row, part) for part in kernel}
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
        "either": {other: _values(other, needed) for other, needed in about.either.items()},
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
