"""Rules: fifty steps in float64 beside torch.optim, with every number changing on the way."""

import math

import pytest
import torch

from tests.helpers import normal
from toylab.rules import RULES

EVERY = pytest.mark.parametrize("name", RULES)
IN_TORCH = ("adam", "amsgrad", "adamw", "rmsprop", "momentum", "nesterov", "sgd")


def torch_optimizer(name, weight, k):
    betas = (k["beta1"], k["beta2"])
    return {
        "sgd": lambda: torch.optim.SGD([weight], k["rate"]),
        "momentum": lambda: torch.optim.SGD([weight], k["rate"], k["momentum"]),
        "nesterov": lambda: torch.optim.SGD([weight], k["rate"], k["momentum"], nesterov=True),
        "rmsprop": lambda: torch.optim.RMSprop([weight], k["rate"], k["decay"], k["epsilon"]),
        "adam": lambda: torch.optim.Adam([weight], k["rate"], betas, k["epsilon"]),
        "amsgrad": lambda: torch.optim.Adam([weight], k["rate"], betas, k["epsilon"], amsgrad=True),
        "adamw": lambda: torch.optim.AdamW(
            [weight], k["rate"], betas, k["epsilon"], k["weight_decay"]
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
        "weight_decay": 0.1 if step % 4 else 0.3,
        "lookahead_steps": 5.0 if step < 30 else 3.0,
        "lookahead_pull": 0.5 if step < 40 else 0.8,
    }


def tensors(values):
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}


def slope(step):
    """A gradient of very changing size; once it is 0."""
    if step == 10:
        return torch.zeros(7, dtype=torch.float64)
    return normal(7, seed=100 + step) * 10.0 ** (step % 4 - 2)


@pytest.mark.parametrize("name", IN_TORCH)
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
        group["weight_decay"] = values["weight_decay"] if name == "adamw" else 0
        if name == "sgd":
            group["momentum"] = 0
        gradient = slope(step)
        weight.grad = gradient.clone()
        reference.step()
        vector, memory = rule.update(gradient, vector, memory, tensors(values))
        assert (vector - weight).abs().max() <= 1e-12


def by_hand(name, x, slopes, told):
    """One number's places under a rule that torch.optim does not have, in plain floats.

    Sums are written out from the first step on; nothing is kept but lists of what was.
    """
    places, slow, units = [x], x, [0.0]
    for t, k in enumerate(told, 1):
        # What a slope of step i still weighs at step t, where the betas changed on the way.
        weigh = [
            {
                beta: (1 - told[i][beta]) * math.prod(told[j][beta] for j in range(i + 1, t))
                for beta in ("beta1", "beta2", "decay")
            }
            for i in range(t)
        ]
        mean = sum(weigh[i]["beta1"] * slopes[i] for i in range(t)) / (1 - k["beta1"] ** t)
        square = sum(weigh[i]["beta2"] * slopes[i] ** 2 for i in range(t)) / (1 - k["beta2"] ** t)
        units.append(mean / (math.sqrt(square) + k["epsilon"]))
        before = slopes[t - 2] if t > 1 else 0.0
        left = math.prod(one["decay"] for one in told[:t])  # of v = 1
        kept = left + sum(weigh[i]["decay"] * slopes[i] ** 2 for i in range(t))
        x -= (
            k["rate"]
            * {
                "optimistic": 2 * slopes[t - 1] - before,
                "optimistic-adam": 2 * units[t] - units[t - 1],
                "lookahead": units[t],
                "rmsprop-tensorflow": slopes[t - 1] / math.sqrt(kept + k["epsilon"]),
            }[name]
        )
        if name == "lookahead" and t % k["lookahead_steps"] == 0:
            x = slow = slow + k["lookahead_pull"] * (x - slow)
        places.append(x)
    return places


@pytest.mark.parametrize("name", [name for name in RULES if name not in IN_TORCH])
@pytest.mark.parametrize("moving", [False, True])
def test_other_rules_are_their_equations(name, moving):
    rule, vector = RULES[name], normal(7, seed=1)
    told = [numbers(step if moving else 0) for step in range(50)]
    slopes = [slope(step) for step in range(50)]
    expected = [
        by_hand(name, float(vector[i]), [float(each[i]) for each in slopes], told) for i in range(7)
    ]
    memory = rule.init(vector)
    for step in range(50):
        vector, memory = rule.update(slopes[step], vector, memory, tensors(told[step]))
        wanted = torch.tensor([each[step + 1] for each in expected], dtype=torch.float64)
        assert (vector - wanted).abs().max() <= 1e-11, step


def test_lookahead_goes_back_every_k_moves_wherever_k_is_changed():
    """k = 3: the third move ends half way between the start and where Adam is."""
    values, start = tensors({**numbers(1), "lookahead_steps": 3.0}), normal(7, seed=1)
    rule, adam = RULES["lookahead"], RULES["adam"]
    slow, memory = start, rule.init(start)
    fast, moments = start, adam.init(start)
    for step in range(9):
        slow, memory = rule.update(slope(step), slow, memory, values)
        fast, moments = adam.update(slope(step), fast, moments, values)
        if step % 3 == 2:
            fast = start = (start + fast) / 2
            assert torch.equal(memory[3], slow)
        assert torch.equal(slow, fast)


@EVERY
@pytest.mark.parametrize("size", [0.0, 1.0])
def test_an_update_can_be_differentiated_also_where_a_gradient_is_0(name, size):
    """The unrolled optimizer looks through it; √ at 0 would make it no number."""
    rule, gradient = RULES[name], size * normal(7, seed=2)
    vector, values = normal(7, seed=1), tensors(numbers(1))
    memory = rule.init(vector)

    def twice(gradient, vector):
        vector, held = rule.update(gradient, vector, memory, values)
        return rule.update(gradient, vector, held, values)[0]

    leaves = gradient.requires_grad_(), vector.requires_grad_()
    assert all(part.isfinite().all() for part in torch.autograd.grad(twice(*leaves).sum(), leaves))
    if size:
        assert torch.autograd.gradcheck(twice, leaves, eps=1e-7, atol=1e-5)


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
def test_memory_starts_as_the_rule_says_and_belongs_to_the_vector(name):
    vector = normal(3, 7)
    memory = RULES[name].init(vector)
    zero, count = torch.zeros_like(vector), torch.zeros(1, dtype=torch.float64)
    expected = {
        "sgd": [],
        "rmsprop-tensorflow": [torch.ones_like(vector)],
        **dict.fromkeys(("momentum", "nesterov", "rmsprop", "optimistic"), [zero]),
        **dict.fromkeys(("adam", "adamw"), [zero, zero, count]),
        **dict.fromkeys(("amsgrad", "optimistic-adam"), [zero, zero, count, zero]),
        "lookahead": [zero, zero, count, vector],
    }[name]
    for part, wanted in zip(memory, expected, strict=True):
        assert torch.equal(part, wanted)


@EVERY
def test_ensemble_member_is_the_single_run(name):
    """Numbers of shape (E, 1): each member by its own."""
    rule = RULES[name]
    vectors = normal(3, 7, seed=1)
    memory = rule.init(vectors)
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
    values = {**numbers(0), "lookahead_steps": 2.8}
    mine = tensors({key: values[key] for key in rule.knobs})

    def after(knobs):
        vector, memory = normal(7, seed=1), rule.init(normal(7))
        for seed in (2, 3, 4):
            vector, memory = rule.update(0.01 * normal(7, seed=seed), vector, memory, knobs)
        return vector

    for key in rule.knobs:
        other = mine | tensors({key: 0.7 * values[key] + 1e-3})
        assert not torch.equal(after(mine), after(other)), key
