"""The meta-gradient against finite differences in float64."""

import math
from collections.abc import Iterator, Sequence

import torch

from neuralopt.engines.engine import initial_parameters, training_order
from neuralopt.engines.numerics import Numerics
from neuralopt.learned.child import SteppedChild
from neuralopt.learned.network import UpdateNetwork
from neuralopt.learned.unrolling import Position, begin, unroll
from tests.learned.reference import SHAPE, plain_updates, tiny_task

RATE, FIRST, STEPS, SCALE = 0.3, 2, 5, 0.7
FLOAT64 = Numerics(torch.float64)


def batches() -> Iterator[torch.Tensor]:
    """The batches of replicate 1, of eight epochs."""
    for order, sizes in training_order(tiny_task(), 0, 1, 8):
        yield from order.split(sizes)


def losses_and_gradients(
    steps: Sequence[torch.Tensor],
) -> tuple[list[float], list[torch.Tensor]]:
    """What plain autograd finds before each step and after the last."""
    task, network = tiny_task(), initial_parameters(tiny_task(), 0, 1).double()
    examples, losses, gradients = task.examples("training"), [], []
    weights = list(network.parameters())
    for step, chosen in zip([torch.zeros(31), *steps], batches(), strict=False):
        with torch.no_grad():
            parts = step.split([each.numel() for each in weights])
            for weight, part in zip(weights, parts, strict=True):
                weight.sub_(part.view_as(weight))
        inputs = examples.inputs[chosen].double()
        loss = task.loss(network(inputs), examples.targets[chosen])
        losses.append(loss.item())
        found = torch.autograd.grad(loss, weights)
        gradients.append(torch.cat([each.reshape(-1) for each in found]))
    return losses, gradients


def surrogate(
    network: UpdateNetwork, recorded: Sequence[torch.Tensor], fixed: int
) -> float:
    """The scaled sum of losses after `fixed` steps, if the network gets what it got."""
    updates = plain_updates(network, recorded)
    steps = [RATE * update for update in updates]
    return SCALE * sum(losses_and_gradients(steps)[0][fixed + 1 :])


def test_the_meta_gradient_is_that_of_finite_differences() -> None:
    network = UpdateNetwork(SHAPE, seed=1).double()
    child = SteppedChild(tiny_task(), 0, 1, FLOAT64)
    position: Position = begin(child, network)
    losses, position = unroll(child, network, position, STEPS, RATE, SCALE)
    # what a child goes through is what plain autograd goes through
    recorded: list[torch.Tensor] = []
    for _ in range(STEPS):
        updates = plain_updates(network, recorded) if recorded else []
        found = losses_and_gradients([RATE * each for each in updates])
        recorded.append(found[1][-1])
    steps = [RATE * each for each in plain_updates(network, recorded)]
    plain, gradients = losses_and_gradients(steps)
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(plain[1:]))
    torch.testing.assert_close(position.gradient, gradients[-1])
    generator = torch.Generator().manual_seed(2)
    for weight in network.parameters():
        assert weight.grad is not None
        direction = torch.randn(weight.shape, generator=generator).double()
        slope = float((weight.grad * direction).sum())
        values = []
        for side in (1e-5, -2e-5):
            with torch.no_grad():
                weight.add_(side * direction)
            values.append(surrogate(network, recorded, 0))
        with torch.no_grad():
            weight.add_(1e-5 * direction)
        difference = (values[0] - values[1]) / 2e-5
        assert abs(slope - difference) < 1e-6 * max(1.0, abs(slope)), weight.shape
        assert abs(slope) > 1e-5, weight.shape


def test_a_truncation_starts_from_the_state_before_it() -> None:
    network = UpdateNetwork(SHAPE, seed=1).double()
    child = SteppedChild(tiny_task(), 0, 1, FLOAT64)
    one, position = unroll(child, network, begin(child, network), FIRST, RATE)
    two, _ = unroll(child, network, position, STEPS, RATE)
    whole = SteppedChild(tiny_task(), 0, 1, FLOAT64)
    both, _ = unroll(whole, network, begin(whole, network), FIRST + STEPS, RATE)
    assert one + two == both


def test_a_diverged_training_adds_nothing() -> None:
    network = UpdateNetwork(SHAPE, seed=1)
    child = SteppedChild(tiny_task(), 0, 1)
    losses, position = unroll(child, network, begin(child, network), STEPS, 1e39)
    assert len(losses) == 1
    assert not math.isfinite(position.loss)
    assert all(weight.grad is None for weight in network.parameters())
