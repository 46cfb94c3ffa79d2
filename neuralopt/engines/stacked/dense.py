"""Forward and backward passes of a population of fully connected networks.

Weights and gradients are (rows, n), each row the parameters of one network.
"""

from collections.abc import Callable

import torch

from neuralopt.tasks import Mlp


def batched_forward(
    layers: Mlp, weights: torch.Tensor, inputs: torch.Tensor
) -> list[torch.Tensor]:
    """Compute the inputs of every layer and the outputs of the last.

    Args:
        layers: of the networks.
        weights: (rows, n).
        inputs: (batch, width), shared by all rows.

    Returns:
        Tensors (rows, batch, width).
    """
    rows = len(weights)
    values = [inputs.expand(rows, *inputs.shape)]
    for index, (weight, bias) in enumerate(layer_views(layers, weights)):
        if index:
            values[-1] = ACTIVATE[layers.activation](values[-1])
        values.append(torch.baddbmm(bias.unsqueeze(1), values[-1], weight.mT))
    return values


def batched_gradients(
    layers: Mlp,
    weights: torch.Tensor,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    gradients: torch.Tensor,
) -> torch.Tensor:
    """Compute the gradients of all rows on one batch.

    Args:
        layers: of the networks.
        weights: (rows, n).
        inputs: (batch, width), shared by all rows.
        targets: class numbers, (batch,).
        gradients: (rows, n), written to.

    Returns:
        The loss of each row, (rows,).
    """
    values = batched_forward(layers, weights, inputs)
    outputs = values.pop()
    batch = len(targets)
    losses, delta = cross_entropy(outputs, targets)
    delta[:, torch.arange(batch, device=targets.device), targets] -= 1.0
    delta /= batch
    views = layer_views(layers, gradients)
    for index in reversed(range(len(views))):
        weight_gradient, bias_gradient = views[index]
        torch.bmm(delta.mT, values[index], out=weight_gradient)
        torch.sum(delta, 1, out=bias_gradient)
        if index:
            weight = layer_views(layers, weights)[index][0]
            delta = torch.bmm(delta, weight)
            delta *= SLOPE[layers.activation](values[index])
    return losses


def cross_entropy(
    outputs: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the mean loss of each row, and the probabilities of the classes.

    The greatest output is subtracted first: many rules push all outputs the same way,
    and the loss would lose its digits to their common part.

    Args:
        outputs: (rows, batch, classes).
        targets: class numbers, (batch,).

    Returns:
        Losses, (rows,), and probabilities, (rows, batch, classes).
    """
    shifted = outputs - outputs.amax(-1, keepdim=True)
    each = torch.arange(len(targets), device=targets.device)
    chosen = shifted[:, each, targets]
    probabilities = shifted.exp_()
    total = probabilities.sum(-1, keepdim=True)
    losses = (total.log().squeeze(-1) - chosen).mean(1)
    return losses, probabilities.div_(total)


def layer_views(
    layers: Mlp, flat: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return views of each layer's weight and bias.

    Args:
        layers: of the networks.
        flat: (rows, n), each row the parameters or gradients of a network.

    Returns:
        For each layer a weight (rows, out, in) and a bias (rows, out).
    """
    views = []
    start = 0
    for inputs, outputs in zip(layers.widths, layers.widths[1:], strict=False):
        middle, stop = start + inputs * outputs, start + (inputs + 1) * outputs
        weight = flat[:, start:middle].view(len(flat), outputs, inputs)
        views.append((weight, flat[:, middle:stop]))
        start = stop
    return views


Elementwise = Callable[[torch.Tensor], torch.Tensor]
ACTIVATE: dict[str, Elementwise] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
SLOPE: dict[str, Elementwise] = {  # of an activation, by its value
    "relu": lambda value: (value > 0).to(value.dtype),
    "tanh": lambda value: 1 - value * value,
    "sigmoid": lambda value: value * (1 - value),
}
