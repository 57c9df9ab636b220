"""Adjusted: optimizers that add to the slopes v what the game's Jacobian J says of them.

Both players share one minibatch, and each moves by its own rule down its adjusted slope. In a game
that only turns, J is antisymmetric and Jᵀv points to the centre.
"""

from toylab.games import Curvature, Players
from toylab.moving import GameOptimizer, both, start
from toylab.solvers import dot


def consensus(rules, critic_steps=1, first="critic"):
    """v + γ ∇½|v|² = v + γ Jᵀv: both also want the slopes of both to become small."""

    def step(games, players, memory, knobs):
        bent = Curvature(games[0], players)
        more = bent.backward(bent.slopes)
        return both(rules, _added(bent.slopes, more, knobs), players, memory, knobs)

    return GameOptimizer(("both",), start(rules), step)


def symplectic(rules, critic_steps=1, first="critic"):
    """v + γλ Aᵀv, A = ½(J − Jᵀ): only what turns is adjusted, so descent stays what it is.

    λ = sign(⟨v, Jᵀv⟩⟨Aᵀv, Jᵀv⟩ / n + 1/10), n numbers of both players together: the adjustment is
    turned round where it would lead towards an equilibrium that repels.
    """

    def step(games, players, memory, knobs):
        bent = Curvature(games[0], players)
        slopes = bent.slopes
        forth, back = bent.forward(slopes), bent.backward(slopes)
        turned = Players(*((b - f) / 2 for b, f in zip(back, forth, strict=True)))
        size = sum(vector.shape[-1] for vector in players)
        aligned = (_dot(slopes, back) * _dot(turned, back) / size + 0.1).sign()
        more = Players(*(aligned * part for part in turned))
        return both(rules, _added(slopes, more, knobs), players, memory, knobs)

    return GameOptimizer(("both",), start(rules), step)


def _added(slopes, more, knobs):
    """slopes + γ · more, each player with its own γ."""
    parts = zip(slopes, more, knobs, strict=True)
    return Players(*(slope + own["adjustment"] * part for slope, part, own in parts))


def _dot(one, other):
    """⟨one, other⟩ over both players, (..., 1)."""
    return dot(one.generator, other.generator) + dot(one.critic, other.critic)
