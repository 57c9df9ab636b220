"""Which names cannot work together, why, and what would make them possible."""

from toylab import cards
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES, SLOTS

WEIGHED = {  # which of Roth's weights a penalty needs: the objectives that have it
    "weight": "an objective with a probability of its own: minimax or non-saturating, "
    "Jensen-Shannon or GAN",
    "curvature": "an f-divergence, minimax or non-saturating",
}


def _lacks(penalty, objective):
    """Why a penalty cannot price the slopes of an objective; "" where it can."""
    row = OBJECTIVES[objective]
    if not penalty.needs or getattr(row, penalty.needs) is not None:
        return ""
    if row.unweighted:
        return f"{penalty.label} has no weight here. {row.label} has {row.unweighted}."
    return f"{penalty.label} needs {WEIGHED[penalty.needs]}."


def conflicting():
    """Rows {field, value, with: {other field: values}, why, fix}: names that cannot work together.

    `fix`, {field: value}, makes that value possible where `with` holds.
    """
    found = []
    for penalty, row in PENALTIES.items():
        without = {name: _lacks(row, name) for name in OBJECTIVES if _lacks(row, name)}
        having = next(name for name in OBJECTIVES if name not in without)
        for why in dict.fromkeys(without.values()):
            objectives = tuple(name for name, reason in without.items() if reason == why)
            for slot in SLOTS:
                told = {"field": slot, "value": penalty, "with": {"objective": objectives}}
                found.append({**told, "why": why, "fix": {"objective": having}})
                for objective in objectives:
                    told = {"field": "objective", "value": objective, "with": {slot: (penalty,)}}
                    found.append({**told, "why": why, "fix": {slot: "none"}})
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
