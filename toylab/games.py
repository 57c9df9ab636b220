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


class Curvature:
    """How the slopes of a game's losses change around one point: products with second derivatives.

    Every loss in `of` is asked once and its graph is kept, so a product costs one backward pass:
    second derivatives do not mind their order, ∂²L/∂a∂b · u = ∂⟨∂L/∂b, u⟩/∂a.

    slopes -- Players of each player's gradient of its own loss, as `gradients` gives them; None
              for players not in `of`
    """

    def __init__(self, game, players, of=("generator", "critic")):
        self._at = Players(*(vector.detach().requires_grad_() for vector in players))
        self._slopes = {}
        for name in of:
            found = torch.autograd.grad(
                getattr(game, name)(self._at).sum(),
                list(self._at),
                create_graph=True,
                materialize_grads=True,
            )
            self._slopes[name] = Players(*found)
        own = {name: reduce(getattr(self._slopes[name], name).detach()) for name in of}
        self.slopes = Players(own.get("generator"), own.get("critic"))

    def slope(self, loss, by):
        """∂L_loss/∂by, (..., P_by): `slope("critic", "generator")` is the critic's loss as the
        generator's place changes it."""
        return reduce(getattr(self._slopes[loss], by).detach())

    def product(self, by, terms):
        """Σ ∂²L/∂by∂b · u over terms {(loss, b): u (..., P_b)} -> (..., P_by)."""
        kept = {key: getattr(self._slopes[key[0]], key[1]) for key in terms}
        kept = {key: slope for key, slope in kept.items() if slope.requires_grad}
        at = getattr(self._at, by)
        if not kept:
            return torch.zeros_like(at)
        (found,) = torch.autograd.grad(
            list(kept.values()),
            at,
            [terms[key] for key in kept],
            retain_graph=True,
            materialize_grads=True,
        )
        return reduce(found)

    def forward(self, directions):
        """J · directions, J the Jacobian of the slopes: how the slopes change as both move so."""
        (g, d), names = directions, Players._fields
        return Players(
            *(self.product(of, {(of, "generator"): g, (of, "critic"): d}) for of in names)
        )

    def backward(self, directions):
        """Jᵀ · directions; J of `forward`, and so ∇½|v|² where the directions are the slopes v."""
        (g, d), names = directions, Players._fields
        terms = {("generator", "generator"): g, ("critic", "critic"): d}
        return Players(*(self.product(by, terms) for by in names))


def mixed(game, players, direction, of="critic", by="generator"):
    """∂²L_of/∂of∂by · direction: how a move of one player turns the other's gradient.

    direction (..., P_by) -> (..., P_of)
    """
    return Curvature(game, players, (of,)).product(of, {(of, by): direction})


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
