"""Game optimizers: who moves when, and what each player differentiates.

An optimizer is built from the two players' rules and says which minibatches one step uses (see
`moving.GameOptimizer`). Everything is an equation over two flat vectors; two-number games, GANs and
ensembles run through the same lines.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from toylab import adjusted, competitive
from toylab.games import Game, Players, gradients
from toylab.moving import GameOptimizer, both, one, start
from toylab.rules import Rule
from toylab.tables import Table, full


class Optimizer(NamedTuple):
    """One row; `build(rules, critic_steps, first, **{name: whole number}) -> GameOptimizer`.

    settings -- names of the whole numbers that `build` takes besides
    knobs    -- names of the live numbers that its step reads, beyond the rate
    rule     -- the rule that it brings, where the experiment's means nothing
    zero_sum -- whether the generator raises the critic's loss, and its own is never asked for
    """

    label: str
    build: Callable
    takes_turns: bool  # whether critic steps and who begins mean anything
    doc: str
    formula: str
    source: str
    settings: tuple = ()
    knobs: tuple = ()
    rule: Rule | None = None
    zero_sum: bool = False


def simultaneous(rules, critic_steps=1, first="critic"):
    """Both players move at once, each down its own gradient at the same point."""

    def step(games, players, memory, knobs):
        return both(rules, gradients(games[0], players), players, memory, knobs)

    return GameOptimizer(("both",), start(rules), step)


def alternating(rules, critic_steps=1, first="critic"):
    """The players take turns: critic_steps critic moves, one generator move, or the other way."""
    turns = ("critic",) * critic_steps
    turns = (*turns, "generator") if first == "critic" else ("generator", *turns)

    def step(games, players, memory, knobs):
        for name, game in zip(turns, games, strict=True):
            players, memory = one(rules, name, game, players, memory, knobs)
        return players, memory

    return GameOptimizer(turns, start(rules), step)


def extragradient(rules, critic_steps=1, first="critic"):
    """Look where both would go, then move from here with the slopes found there.

    Two minibatches a step; the rules' memory passes through both halves, so that with the rule
    Adam this is ExtraAdam (Algorithm 4 of Gidel et al. 2019).
    """

    def step(games, players, memory, knobs):
        ahead, memory = both(rules, gradients(games[0], players), players, memory, knobs)
        return both(rules, gradients(games[1], ahead), players, memory, knobs)

    return GameOptimizer(("both", "both"), start(rules), step)


def past(rules, critic_steps=1, first="critic"):
    """Extragradient that looks ahead with the slopes it found ahead the last time: one minibatch.

    The first step looks nowhere (those slopes start as 0). With Adam: option II of Algorithm 4.
    """

    def init(players):
        parts = zip(start(rules)(players), players, strict=True)
        return Players(*((*held, torch.zeros_like(vector)) for held, vector in parts))

    def step(games, players, memory, knobs):
        held = Players(*(kept[:-1] for kept in memory))
        before = Players(*(kept[-1] for kept in memory))
        ahead, held = both(rules, before, players, held, knobs)
        slopes = gradients(games[0], ahead)
        players, held = both(rules, slopes, players, held, knobs)
        slopes = (
            last if rule.rests else new
            for rule, last, new in zip(rules, before, slopes, strict=True)
        )
        return players, Players(*((*own, new) for own, new in zip(held, slopes, strict=True)))

    return GameOptimizer(("both",), init, step, remembers=True)


def unrolled(rules, critic_steps=1, first="critic", unroll=5):
    """Both at once; the generator differentiates through `unroll` moves of the critic to come.

    The critic's rule, memory, constraint and minibatch are those of its own move, and only that
    one move is kept.
    """

    def step(games, players, memory, knobs):
        game = games[0]

        def foreseen(players):
            held = memory.critic
            for _ in range(unroll):
                players = players._replace(critic=players.critic.clone().requires_grad_())
                slope = gradients(game, players, ("critic",), create_graph=True).critic
                critic, held = rules.critic.update(slope, players.critic, held, knobs.critic)
                players = players._replace(critic=critic)
            return game.generator(players)

        slopes = gradients(Game(foreseen, game.critic), players)
        return both(rules, slopes, players, memory, knobs)

    return GameOptimizer(("both",), start(rules), step)


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
            doc="Both look one step ahead and use the slopes they find there. With Adam it is "
            "called ExtraAdam.",
            formula="w½ = w − η v(w);  w ← w − η v(w½)",
            source="Korpelevich 1976; Gidel et al. 2019, https://arxiv.org/abs/1802.10551",
        ),
        "past": Optimizer(
            label="Extrapolation from the past",
            build=past,
            takes_turns=False,
            doc="Extragradient at half the cost: looks ahead with the slopes of the last time.",
            formula="w½ = w − η v(w½ of before);  w ← w − η v(w½)",
            source="Popov 1980; Gidel et al. 2019, https://arxiv.org/abs/1802.10551",
        ),
        "unrolled": Optimizer(
            label="Unrolled",
            build=unrolled,
            takes_turns=False,
            doc="The generator sees what the critic will make of its move, k steps on.",
            formula="d₀ = d,  dᵢ₊₁ = dᵢ − η ∂L_D(g, dᵢ);  g ← g − η dL_G(g, d_k(g))/dg,  d ← d₁",
            source="Metz et al. 2017, https://arxiv.org/abs/1611.02163",
            settings=("unroll",),
        ),
        "consensus": Optimizer(
            label="Consensus",
            build=adjusted.consensus,
            takes_turns=False,
            doc="Both also walk to where the slopes of both are small, be it good there or not.",
            formula="w ← w − η (v + γ ∇½|v|²),  v = (∂L_G/∂g, ∂L_D/∂d)",
            source="Mescheder et al. 2017, https://arxiv.org/abs/1705.10461",
            knobs=("adjustment",),
        ),
        "symplectic": Optimizer(
            label="Symplectic adjustment",
            build=adjusted.symplectic,
            takes_turns=False,
            doc="Only what makes the game turn is corrected; what descends is left as it is.",
            formula="w ← w − η (v + γλ Aᵀv),  A = ½(J − Jᵀ),  λ = ±1 by alignment",
            source="Balduzzi et al. 2018, https://arxiv.org/abs/1802.05642 (the code's alignment "
            "divides by the number of tensors in place of numbers)",
            knobs=("adjustment",),
        ),
        "lcgd": Optimizer(
            label="Linearised CGD",
            build=competitive.linearised,
            takes_turns=False,
            doc="Each expects the other to answer with a plain step.",
            formula="Δg = −η (∂_g L_G − η D_gd L_G ∂_d L_D),  Δd likewise",
            source="Schäfer and Anandkumar 2019, https://arxiv.org/abs/1905.12103",
        ),
        "cgd": Optimizer(
            label="Competitive (CGD)",
            build=competitive.competitive,
            takes_turns=False,
            doc="Each expects the other's answer to its own move, and the answer to that, without "
            "end: the equilibrium of a small game, by GMRES.",
            formula="Δg = −η (∂_g L_G + D_gd L_G Δd),  Δd = −η (∂_d L_D + D_dg L_D Δg)",
            source="Schäfer and Anandkumar 2019, https://arxiv.org/abs/1905.12103",
            settings=("solver_steps",),
            knobs=("solver_tolerance",),
        ),
        "cgd-zero-sum": Optimizer(
            label="Competitive, zero-sum",
            build=competitive.competitive_zero_sum,
            takes_turns=False,
            zero_sum=True,
            doc="CGD as in the paper: the generator raises what the critic lowers, its own "
            "objective is not read. By conjugate gradients.",
            formula="Δg = η (I + η² D_gd D_dg)⁻¹ (∂_g L_D − η D_gd ∂_d L_D),  D of L_D",
            source="Schäfer and Anandkumar 2019, https://arxiv.org/abs/1905.12103",
            settings=("solver_steps",),
            knobs=("solver_tolerance",),
        ),
        "cgd-rmsprop": Optimizer(
            label="Competitive (RMSProp), zero-sum",
            build=competitive.scaled,
            takes_turns=False,
            zero_sum=True,
            doc="Zero-sum CGD with RMSProp's step size for every number. It brings its own rule.",
            formula="A = η/√s in place of η,  s₀ = 1,  s ← βs + (1−β)∂² after the step",
            source="Schäfer and Anandkumar 2019, https://arxiv.org/abs/1905.12103, as in the code "
            "of its GAN on two modes (β = 0.9)",
            settings=("solver_steps",),
            knobs=("solver_tolerance", "acgd_beta"),
            rule=competitive.SCALED,
        ),
        "acgd": Optimizer(
            label="Adaptive CGD, zero-sum",
            build=competitive.adaptive,
            takes_turns=False,
            zero_sum=True,
            doc="Zero-sum CGD with a step size for every number. It brings its own rule.",
            formula="v ← βv + (1−β)∂²,  A = η√(1−βᵗ) / (√v + ε) in place of η",
            source="Schäfer et al. 2020, https://arxiv.org/abs/1910.05852, as in its code",
            settings=("solver_steps",),
            knobs=("solver_tolerance", "acgd_beta", "acgd_epsilon"),
            rule=competitive.PLACED,
        ),
        "acgd-paper": Optimizer(
            label="Adaptive CGD (Adam's ε)",
            build=competitive.adaptive_paper,
            takes_turns=False,
            zero_sum=True,
            doc="The same with Adam's sizes: ε stands beside the corrected root.",
            formula="v ← βv + (1−β)∂²,  A = η / (√(v / (1−βᵗ)) + ε) in place of η",
            source="Sizes of Kingma and Ba 2015, https://arxiv.org/abs/1412.6980; that Schäfer et "
            "al. 2020, https://arxiv.org/abs/1910.05852, print them so is from memory, not checked",
            settings=("solver_steps",),
            knobs=("solver_tolerance", "acgd_beta", "acgd_epsilon"),
            rule=competitive.PLACED,
        ),
        "acgd-general": Optimizer(
            label="Adaptive CGD",
            build=competitive.adaptive_general,
            takes_turns=False,
            doc="CGD with a step size for every number, each player with its own objective.",
            formula="Δg = −A_g (∂_g L_G + D_gd L_G Δd),  Δd = −A_d (∂_d L_D + D_dg L_D Δg)",
            source="Schäfer et al. 2020, https://arxiv.org/abs/1910.05852 (GACGD in its code)",
            settings=("solver_steps",),
            knobs=("solver_tolerance", "acgd_beta", "acgd_epsilon"),
            rule=competitive.PLACED,
        ),
    },
    row=full(Optimizer),
)
