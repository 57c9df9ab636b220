"""Prices that need no slope: on two answers to one question, and on the numbers of a network.

Each is a penalty, ``(critic, real, fake, batch, objective, knobs) -> (..., B)``, unweighted.
"""

from toylab.processes import following

EPS = 1e-12
FEATURES = 0.1  # what a difference of the last layer counts beside one of the score


def consistency(critic, real, fake, batch, objective, knobs):
    """max(0, (φ(x′) − φ(x″))² + 0.1·mean_k (h_k(x′) − h_k(x″))² − M′), two passes at a real point.

    The passes differ by their dropout masks, h is the last hidden layer. CT-GAN as implemented,
    Wei et al. 2018, https://arxiv.org/abs/1803.01541. Without dropout it is 0.
    """
    one, other = critic(real, "real"), critic(real, "again")
    apart = (one.value - other.value).square()
    hidden = (one.hidden - other.hidden).square().flatten(apart.dim()).mean(-1)
    return (apart + FEATURES * hidden - knobs["margin"]).relu()


def lipschitz(critic, real, fake, batch, objective, knobs):
    """max(0, |φ(x₁) − φ(x₂)| / |x₁ − x₂| − M′), x₂ the next real point of the batch, the last
    one's being the first. Eq. 4 of CT-GAN's version under review.
    """
    value = critic(real, "real").value
    step = real - following(real, value.dim() - 1)
    step = step.square().flatten(value.dim()).sum(-1)
    climb = (value - following(value, value.dim() - 1)).abs()
    return (climb / (step + EPS).sqrt() - knobs["margin"]).relu()


def squared_numbers(critic, real, fake, batch, objective, knobs):
    """½|θ|² of the player that pays, the same for every sample."""
    vector = critic.vector
    price = 0.5 * vector.square().sum(-1, keepdim=True)
    return price.expand(real.shape[: vector.dim()])
