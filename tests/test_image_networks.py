"""Image networks: against torch's modules and batch normalisation, twice differentiated, and the
laws of calibration and of the mixed derivative with statistics of the batch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.helpers import assert_near, normal
from toylab.batches import Batch
from toylab.constraints import CONSTRAINTS
from toylab.games import Players, gan, gradients, mixed
from toylab.image.dcgan import dcgan
from toylab.image.moments import batch_moments, calibrated, measured, normalise, per_image
from toylab.networks import INITIALISATIONS, mlp
from toylab.objectives import OBJECTIVES
from toylab.penalties import PENALTIES
from toylab.randomness import Keys

SHAPES = [((1, 8, 8), 1), ((1, 8, 8), 2), ((3, 16, 16), None), ((1, 28, 28), None)]
EVERY_SHAPE = pytest.mark.parametrize("shape, stages", SHAPES)


def vector(network, seed=0, scale=0.3):
    """Numbers far from the start, so that no term is too small to be seen."""
    return scale * normal(network.size, seed=seed)


def torch_batch_norm(x, gain, bias):
    return F.batch_norm(x, None, None, gain, bias, training=True)


@pytest.mark.parametrize("shape", [(7, 3), (5, 3, 4, 2)])
def test_batch_normalisation_is_torch_s(shape):
    """Value, first and second derivatives, in all three arguments."""
    x, gain, bias = 2 * normal(*shape, seed=1) + 3, normal(3, seed=2), normal(3, seed=3)
    inputs = [part.requires_grad_() for part in (x, gain, bias)]
    weight = normal(*shape, seed=4)

    def derivatives(norm):
        value = norm(*inputs)
        first = torch.autograd.grad(
            (value.tanh() * weight).sum(), inputs, create_graph=True, retain_graph=True
        )
        second = torch.autograd.grad(sum(part.square().sum() for part in first), inputs)
        return [value, *first, *second]

    own = derivatives(lambda x, g, b: normalise(x, g, b, batch_moments(0, x)))
    for one, other in zip(own, derivatives(torch_batch_norm), strict=True):
        assert_near(one, other, 1e-10 * max(1.0, other.abs().max().item()))


def test_batch_normalisation_can_be_differentiated_twice():
    shapes = ((4, 2, 3), (2,), (2,))
    inputs = tuple(normal(*s, seed=n).requires_grad_() for n, s in enumerate(shapes))

    def norm(x, gain, bias):
        return normalise(x, gain, bias, batch_moments(0, x))

    assert torch.autograd.gradcheck(norm, inputs)
    assert torch.autograd.gradgradcheck(norm, inputs)


def small_side(shape, kernels):
    return [side >> kernels for side in shape[1:]]


def modules(network, flat, shape, generator):
    """The same player as an `nn.Sequential` with the same numbers."""
    parts = network.layout.unpack(flat)
    layers = []
    if generator:
        first, kernels = parts[0], [p for p in parts if p.dim() == 4]
        small = small_side(shape, len(kernels))
        layers += [nn.Linear(*first.shape, bias=False), nn.Unflatten(1, (-1, *small))]
        for kernel in kernels:
            inputs, outputs = kernel.shape[:2]
            last = kernel is kernels[-1]
            layers += [nn.BatchNorm2d(inputs), nn.ReLU()]
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=last)]
        layers.append(nn.Tanh())
    else:
        kernels = [p for p in parts if p.dim() == 4]
        for kernel in kernels:
            outputs, inputs = kernel.shape[:2]
            first = kernel is kernels[0]
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=first))
            layers += [] if first else [nn.BatchNorm2d(outputs)]
            layers.append(nn.LeakyReLU(0.2))
        layers += [nn.Flatten(), nn.Linear(parts[-2].shape[0], 1), nn.Flatten(0)]
    made = nn.Sequential(*layers).double()
    own = list(made.parameters())
    assert len(own) == len(parts)
    with torch.no_grad():
        for parameter, part in zip(own, parts, strict=True):
            # nn.Linear keeps its weight as (out, in).
            turned = parameter.dim() == 2 and part.dim() == 2
            parameter.copy_(part.t() if turned else part)
    return made


@EVERY_SHAPE
def test_dcgan_is_the_module_of_the_same_numbers(shape, stages):
    networks = dcgan(shape, 5, features=3, stages=stages, kernel=4)
    for name, x in (("generator", normal(6, 5, seed=8)), ("critic", normal(6, *shape, seed=9))):
        network = getattr(networks, name)
        flat = vector(network, seed=3)
        module = modules(network, flat, shape, name == "generator")
        expected = module(x)
        assert expected.std() > 1e-2  # the numbers matter
        assert_near(network.apply(flat, x).value, expected.detach(), 1e-11)
    assert module(x).shape == (6,)


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="halves an image 3 times, which 28×28 does not allow"):
        dcgan((1, 28, 28), 5, stages=3)


def test_dcgan_starts_as_its_authors_say():
    network = dcgan((1, 32, 32), 64, features=32).generator
    parts = network.layout.unpack(torch.from_numpy(network.init(Keys(0, "init").rng())))
    weights = [p for p in parts if p.dim() > 1]
    gains, biases = parts[1:-1:3], [*parts[2:-1:3], parts[-1]]
    for weight in weights[:-1]:
        assert abs(weight.std() - 0.02) < 1e-3 and abs(weight.mean()) < 2e-3
    for gain in gains[:2]:
        assert abs(gain.mean() - 1) < 0.01 and 0.01 < gain.std() < 0.03
    assert all(not bias.any() for bias in biases)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_every_initialisation_starts_a_critic_that_answers(initialisation):
    network = dcgan((1, 16, 16), 4, features=4, initialisation=initialisation).critic
    flat = torch.from_numpy(network.init(Keys(1, "init").rng())).double()
    value = network.apply(flat, normal(32, 1, 16, 16)).value
    assert 1e-4 < value.std() < 10


def test_calibration_frees_a_sample_from_its_neighbours():
    network = dcgan((1, 8, 8), 5, features=3, stages=2).generator
    flat, many, few = vector(network), normal(64, 5, seed=1), normal(6, 5, seed=2)
    fixed = calibrated(network, flat, many)
    together = fixed.apply(flat, few).value
    for index in range(len(few)):
        alone = fixed.apply(flat, few[index : index + 1]).value[0]
        assert_near(alone, together[index], 1e-13)
    free = network.apply(flat, few).value
    assert (network.apply(flat, few[:3]).value - free[:3]).abs().max() > 1e-2
    # On the batch that it was calibrated with, nothing changes; unpacked vectors go the same way.
    assert_near(fixed.apply(flat, many).value, network.apply(flat, many).value, 1e-13)
    assert torch.equal(fixed.at(flat)(few).value, together)


def test_statistics_over_several_batches_are_means_of_theirs():
    """μ the mean of means, σ² the mean variance and the variance of means: of all rows at once
    where normalisation comes first, as for the generator's linear layer."""
    network = dcgan((1, 8, 8), 5, features=3, stages=2).generator
    flat, rows = vector(network), normal(96, 5, seed=1)
    weight = network.layout.unpack(flat)[0]
    at_once = (rows @ weight).view(96, 6, 2, 2)
    found = measured(network, flat, rows.split(32))
    assert_near(found[0][0], at_once.mean((0, 2, 3)), 1e-12)
    assert_near(found[0][1], at_once.var((0, 2, 3), correction=0), 1e-12)
    single = [measured(network, flat, [part]) for part in rows.split(32)]
    for layer in range(2):
        centres = torch.stack([moments[layer][0] for moments in single])
        assert_near(found[layer][0], centres.mean(0), 1e-13)
        spread = torch.stack([moments[layer][1] for moments in single]).mean(0)
        assert_near(found[layer][1], spread + centres.var(0, correction=0), 1e-13)


@pytest.mark.parametrize("shape", [(7, 3), (5, 3, 4, 2)])
def test_layer_normalisation_is_torch_s_with_one_group(shape):
    x, gain, bias = 2 * normal(*shape, seed=1) + 3, normal(3, seed=2), normal(3, seed=3)
    assert_near(per_image(x, gain, bias), F.group_norm(x, 1, gain, bias), 1e-12)


def test_calibration_leaves_a_network_without_normalisation_alone():
    network = mlp((3,), (1, 2, 2))
    assert calibrated(network, vector(network), normal(4, 3)) is network


def game(shape, stages, penalty):
    """(game, players) of a small DCGAN on fixed images and latents."""
    networks = dcgan(shape, 3, features=2, stages=stages, kernel=4)
    players = Players(vector(networks.generator, 1), vector(networks.critic, 2))
    batch = Batch(normal(6, *shape, seed=3).tanh(), normal(6, 3, seed=4))
    knobs = {"penalty_weight": torch.full((1,), 2.0, dtype=torch.float64)}
    rows = [("penalty_weight", PENALTIES[penalty].function)] if penalty else []
    objective, free = OBJECTIVES["non-saturating"], CONSTRAINTS["none"]
    return gan(networks, objective, rows, free, batch, knobs), players


@pytest.mark.parametrize("penalty", [None, "roth", "r1"])
def test_mixed_derivative_with_batch_statistics(penalty):
    """∂²L/∂critic∂generator: finite differences of the gradients, both ways, and not zero."""
    made, players = game((1, 8, 8), 2, penalty)
    step = 1e-6
    for of, by in (("critic", "generator"), ("generator", "critic")):
        direction = normal(*getattr(players, by).shape, seed=8)
        direction /= direction.norm()
        ahead, behind = (
            players._replace(**{by: getattr(players, by) + shift * direction})
            for shift in (step, -step)
        )
        slopes = [getattr(gradients(made, place, (of,)), of) for place in (ahead, behind)]
        expected = (slopes[0] - slopes[1]) / (2 * step)
        found = mixed(made, players, direction, of=of, by=by)
        assert_near(found, expected, 1e-6 * max(1.0, expected.abs().max().item()))
        assert found.abs().max() > 1e-4


def test_roth_s_penalty_with_batch_statistics_is_that_of_torch_s_modules():
    """The whole critic loss and its gradient, written with nn.Module and torch's batch norm."""
    made, players = game((1, 8, 8), 2, "roth")
    networks = dcgan((1, 8, 8), 3, features=2, stages=2, kernel=4)
    critic = modules(networks.critic, players.critic, (1, 8, 8), False)
    real = normal(6, 1, 8, 8, seed=3).tanh().requires_grad_()
    fake = networks.generator.apply(players.generator, normal(6, 3, seed=4)).value
    fake = fake.detach().requires_grad_()
    loss = 0.0
    for x, sign in ((real, -1), (fake, 1)):
        logit = critic(x)
        (slope,) = torch.autograd.grad(logit.sum(), x, create_graph=True)
        wrong = torch.sigmoid(sign * logit)  # 1 − D at real points, D at fakes
        loss = loss + F.softplus(sign * logit).mean()
        loss = loss + 0.5 * 2.0 * (wrong.square() * slope.square().flatten(1).sum(1)).mean()
    assert_near(made.critic(players), loss.detach(), 1e-11)
    own = networks.critic.layout.unpack(gradients(made, players, ("critic",)).critic)
    slopes = torch.autograd.grad(loss, list(critic.parameters()))
    for one, other in zip(own, slopes, strict=True):
        assert_near(one.t() if one.dim() == 2 else one, other, 1e-10)
