"""The stacked engine compared with the serial one, including weights, and with itself.

Promises that hold for every engine are tested in tests/conformance.
"""

import math
import random
import sys
from dataclasses import replace

import pytest
import torch

from neuralopt.engines import (
    Numerics,
    UnsupportedTaskError,
    choose_engine,
    fastest_engine,
)
from neuralopt.engines.engine import (
    Child,
    TorchOptimizer,
    steps_per_epoch,
)
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked import population
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.language import RULES, parse
from neuralopt.spaces import SPACES
from neuralopt.tasks import load_task, with_recipe
from tests.engines.builders import Recording, flat, random_rules, some_digits
from tests.engines.networks import own_task

SPLITS = ("validation", "selection")
EXACT = 1e-9


def trained_by_serial(task, children, epochs):
    """Outcomes and final weights, float64."""
    recording = Recording(task)
    engine = SerialEngine(recording, 0, torch.float64)
    outcomes = engine.train(children, epochs, SPLITS)
    return outcomes, [flat(network) for network in recording.networks]


def trained_by_stacked(monkeypatch, task, children, epochs):
    """Outcomes and final weights, float64; None where a child was removed."""
    weights = {}
    outcomes_of = population._Population._outcomes

    def outcomes(population, splits):
        for row, number in enumerate(population.alive.tolist()):
            used = population.weights[row, : population.count]
            weights[population.children[number]] = used.clone()
        return outcomes_of(population, splits)

    monkeypatch.setattr(population._Population, "_outcomes", outcomes)
    engine = StackedEngine(task, 0, torch.float64)
    found = engine.train(children, epochs, SPLITS)
    return found, [weights.get(child) for child in children]


def apart(ours, theirs):
    """Greatest relative difference of two sequences of numbers."""
    if len(ours) != len(theirs):  # one overflows a step earlier
        return math.inf
    pairs = zip(ours, theirs, strict=True)
    return max((abs(a - b) / max(1.0, abs(a)) for a, b in pairs), default=0.0)


@pytest.mark.parametrize("space", SPACES)
def test_random_rules_train_the_same_children_in_both_engines(monkeypatch, space):
    task = some_digits(batch_size=51)  # 20 steps, so the curve shows every loss
    assert steps_per_epoch(task) == 20
    rates = (1e-4, 1e-3, 1e-2, 1e-1)
    children = [
        Child(rule, rates[index % 4], index % 2)
        for index, rule in enumerate(random_rules(space, 40))
    ]
    oracle, weights = trained_by_serial(task, children, 1)
    found, rows = trained_by_stacked(monkeypatch, task, children, 1)
    exact = finished = 0
    for a, b, w, row in zip(oracle, found, weights, rows, strict=True):
        assert a.diverged == b.diverged
        far = apart(a.curve, b.curve)
        if not a.diverged:
            finished += 1
            largest = max(1.0, w.abs().max().item())
            far = max(far, apart(a.losses, b.losses))
            far = max(far, (w - row).abs().max().item() / largest)
        exact += far <= EXACT
    # The others divide by what is zero but for rounding, or compare it with zero:
    # experiments/agreement shows that the serial engine disagrees with itself there.
    assert exact >= 38
    assert finished >= 30


@pytest.mark.parametrize("name", sorted(RULES))
def test_named_rules_train_the_same_children_in_both_engines(monkeypatch, name):
    task = some_digits(training=320, activation="tanh", widths=(64, 12, 9, 10))
    rule = RULES[name]
    children = [
        Child(rule.expression, rule.lr * factor, replicate)
        for factor in (0.1, 1)
        for replicate in (0, 3)
    ]
    oracle, weights = trained_by_serial(task, children, 4)
    found, rows = trained_by_stacked(monkeypatch, task, children, 4)
    for a, b, w, row in zip(oracle, found, weights, rows, strict=True):
        assert not a.diverged
        assert not b.diverged
        assert apart(a.curve, b.curve) <= EXACT
        assert apart(a.losses, b.losses) <= EXACT
        assert a.accuracies == b.accuracies
        assert (w - row).abs().max() <= EXACT


# ---------------------------------------------------------------------- independence

UNEVEN = (
    "pow(g, 0.3) * sign(g)",  # kernels that round differently at the end of a tensor
    "exp2(g * 100) - 1",
    "sign(g) * pow(m, 0.7 + 0.1 * progress)",
    "cos(1e6 * g) * g",  # and beside an unusual argument
    "tanh(1000 * g) * exp(w)",
    "drop(g, 0.3) + noise(0.01)",
    "log(g) * g",
    "g / (sqrt(v) + 1e-8)",
    "total(g) % 0.1",
    "peak(abs(g)) * sign(m)",
)
DIVERGING = (
    "g / (g - g)",
    "g + exp(40 * t)",
    "1e38 * g",
    "-100 * w",
    "exp(abs(w) * 50)",
)


@pytest.fixture(scope="module")
def crowd():
    """Children of all sorts, and the outcome of each."""
    rules = [parse(text) for text in (*UNEVEN, *DIVERGING)]
    for space in SPACES:
        rules += random_rules(space, 12, seed=1)
    children = [Child(rule, rate, 0) for rule in rules for rate in (1e-3, 0.1, 10.0)]
    children += [Child(rule, 0.01, 1) for rule in rules]
    task = load_task("digits")
    outcomes = StackedEngine(task, 0).train(children, 1, SPLITS)
    diverged = sum(outcome.diverged for outcome in outcomes)
    assert 30 < diverged < len(children) - 60
    return children, outcomes


def assert_same(crowd, numbers, engine=None):
    children, outcomes = crowd
    engine = engine or StackedEngine(load_task("digits"), 0)
    found = engine.train([children[number] for number in numbers], 1, SPLITS)
    for number, outcome in zip(numbers, found, strict=True):
        assert outcome == outcomes[number], children[number]


def shuffled(crowd, seed):
    numbers = list(range(len(crowd[0])))
    random.Random(seed).shuffle(numbers)
    return numbers


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_outcome_does_not_depend_on_the_order_of_the_children(crowd, seed):
    assert_same(crowd, shuffled(crowd, seed))


@pytest.mark.parametrize("chunk", [1, 2, 5, 30, 1000])
def test_an_outcome_does_not_depend_on_the_size_of_a_chunk(crowd, chunk):
    engine = StackedEngine(load_task("digits"), 0, population=chunk)
    assert_same(crowd, shuffled(crowd, 3), engine)


@pytest.mark.parametrize("sweep", [1, 3, 1000])
def test_an_outcome_does_not_depend_on_when_the_diverged_are_removed(
    crowd, sweep, monkeypatch
):
    monkeypatch.setattr(population, "SWEEP", sweep)
    assert_same(crowd, shuffled(crowd, 4))


def test_an_outcome_does_not_depend_on_the_batch(crowd):
    numbers = shuffled(crowd, 5)
    engine = StackedEngine(load_task("digits"), 0)
    start = 0
    for size in (1, 2, 3, 4, 7, 11, 16, 33):
        assert_same(crowd, numbers[start : start + size], engine)
        start += size


def test_an_outcome_does_not_depend_on_diverging_neighbours(crowd):
    outcomes = crowd[1]
    broken = [n for n, outcome in enumerate(outcomes) if outcome.diverged]
    kept = [n for n, outcome in enumerate(outcomes) if not outcome.diverged]
    assert_same(crowd, kept)
    random.Random(6).shuffle(broken)
    mixed = [n for pair in zip(kept, broken * 5, strict=False) for n in pair]
    assert_same(crowd, mixed)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_outcome_does_not_depend_on_the_number_of_torchs_threads(crowd, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert_same(crowd, shuffled(crowd, 7))
        assert torch.get_num_threads() == threads  # the caller's setting is his own
    finally:
        torch.set_num_threads(before)


def test_a_serial_outcome_depends_only_on_its_child():
    task = some_digits(training=256)
    children = [Child(parse(text), 0.01, 0) for text in (*UNEVEN, *DIVERGING)]
    engine = SerialEngine(task, 0)
    outcomes = engine.train(children, 2, SPLITS)
    assert engine.train(children[::-1], 2, SPLITS) == outcomes[::-1]


# --------------------------------------------------------------------------- the rest


@pytest.mark.parametrize(
    ("text", "make_optimizer"),
    [
        ("g", lambda w, lr: torch.optim.SGD(w, lr)),
        ("adam", lambda w, lr: torch.optim.Adam(w, lr)),
        ("trace(g, 0.9)", lambda w, lr: torch.optim.SGD(w, lr, momentum=0.9)),
    ],
)
def test_an_optimizer_of_torch_trains_as_its_rule_does(text, make_optimizer):
    children = [
        Child(rule, 0.01, replicate)
        for rule in (parse(text), TorchOptimizer("torch's own", make_optimizer))
        for replicate in (0, 1)
    ]
    engine = SerialEngine(load_task("digits"), 0, torch.float64)
    *rules, first, second = engine.train(children, 2, SPLITS)
    for rule, own in zip(rules, (first, second), strict=True):
        assert apart(rule.losses, own.losses) < 1e-6  # 1e-8 stands elsewhere in Adam
        assert apart(rule.curve, own.curve) < 1e-6
        assert not own.diverged


def test_the_fastest_engine_that_can_train_a_task_is_chosen(monkeypatch):
    engine, reasons = fastest_engine(load_task("digits"))
    assert (engine.name, reasons) == ("native", [])
    engine, reasons = fastest_engine(load_task("digits_conv"))
    assert (engine.name, reasons) == ("native", [])
    monkeypatch.delattr("neuralopt.machine.kernels", raising=False)
    monkeypatch.setitem(sys.modules, "neuralopt.machine.kernels", None)  # no numba
    engine, (reason,) = fastest_engine(load_task("digits"))
    assert engine.name == choose_engine("auto", load_task("digits")).name == "stacked"
    assert "pip install numba" in reason
    engine, (reason,) = fastest_engine(load_task("digits_conv"))
    assert engine.name == "stacked"
    assert "pip install numba" in reason


def test_the_stacked_engine_refuses_what_it_can_not_train():
    own = TorchOptimizer("theirs", lambda w, lr: torch.optim.SGD(w, lr))
    with pytest.raises(ValueError, match="can't train theirs: use serial"):
        StackedEngine(load_task("digits"), 0).train([Child(own, 0.1, 0)], 1, SPLITS)

    with pytest.raises(ValueError, match="unknown engine 'stakced': did you mean 'st"):
        choose_engine("stakced", load_task("digits"))


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_outcomes_of_many_random_rules_do_not_depend_on_their_neighbours(space):
    rules = random_rules(space, 300, seed=2)
    rates = (1e-5, 1e-3, 1e-1, 10.0)
    children = [Child(rule, rate, 0) for rule in rules for rate in rates]
    engine = StackedEngine(load_task("digits"), 0)
    outcomes = engine.train(children, 3, SPLITS)
    numbers = list(range(len(children)))
    random.Random(0).shuffle(numbers)
    found = engine.train([children[number] for number in numbers], 3, SPLITS)
    for number, outcome in zip(numbers, found, strict=True):
        assert outcome == outcomes[number], children[number]


@pytest.mark.parametrize(
    ("task", "numerics"),
    [
        (own_task("gelu"), Numerics()),
        (with_recipe(some_digits(), clip_norm=1.0), Numerics()),
        (some_digits(), Numerics.named("bfloat16")),
        (some_digits(), Numerics(device="cuda")),
    ],
)
def test_what_the_native_engine_does_not_support_is_named_so(task, numerics):
    with pytest.raises(UnsupportedTaskError, match="engine=stacked"):
        choose_engine("native", task, numerics=numerics)


def test_an_invalid_task_is_not_taken_for_an_unsupported_one():
    broken = replace(own_task("gelu"), make_network=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fastest_engine(broken)
    unknown = with_recipe(own_task("gelu"), schedule="cosin")
    with pytest.raises(ValueError, match="did you mean 'cosine'") as told:
        fastest_engine(unknown)
    assert not isinstance(told.value, UnsupportedTaskError)
