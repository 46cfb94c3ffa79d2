"""Batches that grow along a training."""

import pytest
import torch

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.engines.engine import (
    Child,
    UnsupportedTaskError,
    batch_sizes,
    initial_parameters,
    training_steps,
)
from neuralopt.engines.native import NativeEngine
from neuralopt.engines.randomness import ORDER
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.engines.step_counter import StepCounter, counting_steps
from neuralopt.language import parse
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_trials, steps_of_trial
from neuralopt.tasks import ConvNet, Recipe, with_recipe
from tests.engines.builders import digits_for, some_digits

SPLITS = ("validation", "test")
METHODS = ("dense", "vmap", "loop", "")


def growing(task, growth=2.0, milestones="0.25 0.75"):
    return with_recipe(task, batch_growth=growth, batch_milestones=milestones)


@pytest.mark.parametrize(
    ("growth", "milestones", "epochs", "limit", "expected"),
    [
        # Smith et al.: five times as large after 0.3, 0.6 and 0.8 of the epochs.
        (
            5.0,
            "0.3 0.6 0.8",
            10,
            None,
            [[50] * 20] * 3 + [[250] * 4] * 3 + [[1000]] * 4,
        ),
        (2.0, "0.5", 1, None, [[50] * 10 + [100] * 5]),
        (2.0, "0.5", 1, 310, [[50] * 4 + [100]]),  # 10 are left: no batch
        (3.0, "0.5", 1, 390, [[50] * 4 + [150]]),
        (3.0, "0.5", 1, 260, [[50] * 3 + [110]]),  # all that are left
        (1.5, "0.5", 2, 150, [[50] * 3, [75, 75]]),
        (1e300, "0.2 0.4", 1, 300, [[50] * 2 + [200]]),  # its square is infinite
        (1.0, "0.5", 2, 190, [[50] * 3, [50] * 3]),
    ],
)
def test_sizes_of_batches(growth, milestones, epochs, limit, expected):
    task = growing(some_digits(batch_size=50, training=1000), growth, milestones)
    assert batch_sizes(task, epochs, limit) == expected
    assert training_steps(task, epochs, limit) == sum(map(len, expected))


@pytest.mark.parametrize("engine", ["serial", *METHODS])
def test_a_training_takes_batches_that_grow(engine):
    # Gradient descent, written out: 256 examples an epoch, batches of 64, 128 and 256.
    task = growing(some_digits(training=256))
    make = SerialEngine if engine == "serial" else StackedEngine
    options = {} if engine == "serial" else {"method": engine}
    child = Child(parse("g"), 0.5, 1)
    (found,) = make(task, 0, torch.float64, **options).train([child], 4, SPLITS)
    network, examples = (
        initial_parameters(task, 0, 1).double(),
        task.examples("training"),
    )
    losses = []
    for epoch, sizes in enumerate(([64] * 4, [128] * 2, [128] * 2, [256])):
        order, first = counter_order(counter_key(0, 1, ORDER, epoch), 256), 0
        for size in sizes:
            chosen = torch.from_numpy(order[first : first + size])
            first += size
            outputs = network(examples.inputs[chosen].double())
            loss = task.loss(outputs, examples.targets[chosen])
            losses.append(loss.item())
            weights = list(network.parameters())
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight -= 0.5 * gradient
    assert found.steps == len(losses) == 9
    assert found.curve == pytest.approx(losses, rel=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_growing_batches_do_not_couple_children(method):
    layers = None if method == "dense" else ConvNet((1, 8, 8), ((4, 2),), (10,))
    plain = digits_for(layers, 16, 80) if layers else some_digits(16, training=80)
    engine = StackedEngine(growing(plain, 1.5), 0, method=method)
    rules = ("g", "adam", "1e38 * g", "drop(g, 0.5)")
    children = [Child(parse(rule), 0.1, 0) for rule in rules]
    together = engine.train(children, 2, SPLITS, None, (3,))
    alone = [engine.train([child], 2, SPLITS, None, (3,))[0] for child in children]
    if method != "vmap":  # which is not chosen for batches of any size
        assert together == alone
    assert [outcome.diverged for outcome in together] == [False, False, True, False]


def test_budgets_count_the_steps_of_growing_batches():
    task = growing(some_digits(training=320))
    budget = Budget("some", (0.01, 0.1), 1, 3, screening_examples=192, horizons=(4,))
    counter = StepCounter()
    with counting_steps(counter):
        score_trials(StackedEngine(task, 0), task, budget, [Trial(parse("g"))])
    whole = steps_of_trial(task, budget, 1)
    assert counter.done == whole - training_steps(task, 4)
    assert whole == 2 * 2 + training_steps(task, 3) + training_steps(task, 4)


def test_the_native_engine_refuses_batches_that_grow():
    pytest.importorskip("numba")
    with pytest.raises(UnsupportedTaskError, match="only reparametrize"):
        NativeEngine(growing(some_digits(training=64)), 0)
    NativeEngine(with_recipe(some_digits(training=64), batch_milestones="0.1"), 0)


def test_batches_of_one_size_leave_a_recipes_description_as_it_was():
    text = "Recipe(clip_norm=0.0, weight_decay=0.0, schedule='1', warmup=0.0)"
    assert Recipe().description == text
    grown = Recipe(batch_growth=2.0).description
    assert grown == text[:-1] + ", batch_growth=2.0, batch_milestones='0.3 0.6 0.8')"
