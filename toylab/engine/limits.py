"""What one run on the page may cost: an address that anybody wrote must not stop the engine."""

from toylab.experiment import Experiment
from toylab.optimizers import OPTIMIZERS

NUMBERS = 8_000_000  # of both players together: with memory and pictures a few hundred megabytes
HELD = 100_000_000  # numbers that one step keeps of what it looked at
DRAWN = 64_000_000  # random numbers of one step
WORK = 2e10  # multiplications of one step's forward passes: some seconds


def affordable(experiment: Experiment):
    """The experiment; `ValueError` in words where it would need too much memory or time a step."""
    e = experiment
    if e.members:
        raise ValueError("members must be 0 on the page: a lane is one run")
    generator = numbers(e.latent, e.generator_width, e.generator_depth, e.card.dimension)
    critic = numbers(e.card.dimension, e.critic_width, e.critic_depth, 1)
    if generator + critic > NUMBERS:
        raise ValueError(
            f"these networks have {generator + critic:,} numbers, on the page at most {NUMBERS:,} "
            "are possible: choose a smaller width or depth"
        )
    # Every look ahead, and every iteration of a solver, is as long as a step, and is kept.
    looks = sum(getattr(e, name) for name in OPTIMIZERS[e.optimizer].settings)
    if (generator + critic) * looks > HELD:
        raise ValueError(
            f"{looks} looks ahead with networks of {generator + critic:,} numbers need too much "
            "memory: choose fewer iterations or unrolled steps, or smaller networks"
        )
    points = e.batch * e.critic_steps + (e.batch_generator or e.batch)
    masks = 3 * e.critic_width * e.critic_depth if e.critic_dropout else 0
    drawn = points * (5 * e.card.dimension + e.latent + masks)
    work = points * (generator + 3 * critic) * (1 + looks)
    if drawn > DRAWN or work > WORK:
        raise ValueError(
            "one step of these settings would take too long for the page: choose a smaller batch "
            "or width, or fewer critic steps"
        )
    return experiment


def numbers(inputs, width, depth, outputs):
    """How many numbers a network of `toylab.networks.mlp` has."""
    sizes = [inputs, *[width] * depth, outputs]
    return sum((a + 1) * b for a, b in zip(sizes, sizes[1:], strict=False))
