"""A child's training loss as a function of all its weights, with two derivatives."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.func import functional_call

from neuralopt.landscapes.training import flat, measured_examples
from neuralopt.tasks import Examples, Task

Product = Callable[[torch.Tensor], torch.Tensor]
"""A vector (n,) -> a matrix (n, n) times it."""

MOST = 5000
"""Weights of a network whose whole Hessian is computed: 200 MB, and 42 thousand million
operations for its eigenvalues."""


class ChildLoss:
    """The mean loss of a network on some examples, in float64 and evaluation mode.

    Dropout is off, and batch normalisation uses its running statistics.

    Args:
        task: gives the loss.
        network: converted to float64 in place; its weights stay as they are.
        examples: floats in float64; the first 1,000 of the training split if not given.

    Attributes:
        dimensions: weights of the network.
        start: (dimensions,), the network's own weights.

    Raises:
        ValueError: the network has no weight that is trained.
    """

    def __init__(
        self, task: Task, network: nn.Module, examples: Examples | None = None
    ) -> None:
        self._task, self._network = task, network.double().eval()
        self._examples = examples or measured_examples(task)
        self._shapes = {name: each.shape for name, each in network.named_parameters()}
        self.start = flat(network)
        self.dimensions = len(self.start)
        if not self.dimensions:
            raise ValueError(f"task {task.name}: its network has no weights")

    def loss(self, weights: torch.Tensor) -> torch.Tensor:
        """Return the loss, a scalar that autograd can differentiate.

        Args:
            weights: (dimensions,), float64.
        """
        parts = weights.split([math.prod(each) for each in self._shapes.values()])
        named = {
            name: part.view(shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }
        outputs = functional_call(self._network, named, (self._examples.inputs,))
        return self._task.loss(outputs, self._examples.targets)

    def gradient(self, weights: torch.Tensor) -> torch.Tensor:
        """Return the gradient at some weights, (dimensions,)."""
        place = weights.detach().requires_grad_()
        (found,) = torch.autograd.grad(self.loss(place), place)
        return found

    def product(self, weights: torch.Tensor) -> Product:
        """Return the function v -> H v of the Hessian H at some weights.

        H v is the gradient of the number gradient . v (Pearlmutter 1994): it costs
        about as much as two gradients, and no matrix is made.

        Args:
            weights: (dimensions,), float64.
        """
        place = weights.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.loss(place), place, create_graph=True)
        if not gradient.requires_grad:  # the loss is linear in the weights
            return torch.zeros_like

        def times(vector: torch.Tensor) -> torch.Tensor:
            (found,) = torch.autograd.grad(
                gradient, place, vector, retain_graph=True, materialize_grads=True
            )
            return found

        return times

    def hessian(self, weights: torch.Tensor) -> torch.Tensor:
        """Return the whole Hessian at some weights, a product for each column.

        Args:
            weights: (dimensions,), float64.

        Returns:
            (dimensions, dimensions), symmetric to the last bit.

        Raises:
            ValueError: there are more than `MOST` weights.
        """
        n = self.dimensions
        if n > MOST:
            raise ValueError(
                f"the Hessian of {n} weights takes {8 * n * n / 1e9:.2g} GB: use "
                f"Hessian-vector products, or a network of {MOST} weights at most"
            )
        times = self.product(weights)
        columns = [times(each) for each in torch.eye(n, dtype=torch.float64)]
        found = torch.stack(columns)
        return (found + found.T) / 2
