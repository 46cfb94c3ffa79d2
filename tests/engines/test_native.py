"""The native engine compared with autograd, the serial engine, and itself."""

import logging
import math
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from neuralopt.engines import native, numba_support
from neuralopt.engines.engine import (
    Child,
    TorchOptimizer,
    batch_order,
    initial_parameters,
)
from neuralopt.engines.native import NativeEngine
from neuralopt.engines.serial import SerialEngine
from neuralopt.language import RULES, parse
from neuralopt.machine import kernels
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.spaces import SPACES
from neuralopt.tasks import ConvNet, Mlp, load_task
from tests.engines.builders import digits_for, random_rules, some_digits

SPLITS = ("validation", "selection")
SHAPES = [
    ((64, 32, 10), 64),
    ((64, 10), 64),
    ((64, 48, 24, 10), 32),
    ((64, 100, 37, 20, 10), 50),
    ((64, 1, 11), 7),
    ((64, 129, 10), 1),
]


@pytest.fixture
def memories(monkeypatch):
    """The memories that kernels worked in, the latest last."""
    found = []

    def aligned(shape, dtype, original=kernels.aligned):
        found.append(original(shape, dtype))
        return found[-1]

    monkeypatch.setattr(kernels, "aligned", aligned)
    return found


def one_step(engine, memories):
    """Loss and gradient of the first batch."""
    (outcome,) = engine.train([Child(parse("0 * g"), 0.1, 0)], 1, ())
    return outcome.curve[0], memories[-1]


NETWORKS = [
    *(
        (Mlp(widths, activation), batch)
        for activation in ("relu", "tanh", "sigmoid")
        for widths, batch in SHAPES
    ),
    (Mlp((64, 32, 10), "tanh", "squared_error"), 50),
    (Mlp((64, 32, 1), "tanh", "regression"), 50),
    (Mlp((64, 1), "relu", "regression"), 7),
    (ConvNet((1, 8, 8), ((16, 2), (16, 1)), (10,)), 64),
    (ConvNet((1, 8, 8), ((5, 1), (3, 2)), (7, 10), "tanh"), 16),
    (ConvNet((2, 4, 8), ((6, 2), (5, 2), (3, 1)), (10,), "sigmoid"), 48),
    (ConvNet((3, 3, 7), ((17, 2),), (10,)), 21),  # an odd image, lanes left free
    (ConvNet((1, 5, 5), ((4, 1), (4, 2)), (10,), "relu", "squared_error"), 30),
    (ConvNet((1, 8, 8), ((4, 2),), (1,), "sigmoid", "regression"), 48),
]
NAMES = [f"{type(n).__name__}-{i}" for i, (n, _) in enumerate(NETWORKS)]


@pytest.mark.parametrize(("layers", "batch"), NETWORKS, ids=NAMES)
@pytest.mark.parametrize(("dtype", "apart"), [("float32", 2e-5), ("float64", 1e-12)])
def test_gradients_are_autograds(memories, layers, batch, dtype, apart):
    # The loads and stores of the kernels are unchecked: this is what guards them.
    task = digits_for(layers, batch, training=batch)
    engine = NativeEngine(task, 0, getattr(torch, dtype))
    loss, memory = one_step(engine, memories)
    network = initial_parameters(task, 0, 0).double()
    (chosen,) = batch_order(task, 0, 0, 0)
    examples = task.examples("training")
    expected = task.loss(
        network(examples.inputs[chosen].double()), examples.targets[chosen]
    )
    expected.backward()
    gradient = torch.cat([p.grad.flatten() for p in network.parameters()]).numpy()
    scale = np.abs(gradient).max()
    assert loss == pytest.approx(expected.item(), rel=apart)
    assert np.abs(memory[: len(gradient)] - gradient).max() < apart * scale
    assert not memory[len(gradient) : engine.kernels.padded(len(gradient))].any()


DETERMINISTIC = (
    *("g", "adam", "rmsprop", "g * exp(sign(g) * sign(m))", "trace(g, 0.9)"),
    *("g * (1 + cd * sign(g) * sign(m))", "m / sqrt(v)", "update * 0.5 + g * rd"),
    *("previous(previous(g)) + previous(w) * 0.1", "fold(s + (g ** 2 - s) * 0.1)"),
    *("peak(g, 0.9) - peak(-g, 0.9)", "total(g) / sqrt(total(g ** 2) + 1)"),
    *("min(g, 0.01) + max(g, -0.01)", "clip(g, 0.001)", "tanh(100 * g) * ld"),
    *("g * cos(10 * w)", "g * 2 ** w", "pow(g, 0.5) * sign(g)", "log(g) * 0.01 * g"),
    *("g * exp2(-abs(w))", "(g * 100) % 0.3", "debiased(g, 0.9) / (abs(w) + 0.1)"),
    *("drop(g, 0.3)", "g + noise(0.01)", "drop(g, 0.5) + drop(w, 0.5) * noise(0.1)"),
)


@pytest.mark.parametrize(("dtype", "apart"), [("float32", 1e-4), ("float64", 1e-10)])
def test_twenty_steps_of_every_primitive_end_as_in_the_serial_engine(dtype, apart):
    task = some_digits(training=640)  # two epochs of ten batches
    children = [
        Child(parse(text), rate, replicate)
        for text in DETERMINISTIC
        for rate, replicate in ((1e-3, 0), (0.1, 3))
    ]
    expected = SerialEngine(task, 5, torch.float64).train(children, 2, SPLITS)
    found = NativeEngine(task, 5, getattr(torch, dtype)).train(children, 2, SPLITS)
    for child, a, b in zip(children, found, expected, strict=True):
        assert a.diverged == b.diverged, child
        assert a.losses == pytest.approx(b.losses, rel=apart), child
        assert a.curve == pytest.approx(b.curve, rel=apart), child
        for one, other in zip(a.accuracies, b.accuracies, strict=True):
            assert abs(one - other) < (0.005 if dtype == "float32" else 1e-12), child


@pytest.mark.parametrize(("layers", "batch"), NETWORKS, ids=NAMES)
def test_other_networks_and_batches_end_as_in_the_serial_engine(layers, batch):
    task = digits_for(layers, batch, training=6 * batch)
    children = [Child(parse(text), 0.03, 1) for text in ("g", "adam", "drop(g, 0.5)")]
    expected = SerialEngine(task, 1, torch.float64).train(children, 2, SPLITS)
    found = NativeEngine(task, 1, torch.float64).train(children, 2, SPLITS)
    for a, b in zip(found, expected, strict=True):
        assert a.losses == pytest.approx(b.losses, rel=1e-9)
        assert a.accuracies == b.accuracies
        assert a.curve == pytest.approx(b.curve, rel=1e-9)


@pytest.fixture(scope="module")
def crowd():
    """Children of random rules and their outcomes, trained one at a time."""
    rules = [rule for space in SPACES for rule in random_rules(space, 12)]
    rules += [parse(text) for text in DETERMINISTIC]
    children = [
        Child(rule, rate, replicate)
        for replicate in (0, 1)
        for rule in rules
        for rate in (1e-3, 1.0)
    ]
    engine = NativeEngine(load_task("digits"), 0)
    return children, [engine.train([child], 1, SPLITS)[0] for child in children]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 5, 16, 1000])
def test_an_outcome_depends_only_on_its_child(crowd, workers, size, monkeypatch):
    children, outcomes = crowd
    monkeypatch.setattr(native, "CHILDREN", size)
    numbers = list(range(len(children)))
    random.Random(size).shuffle(numbers)
    engine = NativeEngine(load_task("digits"), 0, workers=workers)
    found = engine.train([children[n] for n in numbers], 1, SPLITS)
    assert found == [outcomes[n] for n in numbers]


def test_an_outcome_does_not_depend_on_other_threads_of_the_caller(crowd):
    children, outcomes = crowd
    engine = NativeEngine(load_task("digits"), 0, workers=2)
    pieces = [slice(start, start + 7) for start in range(0, len(children), 7)]
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda piece: engine.train(children[piece], 1, SPLITS), pieces)
        )
    assert [outcome for piece in found for outcome in piece] == outcomes


def test_a_short_training_after_a_long_one_is_the_same(crowd):
    children, outcomes = crowd
    engine = NativeEngine(load_task("digits"), 0)
    engine.train(children[:1], 3, SPLITS)  # its batches are kept
    assert engine.train(children[:20], 1, SPLITS) == outcomes[:20]


def test_batches_beyond_the_limit_are_forgotten(monkeypatch):
    monkeypatch.setattr(native, "MEMORY_BYTES", 1)
    task = some_digits(training=128)
    children = [Child(parse("g"), 0.1, replicate) for replicate in (0, 1, 2, 0)]
    engine = NativeEngine(task, 0)
    found = engine.train(children, 1, SPLITS)
    assert len(engine._replicates) == 1
    assert found[0] == found[3]
    assert found == [NativeEngine(task, 0).train([c], 1, SPLITS)[0] for c in children]


def test_a_diverging_child_ends_where_the_serial_one_does():
    children = [
        Child(parse(text), rate, 0)
        for text in ("g ** 3", "exp(w)", "w ** 2 + 1", "-w", "w * 1e4", "g / 0", "g")
        for rate in (1e-3, 0.1, 10.0, 1e4)
    ]
    task = load_task("digits")
    expected = SerialEngine(task, 0).train(children, 2, SPLITS)
    found = NativeEngine(task, 0).train(children, 2, SPLITS)
    assert 5 < sum(outcome.diverged for outcome in expected) < len(children) - 5
    for child, a, b in zip(children, found, expected, strict=True):
        assert a.diverged == b.diverged, child
        assert len(a.curve) == len(b.curve), child


def test_nothing_measured_is_nothing_reported():
    (outcome,) = NativeEngine(load_task("digits"), 0).train(
        [Child(parse("g"), 0.1, 0)], 1, ()
    )
    assert not outcome.diverged
    assert outcome.losses == outcome.accuracies == ()
    assert NativeEngine(load_task("digits"), 0).train([], 1, SPLITS) == []


# ------------------------------------------------------------------------- refusals


def test_a_task_without_layers_is_refused():
    task = replace(load_task("digits"), layers=None)
    with pytest.raises(ValueError, match=r"evaluator\.engine=stacked"):
        NativeEngine(task, 0)


def test_an_optimizer_that_is_not_a_rule_is_refused():
    sgd = TorchOptimizer("SGD", torch.optim.SGD)
    with pytest.raises(ValueError, match=r"SGD: use serial"):
        NativeEngine(load_task("digits"), 0).train([Child(sgd, 0.1, 0)], 1, SPLITS)


def test_other_kinds_of_numbers_are_refused():
    with pytest.raises(ValueError, match="bfloat16"):
        NativeEngine(load_task("digits"), 0, torch.bfloat16)


def test_without_numba_the_engine_says_what_to_do(monkeypatch):
    import neuralopt.machine

    monkeypatch.delattr(neuralopt.machine, "kernels", raising=False)
    monkeypatch.setitem(sys.modules, "neuralopt.machine.kernels", None)
    with pytest.raises(ValueError, match="pip install numba"):
        NativeEngine(load_task("digits"), 0)


# ------------------------------------------------------------------------- compilation


def test_compiling_is_announced_once_and_what_is_compiled_is_not(caplog):
    import numba

    def add(x, y):
        return x + y

    compiled = numba.njit(add)
    numba_support._TOLD.clear()
    with (
        caplog.at_level(logging.WARNING),
        numba_support.announce_compilation("adding", 3),
    ):
        compiled(1, 2)
        compiled(1.0, 2.0)
    (record,) = caplog.records
    expected = "compiling adding for this machine: some 3 seconds, once"
    assert record.message == expected
    caplog.clear()
    numba_support._TOLD.clear()
    with (
        caplog.at_level(logging.WARNING),
        numba_support.announce_compilation("adding", 3),
    ):
        compiled(1, 2)
    assert not caplog.records


SCRIPT = """
import numba.core.caching as caching
for locator in caching.CacheImpl._locator_classes:
    locator.from_function = classmethod(lambda cls, function, path: None)
from neuralopt.machine.kernels import training
assert type(training.train._cache).__name__ == "NullCache"
"""


def test_a_folder_that_can_not_be_written_only_costs_the_cache():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)


# ------------------------------------------------------------- whole scores, many rules


MANY = dict.fromkeys(SPACES, 150) | {"bello2017": 100, "sign_agreement": 100}
"""Rules of each space; those of some train for longer."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("space", SPACES)
def test_qualities_of_random_rules_are_those_of_the_serial_engine(space):
    task = load_task("digits")
    budget = Budget("short", (1e-3, 1e-1, 10.0), 1, 1)
    trials = [Trial(rule) for rule in random_rules(space, MANY[space])]
    found, expected = (
        [
            scores["validation"].quality
            for scores in score_trials(e, task, budget, trials)
        ]
        for e in (NativeEngine(task, 0), SerialEngine(task, 0))
    )
    apart = [
        trial
        for trial, a, b in zip(trials, found, expected, strict=True)
        if abs(a - b) > 1e-3
    ]
    assert len(apart) < 0.03 * len(trials)


def test_named_rules_score_as_in_the_serial_engine():
    task = some_digits(training=640)
    budget = Budget("short", (1e-4, 1e-3, 1e-2), 1, 2)  # at 0.1 some are chaotic
    trials = [Trial(rule.expression) for rule in RULES.values()]
    native_scores, serial_scores = (
        [scores["validation"] for scores in score_trials(e, task, budget, trials)]
        for e in (NativeEngine(task, 0), SerialEngine(task, 0))
    )
    for name, a, b in zip(RULES, native_scores, serial_scores, strict=True):
        assert (a.status, a.lr) == (b.status, b.lr), name
        assert a.quality == pytest.approx(b.quality, abs=1e-3), name
        assert math.isclose(a.loss, b.loss, rel_tol=1e-3), name
