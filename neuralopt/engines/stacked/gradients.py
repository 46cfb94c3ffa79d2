"""Methods to compute the gradients of a population, whose networks are matrix rows."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from neuralopt.engines.engine import (
    UnsupportedTaskError,
    initial_parameters,
    measure,
)
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.parameters import ParameterLayout
from neuralopt.engines.randomness import TRAINING, seeded
from neuralopt.engines.stacked.dense import (
    batched_forward,
    batched_gradients,
    cross_entropy,
)
from neuralopt.tasks import Examples, Mlp, Task

VECTOR_LANES = 16
"""Numbers in the longest vector register. torch.func makes convolved and normalised
networks channels of one tensor: a multiple of so many fills whole registers. Otherwise
rounding, and so an outcome, would depend on how many networks are left."""

Measures = list[tuple[float, float]]


class GradientMethod(Protocol):
    """Gradients and measures of the networks of a population.

    Networks are the rows of `weights`, (rows, length), in the order of a
    `ParameterLayout`. A method keeps buffers, such as running means, between steps.
    """

    def gradients(
        self,
        weights: torch.Tensor,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        gradients: torch.Tensor,
        step: int,
    ) -> torch.Tensor:
        """Write the gradients of all rows on one batch.

        Args:
            weights: (rows, length).
            inputs: of the batch, the same for all rows.
            targets: of the batch.
            gradients: (rows, length), written to.
            step: of the training; random numbers of a network depend on it.

        Returns:
            The loss of each row, (rows,).
        """
        ...

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only these rows.

        Args:
            rows: their numbers, ascending.
        """
        ...

    def measure(self, weights: torch.Tensor, examples: Examples) -> Measures:
        """Measure the network of each row on a held-out split.

        Args:
            weights: (rows, length).
            examples: of the split, on the device of the networks.

        Returns:
            Mean loss and accuracy of each row.
        """
        ...


@dataclass(frozen=True, slots=True)
class NetworkSetup:
    """What a method is made from.

    Attributes:
        task: gives loss and metric.
        numerics: of the networks.
        counters: seed and replicate.
        network: one network, which the method may use.
        rows: places of its parameters.
        frozen: columns of the rows that are known to get no gradient.
        random: whether the network draws random numbers in training.
    """

    task: Task
    numerics: Numerics
    counters: tuple[int, int]
    network: nn.Module
    rows: ParameterLayout
    frozen: tuple[slice, ...] = ()
    random: bool = False

    @classmethod
    def of(
        cls, task: Task, numerics: Numerics, seed: int = 0, replicate: int = 0
    ) -> "NetworkSetup":
        """Make the setup of a replicate, with a new network in training mode.

        Args:
            task: makes the network.
            numerics: dtype and device of the network.
            seed: of the engine.
            replicate: number of the initial weights.

        Returns:
            A setup in which no column is frozen and nothing is random.
        """
        network = initial_parameters(task, seed, replicate)
        network.to(numerics.device, numerics.dtype).train()
        return cls(task, numerics, (seed, replicate), network, ParameterLayout(network))

    def another(self) -> nn.Module:
        """Make one more network like this one."""
        return NetworkSetup.of(self.task, self.numerics, *self.counters).network


class DenseGradients:
    """Batched matrix products, for fully connected networks and cross-entropy.

    Args:
        setup: of a task whose network is an `Mlp`.
        count: networks of the population; not used.
    """

    def __init__(self, setup: NetworkSetup, count: int) -> None:
        assert isinstance(setup.task.layers, Mlp)
        self.layers = setup.task.layers

    def gradients(
        self,
        weights: torch.Tensor,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        gradients: torch.Tensor,
        step: int,
    ) -> torch.Tensor:
        """Write the gradients of all rows on one batch, by `batched_gradients`.

        See `GradientMethod.gradients`.
        """
        return batched_gradients(self.layers, weights, inputs, targets, gradients)

    def keep(self, rows: torch.Tensor) -> None:
        """Do nothing, since this method keeps no buffers.

        See `GradientMethod.keep`.
        """

    def measure(self, weights: torch.Tensor, examples: Examples) -> Measures:
        """Measure the network of each row on a held-out split.

        See `GradientMethod.measure`.
        """
        outputs = batched_forward(self.layers, weights, examples.inputs)[-1]
        right = (outputs.argmax(-1) == examples.targets).double().mean(1)
        losses, _ = cross_entropy(outputs, examples.targets)
        return list(zip(losses.tolist(), right.tolist(), strict=True))


class LoopGradients:
    """torch's own forward and backward passes, one network after another.

    Each row has its own network object, whose parameters are views of the row, so that
    buffers and other state are kept for each row too.

    Args:
        setup: of the networks; its network becomes that of the first row.
        count: networks of the population.
    """

    def __init__(self, setup: NetworkSetup, count: int) -> None:
        self.setup = setup
        others = (setup.another() for _ in range(count - 1))
        self.networks = [setup.network, *others]
        self.frozen = [span in setup.frozen for span in setup.rows.spans]
        self._placed: torch.Tensor | None = None

    def _place(self, weights: torch.Tensor) -> None:
        """Make the networks' parameters views of the rows, unless they are already."""
        if weights is self._placed:
            return
        views = self.setup.rows.views(weights)
        for row, network in enumerate(self.networks):
            for parameter, view in zip(network.parameters(), views, strict=True):
                parameter.data = view[row]
        self._placed = weights

    def gradients(
        self,
        weights: torch.Tensor,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        gradients: torch.Tensor,
        step: int,
    ) -> torch.Tensor:
        """Write the gradients of all rows on one batch, row by row.

        See `GradientMethod.gradients`.

        Raises:
            UnsupportedTaskError: other parameters than the setup's frozen ones get no
                gradient.
        """
        self._place(weights)
        setup, into = self.setup, self.setup.rows.views(gradients)
        losses = weights.new_empty(len(weights))
        for row, network in enumerate(self.networks):
            parameters = list(network.parameters())
            trained = [each for each in parameters if each.requires_grad]
            with self._random_numbers(step):
                with torch.enable_grad(), setup.numerics.autocast():
                    loss = setup.task.loss(network(inputs), targets)
                found = iter(torch.autograd.grad(loss, trained, allow_unused=True))
            slopes = [next(found) if p.requires_grad else None for p in parameters]
            self._check([slope is None for slope in slopes])
            for place, slope in zip(into, slopes, strict=True):
                if slope is not None:
                    place[row] = slope
            losses[row] = loss.detach()
        return losses

    def _random_numbers(self, step: int) -> AbstractContextManager[object]:
        setup = self.setup
        if not setup.random:
            return nullcontext()
        return seeded(*setup.counters, TRAINING, step, device=setup.numerics.device)

    def _check(self, frozen: list[bool]) -> None:
        if frozen != self.frozen:
            raise UnsupportedTaskError(
                f"task {self.setup.task.name}: which of the network's parameters get "
                "a gradient changes from batch to batch: use evaluator.engine=serial"
            )

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only the networks of these rows.

        See `GradientMethod.keep`.
        """
        self.networks = [self.networks[row] for row in rows.tolist()]

    def measure(self, weights: torch.Tensor, examples: Examples) -> Measures:
        """Measure the network of each row on a held-out split.

        See `GradientMethod.measure`.
        """
        self._place(weights)
        task, numerics = self.setup.task, self.setup.numerics
        found, counters = [], self.setup.counters if self.setup.random else None
        for network in self.networks:
            found.append(measure(network.eval(), task, examples, numerics, counters))
            network.train()
        return found


class VmapGradients:
    """One pass for all networks, batched by torch.func.

    Networks that draw random numbers are not supported: torch.func raises an error for
    them.

    Args:
        setup: of the networks.
        count: networks of the population.
    """

    def __init__(self, setup: NetworkSetup, count: int) -> None:
        self.setup, self.network = setup, setup.network
        self.own = dict(self.network.named_buffers())
        self.buffers = {
            name: buffer.expand(count, *buffer.shape).clone()
            for name, buffer in self.own.items()
        }
        self._all: Callable[..., Any] = vmap(
            grad_and_value(self._loss), in_dims=(0, 0, 0, None)
        )
        modules = list(self.network.modules())
        mingled = any(isinstance(m, (_ConvNd, _BatchNorm)) for m in modules)
        if setup.numerics.mixed:
            for module in modules:
                if isinstance(module, _BatchNorm):
                    module.register_forward_pre_hook(_widened)
        self._multiple = VECTOR_LANES if mingled else 1

    def _loss(
        self,
        parameters: dict[str, torch.Tensor],
        buffers: dict[str, torch.Tensor],
        inputs: torch.Tensor,
        targets: torch.Tensor,
    ) -> torch.Tensor:
        with self.setup.numerics.autocast():
            outputs = functional_call(self.network, (parameters, buffers), (inputs,))
            return self.setup.task.loss(outputs, targets)

    def gradients(
        self,
        weights: torch.Tensor,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        gradients: torch.Tensor,
        step: int,
    ) -> torch.Tensor:
        """Write the gradients of all rows on one batch, in one pass.

        See `GradientMethod.gradients`.
        """
        rows, count = self.setup.rows, len(weights)
        buffers = self.buffers
        more = -count % self._multiple
        if more:
            filled = torch.arange(count + more, device=weights.device) % count
            weights = weights[filled]
            buffers = {name: each[filled] for name, each in buffers.items()}
        named = dict(zip(rows.names, rows.views(weights), strict=True))
        # All networks share the inputs, but they are expanded: torch would compute one
        # product over all networks in pieces that depend on how many there are.
        each = inputs.expand(len(weights), *inputs.shape)
        found, losses = self._all(named, buffers, each, targets)
        for place, gradient in zip(rows.views(gradients), found.values(), strict=True):
            place.copy_(gradient[:count])
        if more:
            self.buffers = {name: each[:count] for name, each in buffers.items()}
        # A loss may have another dtype, such as bfloat16 under autocast.
        return losses[:count].to(weights.dtype)  # type: ignore[no-any-return]

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only the buffers of these rows.

        See `GradientMethod.keep`.
        """
        self.buffers = {name: each[rows] for name, each in self.buffers.items()}

    def measure(self, weights: torch.Tensor, examples: Examples) -> Measures:
        """Measure the network of each row on a held-out split.

        See `GradientMethod.measure`.
        """
        setup, found = self.setup, []
        views = setup.rows.views(weights)
        self.network.eval()
        for row in range(len(weights)):
            for parameter, view in zip(self.network.parameters(), views, strict=True):
                parameter.data = view[row]
            for name, buffer in self.own.items():
                buffer.data = self.buffers[name][row]
            found.append(measure(self.network, setup.task, examples, setup.numerics))
        self.network.train()
        return found


def _widened(
    module: nn.Module, inputs: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """Convert inputs of a batch normalisation to the dtype of its running means.

    torch.func requires that; torch does not.
    """
    return tuple(each.float() for each in inputs)


GRADIENT_METHODS: dict[str, Callable[[NetworkSetup, int], GradientMethod]] = {
    "dense": DenseGradients,
    "vmap": VmapGradients,
    "loop": LoopGradients,
}
