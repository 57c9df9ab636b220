"""Moving: what every game optimizer is made of, two players that move by their own rules.

``step(games, players, memory, knobs) -> (players, memory)`` gets one game a minibatch. Every
optimizer reaches a player through its rule alone, so a constraint, or a player that stands still,
is met wherever it looks.
"""

from collections.abc import Callable
from typing import NamedTuple

from toylab.games import Players, gradients


class GameOptimizer(NamedTuple):
    """``init(players) -> memory``, ``step(games, players, memory, knobs) -> (players, memory)``.

    draws     -- the minibatches that one step uses, a role each: "critic", "generator", or "both"
                 where one minibatch serves both players
    memory    -- Players of tuples: first what the player's rule keeps, then what is the optimizer's
    knobs     -- Players of {name: tensor (1,) or (E, 1)}, each player's own rate and so on
    remembers -- whether there is anything of the optimizer's own in the memory
    """

    draws: tuple
    init: Callable
    step: Callable
    remembers: bool = False


def constrained(rule, constraint):
    """The rule followed by the constraint's projection; still a rule.

    Clipping *after* the step is the paper's algorithm (Arjovsky et al. 2017); every optimizer
    that moves the critic, to a look-ahead point too, then keeps the bound.
    """

    def update(gradient, vector, memory, knobs):
        vector, memory = rule.update(gradient, vector, memory, knobs)
        return constraint.project(vector, knobs), memory

    return rule._replace(update=update)


def resting(rule):
    """The rule of a player that does not move; still a rule, with the same memory.

    Every optimizer reaches a player through its rule, so the other one meets it where it stands,
    also at a look-ahead point.
    """
    return rule._replace(
        update=lambda gradient, vector, memory, knobs: (vector, memory), rests=True
    )


def start(rules):
    """players -> the memory of both rules."""
    return lambda players: Players(
        *(rule.init(vector) for rule, vector in zip(rules, players, strict=True))
    )


def both(rules, slopes, players, memory, knobs):
    """(players, memory) after both have moved, each by its own rule."""
    moved = [
        rule.update(slope, vector, held, numbers)
        for rule, slope, vector, held, numbers in zip(
            rules, slopes, players, memory, knobs, strict=True
        )
    ]
    return Players(*(vector for vector, _ in moved)), Players(*(held for _, held in moved))


def one(rules, name, game, players, memory, knobs):
    """(players, memory) after one player has moved by its own rule; the other stays."""
    slope = getattr(gradients(game, players, (name,)), name)
    vector, held = getattr(rules, name).update(
        slope, getattr(players, name), getattr(memory, name), getattr(knobs, name)
    )
    return players._replace(**{name: vector}), memory._replace(**{name: held})
