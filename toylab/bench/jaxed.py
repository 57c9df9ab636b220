"""The same step in JAX, jitted and scanned over many: what another compiler makes of it."""

import os

# One core, as ours; must be set before JAX is imported.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.nn import leaky_relu, sigmoid, softplus  # noqa: E402

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.5, 0.999, 1e-8
SPREAD = 0.0141


def net(key, inputs, outputs, width, depth):
    """[(weight, bias), …], uniform within ±1/√fan-in."""
    widths = [inputs, *[width] * depth, outputs]
    made = []
    for i, o in zip(widths, widths[1:], strict=False):
        key, one, two = jax.random.split(key, 3)
        bound = i**-0.5
        weight = jax.random.uniform(one, (i, o), minval=-bound, maxval=bound)
        made.append((weight, jax.random.uniform(two, (o,), minval=-bound, maxval=bound)))
    return made


def apply(parts, x):
    """The MLP with leaky ReLU of slope 0.2."""
    for weight, bias in parts[:-1]:
        x = leaky_relu(x @ weight + bias, 0.2)
    return x @ parts[-1][0] + parts[-1][1]


def adam(slopes, parts, memory):
    """One move of Adam."""
    mean, square, count = memory
    count = count + 1
    mean = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, mean, slopes)
    square = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, square, slopes)

    def moved(p, m, v):
        root = jnp.sqrt(v / (1 - BETA2**count)) + EPSILON
        return p - RATE * m / (1 - BETA1**count) / root

    return jax.tree.map(moved, parts, mean, square), (mean, square, count)


class Scanned:
    """Alternating Adam with 0-GP on eight Gaussians, `take(n)` steps, `chunk` of them a call."""

    def __init__(self, width, depth, batch, chunk=50, weight=1.0):
        angles = jnp.arange(8) * 2 * jnp.pi / 8
        centres = jnp.sqrt(2.0) * jnp.stack([jnp.cos(angles), jnp.sin(angles)], 1)

        def critic_loss(critic, generator, keys):
            clusters = jax.random.randint(keys[0], (batch,), 0, 8)
            real = centres[clusters] + SPREAD * jax.random.normal(keys[1], (batch, 2))
            fake = apply(generator, jax.random.normal(keys[2], (batch, 2)))
            mix = jax.random.uniform(keys[3], (batch, 1))
            between = mix * real + (1 - mix) * fake
            slope = jax.grad(lambda x: sigmoid(apply(critic, x)).sum())(between)
            loss = softplus(-apply(critic, real)).mean() + softplus(apply(critic, fake)).mean()
            return loss + weight * (slope**2).sum(1).mean()

        def generator_loss(generator, critic, key):
            fake = apply(generator, jax.random.normal(key, (batch, 2)))
            return softplus(-apply(critic, fake)).mean()

        def step(state, key):
            generator, critic, of_generator, of_critic = state
            keys = jax.random.split(key, 5)
            slopes = jax.grad(critic_loss)(critic, generator, keys)
            critic, of_critic = adam(slopes, critic, of_critic)
            slopes = jax.grad(generator_loss)(generator, critic, keys[4])
            generator, of_generator = adam(slopes, generator, of_generator)
            return (generator, critic, of_generator, of_critic), None

        def many(state, key):
            key, used = jax.random.split(key)
            state, _ = jax.lax.scan(step, state, jax.random.split(used, chunk))
            return state, key

        def start(parts):
            zeros = jax.tree.map(jnp.zeros_like, parts)
            return zeros, zeros, jnp.zeros(())

        self.key, one, two = jax.random.split(jax.random.key(0), 3)
        nets = net(one, 2, 2, width, depth), net(two, 2, 1, width, depth)
        self.state = (*nets, *map(start, nets))
        self.chunk, self.many = chunk, jax.jit(many)

    def take(self, count):
        """That many steps, which must be whole chunks."""
        if count % self.chunk:
            raise ValueError(f"count must be a multiple of {self.chunk}, got {count}")
        for _ in range(count // self.chunk):
            self.state, self.key = self.many(self.state, self.key)
        jax.block_until_ready(self.state)
