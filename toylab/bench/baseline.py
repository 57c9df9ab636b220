"""The baseline: the loop that one would write first, with nn.Module, torch.optim and autograd.

Nothing here is tuned, and nothing is made slow: one critic step, one generator step, fresh data.
"""

import math

import torch
from torch import nn
from torch.nn.functional import softplus


def net(inputs, outputs, width, depth):
    """Linear, leaky ReLU, …, Linear."""
    widths = [inputs, *[width] * depth]
    layers = []
    for i, o in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(i, o), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


class Baseline:
    """Alternating Adam on eight Gaussians with a gradient penalty, `take(n)` steps."""

    def __init__(self, width, depth, batch, penalty, weight=1.0, seed=0):
        torch.manual_seed(seed)
        self.batch, self.penalty, self.weight = batch, penalty, weight
        self.generator, self.critic = net(2, 2, width, depth), net(2, 1, width, depth)
        self.of_generator = torch.optim.Adam(self.generator.parameters(), 1e-3, (0.5, 0.999))
        self.of_critic = torch.optim.Adam(self.critic.parameters(), 1e-3, (0.5, 0.999))
        angles = torch.arange(8) * 2 * math.pi / 8
        self.centres = math.sqrt(2) * torch.stack([angles.cos(), angles.sin()], 1)

    def real(self):
        centres = self.centres[torch.randint(8, (self.batch,))]
        return centres + 0.0141 * torch.randn(self.batch, 2)

    def price(self, real, fake):
        """The penalty as the papers' scripts compute it."""
        if self.penalty == "none":
            return 0.0
        if self.penalty == "0-gp":
            mix = torch.rand(self.batch, 1)
            x = (mix * real + (1 - mix) * fake).requires_grad_()
            out = torch.sigmoid(self.critic(x)).sum()
            (slope,) = torch.autograd.grad(out, x, create_graph=True)
            return self.weight * slope.square().sum(1).mean()
        if self.penalty == "r1":
            x = real.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self.critic(x).sum(), x, create_graph=True)
            return 0.5 * self.weight * slope.square().sum(1).mean()
        total = 0.0
        for points, sign in ((real, -1.0), (fake, 1.0)):
            x = points.clone().requires_grad_()
            logit = self.critic(x).squeeze(1)
            (slope,) = torch.autograd.grad(logit.sum(), x, create_graph=True)
            weights = torch.sigmoid(sign * logit).square()
            total = total + 0.5 * self.weight * (weights * slope.square().sum(1)).mean()
        return total

    def step(self):
        real = self.real()
        with torch.no_grad():
            fake = self.generator(torch.randn(self.batch, 2))
        loss = softplus(-self.critic(real)).mean() + softplus(self.critic(fake)).mean()
        loss = loss + self.price(real, fake)
        self.of_critic.zero_grad()
        loss.backward()
        self.of_critic.step()
        loss = softplus(-self.critic(self.generator(torch.randn(self.batch, 2)))).mean()
        self.of_generator.zero_grad()
        loss.backward()
        self.of_generator.step()

    def take(self, count):
        for _ in range(count):
            self.step()
