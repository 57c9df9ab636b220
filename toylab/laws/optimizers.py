"""Laws of optimizers: build(rules, critic_steps, first) -> (draws, init, step)."""

import torch

from toylab.games import Players, quadratic
from toylab.laws.common import far, knobs, members, same
from toylab.rules import RULES

ROLES = ("critic", "generator", "both")
START = Players(*(torch.full((1,), 1.0, dtype=torch.float64) for _ in range(2)))
GAME = quadratic(0.5, 1.0, -0.5)  # one minimum in x, one maximum in y, both 0


def _built(row):
    rule = row.rule or RULES["sgd"]
    return row.build(Players(rule, rule), 2, "critic")


def _played(row, players, steps):
    """(..., 2): where both players are after so many steps of plain descent."""
    optimizer, numbers = _built(row), knobs(rate=0.05)
    memory, both = optimizer.init(players), Players(numbers, numbers)
    for _ in range(steps):
        games = [GAME] * len(optimizer.draws)
        players, memory = optimizer.step(games, players, memory, both)
    return torch.stack(list(players), -1)


def draws(row):
    """The minibatches of a step have known roles."""
    found = _built(row).draws
    if found and set(found) <= set(ROLES):
        return ""
    return f"draws must be roles out of {', '.join(ROLES)}, got {found!r}"


def pure(row):
    """The same twice, and the players that it was given stay where they are."""
    given = Players(*(vector.clone() for vector in START))
    once, twice = _played(row, given, 2), _played(row, given, 2)
    if not same(given, START):
        return "it changes the players in place"
    return "the same games end elsewhere the second time" if far(once, twice) else ""


def descent(row):
    """It finds the equilibrium of a game where everybody does: ½x² + xy − ½y²."""
    end = float(_played(row, Players(*(vector.clone() for vector in START)), 300).norm())
    return "" if end < 0.1 else f"from (1, 1) it is {end:.3g} from the equilibrium after 300 steps"


def ensemble(row):
    """A member of an ensemble plays as it would alone."""
    starts = Players(*(torch.stack([each, -each, 2 * each]) for each in START))
    alone = [_played(row, Players(*each), 5) for each in zip(*starts, strict=True)]
    return members(_played(row, starts, 5), alone)


LAWS = {
    "draws": draws,
    "pure": pure,
    "descent": descent,
    "ensemble": ensemble,
}
