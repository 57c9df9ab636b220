"""Games of a few numbers as vector fields: the Jacobian, its spectrum, and what one step does.

v = −(∂L_G/∂g, ∂L_D/∂d) is the field that both players follow together. Where it vanishes the
eigenvalues of its Jacobian v' decide: a step of size η multiplies a small distance by |1 + ηλ|.
Mescheder et al. 2017, https://arxiv.org/abs/1705.10461.
"""

import math

import torch

from toylab.games import Players, gradients


def velocity(game, players):
    """v = −(∂L_G/∂g, ∂L_D/∂d) as one vector (..., P_g + P_d)."""
    found = gradients(game, players)
    return -torch.cat([found.generator, found.critic], -1)


def jacobian(game, players):
    """v' of single players (P_g,), (P_d,): dense (P, P), row i the gradient of the field's part i.

    One reverse pass a row, so it is meant for some hundred numbers.
    """
    leaves = Players(*(vector.detach().requires_grad_() for vector in players))
    found = gradients(game, leaves, create_graph=True)
    field = -torch.cat([found.generator, found.critic])
    rows = [
        torch.cat(torch.autograd.grad(part, leaves, retain_graph=True, materialize_grads=True))
        for part in field
    ]
    return torch.stack(rows)


def spectrum(game, players):
    """Eigenvalues of the Jacobian, (P,) complex, those of largest real part first."""
    values = torch.linalg.eigvals(jacobian(game, players))
    return values[values.real.argsort(descending=True)]


def trajectory(optimizer, game, players, knobs, steps):
    """Where `steps` steps of a game optimizer lead: (steps + 1, ..., P_g + P_d).

    knobs -- Players of {name: tensor (1,)}, as the optimizer has them
    """
    memory, games = optimizer.init(players), [game] * len(optimizer.draws)
    way = [torch.cat(list(players), -1)]
    for _ in range(steps):
        players, memory = optimizer.step(games, players, memory, knobs)
        way.append(torch.cat(list(players), -1))
    return torch.stack(way)


def factor(way, over):
    """By how much one step multiplies the distance from 0, over the last steps of a trajectory.

    e to the slope of the straight line through log r: on a linear game the modulus of the step's
    largest eigenvalue, also where the distance swings on the way.
    """
    way = way[-over - 1 :]
    size = way.abs().amax(-1, keepdim=True)  # the square of a distance may be beyond all numbers
    radii = (way / size).norm(dim=-1).log() + size.squeeze(-1).log()
    step = torch.arange(over + 1, dtype=radii.dtype) - over / 2
    return ((step @ radii) / (step @ step)).exp()


def linear_step(optimizer, game, knobs):
    """The matrix (2, 2) of one step, without memory, on a linear game of two numbers."""
    unit = torch.eye(2, dtype=torch.float64)
    ways = [
        trajectory(optimizer, game, Players(start[:1], start[1:]), knobs, 1)[-1] for start in unit
    ]
    return torch.stack(ways, 1)


def largest(matrix):
    """The largest modulus of a matrix's eigenvalues."""
    return torch.linalg.eigvals(matrix).abs().max().item()


# What one step does to the distance from 0 in f(x, y) = αxy, by rate η and coupling α, q = ηα;
# each by its name in the tables of optimizers and rules. Both adjusted ones have weight γ = 1.
FACTORS = {
    "simultaneous": lambda rate, alpha: math.hypot(1, rate * alpha),
    "alternating": lambda rate, alpha: _taking_turns(rate * alpha),
    "extragradient": lambda rate, alpha: math.hypot(1 - (rate * alpha) ** 2, rate * alpha),
    "lcgd": lambda rate, alpha: math.hypot(1 - (rate * alpha) ** 2, rate * alpha),
    "cgd": lambda rate, alpha: 1 / math.hypot(1, rate * alpha),
    "cgd-zero-sum": lambda rate, alpha: 1 / math.hypot(1, rate * alpha),
    "symplectic": lambda rate, alpha: math.hypot(1 - rate * alpha**2, rate * alpha),
    "consensus": lambda rate, alpha: math.hypot(1 - rate * alpha**2, rate * alpha),
    "optimistic": lambda rate, alpha: abs(_optimistic(rate * alpha)),
}


def _taking_turns(q):
    """Largest root of z² − (2 − q²) z + 1: on the unit circle until q = 2."""
    return 1.0 if q <= 2 else q * q / 2 - 1 + q * math.sqrt(q * q / 4 - 1)


def _optimistic(q):
    """Largest root of z² − (1 − 2iq) z − iq: w ← w − 2ηF(w) + ηF(before), F = ±iα."""
    half = (1 - 2j * q) / 2
    root = (half * half + 1j * q) ** 0.5
    return max(half + root, half - root, key=abs)


def dirac(theta, psi, name, gamma=0.0):
    """(dθ, dψ) of the Dirac-GAN in closed form: real at 0, fake at θ, φ(x) = ψx.

    name -- "minimax", "non-saturating" or "wasserstein"; gamma -- weight of R1 (R2 is the same
    here), which adds −γψ to dψ. Mescheder et al. 2018, https://arxiv.org/abs/1801.04406, with the
    sign of ψ turned so that a higher logit is more real.
    """
    sure = torch.sigmoid(theta * psi)
    fields = {
        "minimax": (psi * sure, -theta * sure),
        "non-saturating": (psi * (1 - sure), -theta * sure),
        "wasserstein": (psi, -theta),
    }
    across, up = fields[name]
    return across, up - gamma * psi


def dirac_eigenvalues(gamma, slope=0.5):
    """−γ/2 ± √(γ²/4 − f'(0)²) of the field at (0, 0); critical at γ = 2|f'(0)| = 1."""
    root = complex(gamma * gamma / 4 - slope * slope) ** 0.5
    return -gamma / 2 + root, -gamma / 2 - root
