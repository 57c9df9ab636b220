"""Rules: fifty steps in float64 beside torch.optim, with every number changing on the way."""

import pytest
import torch

from tests.helpers import normal
from toylab.rules import RULES

EVERY = pytest.mark.parametrize("name", RULES)


def torch_optimizer(name, weight, k):
    return {
        "sgd": lambda: torch.optim.SGD([weight], k["rate"]),
        "momentum": lambda: torch.optim.SGD([weight], k["rate"], k["momentum"]),
        "rmsprop": lambda: torch.optim.RMSprop([weight], k["rate"], k["decay"], k["epsilon"]),
        "adam": lambda: torch.optim.Adam(
            [weight], k["rate"], (k["beta1"], k["beta2"]), k["epsilon"]
        ),
    }[name]()


def numbers(step):
    """What a reader's hand may do: every number moves, each in its own rhythm."""
    return {
        "rate": 0.01 * (1 + step % 3),
        "momentum": 0.9 if step < 20 else -0.5,
        "decay": 0.99 if step % 7 else 0.8,
        "beta1": 0.5 if step < 25 else 0.9,
        "beta2": 0.999 if step < 33 else 0.99,
        "epsilon": 1e-8 if step % 5 else 1e-2,
    }


def tensors(values):
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}


@EVERY
@pytest.mark.parametrize("moving", [False, True])
def test_rule_is_torch_optim(name, moving):
    rule = RULES[name]
    vector = normal(7, seed=1)
    weight = vector.clone().requires_grad_()
    reference = torch_optimizer(name, weight, numbers(0))
    memory = rule.init(vector)
    for step in range(50):
        values = numbers(step if moving else 0)
        group = reference.param_groups[0]
        group["lr"], group["momentum"] = values["rate"], values["momentum"]
        if name == "rmsprop":
            group["momentum"] = 0
        group["alpha"], group["eps"] = values["decay"], values["epsilon"]
        group["betas"] = (values["beta1"], values["beta2"])
        if name == "sgd":
            group["momentum"] = 0
        gradient = normal(7, seed=100 + step) * 10.0 ** (step % 4 - 2)
        if step == 10:
            gradient = torch.zeros_like(gradient)
        weight.grad = gradient.clone()
        reference.step()
        vector, memory = rule.update(gradient, vector, memory, tensors(values))
        assert (vector - weight).abs().max() <= 1e-12


@EVERY
def test_update_is_pure(name):
    """Gradient, vector and memory stay what they were, and the same call gives the same answer."""
    rule = RULES[name]
    vector, gradient = normal(7, seed=1), normal(7, seed=2)
    _, memory = rule.update(gradient, vector, rule.init(vector), tensors(numbers(0)))
    held = [part.clone() for part in (gradient, vector, *memory)]
    first = rule.update(gradient, vector, memory, tensors(numbers(1)))
    second = rule.update(gradient, vector, memory, tensors(numbers(1)))
    for before, after in zip(held, (gradient, vector, *memory), strict=True):
        assert torch.equal(before, after)
    assert torch.equal(first[0], second[0]) and not torch.equal(first[0], vector)


@EVERY
def test_memory_starts_at_zero_and_belongs_to_the_vector(name):
    memory = RULES[name].init(normal(3, 7))
    assert all((part == 0).all() for part in memory)
    sizes = {"sgd": [], "momentum": [(3, 7)], "rmsprop": [(3, 7)], "adam": [(3, 7), (3, 7), (1,)]}
    assert [tuple(part.shape) for part in memory] == sizes[name]


@EVERY
def test_ensemble_member_is_the_single_run(name):
    """Numbers of shape (E, 1): each member by its own."""
    rule = RULES[name]
    vectors, memory = normal(3, 7, seed=1), rule.init(normal(3, 7))
    singles = [(vectors[e], rule.init(vectors[e])) for e in range(3)]
    for step in range(10):
        gradient = normal(3, 7, seed=20 + step)
        each = [tensors(numbers(step + 11 * e)) for e in range(3)]
        together = {key: torch.stack([own[key] for own in each]) for key in each[0]}
        vectors, memory = rule.update(gradient, vectors, memory, together)
        singles = [rule.update(gradient[e], *singles[e], each[e]) for e in range(3)]
    for e in range(3):
        assert (vectors[e] - singles[e][0]).abs().max() <= 1e-14


@EVERY
def test_rule_reads_only_the_numbers_it_names(name):
    """The page shows these numbers beside the rule: each one matters, no other is read."""
    rule = RULES[name]
    values = numbers(0)
    mine = tensors({key: values[key] for key in rule.knobs})

    def after(knobs):
        vector, memory = normal(7, seed=1), rule.init(normal(7))
        for seed in (2, 3):
            vector, memory = rule.update(0.01 * normal(7, seed=seed), vector, memory, knobs)
        return vector

    for key in rule.knobs:
        other = mine | tensors({key: 0.7 * values[key] + 1e-3})
        assert not torch.equal(after(mine), after(other)), key
