"""Rules of tensor scope train alike on every engine, and as torch's own modules."""

import pytest
import torch

from neuralopt.engines.engine import Child
from neuralopt.engines.registry import ENGINES
from neuralopt.engines.stacked import StackedEngine, population
from neuralopt.engines.stacked.updates import Eager
from neuralopt.language import parse
from neuralopt.tasks import load_task
from tests.engines.builders import some_digits

RULES = (
    *("norm(g) * sign(m)", "g / (rms(g) + 1e-8)", "g * maximum(abs(g)) + mean(g)"),
    *("g / (sqrt(ema(rows(g ** 2), 0.9)) + 1e-3)", "columns(g) + g", "loss * g"),
    "where(matrix, orthogonalize(g + 0.9 * trace(g, 0.9)), sign(g))",
    "where(head, 0.1 * g, where(vector, m, 0.01 * sign(m)))",
    "where(cosine(g, previous(g)) > 0, g, drop(m, 0.5))",
    "fold(0.9 * s + 0.1 * norm(g) * g)",
    *("fan_in * g / fan_out", "0.5 * update + rms(update) * g + g", "norm(2) * g"),
    "previous(norm(g)) * g + where(g < w, m, rows(drop(g, 0.5)))",
)
EPOCHS, LIMIT, SPLITS = 1, 640, ("validation",)


@pytest.fixture(scope="module")
def task():
    return some_digits(training=LIMIT)


@pytest.fixture(scope="module")
def children():
    return [Child(parse(rule), 0.05, number % 2) for number, rule in enumerate(RULES)]


@pytest.fixture(scope="module")
def expected(task, children):
    engine = ENGINES["serial"](task, 0, dtype=torch.float64)
    return engine.train(children, EPOCHS, SPLITS, LIMIT)


def check(found, expected):
    for rule, one, other in zip(RULES, found, expected, strict=True):
        assert not other.diverged, rule
        assert one.losses == pytest.approx(other.losses, rel=1e-9), rule
        assert one.curve == pytest.approx(other.curve, rel=1e-9), rule


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "serial"])
def test_an_engine_trains_as_the_serial_one_does(name, task, children, expected):
    engine = ENGINES[name](task, 0, dtype=torch.float64)
    check(engine.train(children, EPOCHS, SPLITS, LIMIT), expected)


def test_torch_operations_train_as_the_kernels_do(
    task, children, expected, monkeypatch
):
    monkeypatch.setattr(population, "updates_for", Eager)
    engine = StackedEngine(task, 0, torch.float64)
    check(engine.train(children, EPOCHS, SPLITS, LIMIT), expected)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "serial"])
def test_a_child_does_not_depend_on_its_companions(name, task, children):
    engine = ENGINES[name](task, 0)
    together = engine.train(children, EPOCHS, SPLITS, LIMIT)
    alone = [
        engine.train([child], EPOCHS, SPLITS, LIMIT)[0] for child in children[:9:4]
    ]
    assert together[:9:4] == alone


@pytest.mark.parametrize("name", ["native", "stacked"])
def test_convolutions_are_matrices_of_their_windows(name):
    task = load_task("digits_conv")
    rules = ("rows(g) + norm(g) * g", "where(matrix, orthogonalize(g), 0.1 * g)")
    some = [Child(parse(rule), 0.02, 0) for rule in rules]
    serial = ENGINES["serial"](task, 0, dtype=torch.float64)
    engine = ENGINES[name](task, 0, dtype=torch.float64)
    limit = 2 * task.batch_size
    pairs = zip(
        engine.train(some, 1, SPLITS, limit),
        serial.train(some, 1, SPLITS, limit),
        strict=True,
    )
    for one, other in pairs:
        assert one.losses == pytest.approx(other.losses, rel=1e-9)
