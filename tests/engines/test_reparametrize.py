"""Random re-parametrisation: a rule trains u, and the network has w = s * u."""

import math

import numpy as np
import pytest
import torch

from neuralopt.engines.engine import (
    Child,
    TorchOptimizer,
    batch_order,
    initial_parameters,
)
from neuralopt.engines.native import NativeEngine
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.language import RULES, parse
from neuralopt.tasks import ConvNet, Mlp, Recipe, load_task, with_recipe
from tests.engines.builders import digits_for, some_digits
from tests.engines.networks import own_task

SPLITS = ("validation", "test")
EPOCHS, STEPS = 2, 8
MAKES = {
    "serial": (SerialEngine, {}),
    "native": (NativeEngine, {}),
    **{method: (StackedEngine, {"method": method}) for method in ("vmap", "loop")},
    "dense": (StackedEngine, {"method": "dense"}),
}
SMALL = 1e-8


def engine_of(name, task, dtype=torch.float64):
    if name == "native":
        pytest.importorskip("numba")
    make, options = MAKES[name]
    return make(task, 0, dtype, **options)


def adam_direction(gradient, state, step):
    m, v = state.get("m", 0.0), state.get("v", 0.0)
    state["m"] = 0.9 * m + 0.1 * gradient
    state["v"] = 0.999 * v + 0.001 * gradient**2
    mean = state["m"] / (1 - 0.9 ** (step + 1))
    square = state["v"] / (1 - 0.999 ** (step + 1))
    return mean / (square.sqrt() + SMALL)


def sign_direction(gradient, state, step):
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * gradient
    return state["m"].sign()


DIRECTIONS = {
    "g": lambda gradient, state, step: gradient,
    "adam": adam_direction,
    "sign(ema(g, 0.9))": sign_direction,
}


def trained_by_hand(task, direction, rate):
    """Training losses and the final validation loss of an explicit u.

    torch differentiates the loss by u itself, through w = s * u.
    """
    recipe = task.recipe
    network = initial_parameters(task, 0, 0).double()
    names, first = zip(*network.named_parameters(), strict=True)
    scales = recipe.scales(len(first))
    us = [(w.detach() / s).requires_grad_() for w, s in zip(first, scales, strict=True)]
    states = [{} for _ in us]

    def loss_of(inputs, targets):
        weights = {n: s * u for n, s, u in zip(names, scales, us, strict=True)}
        outputs = torch.func.functional_call(network, weights, (inputs.double(),))
        return task.loss(outputs, targets)

    examples, losses = task.examples("training"), []
    for epoch in range(EPOCHS):
        for batch in batch_order(task, 0, 0, epoch):
            loss = loss_of(examples.inputs[batch], examples.targets[batch])
            gradients = torch.autograd.grad(loss, us)
            norm = math.sqrt(sum((g**2).sum().item() for g in gradients))
            shrunk = 1.0
            if recipe.clip_norm:
                shrunk = min(1.0, recipe.clip_norm / (norm + 1e-6))
            with torch.no_grad():
                for u, g, state in zip(us, gradients, states, strict=True):
                    change = direction(shrunk * g, state, len(losses))
                    u -= rate * (change + recipe.weight_decay * u)
            losses.append(loss.item())
    held = task.examples("validation")
    return losses, loss_of(held.inputs, held.targets).item()


@pytest.mark.parametrize("rule", DIRECTIONS)
@pytest.mark.parametrize("engine", MAKES)
@pytest.mark.parametrize(
    "others", [{}, {"weight_decay": 0.3}, {"weight_decay": 0.1, "clip_norm": 0.2}]
)
def test_a_rule_trains_u_of_which_weights_are_multiples(engine, rule, others):
    if engine == "native" and others:
        pytest.skip("it has no decay or clipping")
    plain = some_digits(training=256)
    task = with_recipe(plain, reparametrize=0.7, **others)
    rate = {"g": 0.05, "adam": 0.01}.get(rule, 0.003)
    losses, held = trained_by_hand(task, DIRECTIONS[rule], rate)
    expression = RULES[rule].expression if rule in RULES else parse(rule)
    child = Child(expression, rate, 0)
    (found,) = engine_of(engine, task).train([child], EPOCHS, SPLITS)
    assert found.curve == pytest.approx(losses, rel=1e-8)
    assert found.losses[0] == pytest.approx(held, rel=1e-8)
    (without,) = engine_of(engine, with_recipe(task, reparametrize=0.0)).train(
        [child], EPOCHS, SPLITS
    )
    assert without.curve[0] == pytest.approx(found.curve[0], rel=1e-12)
    assert abs(without.losses[0] - found.losses[0]) > 1e-3


@pytest.mark.parametrize("engine", MAKES)
def test_a_rule_that_does_nothing_leaves_every_bit_as_it_is(engine):
    task = with_recipe(some_digits(training=64), reparametrize=2.0)
    idle = [Child(parse("0 * g"), 1.0, 0)]
    found, plain = (
        engine_of(engine, each, torch.float32).train(idle, EPOCHS, SPLITS)
        for each in (task, some_digits(training=64))
    )
    assert found == plain


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_native_and_stacked_end_as_the_serial_engine(dtype):
    texts = ("g", "adam", "drop(g, 0.3) + noise(0.01)", "w * 0.1 + g * (1 - progress)")
    for layers in (
        Mlp((64, 12, 9, 10), "tanh"),
        Mlp((64, 12, 1), "tanh", "regression"),
        ConvNet((1, 8, 8), ((5, 1), (3, 2)), (7, 10), "tanh"),
    ):
        task = with_recipe(digits_for(layers, training=256), reparametrize=1.0)
        children = [Child(parse(t), rate, 1) for t in texts for rate in (1e-3, 1e-2)]
        expected = SerialEngine(task, 0, torch.float64).train(children, EPOCHS, SPLITS)
        for name in ("native", "vmap", "loop"):
            engine = engine_of(name, task, getattr(torch, dtype))
            found = engine.train(children, EPOCHS, SPLITS)
            apart = 1e-9 if dtype == "float64" else 2e-4
            for a, b, child in zip(found, expected, children, strict=True):
                assert a.diverged == b.diverged, child
                assert a.losses == pytest.approx(b.losses, rel=apart), (name, child)
                assert a.curve == pytest.approx(b.curve, rel=apart), (name, child)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("name", ["batch norm", "gru", "partly frozen", "tied words"])
def test_any_network_is_trained_alike_by_every_method(name):
    recipe = Recipe(clip_norm=0.5, weight_decay=0.1, reparametrize=1.0)
    task = own_task(name, recipe=recipe)
    children = [Child(parse(text), 0.01, 0) for text in ("adam", "g", "1 + 0 * g")]
    expected = SerialEngine(task, 0, torch.float64).train(children, EPOCHS, SPLITS)
    for method in ("vmap", "loop"):
        found = engine_of(method, task).train(children, EPOCHS, SPLITS)
        for a, b in zip(found, expected, strict=True):
            assert a.losses == pytest.approx(b.losses, rel=1e-9)
            assert a.curve == pytest.approx(b.curve, rel=1e-9)


def test_an_outcome_does_not_depend_on_neighbours():
    task = with_recipe(some_digits(training=256), reparametrize=2.0)
    texts = ("adam", "g", "1e38 * g", "drop(g, 0.3)", "tanh(1000 * g) * exp(w)")
    children = [Child(parse(text), rate, 0) for text in texts for rate in (1e-3, 1.0)]
    for name in ("native", "dense", "vmap"):
        engine = engine_of(name, task, torch.float32)
        together = engine.train(children, 1, SPLITS)
        assert together == [engine.train([child], 1, SPLITS)[0] for child in children]


def test_an_optimizer_of_torch_sees_u_too():
    task = with_recipe(
        some_digits(training=256), reparametrize=1.0, weight_decay=0.1, clip_norm=1.0
    )
    adam = TorchOptimizer("Adam", lambda weights, lr: torch.optim.Adam(weights, lr))
    children = [Child(adam, 0.01, 0), Child(RULES["adam"].expression, 0.01, 0)]
    torchs, ours = SerialEngine(task, 0, torch.float64).train(children, EPOCHS, SPLITS)
    assert torchs.curve == pytest.approx(ours.curve, rel=1e-8)


@pytest.mark.parametrize("engine", ["serial", "native", "dense"])
def test_adam_on_u_is_adam_with_a_rate_for_each_tensor(engine):
    # Its step does not depend on the gradient's size, except for 1e-8.
    task = with_recipe(some_digits(training=256), reparametrize=0.7)
    network = initial_parameters(task, 0, 0).double()
    weights = list(network.parameters())
    scales = task.recipe.scales(len(weights))
    assert len(set(scales)) > 1
    optimizer = torch.optim.Adam(
        [
            {"params": [w], "lr": 0.01 * s, "eps": SMALL / s}
            for w, s in zip(weights, scales, strict=True)
        ]
    )
    examples, losses = task.examples("training"), []
    for epoch in range(EPOCHS):
        for batch in batch_order(task, 0, 0, epoch):
            optimizer.zero_grad()
            outputs = network(examples.inputs[batch].double())
            loss = task.loss(outputs, examples.targets[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    (found,) = engine_of(engine, task).train(
        [Child(RULES["adam"].expression, 0.01, 0)], EPOCHS, ()
    )
    assert found.curve == pytest.approx(losses, rel=1e-8)


# ---------------------------------------------------------------------------- factors


@pytest.mark.parametrize("decades", [0.31, 1.0, 3.0])
def test_factors_are_powers_of_two_over_all_decades(decades):
    scales = np.array(Recipe(reparametrize=decades).scales(4000))
    exponents = np.log2(scales)
    assert (exponents == exponents.round()).all()
    most = math.floor(decades * math.log2(10))
    assert 10**-decades <= scales.min() < 1 < scales.max() <= 10**decades
    found, counts = np.unique(exponents, return_counts=True)
    assert found.tolist() == list(range(-most, most + 1))
    expected = 4000 / len(found)
    assert abs(counts - expected).max() < 6 * math.sqrt(expected)


def test_factors_never_change_and_do_not_depend_on_how_many_there_are():
    recipe = Recipe(reparametrize=1.0)
    assert recipe.scales(8) == (1.0, 8.0, 0.125, 0.5, 2.0, 4.0, 0.125, 1.0)
    assert recipe.scales(3) == recipe.scales(8)[:3]
    assert Recipe().scales(8) == ()


def test_fingerprints_of_other_recipes_are_those_from_before_it():
    task = load_task("digits")
    assert task.fingerprint == "e2a9859538ec9b6d"
    clipped = with_recipe(task, clip_norm=1.0, schedule="cosine")
    assert clipped.fingerprint == "6649db46d67f6dd9"
    assert with_recipe(task, reparametrize=0.0).fingerprint == task.fingerprint
    prints = {with_recipe(task, reparametrize=d).fingerprint for d in (0.0, 1.0, 2.0)}
    assert len(prints) == 3


@pytest.mark.parametrize("decades", [-1.0, 11.0, math.nan])
def test_decades_out_of_range_are_refused(decades):
    with pytest.raises(ValueError, match=r"reparametrize is .*: give decades, from 0"):
        Recipe(reparametrize=decades)
