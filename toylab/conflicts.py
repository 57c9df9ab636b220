"""Which names cannot work together, why, and what would make them possible."""

from toylab import cards
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES


def conflicting():
    """Rows {field, value, with: {other field: values}, why, fix}: names that cannot work together.

    `fix`, {field: value}, makes that value possible where `with` holds.
    """
    unweighted = tuple(name for name, row in OBJECTIVES.items() if row.weight is None)
    weighted = next(name for name in OBJECTIVES if name not in unweighted)
    found = []
    for penalty, row in PENALTIES.items():
        if row.needs_weight:
            why = (
                f"{row.label} weighs slopes by how surely the critic errs, so it needs an "
                "objective with a probability: minimax or non-saturating."
            )
            told = {"field": "penalty", "value": penalty, "why": why}
            found.append(
                {**told, "with": {"objective": unweighted}, "fix": {"objective": weighted}}
            )
            for objective in unweighted:
                told = {"field": "objective", "value": objective, "why": why}
                found.append({**told, "with": {"penalty": (penalty,)}, "fix": {"penalty": "none"}})
    return found


def without_fakes(card):
    """Why a card's own fakes cannot be had."""
    return f"{card.title} has no fixed fakes; let a network make them."


def lacking_fakes(names):
    """The same rows for the data cards of these names that have no fakes of their own."""
    found = []
    for name in names:
        card = cards.load(name)
        if card.fake is None:
            told = {"field": "fakes", "value": "fixed", "with": {"data": (name,)}, "fix": {}}
            found.append({**told, "why": without_fakes(card)})
            told = {"field": "data", "value": name, "with": {"fakes": ("fixed",)}}
            found.append({**told, "why": without_fakes(card), "fix": {"fakes": "learned"}})
    return found
