"""Checks of engines: each is held against the serial engine, and against itself."""

import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch

from neuralopt.engines.engine import (
    Child,
    Engine,
    Outcome,
    initial_parameters,
    steps_per_epoch,
)
from neuralopt.engines.serial import SerialEngine
from neuralopt.language import Expression, parse
from neuralopt.tasks import Split, Task, load_task
from tests.engines.builders import Recording, some_digits

Make = Callable[[Task, int, torch.dtype], Engine]
"""Makes an engine of a task, a seed and a type of numbers, or raises
UnsupportedTaskError."""

SPLITS: tuple[Split, ...] = ("validation", "selection")
FLOAT32, FLOAT64 = torch.float32, torch.float64
EXACT = 1e-9

DIVERGING = (
    "g / (g - g)",
    "g + exp(40 * t)",
    "1e38 * g",
    "-100 * w",
    "exp(abs(w) * 50)",
)


def children_of(
    rules: Sequence[Expression | str], rates: Sequence[float], replicates: int = 1
) -> list[Child]:
    """Each rule at each rate, the replicates taken in turn."""
    return [
        Child(parse(rule) if isinstance(rule, str) else rule, rate, number % replicates)
        for number, (rule, rate) in enumerate(
            (rule, rate) for rule in rules for rate in rates
        )
    ]


# ------------------------------------------------------------------- held to the serial


def check_agrees_with_serial(
    make: Make,
    task: Task,
    children: Sequence[Child],
    epochs: int = 1,
    splits: Sequence[Split] = SPLITS,
    limit: int | None = None,
    exceptions: int = 0,
) -> None:
    """In float64 outcomes are those of the serial engine, divergence included.

    They are measured half way too.

    exceptions: children that may end elsewhere, because a rule compares rounding errors
    with zero; they have to diverge alike.
    """
    expected = serial_outcomes(task, children, epochs, splits, limit)
    half = (epochs * steps_per_epoch(task, limit) // 2,)
    found = make(task, 0, FLOAT64).train(children, epochs, splits, limit, half)
    assert len(found) == len(expected)
    assert not all(outcome.diverged for outcome in expected)
    differing = []
    for child, one, other in zip(children, expected, found, strict=True):
        assert one.diverged == other.diverged, child
        assert len(one.curve) == len(other.curve), child
        if (far := distance(one, other)) > EXACT:
            differing.append(f"{child}: {far}")
    assert len(differing) <= exceptions, differing


def serial_outcomes(
    task: Task,
    children: Sequence[Child],
    epochs: int,
    splits: Sequence[Split],
    limit: int | None = None,
) -> list[Outcome]:
    """Outcomes of the serial engine in float64, computed once for all engines."""
    key = (task.fingerprint, tuple(children), epochs, tuple(splits), limit)
    if key not in _serial:
        engine = SerialEngine(task, 0, FLOAT64)
        half = (epochs * steps_per_epoch(task, limit) // 2,)
        _serial[key] = engine.train(children, epochs, splits, limit, half)
    return _serial[key]


_serial: dict[tuple[Any, ...], list[Outcome]] = {}


def distance(one: Outcome, other: Outcome) -> float:
    """Greatest relative difference of all the numbers of two outcomes."""
    if one.diverged:
        pairs = [*zip(one.curve, other.curve, strict=True)]
        assert one.losses == other.losses
        assert one.accuracies == other.accuracies
    else:
        pairs = [
            *zip(one.curve, other.curve, strict=True),
            *zip(one.losses, other.losses, strict=True),
            *zip(one.accuracies, other.accuracies, strict=True),
        ]
    both = zip(one.along, other.along, strict=True)
    pairs += [(a, b) for a, b in both if (a, b) != (math.inf, math.inf)]
    return max((abs(a - b) / max(1.0, abs(a)) for a, b in pairs), default=0.0)


# ------------------------------------------------------------------------- independence


def check_independence(make: Make, task: Task, children: Sequence[Child]) -> None:
    """An outcome is the same in any order and batch, beside any neighbours."""
    engine = make(task, 0, FLOAT32)
    outcomes = engine.train(children, 1, SPLITS)
    diverged = sum(outcome.diverged for outcome in outcomes)
    assert 0 < diverged < len(children), "it takes children of both sorts"
    numbers = list(range(len(children)))
    random.Random(0).shuffle(numbers)
    batches = [numbers, numbers[:1], numbers[1:4], numbers[4:]]
    batches.append([n for n in numbers if not outcomes[n].diverged])
    for batch in batches:
        again = engine.train([children[n] for n in batch], 1, SPLITS)
        assert again == [outcomes[n] for n in batch]
    anew = make(task, 0, FLOAT32).train(children[:3], 1, SPLITS)
    assert anew == outcomes[:3]


def check_other_threads(make: Make, task: Task) -> None:
    """An outcome does not depend on other threads of the process."""
    children = [Child(parse("g"), 0.1, replicate) for replicate in range(12)]

    def outcome_of(child: Child) -> Outcome:
        return make(task, 0, FLOAT32).train([child], 1, SPLITS)[0]

    expected = [outcome_of(child) for child in children]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(outcome_of, children * 6)) == expected * 6


def check_order_of_children_and_splits(make: Make, task: Task) -> None:
    """Outcomes come in the order of the children, losses in that of the splits."""
    engine = make(task, 0, FLOAT32)
    children = [
        Child(parse(text), rate, replicate)
        for replicate in (0, 1)
        for rate in (0.1, 0.01)
        for text in ("g", "sign(g)")
    ]
    forward = engine.train(children, 1, ("validation", "selection", "test"))
    backward = engine.train(children[::-1], 1, ("test", "validation", "selection"))
    assert len({outcome.losses for outcome in forward}) == len(children)
    for a, b in zip(forward, backward[::-1], strict=True):
        assert b.losses == (a.losses[2], a.losses[0], a.losses[1])
        assert b.accuracies == (a.accuracies[2], a.accuracies[0], a.accuracies[1])
    assert engine.train([], 1, SPLITS) == []
    twice = engine.train([children[0], children[0]], 1, SPLITS)
    assert twice[0] == twice[1]


def check_limit(make: Make, task: Task) -> None:
    """An epoch ends after ``limit`` examples; a limit above all changes nothing."""
    child = Child(parse("g"), 0.1, 0)
    engine = make(task, 0, FLOAT32)
    count = len(task.examples("training"))
    whole, limited, loose = (
        engine.train([child], 2, SPLITS, limit)[0]
        for limit in (None, 2 * task.batch_size + 1, count + 1)
    )
    assert loose == whole
    assert len(limited.curve) == 4
    assert len(whole.curve) == min(20, 2 * steps_per_epoch(task))
    assert limited.losses != whole.losses


def check_only_asked_splits_are_read(make: Make) -> None:
    """Held-out splits that nobody asks for are not read."""
    task = Recording(some_digits(training=320), unreadable=("selection", "test"))
    make(task, 0, FLOAT32).train([Child(parse("g"), 0.1, 0)], 1, ("validation",))
    assert task.read == {"training", "validation"}


def check_measurements_along_a_training(make: Make, task: Task) -> None:
    """A loss along a training is that of a training that ends there."""
    rules = ("g", "adam", "drop(g, 0.3)", "noise(0.01) + g")
    children = [*children_of(rules, (1e-2, 0.1), 2), Child(burst(2), 1.0, 0)]
    engine, epoch = make(task, 0, FLOAT32), steps_per_epoch(task)
    along = (0, 1, 3, epoch, 2 * epoch - 1, 2 * epoch)
    plain = engine.train(children, 2, SPLITS)
    found = engine.train(children, 2, SPLITS, None, along)
    assert [replace(outcome, along=()) for outcome in found] == plain
    assert {outcome.along for outcome in plain} == {()}
    short = engine.train(children, 1, SPLITS, None, (epoch,))
    steps = engine.train(children, 1, SPLITS, task.batch_size)
    *healthy, flung = zip(found, short, steps, strict=True)
    for measured, after_epoch, after_step in healthy:
        assert not measured.diverged
        assert measured.along[1] == after_step.losses[0]
        assert measured.along[3] == after_epoch.losses[0] == after_epoch.along[0]
        assert measured.along[5] == measured.losses[0]
    assert flung[0].diverged
    assert flung[0].steps == 3  # finite losses: the weights are flung at step 2
    assert [math.isfinite(loss) for loss in flung[0].along] == [True] * 2 + [False] * 4
    assert flung[1].along == (math.inf,)


def check_unusable_measurements_are_refused(make: Make, task: Task) -> None:
    """Numbers of steps that do not rise or leave the training are refused."""
    engine, child = make(task, 0, FLOAT32), Child(parse("g"), 0.1, 0)
    steps = steps_per_epoch(task)
    for along in ((1, 1), (2, 1), (-1,), (steps + 1,)):
        with pytest.raises(ValueError, match=f"rising numbers from 0 to {steps}"):
            engine.train([child], 1, SPLITS, None, along)
    with pytest.raises(ValueError, match="need a split"):
        engine.train([child], 1, (), None, (1,))


# ------------------------------------------------------- weights, order and random bits


def check_same_start(make: Make, task: Task) -> None:
    """All rules begin with the same weights and batches."""
    rules = ["g", "w", "adam", "noise(0.1)", "drop(g, 0.5)"]
    for replicate in (0, 1):
        children = [Child(parse(rule), 1e-30, replicate) for rule in rules]
        first, *others = make(task, 0, FLOAT32).train(children, 2, SPLITS)
        for other in others:  # so slow a rate that nothing moves
            assert other == first


def check_replicates_and_seeds(make: Make, task: Task) -> None:
    """Replicates and seeds begin with other weights."""
    found = {
        make(task, seed, FLOAT32)
        .train([Child(parse("g"), 0.1, replicate)], 1, SPLITS)[0]
        .losses
        for seed in (0, 1)
        for replicate in (0, 1, 1000)
    }
    assert len(found) == 6


def check_same_random_bits(make: Make, task: Task) -> None:
    """All rules of a replicate meet the same random bits, other replicates others."""
    texts = ["noise(0.1)", "noise(0.1) + 0 * g", "g - g + noise(0.05) + noise(0.05)"]
    children = [Child(parse(text), 0.5, 0) for text in texts]
    first, *others = make(task, 0, FLOAT32).train(children, 2, SPLITS)
    assert not first.diverged
    for other in others:
        assert distance(first, other) < 1e-4
    engine = make(task, 0, FLOAT32)
    (replicate,) = engine.train([Child(parse("noise(0.1)"), 0.5, 1)], 2, SPLITS)
    pairs = zip(first.curve, replicate.curve, strict=True)
    assert max(abs(a - b) for a, b in pairs) > 1e-2


CLOCKED = ("T", "t", "progress", "T * update + 1", "ld", "rd")


def check_clock(make: Make, text: str, epochs: int) -> None:
    """A rule is told the steps of its own training."""
    # A rule without g moves all weights alike: by how much is plain numerics.
    task = some_digits(training=320)
    total = 5 * epochs
    steps, update = [], 0.0
    for t in range(total):
        progress = t / total
        cosine = math.cos(math.pi * ((20 * t) % total) / total)
        values = {"T": total, "t": t, "progress": progress, "ld": 1 - progress}
        values["rd"] = 0.5 * (1 + cosine)
        update = values.get(text, total * update + 1)
        steps.append(update)
    rate = 0.1 / sum(steps)
    engine = make(task, 0, FLOAT64)
    (found,) = engine.train([Child(parse(text), rate, 0)], epochs, SPLITS)
    network = initial_parameters(task, 0, 0).double()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= rate * sum(steps)
        for split, loss in zip(SPLITS, found.losses, strict=True):
            examples = task.examples(split)
            expected = task.loss(network(examples.inputs.double()), examples.targets)
            assert loss == pytest.approx(expected.item(), rel=1e-12)


# --------------------------------------------------------------------------- divergence


def burst(step: int) -> Expression:
    """A rule that flings all weights to 1e38 at a step and back at the next."""
    peak = "max(0, 1 - abs(t - {}))".format
    return parse(f"1e38 * ({peak(step + 1)} - {peak(step)})")


def check_first_infinite_loss_ends_training(make: Make) -> None:
    """One loss that is not finite is the end, whatever follows."""
    task = load_task("digits")
    children = [Child(burst(step), 1.0, 0) for step in range(15)]
    children.append(Child(parse("g"), 0.1, 0))
    *outcomes, healthy = make(task, 0, FLOAT32).train(children, 1, SPLITS)
    assert not healthy.diverged
    for step, outcome in enumerate(outcomes):
        assert_diverged(outcome, step + 1)


LAST_STEP = (
    "exp(1000 * max(0, t - 14))",  # infinite weights after the last loss
    "1e38 * max(0, t - 14)",  # finite ones, with an infinite held-out loss
)


def check_last_update_can_diverge(make: Make, text: str) -> None:
    """Weights or held-out losses that the last update makes infinite diverge."""
    rule = parse(text + " - max(0, 1 - t)")
    engine = make(load_task("digits"), 0, FLOAT32)
    (outcome,) = engine.train([Child(rule, 10.0, 0)], 1, SPLITS)
    assert_diverged(outcome, 16)
    assert all(map(math.isfinite, outcome.curve))


class Hidden(Recording):
    """`digits` with a weight that is infinite where no loss ever shows it."""

    def network(self) -> torch.nn.Module:
        network = super().network()
        with torch.no_grad():
            network[0].bias[3] = -math.inf  # a rectifier turns it into 0
        return network


def check_hidden_weight_diverges(make: Make) -> None:
    """A weight that is not finite diverges even behind a rectifier."""
    task = Hidden(some_digits(training=320))
    engine = make(task, 0, FLOAT32)
    (outcome,) = engine.train([Child(parse("g"), 0.1, 0)], 2, SPLITS)
    assert_diverged(outcome, 10)


def check_never_nan(make: Make, text: str) -> None:
    """No number of an outcome is NaN, and all are finite unless it diverged."""
    children = children_of([text], (1e-5, 1e-2, 10.0))
    task = some_digits(training=320)
    for outcome in make(task, 0, FLOAT32).train(children, 2, SPLITS):
        numbers = (*outcome.losses, *outcome.accuracies, *outcome.curve)
        assert not any(map(math.isnan, numbers))
        assert all(map(math.isfinite, outcome.curve))
        if outcome.diverged:
            assert outcome.losses == (math.inf, math.inf)
        else:
            assert all(map(math.isfinite, outcome.losses))


def check_overflowing_scalar_diverges(make: Make, text: str) -> None:
    """A scalar that float32 can't hold diverges and breaks nothing."""
    engine = make(load_task("digits"), 0, FLOAT32)
    (outcome,) = engine.train([Child(parse(text), 10.0, 0)], 1, SPLITS)
    assert outcome.diverged


def assert_diverged(outcome: Outcome, losses: int) -> None:
    """It diverged after so many finite losses, at most 20."""
    assert outcome.diverged
    assert outcome.losses == (math.inf, math.inf)
    assert outcome.accuracies == (0.0, 0.0)
    assert len(outcome.curve) == losses
