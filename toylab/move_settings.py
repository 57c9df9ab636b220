"""The settings of moving: who moves when, by which rule, how far, on how many points."""

import param

from toylab.optimizers import FIRST, OPTIMIZERS
from toylab.rules import RULES
from toylab.settings import Knob, Name, Whole


class MoveSettings(param.Parameterized):
    """The part of an `Experiment` that says how the players move."""

    optimizer = Name(
        "alternating",
        OPTIMIZERS,
        label="Optimizer",
        doc="Who moves when, and how far ahead they look.",
    )
    rule = Name("adam", RULES, label="Rule", doc="How a gradient becomes a move.")
    rate_critic = Knob(
        1e-3,
        bounds=(0.0, 10.0),
        soft=(1e-5, 0.1),
        label="Rate, critic",
        doc="Step size of this player. Unequal rates are called TTUR.",
    )
    rate_generator = Knob(
        1e-3,
        bounds=(0.0, 10.0),
        soft=(1e-5, 0.1),
        label="Rate, generator",
        doc="Step size of this player. Unequal rates are called TTUR.",
    )
    moves = Name(
        "both",
        ("both", "critic", "generator"),
        label="Who moves",
        doc="One player can stand still: its numbers and its memory wait as they are.",
    )
    critic_steps = Whole(
        1,
        bounds=(1, 100),
        softbounds=(1, 20),
        label="Critic steps",
        doc="How often the critic moves before the generator moves once.",
    )
    first = Name("critic", FIRST, label="Who begins", doc="Which player moves first in a step.")
    batch = Whole(
        128,
        bounds=(1, 65536),
        softbounds=(8, 1024),
        label="Batch",
        doc="Points per step. Small batches make noisy pushes.",
    )
    batch_generator = Whole(
        0,
        bounds=(0, 65536),
        softbounds=(0, 1024),
        label="Batch, generator",
        doc="Points in each of the generator's turns; 0 is as many as in the critic's.",
    )
    average = Knob(
        0.0,
        bounds=(0.0, 0.99999),
        label="Average (EMA)",
        doc="Keeps a slow average of the generator: how much of the old one stays at each step.",
    )

    unroll = Whole(
        5,
        bounds=(0, 50),
        softbounds=(0, 10),
        label="Unrolled steps k",
        doc="How many of the critic's coming steps the generator sees. 0 is at once.",
    )
    adjustment = Knob(
        1.0,
        bounds=(0.0, 1e3),
        soft=(0.01, 10.0),
        label="Adjustment γ",
        doc="How much of the correction is added to the slopes. 0 is at once.",
    )
    solver_steps = Whole(
        10,
        bounds=(1, 50),
        softbounds=(1, 20),
        label="Solver's iterations",
        doc="How often at most the solver looks at the game to find the equilibrium of a step.",
    )
    solver_tolerance = Knob(
        1e-6,
        bounds=(0.0, 1.0),
        soft=(1e-10, 0.1),
        label="Solver's tolerance",
        doc="It stops once the remainder is this small a part of what it began with.",
    )
    acgd_beta = Knob(
        0.99,
        bounds=(0.0, 0.99999),
        soft=(0.9, 0.999),
        label="β of the sizes",
        doc="How much of the old squared gradient stays.",
    )
    acgd_epsilon = Knob(
        1e-5,
        bounds=(1e-12, 1.0),
        soft=(1e-8, 1e-2),
        label="ε of the sizes",
        doc="Keeps a step finite where the gradient vanishes.",
    )

    beta1 = Knob(
        0.5,
        bounds=(-0.99, 0.99999),
        soft=(0.0, 0.99),
        label="β₁",
        doc="How much of the old mean gradient stays.",
    )
    beta2 = Knob(
        0.999,
        bounds=(0.0, 0.99999),
        soft=(0.9, 0.9999),
        label="β₂",
        doc="How much of the old squared gradient stays.",
    )
    epsilon = Knob(
        1e-8,
        bounds=(0.0, 1.0),
        soft=(1e-12, 1e-2),
        label="ε",
        doc="Keeps a step finite where the gradient vanishes.",
    )
    momentum = Knob(
        0.9,
        bounds=(-0.99, 0.99999),
        soft=(0.0, 0.99),
        label="Momentum",
        doc="How much of the velocity stays.",
    )
    decay = Knob(
        0.99,
        bounds=(0.0, 0.99999),
        soft=(0.8, 0.999),
        label="RMSProp decay",
        doc="How much of the old squared gradient stays.",
    )
    weight_decay = Knob(
        0.01,
        bounds=(0.0, 10.0),
        soft=(1e-4, 1.0),
        label="Weight decay w",
        doc="How fast every number shrinks towards 0, times the rate.",
    )
    lookahead_steps = Knob(
        5.0,
        bounds=(1.0, 1e4),
        soft=(1.0, 50.0),
        label="Lookahead every k",
        doc="How many moves of its own a player makes between two of the slow copy.",
    )
    lookahead_pull = Knob(
        0.5,
        bounds=(0.0, 1.0),
        label="Lookahead α",
        doc="How far the slow copy goes towards where the fast one is. 1 is plain Adam.",
    )
