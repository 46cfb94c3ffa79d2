"""The LSTM optimizer written plainly, with torch's own LSTMCell, and a tiny task."""

import math
from collections.abc import Sequence

import torch
from torch import nn

from neuralopt.learned.network import NetworkShape, UpdateNetwork
from neuralopt.tasks import Task, make_task

SHAPE = NetworkShape(hidden=5, layers=2)
"""The network of these tests."""


def tiny_network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))


def tiny_task() -> Task:
    """Three classes of points: 31 weights, 4 batches of 8 an epoch."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(60, 3, generator=generator)
    return make_task("tiny", tiny_network, (inputs, inputs.argmax(1)), batch_size=8)


def cells_of(network: UpdateNetwork) -> list[nn.LSTMCell]:
    """torch's cells with the weights of a network."""
    cells = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        hidden = network.shape.hidden
        inputs = len(weight) - hidden
        cell = nn.LSTMCell(inputs, hidden, dtype=torch.float64)
        with torch.no_grad():
            cell.weight_ih.copy_(weight[:inputs].T)
            cell.weight_hh.copy_(weight[inputs:].T)
            cell.bias_ih.copy_(bias)
            cell.bias_hh.zero_()
        cells.append(cell)
    return cells


def features(gradient: float, p: float) -> tuple[float, float]:
    """The preprocessing of a number: appendix A of Andrychowicz et al. 2016."""
    if abs(gradient) >= math.exp(-p):
        return math.log(abs(gradient)) / p, math.copysign(1.0, gradient)
    return -1.0, math.exp(p) * gradient


@torch.no_grad()
def plain_updates(
    network: UpdateNetwork, gradients: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """Updates of all steps, in float64."""
    cells, p = cells_of(network), network.shape.decades
    zeros = torch.zeros(len(gradients[0]), network.shape.hidden, dtype=torch.float64)
    states = [(zeros, zeros) for _ in cells]
    updates = []
    for gradient in gradients:
        inputs = [features(each, p) for each in gradient.tolist()]
        values = torch.tensor(inputs, dtype=torch.float64)
        for layer, cell in enumerate(cells):
            states[layer] = cell(values, states[layer])
            values = states[layer][0]
        updates.append(values @ network.output.double())
    return updates
