"""Constraints: clipping on either side of a step, spectral norms, bounded gradients."""

import pytest
import torch

from tests.helpers import assert_near, normal, run, setup64, small
from toylab.constraints import CONSTRAINTS, bounded
from toylab.experiment import Experiment
from toylab.networks import identity, mlp
from toylab.rules import RULES
from toylab.trainer import train

F64 = {"dtype": torch.float64}
SGD = {"rule": "sgd", "penalty": "none", "rate_critic": 0.3, "rate_generator": 0.2}


def modules(vector, network):
    """A torch module with the same numbers."""
    parts = network.layout.unpack(vector)
    layers = []
    for weight, bias in zip(parts[::2], parts[1::2], strict=True):
        layer = torch.nn.Linear(*weight.shape, dtype=torch.float64)
        layer.weight.data, layer.bias.data = weight.mT.clone(), bias.clone()
        layers += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def flat(module, network):
    linear = [layer for layer in module if isinstance(layer, torch.nn.Linear)]
    parts = [part for layer in linear for part in (layer.weight.detach().mT, layer.bias.detach())]
    return torch.from_numpy(network.layout.pack([part.numpy() for part in parts])).double()


@pytest.mark.parametrize("when", ["clip", "clip-before"])
def test_clipping_is_the_paper_s_algorithm_or_its_code(when):
    """WGAN with three critic steps, written with torch.optim: clamp_ after, or before, each one."""
    bound = 0.05
    experiment = small(objective="wasserstein", constraint=when, clip=bound, critic_steps=3, **SGD)
    setup = setup64(experiment)
    state, drawn = setup.start(), setup64(experiment).draws
    generator, critic = (modules(v, n) for v, n in zip(state.players, setup.networks, strict=True))
    of_critic = torch.optim.SGD(critic.parameters(), 0.3)
    of_generator = torch.optim.SGD(generator.parameters(), 0.2)

    def clamp():
        for part in critic.parameters():
            part.data.clamp_(-bound, bound)

    beyond = 0.0
    for step in range(8):
        *rounds, last = drawn(step)
        for batch in rounds:
            if when == "clip-before":
                clamp()
            of_critic.zero_grad()
            fake = generator(batch.latent).detach()
            (critic(fake).mean() - critic(batch.real).mean()).backward()
            of_critic.step()
            if when == "clip":
                clamp()
        of_generator.zero_grad()
        (-critic(generator(last.latent)).mean()).backward()
        of_generator.step()
        state = setup.step(state)
        beyond = max(beyond, state.players.critic.abs().max().item())
        # The module's numbers went through float32 once, at the start.
        assert_near(state.players.critic, flat(critic, setup.networks.critic), 1e-6)
        assert_near(state.players.generator, flat(generator, setup.networks.generator), 1e-6)
    assert (beyond <= bound) == (when == "clip"), "before the step: the last one goes beyond"


NETWORK = mlp((2,), None, width=7, depth=2, activation="tanh")


def matrices(vector):
    return [part for part in NETWORK.layout.unpack(vector) if part.dim() - vector.dim() == 1]


def sizes(vector):
    """The largest singular value of every matrix, (n, ...)."""
    return torch.stack([torch.linalg.matrix_norm(matrix, 2) for matrix in matrices(vector)])


@pytest.mark.parametrize("lead", [(), (3,)])
def test_spectral_norm_divides_each_matrix_by_its_largest_singular_value(lead):
    """Exact at the start; from any other memory in the limit; biases stay as they are."""
    row = CONSTRAINTS["spectral-norm"].on(NETWORK)
    vector = 0.7 * normal(*lead, NETWORK.size, seed=1)
    used, _ = row.effective(vector, row.init(vector))
    torch.testing.assert_close(sizes(used), torch.ones_like(sizes(used)), rtol=1e-12, atol=0)
    for one, other in zip(matrices(used), matrices(vector), strict=True):
        torch.testing.assert_close(one * torch.linalg.matrix_norm(other, 2)[..., None, None], other)
    biases = [n for n, shape in enumerate(NETWORK.layout.shapes) if len(shape) == 1]
    for n in biases:
        assert torch.equal(NETWORK.layout.unpack(used)[n], NETWORK.layout.unpack(vector)[n])
    memory = row.init(vector + 0.3 * normal(*lead, NETWORK.size, seed=2))
    early, _ = row.effective(vector, memory)
    for _ in range(400):
        later, memory = row.effective(vector, memory)
    assert (sizes(early) - 1).abs().max() > 1e-3, "the start was near already: nothing to see"
    torch.testing.assert_close(later, used, rtol=1e-9, atol=1e-12)


def test_spectral_norm_s_derivative_is_miyato_s():
    """∂σ/∂W = uvᵀ: finite differences of the vector that is used, u and v as they were."""
    row = CONSTRAINTS["spectral-norm"].on(NETWORK)
    vector, direction = normal(NETWORK.size, seed=3), normal(NETWORK.size, seed=4)
    memory, weight = row.init(vector), normal(NETWORK.size, seed=5)
    leaf = vector.clone().requires_grad_()
    (slope,) = torch.autograd.grad(row.effective(leaf, memory)[0] @ weight, leaf)
    h = 1e-6
    ahead, behind = (row.effective(vector + s * direction, memory)[0] for s in (h, -h))
    assert (slope @ direction).item() == pytest.approx(
        ((ahead - behind) @ weight).item() / (2 * h), rel=1e-6
    )
    # At the exact pair it is also the derivative of the true norm.
    ahead, behind = (row.effective(vector + s * direction, row.init(vector + s * direction))[0]
                     for s in (h, -h))  # fmt: skip
    assert (slope @ direction).item() == pytest.approx(
        ((ahead - behind) @ weight).item() / (2 * h), rel=1e-5
    )


def test_spectral_norm_is_carried_from_step_to_step_and_bounds_the_critic():
    """One power iteration a step keeps up: the critic that is used has slope 1 at most, nearly."""
    experiment = small(constraint="spectral-norm", objective="hinge", penalty="none")
    setup = setup64(experiment)
    *_, state = train(experiment, steps=150, setup=setup)
    assert len(state.constraint) == 2 * 3
    used, after = setup.constraint.effective(state.players.critic, state.constraint)
    parts = setup.networks.critic.layout.unpack(used)
    norms = [torch.linalg.matrix_norm(part, 2).item() for part in parts if part.dim() == 2]
    assert norms == pytest.approx([1.0] * 3, abs=0.01)
    assert not all(torch.equal(*pair) for pair in zip(state.constraint, after, strict=True))
    x = (3 * normal(200, 2, seed=1)).requires_grad_()
    (slope,) = torch.autograd.grad(setup.networks.critic.apply(used, x).value.sum(), x)
    assert 0.05 < slope.norm(dim=1).max() < 1.03
    free = run(small(objective="hinge", penalty="none"), 150)
    assert not torch.equal(free.players.critic, state.players.critic)


def test_spectral_norm_takes_the_kernels_of_convolutions_as_matrices():
    from toylab.image.networks import dcgan

    network = dcgan((1, 8, 8), 3, features=2, stages=2).critic
    row = CONSTRAINTS["spectral-norm"].on(network)
    vector = normal(network.size, seed=1)
    used, _ = row.effective(vector, row.init(vector))
    for part in network.layout.unpack(used):
        if part.dim() > 1:
            assert torch.linalg.matrix_norm(part.flatten(1), 2).item() == pytest.approx(1.0)


def test_spectral_norm_needs_a_network_that_knows_its_matrices():
    with pytest.raises(ValueError, match="where its matrices lie"):
        CONSTRAINTS["spectral-norm"].on(identity((2,)))
    assert CONSTRAINTS["clip"].on(identity((2,))) is CONSTRAINTS["clip"]


@pytest.mark.parametrize("bound", [0.5, 3.0, 100.0])
def test_a_bounded_gradient_is_torch_s_clip_grad_norm(bound):
    gradient, vector = normal(50, seed=1), normal(50, seed=2)
    leaf = vector.clone().requires_grad_()
    leaf.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_([leaf], bound)
    knobs = {"rate": torch.ones(1).double(), "gradient_clip": torch.tensor([bound]).double()}
    moved, _ = bounded(RULES["sgd"]).update(gradient, vector, (), knobs)
    torch.testing.assert_close(vector - moved, leaf.grad)
    knobs["gradient_clip"] = torch.zeros(1).double()
    moved, _ = bounded(RULES["sgd"]).update(gradient, vector, (), knobs)
    torch.testing.assert_close(vector - moved, gradient)


def test_gradients_of_both_players_are_bounded_and_members_each_by_their_own():
    plain = {"rule": "sgd", "optimizer": "simultaneous", "gradient_clip": 1e-3, "penalty": "none"}
    setup = setup64(small(**plain))
    state = setup.start()
    after = setup.step(state)
    for old, new in zip(state.players, after.players, strict=True):
        assert (new - old).norm().item() == pytest.approx(0.01 * 1e-3, rel=1e-2)
    setup = setup64(small(**{**plain, "gradient_clip": (0.0, 1e-3)}, members=2))
    state = setup.start()
    moved = (setup.step(state).players.critic - state.players.critic).norm(dim=-1)
    assert moved[0] > 1e-4 and moved[1].item() == pytest.approx(1e-5, rel=1e-2)


def test_a_bound_can_be_set_while_training_and_taken_away():
    experiment = small()
    states = train(experiment, **F64)
    for value in (0.0, 0.01, 0.0):
        experiment.gradient_clip = value
        state = next(states)
    assert state.step == 3 and Experiment().gradient_clip == 0.0
