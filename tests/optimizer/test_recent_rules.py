"""Rules of tensor scope and of recent years against numpy, torch and other packages.

With a few older rules that torch has no optimizer for.

`experiments/zoo/zoo.py` measures the same with more steps and seeds.
"""

import math

import numpy as np
import pytest
import torch

from neuralopt import RULES, RuleOptimizer
from tests.optimizer import zoo_derivations
from tests.optimizer.zoo_optax import (
    OF_OPTAX,
    OPTAX_TOLERANCE,
    has_optax,
    in_float64,
    optax_walk,
)
from tests.optimizer.zoo_references import OF_PACKAGE, OF_TORCH, has_package, in_double
from tests.optimizer.zoo_walks import (
    SHAPES,
    derived_walk,
    deviation,
    gradient,
    reference_walk,
)

STEPS = 24
CLOSE = 1e-11
"""Largest deviation: a few roundings of 1e-16 a step, which five steps of Newton and
Schulz multiply by up to 3.4 ** 5; where a package writes 1 - 0.9999 for 1e-4, 1e-13."""


@pytest.mark.parametrize("name", zoo_derivations.DERIVED)
def test_rule_equals_its_derivation(name):
    assert deviation(name, derived_walk, STEPS, seed=len(name)) < CLOSE


@pytest.mark.parametrize("name", OF_TORCH)
def test_rule_equals_torch(name):
    def theirs(name, start, steps):
        return reference_walk(name, OF_TORCH[name], start, steps)

    with in_double():
        assert deviation(name, theirs, STEPS, seed=3) < CLOSE


PACKAGE_TOLERANCE = {"schedule_free_adamw": 1e-6}
"""It adds 1e-15 under the root, which only shows where a gradient is about 0."""


@pytest.mark.skipif(
    not has_package, reason="pytorch_optimizer is missing: pip install -e .[zoo]"
)
@pytest.mark.parametrize("name", OF_PACKAGE)
def test_rule_equals_pytorch_optimizer(name):
    def theirs(name, start, steps):
        return reference_walk(name, OF_PACKAGE[name], start, steps)

    with in_double():
        found = deviation(name, theirs, STEPS, seed=2)
    assert found < PACKAGE_TOLERANCE.get(name, CLOSE)


@pytest.mark.skipif(not has_optax, reason="optax is missing: pip install -e .[optax]")
@pytest.mark.parametrize("name", OF_OPTAX)
def test_rule_equals_optax(name):
    shapes = SHAPES[:2] if RULES[name].scope == "tensor" else SHAPES[:1]
    if name in zoo_derivations.MATRICES_ONLY:
        shapes = SHAPES[1:2]
    with in_float64():
        found = deviation(name, optax_walk, STEPS, seed=4, shapes=shapes)
    assert found < OPTAX_TOLERANCE.get(name, CLOSE)


@pytest.mark.parametrize("matched", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (4, 9)])
def test_muon_equals_torch_to_the_precision_of_bfloat16(shape, matched):
    start = np.random.default_rng(0).normal(size=shape)
    pair = [torch.nn.Parameter(torch.from_numpy(start.copy())) for _ in range(2)]
    name = "muon_match_rms" if matched else "muon"
    kind = "match_rms_adamw" if matched else "original"
    ours = RuleOptimizer(pair[:1], name, lr=0.02, weight_decay=0.1)
    theirs = torch.optim.Muon(pair[1:], lr=0.02, weight_decay=0.1, adjust_lr_fn=kind)
    for step in range(STEPS):
        before = [weight.detach().clone() for weight in pair]
        g = torch.from_numpy(gradient(start, 0, step))
        for weight, optimizer in zip(pair, (ours, theirs), strict=True):
            weight.grad = g.clone()
            optimizer.step()
        moves = [w.detach() - old for w, old in zip(pair, before, strict=True)]
        far = torch.linalg.norm(moves[0] - moves[1]) / torch.linalg.norm(moves[1])
        assert far < 0.08, step  # 2 ** -8 a rounding, of each of 15 products


def test_the_rule_for_all_parameters_is_muon_for_matrices_only():
    generator = torch.Generator().manual_seed(0)
    shapes = {"matrix": (6, 4), "head": (3, 6), "embedding": (9, 4), "vector": (6,)}
    moved = {}
    for kind, shape in shapes.items():
        weight = torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        optimizer = RuleOptimizer([{"params": [weight], "kind": kind}], "muon_adamw")
        weight.grad = torch.randn(shape, generator=generator, dtype=torch.float64)
        optimizer.step()
        moved[kind] = weight.detach() / optimizer.param_groups[0]["lr"], weight.grad
    for kind in ("head", "embedding", "vector"):  # the first step of Adam is a sign
        torch.testing.assert_close(
            moved[kind][0], -moved[kind][1].sign(), rtol=1e-5, atol=0
        )
    values = torch.linalg.svdvals(moved["matrix"][0]) / (0.2 * math.sqrt(6))
    assert bool(((values > 0.6) & (values < 1.3)).all())


def test_tensor_scope_is_told_apart():
    scopes = {
        name: RULES[name].scope for name in ("adam", "grams", "lamb", "muon_adamw")
    }
    assert scopes == {
        "adam": "element",
        "grams": "element",
        "lamb": "tensor",
        "muon_adamw": "tensor",
    }
