"""Networks that the native engine trained, and ensembles of them."""

import math

import pytest
import torch

pytest.importorskip("numba")

from experiments.snapshots import methods
from experiments.snapshots.networks import KeepingEngine
from experiments.snapshots.summary import comparisons, pairs
from neuralopt.engines.engine import Child
from neuralopt.engines.serial import SerialEngine
from neuralopt.language import parse
from neuralopt.optimizer import RuleOptimizer
from neuralopt.tasks import ConvNet
from tests.engines.builders import digits_for, some_digits

SMALL_CONV = ConvNet((1, 8, 8), ((4, 2), (8, 1)), (10,))
LABELS = ("validation", "test")


@pytest.mark.parametrize("kind", ["mlp", "convolutions"])
def test_a_kept_network_has_the_losses_of_its_training(kind: str) -> None:
    if kind == "mlp":
        task = some_digits(training=320)
    else:
        task = digits_for(SMALL_CONV, training=320)
    engine = KeepingEngine(task)
    child = Child(parse("(1 + cos(t)) * trace(g, 0.9)"), 0.1, 3)
    first, last = engine.networks(child, [1, 3])
    (outcome,) = SerialEngine(task, 0).train([child], 3, LABELS, None, (5,))
    assert methods.ensemble_loss(task, [first], LABELS[0]) == pytest.approx(
        outcome.along[0], rel=1e-4
    )
    for split, loss in zip(LABELS, outcome.losses, strict=True):
        found = methods.ensemble_loss(task, [last], split)
        assert found == pytest.approx(loss, rel=1e-4)


def test_a_diverged_member_makes_the_loss_infinite() -> None:
    task = some_digits(training=128)
    engine = KeepingEngine(task)
    networks = engine.networks(Child(parse("g / 0"), 0.1, 0), [1])
    assert networks == [None]
    assert methods.ensemble_loss(task, networks, "test") == math.inf


def test_an_ensembles_loss_is_that_of_the_mean_probability() -> None:
    task = some_digits(training=64)

    class Fixed(torch.nn.Module):
        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            others = (1 - self.share) / 9
            rows = torch.full((len(inputs), 10), others, dtype=torch.float64)
            rows[torch.arange(len(inputs)), task.examples("test").targets] = self.share
            return rows.log()

    one, other = Fixed(0.9), Fixed(0.3)
    found = methods.ensemble_loss(task, [one, other], "test")
    assert found == pytest.approx(-math.log(0.6))


def test_steps_halve_the_rate_where_growing_batches_double() -> None:
    # By the steps of an optimizer whose rule is the factor itself.
    taken = []
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    rule = parse(f"({methods.FACTORS['steps']}) + 0 * g")
    optimizer = RuleOptimizer([weight], rule, lr=1.0, total_steps=480)
    for _ in range(480):
        before, weight.grad = weight.item(), torch.zeros_like(weight)
        optimizer.step()
        taken.append(before - weight.item())
    expected = [1.0] * 192 + [0.5] * 96 + [0.25] * 96 + [0.125] * 96
    assert taken == pytest.approx(expected)


def test_a_grid_grows_until_its_best_rate_is_inside() -> None:
    def loss(rate: float) -> float:
        return abs(math.log2(rate / 32))

    assert methods.tuned(loss, [1.0, 2.0, 4.0]) == 32.0
    assert methods.tuned(loss, [128.0, 256.0]) == 32.0
    assert methods.tuned(lambda rate: -rate, [1.0, 2.0]) == 512.0


def test_results_are_compared_with_the_reference_of_their_kind() -> None:
    far = {"rate": 0.1, "losses": [0.5, 0.6, None, 0.7]}
    near = {"rate": 0.2, "losses": [0.10, 0.11, 0.12, 0.13]}
    results = {"tasks": {"some": {"sgd": {"schedules": {"x": far, "cosine": near}}}}}
    (found,) = comparisons(results, "schedules")
    assert found.methods == ["cosine", "x"]
    assert found.comparison.reference == "cosine"
    assert found.comparison["x"].diverged == 1
    assert found.comparison["x"].difference < -0.3
    assert math.isinf(found.losses["x"])
    assert not list(comparisons(results, "ensembles"))  # not measured so far
    assert not list(pairs(results))
