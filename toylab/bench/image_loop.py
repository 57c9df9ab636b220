"""The image baseline: DCGAN and WGAN-GP's ResNet as one would write them, and a minimal loop.

nn.Module, torch.optim and autograd; images are drawn from a tensor, latents from torch. Nothing is
tuned and nothing made slow.
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, softplus

ROTH = 0.1  # γ of Roth et al. 2017 on CIFAR-10


def dcgan(channels, side, latent, features, stages, kernel):
    """(generator, critic) of Radford et al. 2016, https://arxiv.org/abs/1511.06434."""
    counts, small = [features << stage for stage in range(stages)], side >> stages
    pad, odd = (kernel - 1) // 2, kernel % 2
    wide = counts[-1]
    up = [nn.Linear(latent, wide * small**2, bias=False), nn.Unflatten(1, (wide, small, small))]
    up += [nn.BatchNorm2d(wide), nn.ReLU()]
    for more, less in zip(counts[::-1], counts[-2::-1], strict=False):
        up += [nn.ConvTranspose2d(more, less, kernel, 2, pad, odd, bias=False)]
        up += [nn.BatchNorm2d(less), nn.ReLU()]
    up += [nn.ConvTranspose2d(features, channels, kernel, 2, pad, odd), nn.Tanh()]
    down = [nn.Conv2d(channels, features, kernel, 2, pad), nn.LeakyReLU(0.2)]
    for less, more in zip(counts, counts[1:], strict=False):
        down += [nn.Conv2d(less, more, kernel, 2, pad, bias=False)]
        down += [nn.BatchNorm2d(more), nn.LeakyReLU(0.2)]
    down += [nn.Flatten(), nn.Linear(wide * small**2, 1), nn.Flatten(0)]
    return nn.Sequential(*up), nn.Sequential(*down)


class Block(nn.Module):
    """A residual block of Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028.

    resample -- "up", "down" or ""; norm -- whether batches are normalised; first -- of a critic
    """

    def __init__(self, inputs, outputs, resample="", norm=False, first=False):
        super().__init__()
        self.resample, self.first = resample, first
        middle = inputs if resample == "down" and not first else outputs
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(count) if norm else nn.Identity() for count in (inputs, middle)
        )
        self.enter = nn.Conv2d(inputs, middle, 3, padding=1, bias=not norm)
        self.leave = nn.Conv2d(middle, outputs, 3, padding=1)
        same = inputs == outputs and not resample
        self.change = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        y = x if self.first else self.norms[0](x).relu()
        y = self.enter(interpolate(y, scale_factor=2) if self.resample == "up" else y)
        y = self.leave(self.norms[1](y).relu())
        if self.resample == "up":
            return y + self.change(interpolate(x, scale_factor=2))
        if self.resample == "down":
            return avg_pool2d(y, 2) + self.change(avg_pool2d(x, 2))
        return y + self.change(x)


class Mean(nn.Module):
    """(B, C, h, w) -> (B, C), the mean over both sides."""

    def forward(self, x):
        return x.mean((2, 3))


def resnet(channels, side, latent, features, stages=3, kernel=3):
    """(generator, critic) of WGAN-GP for CIFAR-10; the critic normalises nothing."""
    small = side >> stages
    generator = nn.Sequential(
        nn.Linear(latent, features * small**2),
        nn.Unflatten(1, (features, small, small)),
        *(Block(features, features, "up", norm=True) for _ in range(stages)),
        nn.BatchNorm2d(features),
        nn.ReLU(),
        nn.Conv2d(features, channels, 3, padding=1),
        nn.Tanh(),
    )
    critic = nn.Sequential(
        Block(channels, features, "down", first=True),
        *(Block(features, features, "down") for _ in range(max(stages - 1, 1) - 1)),
        Block(features, features),
        Block(features, features),
        nn.ReLU(),
        Mean(),
        nn.Linear(features, 1),
        nn.Flatten(0),
    )
    return generator, critic


class Held(nn.Module):
    """One of our networks as a module: the same function, its tensors parameters each."""

    def __init__(self, network, vector):
        super().__init__()
        tensors = network.layout.unpack(vector)
        self.network, self.tensors = network, nn.ParameterList(tensor.clone() for tensor in tensors)

    def forward(self, x):
        return self.network.apply([*self.tensors], x).value


class Loop:
    """Alternating Adam, `take(n)` steps of the generator; images (n, channels, h, w) in [−1, 1].

    penalty -- roth: non-saturating with Roth's regulariser; none: without; 1-gp: WGAN-GP
    batches -- (critic's, generator's)
    """

    def __init__(self, nets, images, latent, batches, penalty, critic_steps=1, rate=2e-4):
        self.generator, self.critic = (net.to(images.device) for net in nets)
        self.images, self.latent, self.batches = images, latent, batches
        self.penalty, self.critic_steps = penalty, critic_steps
        self.images_a_step = critic_steps * batches[0]
        self.moves = [
            torch.optim.Adam(net.parameters(), rate, (0.5, 0.999))
            for net in (self.generator, self.critic)
        ]

    def fakes(self, count):
        return self.generator(torch.randn(count, self.latent, device=self.images.device))

    def mixing(self, real):
        return torch.rand(len(real), 1, 1, 1, device=real.device)

    def slope(self, points):
        """(logits, |∂logit/∂x|² each)."""
        logit = self.critic(points)
        (slope,) = torch.autograd.grad(logit.sum(), points, create_graph=True)
        return logit, slope.square().flatten(1).sum(1)

    def loss(self, real, fake):
        """The critic's, with its penalty."""
        if self.penalty == "1-gp":
            loss = self.critic(fake).mean() - self.critic(real).mean()
            _, slope = self.slope(torch.lerp(fake, real, self.mixing(real)).requires_grad_())
            return loss + 10 * (slope.add(1e-12).sqrt() - 1).square().mean()
        loss = softplus(-self.critic(real)).mean() + softplus(self.critic(fake)).mean()
        if self.penalty == "roth":
            for points, sign in ((real, -1), (fake, 1)):
                logit, slope = self.slope(points.detach().requires_grad_())
                loss = loss + 0.5 * ROTH * (torch.sigmoid(sign * logit).square() * slope).mean()
        return loss

    def step(self):
        batch, many = self.batches
        for _ in range(self.critic_steps):
            chosen = torch.randint(len(self.images), (batch,), device=self.images.device)
            with torch.no_grad():
                fake = self.fakes(batch)
            loss = self.loss(self.images[chosen], fake)
            self.moves[1].zero_grad()
            loss.backward()
            self.moves[1].step()
        self.critic.requires_grad_(False)  # its slopes are not asked for here
        logit = self.critic(self.fakes(many))
        loss = -logit.mean() if self.penalty == "1-gp" else softplus(-logit).mean()
        self.moves[0].zero_grad()
        loss.backward()
        self.moves[0].step()
        self.critic.requires_grad_(True)

    def take(self, count):
        for _ in range(count):
            self.step()
