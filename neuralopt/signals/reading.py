"""Read gradients, weights and activations of a network, layer by layer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

SATURATED = 0.01
"""A unit is saturated on an example if the slope of its activation there is less: it
passes less than a hundredth of the gradient on."""

ELEMENTWISE = (
    *(nn.CELU, nn.ELU, nn.GELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh),
    *(nn.LeakyReLU, nn.LogSigmoid, nn.Mish, nn.ReLU, nn.SELU, nn.SiLU, nn.Sigmoid),
    *(nn.Softplus, nn.Softsign, nn.Tanh),
)
"""Modules whose outputs are counted as activations; so are those of recurrent ones."""


def layers_of(network: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return the parameters of each layer, the first layer first.

    A layer is a module that has parameters of its own. Its name is the module's, or the
    network's class for parameters of the network itself.

    Args:
        network: any.
    """
    found = {}
    for name, module in network.named_modules():
        if own := list(module.parameters(recurse=False)):
            found[name or type(network).__name__] = own
    return found


def norms_of(layers: dict[str, list[nn.Parameter]], gradients: bool) -> list[float]:
    """Return the Euclidean norm of each layer's gradient, or of its weights.

    Args:
        layers: as `layers_of` returns them.
        gradients: whether of the gradient, which counts as 0 where there is none.
    """
    return [
        _norm([each.grad if gradients else each.detach() for each in parameters])
        for parameters in layers.values()
    ]


def distances(
    before: dict[str, list[torch.Tensor]], layers: dict[str, list[nn.Parameter]]
) -> list[float]:
    """Return how far each layer's weights are from what they were.

    Args:
        before: copies of the weights, by layer.
        layers: as `layers_of` returns them.
    """
    return [
        _norm([new.detach() - old for new, old in zip(layers[name], olds, strict=True)])
        for name, olds in before.items()
    ]


def _norm(tensors: list[torch.Tensor | None]) -> float:
    flat = [each.reshape(-1) for each in tensors if each is not None]
    return float(torch.linalg.vector_norm(torch.cat(flat))) if flat else 0.0


@dataclass(frozen=True, slots=True)
class Activity:
    """The outputs of one activation on a batch.

    Attributes:
        mean: of all outputs.
        deviation: standard deviation of all outputs.
        saturated: share of outputs whose unit is saturated; NaN for gated cells.
        dead: share of units that are saturated on every example and at every place of
            the batch; NaN for gated cells.
    """

    mean: float
    deviation: float
    saturated: float
    dead: float


@dataclass(slots=True)
class _Watch:
    """The outputs of a module, and the slopes at them."""

    outputs: list[torch.Tensor] = field(default_factory=list)
    slopes: list[torch.Tensor] = field(default_factory=list)

    def activity(self) -> Activity:
        values = torch.cat([each.reshape(-1) for each in self.outputs]).double()
        deviation = float(values.std(correction=0))
        flat = [_by_unit(each.abs() < SATURATED) for each in self.slopes]
        if not flat:
            return Activity(float(values.mean()), deviation, float("nan"), float("nan"))
        quiet = torch.cat(flat)
        saturated, dead = quiet.double().mean(), quiet.all(0).double().mean()
        return Activity(float(values.mean()), deviation, float(saturated), float(dead))


def _by_unit(values: torch.Tensor) -> torch.Tensor:
    """(examples and places, units): units are the channels of images, else last."""
    last = values.movedim(1, -1) if values.ndim > 3 else values
    return last.reshape(-1, last.shape[-1])


@contextmanager
def watching(network: nn.Module) -> Iterator[dict[str, _Watch]]:
    """Keep the outputs of all activations of the forward passes inside.

    Args:
        network: whose activations are modules; functions are not seen.

    Yields:
        What is kept, by the names of modules.
    """
    watches: dict[str, _Watch] = {}
    handles = []
    for name, module in network.named_modules():
        if not isinstance(module, (*ELEMENTWISE, nn.RNNBase)):
            continue
        watch = watches[name] = _Watch()

        def before(module: nn.Module, given: Any, watch: _Watch = watch) -> None:
            if not isinstance(module, nn.RNNBase):
                watch.slopes.append(_slopes(module, given[0]))

        def after(
            module: nn.Module, given: Any, made: Any, watch: _Watch = watch
        ) -> None:
            outputs = made[0] if isinstance(made, tuple) else made
            watch.outputs.append(outputs.detach().clone())
            if isinstance(module, nn.RNN):
                watch.slopes.append(_slopes_of_rnn(module, outputs.detach()))

        handles += [
            module.register_forward_pre_hook(before),
            module.register_forward_hook(after),
        ]
    try:
        yield watches
    finally:
        for handle in handles:
            handle.remove()


def _slopes(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """The derivative of an element-wise module at each of its inputs."""
    with torch.enable_grad():
        point = inputs.detach().clone().requires_grad_()
        outputs = module.forward(point.clone())  # it may work in place
        (slopes,) = torch.autograd.grad(outputs.sum(), point)
    return slopes


def _slopes_of_rnn(module: nn.RNN, outputs: torch.Tensor) -> torch.Tensor:
    if module.nonlinearity == "relu":
        return (outputs > 0).to(outputs.dtype)
    return 1 - outputs.square()
