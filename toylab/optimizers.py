"""Game optimizers: who moves when, and what each player differentiates.

An optimizer is built from the two players' rules and says which minibatches one step uses:
`draws` is a tuple of roles ("critic", "generator", or "both" where one minibatch serves both
players), and ``step(games, players, memory, knobs) -> (players, memory)`` gets one game a role, in
that order. Everything is an equation over two flat vectors; two-number games, GANs and ensembles
run through the same lines.
"""

from collections.abc import Callable
from typing import NamedTuple

from toylab.games import Players, gradients
from toylab.tables import Table, full


class GameOptimizer(NamedTuple):
    """``init(players) -> memory``, ``step(games, players, memory, knobs) -> (players, memory)``.

    knobs -- Players of {name: tensor (1,) or (E, 1)}, each player's own rate and so on
    """

    draws: tuple
    init: Callable
    step: Callable


class Optimizer(NamedTuple):
    """One row; `build(rules, critic_steps, first) -> GameOptimizer`."""

    label: str
    build: Callable
    takes_turns: bool  # whether critic steps and who begins mean anything
    doc: str
    formula: str
    source: str


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
    return rule._replace(update=lambda gradient, vector, memory, knobs: (vector, memory))


def _init(rules):
    return lambda players: Players(
        *(rule.init(vector) for rule, vector in zip(rules, players, strict=True))
    )


def _move(rules, slopes, players, memory, knobs):
    """Both players by their own rule."""
    moved = [
        rule.update(slope, vector, held, numbers)
        for rule, slope, vector, held, numbers in zip(
            rules, slopes, players, memory, knobs, strict=True
        )
    ]
    return Players(*(vector for vector, _ in moved)), Players(*(held for _, held in moved))


def _one(rules, name, game, players, memory, knobs):
    """One player by its own rule, the other stays."""
    slope = getattr(gradients(game, players, (name,)), name)
    vector, held = getattr(rules, name).update(
        slope, getattr(players, name), getattr(memory, name), getattr(knobs, name)
    )
    return players._replace(**{name: vector}), memory._replace(**{name: held})


def simultaneous(rules, critic_steps=1, first="critic"):
    """Both players move at once, each down its own gradient at the same point."""

    def step(games, players, memory, knobs):
        return _move(rules, gradients(games[0], players), players, memory, knobs)

    return GameOptimizer(("both",), _init(rules), step)


def alternating(rules, critic_steps=1, first="critic"):
    """The players take turns: critic_steps critic moves, one generator move, or the other way."""
    turns = ("critic",) * critic_steps
    turns = (*turns, "generator") if first == "critic" else ("generator", *turns)

    def step(games, players, memory, knobs):
        for name, game in zip(turns, games, strict=True):
            players, memory = _one(rules, name, game, players, memory, knobs)
        return players, memory

    return GameOptimizer(turns, _init(rules), step)


def extragradient(rules, critic_steps=1, first="critic"):
    """Look where both would go, then move from here with the slopes found there.

    Two minibatches a step; the rules' memory passes through both halves, as in ExtraAdam.
    """

    def step(games, players, memory, knobs):
        ahead, memory = _move(rules, gradients(games[0], players), players, memory, knobs)
        return _move(rules, gradients(games[1], ahead), players, memory, knobs)

    return GameOptimizer(("both", "both"), _init(rules), step)


FIRST = ("critic", "generator")

OPTIMIZERS = Table(
    "optimizer",
    {
        "alternating": Optimizer(
            label="Taking turns",
            build=alternating,
            takes_turns=True,
            doc="The critic moves first, as often as you say; then the generator answers.",
            formula="d ← d − η ∂L_D(g, d);  g ← g − η ∂L_G(g, d)",
            source="Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661",
        ),
        "simultaneous": Optimizer(
            label="At once",
            build=simultaneous,
            takes_turns=False,
            doc="Both move at the same time; on a bilinear game this spirals outward.",
            formula="(g, d) ← (g − η ∂L_G(g, d), d − η ∂L_D(g, d))",
            source="Mescheder et al. 2017, https://arxiv.org/abs/1705.10461",
        ),
        "extragradient": Optimizer(
            label="Extragradient",
            build=extragradient,
            takes_turns=False,
            doc="Both look one step ahead and use the slopes they find there.",
            formula="w½ = w − η v(w);  w ← w − η v(w½)",
            source="Korpelevich 1976; Gidel et al. 2019, https://arxiv.org/abs/1802.10551",
        ),
    },
    row=full(Optimizer),
)
