"""Steps that solve for the other's answer compile as one graph and give what the plain step gives.

A solver that ends early cannot be one graph; while a step is compiled it makes all its iterations
(`toylab.solvers`). The compiler's own kernels are not asked for: they are no part of the project.
"""

import pytest
import torch

from tests.helpers import assert_near
from tests.test_dense_steps import KNOBS, game_of, minibatch, started
from toylab.games import Players
from toylab.optimizers import OPTIMIZERS
from toylab.rules import RULES


@pytest.fixture
def traced(monkeypatch):
    """`torch.compile` that refuses anything it would have to leave to Python."""
    monkeypatch.setattr(torch._dynamo.config, "trace_autograd_ops", True)
    torch._dynamo.reset()
    yield lambda function: torch.compile(function, fullgraph=True, backend="aot_eager")
    torch._dynamo.reset()


MOST = 3


@pytest.mark.parametrize(
    "name, objective",
    [
        ("cgd-zero-sum", "minimax"),
        ("cgd", "non-saturating"),
        ("cgd-rmsprop", "minimax"),
        ("acgd", "minimax"),
    ],
)
def test_a_step_with_a_solver_is_one_graph_and_the_plain_step(name, objective, traced):
    """In float64, with a tolerance at which the plain solver ends before its last iteration."""
    row, start = OPTIMIZERS[name], started()
    rule, game = row.rule or RULES["sgd"], game_of(objective, "none", minibatch(0))
    loose = {"solver_tolerance": torch.tensor([0.3], dtype=torch.float64)}
    knobs = Players(*({**own, **loose} for own in KNOBS))

    def step(players, memory, most=MOST):
        optimizer = row.build(Players(rule, rule), solver_steps=most)
        return optimizer.step([game], players, memory, knobs)

    memory = row.build(Players(rule, rule)).init(start)
    expected, kept = step(start, memory)
    assert_near(step(start, memory, MOST - 1)[0], expected, 0)  # it ended early
    assert (step(start, memory, 0)[0].generator - expected.generator).norm() > 1e-3
    found, held = traced(step)(start, memory)
    assert_near(found, expected, 1e-12)
    for mine, plain in zip(held, kept, strict=True):
        for one, other in zip(mine, plain, strict=True):
            assert_near(torch.as_tensor(one), torch.as_tensor(other), 1e-12)
