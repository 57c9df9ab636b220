"""What the page says beside the settings: legal but odd choices, other words for things."""

from collections import defaultdict

import torch

from toylab.objectives import OBJECTIVES
from toylab.optimizers import OPTIMIZERS
from toylab.penalties import PENALTIES, SLOTS
from toylab.rules import RULES

PLAYERS = ("critic", "generator")


def _named(table, chosen):
    """The names of the rows for which that holds."""
    return [name for name, row in table.items() if chosen(row)]


def _is_zero_sum(row):
    """Whether fakes cost the critic what they bring the generator, at any score of theirs."""
    numbers = defaultdict(lambda: torch.full((1,), 0.5))  # whatever number a row may read
    real, fakes = torch.tensor([0.3, -0.2]), torch.tensor([[0.7, -0.4], [-1.5, 1.2]])
    try:
        sums = [sum(getattr(row, who)(real, fake, numbers) for who in PLAYERS) for fake in fakes]
    except Exception:
        return True  # a user's row that cannot be asked is told so where it is played
    return torch.allclose(*sums, atol=1e-5)


def odd():
    """Rows {field, text, when}: legal, but probably not what was meant; nothing is blocked.

    `text` stands beside `field`, with {other field} for that one's value. It holds where all of
    `when` does: {field: [names]}, or {field: {"least": number, "most": number}}, both included; a
    number on a schedule is never odd.
    """
    logits = _named(OBJECTIVES, lambda row: not row.probability)
    squashed = _named(PENALTIES, lambda row: row.of == "probability")
    one = _named(PENALTIES, lambda row: row.pull == "1")
    means = _named(RULES, lambda row: "beta1" in row.knobs)
    rescaled = _named(RULES, lambda row: {"epsilon", "momentum"} & {*row.knobs})
    looking = ["extragradient", "past", "unrolled"]
    return [
        {
            "field": "penalty_weight",
            "text": "λ = {penalty_weight} with slope 1: expect a slope near 2, not 1. It is too "
            "large by about W/(2λ), W the distance of the two clouds.",
            "when": {
                "objective": ["wasserstein"],
                "penalty": one,
                "penalty_weight": {"least": 1e-6, "most": 0.5},
            },
        },
        {
            "field": "penalty_weight",
            "text": "λ = 0 is the same as no penalty.",
            "when": {"penalty": list(PENALTIES), "penalty_weight": {"least": 0.0, "most": 0.0}},
        },
        {
            "field": "penalty",
            "text": "Wasserstein without penalty or clipping: nothing holds the critic's slope, so "
            "its score grows without end.",
            "when": {"objective": ["wasserstein"], "penalty": ["none"], "constraint": ["none"]},
        },
        {
            "field": "penalty",
            "text": "The score of this objective is no probability, yet the penalty squashes it to "
            "one: where |φ| is large it asks for nothing. Of the logit is usual here.",
            "when": {"objective": logits, "penalty": squashed},
        },
        *(
            {
                "field": slot,
                "text": "The critic has no dropout, so both passes say the same and the term is "
                "0: set dropout, critic, in the networks.",
                "when": {slot: ["ct"], "critic_dropout": {"least": 0.0, "most": 0.0}},
            }
            for slot in SLOTS
        ),
        {
            "field": "clip",
            "text": "c = {clip}: so small numbers make a critic that is almost flat, and the push "
            "all but vanishes.",
            "when": {"constraint": ["clip", "clip-before"], "clip": {"least": 0.0, "most": 0.02}},
        },
        {
            "field": "noise_copies",
            "text": "There is no noise, so all copies of a point are the same.",
            "when": {
                "noise_copies": {"least": 2, "most": 64},
                "noise": {"least": 0.0, "most": 0.0},
            },
        },
        {
            "field": "beta1",
            "text": "β₁ = {beta1}: a player goes on where it went before the other one moved, and "
            "both may circle. 0 to 0.5 is usual in GANs.",
            "when": {"rule": means, "beta1": {"least": 0.85, "most": 1.0}},
        },
        {
            "field": "rule",
            "text": "The answer is foreseen for plain steps of η, and this rule makes others: "
            "Gradient descent with rates near 0.1 is CGD, and adaptive CGD finds sizes itself.",
            "when": {"optimizer": ["lcgd", "cgd", "cgd-zero-sum"], "rule": rescaled},
        },
        {
            "field": "rule",
            "text": "Lookahead counts the looks of this optimizer as moves, too.",
            "when": {"optimizer": looking, "rule": ["lookahead"]},
        },
        {
            "field": "optimizer",
            "text": "Zero-sum: the generator raises the critic's loss, and its own, {objective}, "
            "is not asked for. Competitive and adaptive CGD without that word play both.",
            "when": {
                "optimizer": _named(OPTIMIZERS, lambda row: row.zero_sum),
                "objective": _named(OBJECTIVES, lambda row: not _is_zero_sum(row)),
            },
        },
        {
            "field": "adjustment",
            "text": "γ = 0 adds nothing: this is both at once.",
            "when": {
                "optimizer": ["consensus", "symplectic"],
                "adjustment": {"least": 0.0, "most": 0.0},
            },
        },
        {
            "field": "solver_tolerance",
            "text": "τ = {solver_tolerance}: it stops before it has looked at the answer.",
            "when": {
                "optimizer": _named(OPTIMIZERS, lambda row: "solver_tolerance" in row.knobs),
                "solver_tolerance": {"least": 1.0, "most": 1.0},
            },
        },
        {
            "field": "rate_critic",
            "text": "Rate 0: the critic stands still.",
            "when": {"rate_critic": {"least": 0.0, "most": 0.0}},
        },
        {
            "field": "rate_generator",
            "text": "Rate 0: the generator stands still.",
            "when": {"fakes": ["learned"], "rate_generator": {"least": 0.0, "most": 0.0}},
        },
        {
            "field": "moves",
            "text": "One player stands still until both move again.",
            "when": {"fakes": ["learned"], "moves": ["critic", "generator"]},
        },
        {
            "field": "moves",
            "text": "No network makes the fakes, so nothing moves at all.",
            "when": {"fakes": ["fixed", "perfect"], "moves": ["generator"]},
        },
    ]


# What people search for: (words, kind, name); a name is that of a field, of a choice field=value,
# of a layer, of a chart or of a health line. The same words may lead to several places.
ALIASES = (
    ("acgd", "choice", "optimizer=acgd-general"),
    ("alignment", "choice", "optimizer=symplectic"),
    ("annealing", "field", "noise"),
    ("batch size", "field", "batch"),
    ("beta1", "field", "beta1"),
    ("beta2", "field", "beta2"),
    ("consistency term", "choice", "penalty=ct"),
    ("cgd", "choice", "optimizer=cgd"),
    ("competitive gradient descent", "choice", "optimizer=cgd"),
    ("conjugate gradient", "choice", "optimizer=cgd-zero-sum"),
    ("conopt", "choice", "optimizer=consensus"),
    ("coverage", "chart", "clusters"),
    ("ct-gan", "choice", "penalty=ct"),
    ("cycling", "health", "cycling"),
    ("d steps", "field", "critic_steps"),
    ("divergence", "field", "objective"),
    ("dragan", "choice", "penalty=dragan"),
    ("discriminator", "layer", "surface"),
    ("discriminator", "field", "critic_width"),
    ("discriminator steps", "field", "critic_steps"),
    ("ema", "field", "average"),
    ("epsilon", "field", "epsilon"),
    ("exponential moving average", "field", "average"),
    ("extraadam", "choice", "optimizer=extragradient"),
    ("f-gan", "field", "objective"),
    ("freeze", "field", "moves"),
    ("gamma", "field", "penalty_weight"),
    ("gradient clipping", "field", "gradient_clip"),
    ("gmres", "choice", "optimizer=cgd"),
    ("gradient arrows", "layer", "field"),
    ("gradient descent", "choice", "rule=sgd"),
    ("gradient penalty", "field", "penalty"),
    ("gulrajani", "choice", "penalty=1-gp"),
    ("heatmap", "layer", "surface"),
    ("hidden layers", "field", "critic_depth"),
    ("initialization", "field", "initialisation"),
    ("instance noise", "field", "noise"),
    ("kde", "layer", "density"),
    ("kullback-leibler", "choice", "objective=kl"),
    ("label smoothing", "field", "smoothing"),
    ("lambda", "field", "penalty_weight"),
    ("lazy regularisation", "field", "penalty_interval"),
    ("learning rate", "field", "rate_critic"),
    ("learning rate", "field", "rate_generator"),
    ("lipschitz", "field", "penalty"),
    ("lipschitz", "chart", "slopes"),
    ("loss function", "field", "objective"),
    ("lsgan", "choice", "objective=least-squares"),
    ("manifold", "layer", "grid"),
    ("mescheder", "choice", "penalty=r1"),
    ("minibatch", "field", "batch"),
    ("missing modes", "health", "clusters"),
    ("mode collapse", "health", "clusters"),
    ("mode dropping", "health", "clusters"),
    ("modes", "chart", "clusters"),
    ("neurons", "field", "critic_width"),
    ("noise-to-signal ratio", "field", "noise_copies"),
    ("nowozin", "field", "logit"),
    ("ogda", "choice", "rule=optimistic"),
    ("optimistic mirror descent", "choice", "rule=optimistic"),
    ("oscillation", "health", "cycling"),
    ("perfect discriminator", "health", "saturated"),
    ("perfect generator", "choice", "fakes=perfect"),
    ("petzka", "choice", "penalty=lp"),
    ("prior", "field", "latent_law"),
    ("random seed", "field", "seed"),
    ("rsgan", "choice", "objective=relativistic"),
    ("regularisation", "field", "penalty"),
    ("roth", "choice", "penalty=roth"),
    ("saturation", "health", "saturated"),
    ("sga", "choice", "optimizer=symplectic"),
    ("simultaneous gradient descent", "choice", "optimizer=simultaneous"),
    ("sngan", "choice", "constraint=spectral-norm"),
    ("step size", "field", "rate_critic"),
    ("step size", "field", "rate_generator"),
    ("thanh-tung", "choice", "penalty=0-gp"),
    ("ttur", "field", "rate_critic"),
    ("ttur", "field", "rate_generator"),
    ("two time-scale update rule", "field", "rate_critic"),
    ("vanishing gradient", "health", "pushed"),
    ("wasserstein distance", "chart", "wasserstein"),
    ("variance of the noise", "field", "noise"),
    ("weight decay", "choice", "penalty=l2"),
    ("weight clipping", "choice", "constraint=clip"),
    ("weight decay", "choice", "rule=adamw"),
    ("wgan", "choice", "objective=wasserstein"),
    ("wgan-gp", "choice", "penalty=1-gp"),
)


def aliases():
    """Rows {text, kind, name, value} of what a search for other words should find."""
    rows = []
    for text, kind, name in ALIASES:
        name, _, value = name.partition("=")
        rows.append({"text": text, "kind": kind, "name": name, "value": value})
    return rows
