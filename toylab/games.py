"""Games: two players, two losses, and the only place where anything is differentiated.

A `Game` is a pair of functions of both players' flat vectors, with one minibatch already inside.
Nothing inside a game is ever detached: the optimizer chooses what it differentiates. A detached
fake would make the mixed derivative zero, and CGD, consensus and symplectic adjustment would
silently become simultaneous descent.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from toylab.means import mean


class Players(NamedTuple):
    """Two flat vectors, (..., P_g) and (..., P_d); also used for any pair, one part a player."""

    generator: Any
    critic: Any


class Game(NamedTuple):
    """Each: Players -> (...,), the player's own loss, to be minimised."""

    generator: Callable
    critic: Callable


def reduce(tensor):
    """The mean over processes of a gradient; the identity where there is one process."""
    return tensor


def gradients(game, players, of=("generator", "critic"), create_graph=False):
    """Each player's gradient of its own loss: `Players` with None for players not in `of`.

    g = ∂L_G/∂generator (..., P_g), d = ∂L_D/∂critic (..., P_d). Members of an ensemble do not see
    each other, so one gradient of the summed losses serves all. With `create_graph` the vectors
    in `players` must require gradients themselves, and the result can be differentiated again.
    """
    found = {}
    for name in of:
        if create_graph:
            here, at = players, getattr(players, name)
        else:
            held = {other: vector.detach() for other, vector in players._asdict().items()}
            at = held[name].requires_grad_()
            here = Players(**held)
        loss = getattr(game, name)(here)
        (gradient,) = torch.autograd.grad(
            loss.sum(), at, create_graph=create_graph, materialize_grads=True
        )
        found[name] = reduce(gradient)
    return Players(found.get("generator"), found.get("critic"))


def mixed(game, players, direction, of="critic", by="generator"):
    """∂²L_of/∂of∂by · direction: how a move of one player turns the other's gradient.

    direction (..., P_by) -> (..., P_of), by reverse over reverse: the derivative of
    ⟨∂L_of/∂of, w⟩ is linear in w, and its own derivative is the product sought.
    """
    leaves = Players(*(vector.detach().requires_grad_() for vector in players))
    own, other = getattr(leaves, of), getattr(leaves, by)
    loss = getattr(game, of)(leaves)
    (slope,) = torch.autograd.grad(loss.sum(), own, create_graph=True)
    weight = torch.zeros_like(slope, requires_grad=True)
    (transposed,) = torch.autograd.grad(
        slope, other, weight, create_graph=True, materialize_grads=True
    )
    (product,) = torch.autograd.grad(transposed, weight, direction, materialize_grads=True)
    return reduce(product)


class Judge(NamedTuple):
    """The critic as a penalty sees it: ``critic(x, role) -> Output``, and the payer's `vector`."""

    says: Callable
    vector: torch.Tensor

    def __call__(self, x, role="real"):
        return self.says(x, role)


def gan(networks, objective, penalties, constraint, batch, knobs, memory=(), payers=("critic",)):
    """The `Game` of two networks on one minibatch.

    L_D = mean(objective.critic) + Σ weight·mean(penalty),   L_G = mean(objective.generator)

    networks  -- Players of `Network`
    penalties -- rows (weight name, penalty function); the weight is knobs[name]
    payers    -- whose loss the penalties are added to
    knobs     -- {name: tensor of shape (1,) or (E, 1)}; `noise` is the instance noise's standard
                 deviation (Sønderby et al. 2017, https://arxiv.org/abs/1610.04490), added to real
                 and fake before the critic looks, in the critic's and in the generator's loss
    """
    generate = networks.generator.apply

    def seen(points, which):
        if batch.noise is None:
            return points
        std = knobs["noise"]
        return (
            points + std.reshape(std.shape + (1,) * (points.dim() - std.dim())) * batch.noise[which]
        )

    def critic_of(vector):
        vector, _ = constraint.effective(vector, memory)
        judge, masks = networks.critic.at(vector), batch.masks or {}
        return lambda x, role="real": judge(x, masks.get(role))

    def charged(loss, critic, payer, real, fake):
        for weight, penalty in penalties:
            terms = penalty(Judge(critic, payer), real, fake, batch, objective, knobs)
            loss = loss + knobs[weight].squeeze(-1) * mean(terms, -1)
        return loss

    def critic_loss(players):
        payer = players.critic
        if constraint.enter is not None:
            payer = constraint.enter(payer, knobs)
        critic = critic_of(payer)
        real = seen(batch.real, 0)
        fake = seen(generate(players.generator, batch.latent).value, 1)
        values = objective.critic(critic(real, "real").value, critic(fake, "fake").value, knobs)
        loss = mean(values, -1)
        return charged(loss, critic, payer, real, fake) if "critic" in payers else loss

    def generator_loss(players):
        critic = critic_of(players.critic)
        fake = seen(generate(players.generator, batch.latent).value, 1)
        real = None if batch.real is None else seen(batch.real, 0)
        logit = critic(real, "real").value if objective.needs_real else None
        loss = mean(objective.generator(logit, critic(fake, "fake").value, knobs), -1)
        if "generator" in payers:
            loss = charged(loss, critic, players.generator, real, fake)
        return loss

    return Game(generator_loss, critic_loss)


def zero_sum(value):
    """The game in which the generator minimises value(players) and the critic maximises it."""
    return Game(value, lambda players: -value(players))


def dirac(f=torch.nn.functional.softplus):
    """The Dirac-GAN: real at 0, fake at θ, critic φ(x) = ψx; each player is one number.

    L_G = −f(θψ),  L_D = f(θψ) (up to the constant f(0)), f = sp for the minimax objective.
    Mescheder et al. 2018, https://arxiv.org/abs/1801.04406, with the sign of ψ turned so that
    higher means more real. Vectors (1,) or (E, 1).
    """
    return zero_sum(lambda players: -f(players.generator * players.critic).sum(-1))


def bilinear(matrix):
    """f(x, y) = xᵀMy, x minimises, y maximises; x (..., m), y (..., n)."""
    return zero_sum(lambda players: ((players.generator @ matrix) * players.critic).sum(-1))


def quadratic(a, b, c):
    """f(x, y) = a x² + b xy + c y² of two numbers; x minimises, y maximises."""

    def value(players):
        x, y = players.generator, players.critic
        return (a * x * x + b * x * y + c * y * y).sum(-1)

    return zero_sum(value)
