"""image: the digits' DCGAN with Roth's penalty, ours against a hand-written loop, same nets."""

import torch
from torch import nn
from torch.nn.functional import softplus

from toylab.bench.measure import interleaved
from toylab.image.config import load
from toylab.image.run import prepare
from toylab.trainer import train


def modules(latent, features):
    """The two networks of `digits-smoke` as one would write them: nn.Sequential."""
    wide = 2 * features
    generator = nn.Sequential(
        nn.Linear(latent, wide * 4, bias=False),
        nn.Unflatten(1, (wide, 2, 2)),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        nn.ConvTranspose2d(wide, features, 4, 2, 1, bias=False),
        nn.BatchNorm2d(features),
        nn.ReLU(),
        nn.ConvTranspose2d(features, 1, 4, 2, 1),
        nn.Tanh(),
    )
    critic = nn.Sequential(
        nn.Conv2d(1, features, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(features, wide, 4, 2, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(wide * 4, 1),
    )
    return generator, critic


class Loop:
    """Alternating Adam with Roth's penalty, `take(n)` steps; `images` (n, 1, 8, 8)."""

    def __init__(self, images, latent, features, batch, roth):
        torch.manual_seed(0)
        self.images, self.latent, self.batch, self.roth = images, latent, batch, roth
        self.generator, self.critic = modules(latent, features)
        self.moves = [
            torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.999))
            for net in (self.generator, self.critic)
        ]

    def price(self, points, sign):
        points = points.detach().requires_grad_()
        logit = self.critic(points).squeeze(1)
        (slope,) = torch.autograd.grad(logit.sum(), points, create_graph=True)
        weight = torch.sigmoid(sign * logit).square()
        return 0.5 * (weight * slope.square().flatten(1).sum(1)).mean()

    def step(self):
        real = self.images[torch.randint(len(self.images), (self.batch,))]
        with torch.no_grad():
            fake = self.generator(torch.randn(self.batch, self.latent))
        loss = softplus(-self.critic(real)).mean() + softplus(self.critic(fake)).mean()
        if self.roth:
            loss = loss + self.price(real, -1.0) + self.price(fake, 1.0)
        self.moves[1].zero_grad()
        loss.backward()
        self.moves[1].step()
        loss = softplus(-self.critic(self.generator(torch.randn(self.batch, self.latent)))).mean()
        self.moves[0].zero_grad()
        loss.backward()
        self.moves[0].step()

    def take(self, count):
        for _ in range(count):
            self.step()


def rows(quick=False):
    """Rows of this suite, one after the other."""
    torch.set_num_threads(1)
    for penalty in ("roth",) if quick else ("roth", "none"):
        config = load("digits-smoke", {"penalty": penalty})
        setup = prepare(config)
        states = train(config.experiment, setup=setup)
        images = torch.from_numpy(setup.sources[0].points)
        e, features = config.experiment, config.settings.features
        loop = Loop(images, e.latent, features, e.batch, penalty == "roth")

        def take(count, states=states):
            for _ in range(count):
                next(states)

        yield interleaved(
            "image",
            f"digits dcgan{features} batch {e.batch} {penalty} plain",
            take,
            loop.take,
            "nn.Module + torch.optim loop",
            rounds=3 if quick else 7,
            count=10 if quick else 25,
        )
