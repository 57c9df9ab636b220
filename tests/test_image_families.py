"""Every family of image networks: against modules written anew, parameters counted by hand, and
penalties through it against finite differences."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.helpers import assert_near, normal
from toylab.batches import Batch
from toylab.constraints import CONSTRAINTS
from toylab.experiment import Experiment
from toylab.games import Players, gan, gradients
from toylab.image.config import Settings
from toylab.image.layers import NORMS
from toylab.image.networks import FAMILIES
from toylab.networks import INITIALISATIONS
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES
from toylab.randomness import Keys

EVERY_FAMILY = pytest.mark.parametrize("name", FAMILIES)


def built(name, shape=(3, 8, 8), latent=5, experiment=None, **settings):
    """Players of a family as a run makes them."""
    settings = {"features": 4, **settings}
    made = Experiment(latent=latent, **(experiment or {}))
    return FAMILIES[name].build(shape, made, Settings(network=name, **settings))


def vector(network, seed=0, scale=0.2):
    return scale * normal(network.size, seed=seed)


# Independent modules


def norm_of(kind, count):
    made = {"batch": nn.BatchNorm2d, "layer": lambda c: nn.GroupNorm(1, c)}
    return [made[kind](count)] if kind != "none" else []


def strided(shape, latent, features, kernel, norms, act, critic_act, flat=False):
    """DCGAN's generator and critic as an nn.Sequential each; `flat`: as WGAN-GP's code begins."""
    stages = int(math.log2(shape[1] // 4))
    top, pad, odd = features * 2 ** (stages - 1), (kernel - 1) // 2, kernel % 2
    free = norms[0] == "none"
    image = nn.Unflatten(1, (top, 4, 4))
    first = [nn.BatchNorm1d(top * 16), image] if flat else [image, *norm_of(norms[0], top)]
    up = [nn.Linear(latent, top * 16, bias=free), *first, act()]
    for stage in range(1, stages):
        count = top // 2**stage
        up += [nn.ConvTranspose2d(2 * count, count, kernel, 2, pad, odd, bias=free)]
        up += [*norm_of(norms[0], count), act()]
    up += [nn.ConvTranspose2d(features, shape[0], kernel, 2, pad, odd), nn.Tanh()]
    down, inputs = [], shape[0]
    for stage in range(stages):
        count, bare = features * 2**stage, stage == 0
        down.append(nn.Conv2d(inputs, count, kernel, 2, pad, bias=bare or norms[1] == "none"))
        down += [] if bare else norm_of(norms[1], count)
        down.append(critic_act())
        inputs = count
    return nn.Sequential(*up), nn.Sequential(
        *down, nn.Flatten(), nn.Linear(inputs * 16, 1), nn.Flatten(0)
    )


class Block(nn.Module):
    """A residual block as the WGAN-GP code has it, pooling after the shortcut's convolution."""

    def __init__(self, inputs, outputs, change, norm, first=False):
        super().__init__()
        middle = inputs if change == "down" and not first else outputs
        self.first, self.change = first, change
        self.one = nn.ModuleList([] if first else norm_of(norm, inputs))
        self.conv1 = nn.Conv2d(inputs, middle, 3, padding=1, bias=first or norm == "none")
        self.two = nn.ModuleList([] if first else norm_of(norm, middle))
        self.conv2 = nn.Conv2d(middle, outputs, 3, padding=1)
        same = inputs == outputs and not change
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        inner = x
        for norm in self.one:
            inner = norm(inner)
        inner = inner if self.first else F.relu(inner)
        if self.change == "up":
            inner = inner.repeat_interleave(2, 2).repeat_interleave(2, 3)
        inner = self.conv1(inner)
        for norm in self.two:
            inner = norm(inner)
        inner = self.conv2(F.relu(inner))
        side = x
        if self.change == "up":
            side = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        side = side if self.shortcut is None else self.shortcut(side)
        if self.change == "down":
            inner, side = mean_pool(inner), mean_pool(side)
        return inner + side


def mean_pool(x):
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


class SideMean(nn.Module):
    def forward(self, x):
        return x.flatten(2).mean(2)


def roth_resnet(shape, latent, features, norms):
    stages = int(math.log2(shape[1] // 4))
    counts = [features * min(2**stage, 8) for stage in range(stages + 1)]
    top = counts[-1]
    up = [nn.Linear(latent, top * 16), nn.Unflatten(1, (top, 4, 4))]
    turned = counts[::-1]
    up += [Block(a, b, "up", norms[0]) for a, b in zip(turned, turned[1:], strict=False)]
    up += [*norm_of(norms[0], features), nn.ReLU(), nn.Conv2d(features, shape[0], 3, padding=1)]
    down = [nn.Conv2d(shape[0], features, 3, padding=1)]
    down += [Block(a, b, "down", norms[1]) for a, b in zip(counts, counts[1:], strict=False)]
    down += [nn.Flatten(), nn.Linear(top * 16, 1), nn.Flatten(0)]
    return nn.Sequential(*up, nn.Tanh()), nn.Sequential(*down)


def gulrajani_resnet(shape, latent, features, norms):
    stages, f = int(math.log2(shape[1] // 4)), features
    up = [nn.Linear(latent, f * 16), nn.Unflatten(1, (f, 4, 4))]
    up += [Block(f, f, "up", norms[0]) for _ in range(stages)]
    up += [*norm_of(norms[0], f), nn.ReLU(), nn.Conv2d(f, shape[0], 3, padding=1), nn.Tanh()]
    down = [Block(shape[0], f, "down", "none", first=True)]
    down += [Block(f, f, "down", norms[1]) for _ in range(stages - 2)]
    down += [Block(f, f, "", norms[1]), Block(f, f, "", norms[1]), nn.ReLU(), SideMean()]
    return nn.Sequential(*up), nn.Sequential(*down, nn.Linear(f, 1), nn.Flatten(0))


class Steady(nn.Module):
    """A residual block of Mescheder's code."""

    def __init__(self, inputs, outputs):
        super().__init__()
        middle = min(inputs, outputs)
        self.conv1 = nn.Conv2d(inputs, middle, 3, padding=1)
        self.conv2 = nn.Conv2d(middle, outputs, 3, padding=1)
        self.side = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x):
        inner = self.conv2(F.leaky_relu(self.conv1(F.leaky_relu(x, 0.2)), 0.2))
        return (x if self.side is None else self.side(x)) + 0.1 * inner


def steady_resnet(shape, latent, features):
    stages = int(math.log2(shape[1] // 4))
    counts = [features * min(2**stage, 16) for stage in range(stages + 1)]
    top = counts[-1]
    up = [nn.Linear(latent, top * 16), nn.Unflatten(1, (top, 4, 4)), Steady(top, top)]
    up.append(Steady(top, top))
    for number in reversed(range(stages)):
        up += [nn.UpsamplingNearest2d(scale_factor=2), Steady(counts[number + 1], counts[number])]
        up.append(Steady(counts[number], counts[number]))
    up += [nn.LeakyReLU(0.2), nn.Conv2d(features, shape[0], 3, padding=1), nn.Tanh()]
    down = [nn.Conv2d(shape[0], features, 3, padding=1)]
    for number in range(stages):
        down += [Steady(counts[number], counts[number]), Steady(counts[number], counts[number + 1])]
        down.append(nn.AvgPool2d(3, 2, 1))
    down += [Steady(top, top), Steady(top, top), nn.LeakyReLU(0.2), nn.Flatten()]
    return nn.Sequential(*up), nn.Sequential(*down, nn.Linear(top * 16, 1), nn.Flatten(0))


def perceptron(inputs, widths, outputs, act, shape=None):
    sizes, layers = [inputs, *widths], [nn.Flatten()]
    for a, b in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(a, b), act()]
    last = [nn.Unflatten(1, shape)] if shape else [nn.Flatten(0)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], outputs), *last)


def perceptrons(shape, latent, widths, act):
    size = math.prod(shape)
    generator = perceptron(latent, widths, size, act, shape)
    return generator, perceptron(size, widths, 1, act)


def leaky(slope=0.2):
    return lambda: nn.LeakyReLU(slope)


def anew(name, shape, latent, features=4):
    """The same family written without a line of the package."""
    both, half = ("batch", "batch"), ("batch", "none")
    given = shape, latent, features
    return {
        "dcgan": lambda: strided(*given, 5, both, nn.ReLU, leaky()),
        "dcgan-nonorm": lambda: strided(*given, 5, ("none", "none"), nn.ReLU, leaky()),
        "dcgan-tanh": lambda: strided(*given, 5, both, nn.Tanh, nn.Tanh),
        "wgangp-cnn": lambda: strided(*given, 5, half, nn.ReLU, leaky(), flat=True),
        "icr-cifar": lambda: strided(*given, 4, half, nn.ReLU, leaky(0.01), flat=True),
        "resnet": lambda: roth_resnet(*given, both),
        "wgangp-resnet": lambda: gulrajani_resnet(*given, half),
        "mescheder-resnet": lambda: steady_resnet(*given),
        "zerogp-mlp": lambda: perceptrons(shape, latent, [features] * 2, nn.ReLU),
        "mlp": lambda: perceptrons(shape, latent, [128] * 2, leaky()),
    }[name]()


def filled(module, network, flat):
    """The module with a vector's numbers; both have their tensors in the same order."""
    parts, own = network.layout.unpack(flat), list(module.double().parameters())
    assert len(own) == len(parts)
    with torch.no_grad():
        for parameter, part in zip(own, parts, strict=True):
            parameter.copy_(part.t() if part.dim() == 2 else part)  # nn.Linear keeps (out, in)
    return module


def compare(networks, modules, shape, latent):
    for network, module, inputs in zip(networks, modules, [(latent,), shape], strict=True):
        flat, x = vector(network, seed=3, scale=0.4), normal(6, *inputs, seed=9)
        expected = filled(module, network, flat)(x).detach()
        assert expected.std() > 1e-3  # the numbers matter
        assert_near(network.apply(flat, x).value, expected, 1e-11 * max(1, expected.abs().max()))


@EVERY_FAMILY
@pytest.mark.parametrize("side", [16, 32])
def test_a_family_is_the_module_of_the_same_numbers(name, side):
    shape = (3, side, side)
    compare(built(name, shape), anew(name, shape, 5), shape, 5)


@pytest.mark.parametrize("norm", NORMS)
def test_the_norms_of_a_resnet_can_be_chosen(norm):
    shape = (3, 16, 16)
    chosen = {"generator_norm": norm, "critic_norm": norm}
    compare(built("resnet", shape, **chosen), roth_resnet(shape, 5, 4, (norm, norm)), shape, 5)
    chosen["critic_norm"] = "layer"
    others = gulrajani_resnet(shape, 5, 4, (norm, "layer"))
    compare(built("wgangp-resnet", shape, **chosen), others, shape, 5)


def blocks(counts, extra=0):
    """Numbers of residual blocks with batch norms, by hand; `extra` is 1 where they go down."""
    total = 0
    for a, b in zip(counts, counts[1:], strict=False):
        middle = a if extra else b
        total += 2 * a + 9 * a * middle + 2 * middle + 9 * middle * b + b + a * b + b
    return total


def steady(a, b):
    """Numbers of one of Mescheder's blocks, by hand."""
    middle = min(a, b)
    return 9 * a * middle + middle + 9 * middle * b + b + (a * b if a != b else 0)


K5, K4 = 25, 16
COUNTS = {  # name: (shape, latent, generator, critic), each layer of the papers by hand
    "dcgan": (
        (3, 64, 64),
        128,
        128 * 8192 + K5 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * (512 + 448),
        K5 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 64 + 2 * (128 + 256 + 512) + 8193,
    ),
    "dcgan-nonorm": (
        (3, 64, 64),
        128,
        129 * 8192 + K5 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 256 + 128 + 64 + 3,
        K5 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 960 + 8193,
    ),
    "wgangp-cnn": (
        (3, 32, 32),
        128,
        128 * 8192 + K5 * (512 * 256 + 256 * 128 + 128 * 3) + 3 + 2 * (8192 + 256 + 128),
        K5 * (3 * 128 + 128 * 256 + 256 * 512) + 128 + 256 + 512 + 8193,
    ),
    "icr-cifar": (
        (3, 32, 32),
        128,
        128 * 4096 + K4 * (256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * (4096 + 128 + 64),
        K4 * (3 * 64 + 64 * 128 + 128 * 256) + 64 + 128 + 256 + 4097,
    ),
    "resnet": (
        (3, 64, 64),
        128,
        129 * 8192 + blocks([512, 512, 256, 128, 64]) + 2 * 64 + 9 * 64 * 3 + 3,
        9 * 3 * 64 + 64 + blocks([64, 128, 256, 512, 512], 1) + 8193,
    ),
    "wgangp-resnet": (
        (3, 32, 32),
        128,
        129 * 2048 + blocks([128] * 4) + 2 * 128 + 9 * 128 * 3 + 3,
        # the first block, one down with a shortcut, two without, the last line
        (9 * 3 * 128 + 128 + 9 * 128**2 + 128 + 3 * 128 + 128)
        + 3 * 2 * (9 * 128**2 + 128)
        + (128 * 128 + 128)
        + 129,
    ),
    "zerogp-mlp": (
        (1, 28, 28),
        50,
        51 * 512 + 513 * 512 + 513 * 784,
        785 * 512 + 513 * 512 + 513,
    ),
}
# The most of it: two blocks a side, 16·64 channels at 4, 8 and 8·64 at 16 …
STEADY = [(1024, 1024)] * 4 + [(1024, 512), (512, 512), (512, 256), (256, 256), (256, 128),
                               (128, 128), (128, 64), (64, 64)]  # fmt: skip
COUNTS["mescheder-resnet"] = (
    (3, 128, 128),
    256,
    257 * 16384 + sum(steady(*each) for each in STEADY) + 9 * 64 * 3 + 3,
    9 * 3 * 64 + 64 + sum(steady(b, a) for a, b in STEADY) + 16385,
)
COUNTS["dcgan-tanh"] = COUNTS["dcgan"]


@pytest.mark.parametrize("name", COUNTS)
def test_the_papers_sizes_have_the_papers_numbers(name):
    shape, latent, generator, critic = COUNTS[name]
    made = built(name, shape, latent, features=0)
    assert (made.generator.count, made.critic.count) == (generator, critic)


@pytest.mark.parametrize("side, halved", [(28, 2), (32, 3), (64, 4), (128, 5)])
@pytest.mark.parametrize("name", ["dcgan", "resnet", "wgangp-resnet", "mescheder-resnet"])
def test_sizes_of_images(name, side, halved):
    """What a critic sees last is 4×4 (7×7 of 28), whatever the image's side."""
    networks = built(name, (1, side, side), features=1)
    made = networks.generator.apply(vector(networks.generator), normal(3, 5)).value
    assert made.shape == (3, 1, side, side)
    kernels = [p for p in networks.generator.layout.shapes if len(p) == 4 and p[-1] > 1]
    linear = networks.generator.layout.shapes[0][1]
    assert linear == kernels[0][0 if name == "dcgan" else 1] * (side >> halved) ** 2
    assert (networks.critic.apply(vector(networks.critic), made).value).shape == (3,)


def test_carpedm_s_dcgan_goes_down_to_two():
    """CIFAR-10 in Roth's figure 4: four convolutions, 2×2×512 between."""
    critic = built("dcgan", (3, 32, 32), 100, features=64, stages=4).critic
    assert critic.layout.shapes[-2] == (2048, 1)


@EVERY_FAMILY
@pytest.mark.parametrize("penalty", ["1-gp", "roth"])
def test_the_slope_of_a_penalty_is_that_of_finite_differences(name, penalty):
    shape = (1, 8, 8)
    experiment = {"critic_width": 6, "generator_width": 6}
    networks = built(name, shape, experiment=experiment, features=2)
    players = Players(vector(networks.generator, 1), vector(networks.critic, 2, 0.3))
    between = normal(5, 1, 1, 1, seed=7).sigmoid()
    batch = Batch(normal(5, *shape, seed=3).tanh(), normal(5, 5, seed=4), between)
    knobs = {"penalty_weight": torch.full((1,), 2.0, dtype=torch.float64)}
    rows = [("penalty_weight", PENALTIES[penalty].function)]
    objective = OBJECTIVES["non-saturating"]
    game = gan(networks, objective, rows, CONSTRAINTS["none"], batch, knobs)
    found = gradients(game, players, ("critic",)).critic
    for seed in (5, 6):
        way = normal(networks.critic.size, seed=seed)
        way, step = way / way.norm(), 1e-6
        ahead, behind = (
            game.critic(players._replace(critic=players.critic + sign * step * way))
            for sign in (1, -1)
        )
        expected = ((ahead - behind) / (2 * step)).detach()
        assert expected.abs() > 1e-4
        assert_near((found * way).sum(), expected.squeeze(), 2e-6 * max(1.0, expected.abs().item()))


def test_ct_gan_s_dropout():
    """½ after each activation of the small net; .2, .5, .5 after the ResNet's blocks 2, 3, 4."""
    experiment = {"critic_dropout": 0.5}
    small = built("wgangp-cnn", (3, 32, 32), experiment=experiment).critic
    assert small.masks == ((4, 16, 16), (8, 8, 8), (16, 4, 4)) and small.keep == (0.5,) * 3
    wide = built("wgangp-resnet", (3, 32, 32), experiment=experiment).critic
    assert wide.masks == ((4, 8, 8),) * 3 and wide.keep == (0.8, 0.5, 0.5)
    for network in (small, wide):
        flat, x = vector(network), normal(4, 3, 32, 32)
        ones = [torch.ones(4, *shape).double() for shape in network.masks]
        free = network.apply(flat, x).value
        assert torch.equal(network.apply(flat, x, ones).value, free)
        for number in range(3):
            masks = [2 * mask if n == number else mask for n, mask in enumerate(ones)]
            assert (network.apply(flat, x, masks).value - free).abs().max() > 1e-3
        masks = [0 * mask for mask in ones]  # nothing passes: the last line's bias alone
        last = network.layout.unpack(flat)[-1]
        assert_near(network.apply(flat, x, masks).value, last.expand(4), 1e-12)


def test_icr_s_dropout_leaves_out_whole_channels():
    """As a torch module of the same numbers whose Dropout2d has drawn the same masks."""
    critic = built("icr-cifar", (3, 32, 32), experiment={"critic_dropout": 0.5}).critic
    assert critic.masks == ((4, 1, 1), (8, 1, 1), (16, 1, 1)) and critic.keep == (0.5,) * 3
    flat, x, masks = vector(critic), normal(4, 3, 32, 32), []
    numbers, found = iter(critic.layout.unpack(flat)), x
    torch.manual_seed(0)
    for _ in range(3):
        found = F.leaky_relu(F.conv2d(found, next(numbers), next(numbers), 2, 1), 0.01)
        left = F.dropout2d(found, 0.5)
        masks.append((left.abs().amax((2, 3), True) > 0).double() * 2)
        found = left
    found = (found.flatten(1) @ next(numbers) + next(numbers)).squeeze(1)
    assert 0.2 < torch.cat([mask.flatten() for mask in masks]).mean() / 2 < 0.8
    assert_near(critic.apply(flat, x, masks).value, found, 1e-12)


def test_the_papers_initialisations():
    """Roth's uniform 0.02; WGAN-GP's kernels wider than its shortcuts; ICR's 0.01."""

    def start(name, initialisation, player="critic"):
        made = {"initialisation": initialisation}
        network = getattr(built(name, (3, 32, 32), 128, experiment=made, features=32), player)
        return network.layout.unpack(torch.from_numpy(network.init(Keys(0, "init").rng())))

    for part in start("dcgan", "dcgan-uniform"):
        if part.dim() > 1:
            assert abs(part.std() / 0.02 - 1) < 0.06
            assert part.abs().max() <= 0.02 * math.sqrt(3) + 1e-7
    for part in start("icr-cifar", "icr"):
        if part.dim() == 4:
            assert abs(part.std() / 0.01 - 1) < 0.06
        elif part.dim() == 2:
            assert abs(part.abs().max() * math.sqrt(part.shape[0]) - 1) < 0.02
    for name, gain in (("resnet", 4), ("wgangp-resnet", 2)):  # of the last kernels one is modest
        kernel = [part for part in start(name, "wgan-gp", "generator") if part.dim() == 4][-1]
        assert abs(kernel.std() / math.sqrt(gain / (9 * 35)) - 1) < 0.06
    first, *rest = [part for part in start("resnet", "wgan-gp") if part.dim() == 4]
    assert abs(first.std() / math.sqrt(2 / (9 * 35)) - 1) < 0.06  # the image's: modest
    for part in rest:
        outputs, inputs, side, _ = part.shape
        gain = 2 if side == 1 else 4
        wanted = math.sqrt(gain / (side**2 * (inputs + outputs)))
        assert abs(part.std() / wanted - 1) < 0.06
    kernels = [part for part in start("wgangp-cnn", "wgan-gp") if part.dim() == 4]
    for part in kernels:  # with stride 2 a quarter of the outputs
        outputs, inputs = part.shape[:2]
        assert abs(part.std() / math.sqrt(4 / (25 * (inputs + outputs / 4))) - 1) < 0.06


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("name", ["dcgan-nonorm", "icr-cifar", "wgangp-resnet", "zerogp-mlp"])
def test_biases_start_as_torch_s_own_or_at_nothing(name, initialisation):
    """Schäfer's and Mescheder's code leaves them to torch; all others begin at 0."""
    shape, kinds = (3, 32, 32), (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    experiment = {"initialisation": initialisation}
    networks = built(name, shape, 64, experiment=experiment, features=32)
    for network, module in zip(networks, anew(name, shape, 64, 32), strict=True):
        parts = network.layout.unpack(torch.from_numpy(network.init(Keys(0, "init").rng())))
        place = {id(own): number for number, own in enumerate(module.parameters())}
        for each in module.modules():
            if isinstance(each, kinds) and each.bias is not None:
                found = parts[place[id(each.bias)]].abs().max().item()
                bound = nn.init._calculate_fan_in_and_fan_out(each.weight)[0] ** -0.5
                if initialisation not in ("uniform", "icr"):
                    assert found == 0
                elif each.bias.numel() > 30:
                    assert 0.8 * bound < found <= bound * (1 + 1e-6)
                else:
                    assert 0 < found <= bound * (1 + 1e-6)
