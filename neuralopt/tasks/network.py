"""Networks described by their layers, and the torch modules made from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Literal

import torch
from torch import nn

Activation = Literal["relu", "tanh", "sigmoid"]
Objective = Literal["cross_entropy", "squared_error", "regression"]
"""The loss. squared_error: the mean over examples and classes of the squared distance
of outputs to 1 for the right class and 0 for the others (Hui and Belkin 2021).
regression: the mean squared distance of a network's one output to a real target."""

TOLERANCE = 0.5
"""An answer to a regression is right if it is no further from its target. Targets have
a variance of about 1, so this is half of their standard deviation."""

MODULES: Mapping[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


@dataclass(frozen=True, slots=True)
class Mlp:
    """A fully connected network with biases.

    Its parameters are weight (out, in) and bias (out,) of each layer.

    Attributes:
        widths: of the inputs, hidden layers and outputs, as in (64, 32, 10).
        activation: of the hidden layers.
        objective: the loss.
    """

    widths: tuple[int, ...]
    activation: Activation = "relu"
    objective: Objective = "cross_entropy"

    def network(self) -> nn.Sequential:
        return nn.Sequential(*_dense(self.widths, self.activation))


@dataclass(frozen=True, slots=True)
class ConvNet:
    """Convolutions of 3 x 3 that keep an image's size, then fully connected layers.

    Each convolution has no bias and is followed by batch normalisation, activation and
    pooling. Its parameters are weight (out, in, 3, 3), scale (out,) and shift (out,).

    Attributes:
        image: channels, height and width of the inputs.
        convolutions: channels and pooling of each; pooling is 1 for none, or 2 for the
            largest value of each 2 x 2 square.
        widths: of the fully connected layers, the last of them the outputs.
        activation: of all hidden layers.
        objective: the loss.
    """

    image: tuple[int, int, int]
    convolutions: tuple[tuple[int, int], ...]
    widths: tuple[int, ...]
    activation: Activation = "relu"
    objective: Objective = "cross_entropy"

    @property
    def features(self) -> int:
        """Numbers that the last convolution gives to the first connected layer."""
        channels, height, width = self.image
        for made, pool in self.convolutions:
            channels, height, width = made, height // pool, width // pool
        return prod((channels, height, width))

    def network(self) -> nn.Sequential:
        modules: list[nn.Module] = []
        channels_in = self.image[0]
        for channels, pool in self.convolutions:
            modules += [
                nn.Conv2d(channels_in, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                MODULES[self.activation](),
                *([nn.MaxPool2d(pool)] if pool > 1 else []),
            ]
            channels_in = channels
        dense = _dense((self.features, *self.widths), self.activation)
        return nn.Sequential(*modules, nn.Flatten(), *dense)


def _dense(widths: tuple[int, ...], activation: Activation) -> Iterator[nn.Module]:
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        if number:
            yield MODULES[activation]()
        yield nn.Linear(inputs, outputs)


def mean_loss(
    objective: Objective, outputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Return the mean of an objective over a batch, a scalar.

    Args:
        objective: the loss.
        outputs: (batch, classes); for a regression (batch, 1).
        targets: class numbers, or the real targets of a regression, (batch,).
    """
    if objective == "cross_entropy":
        return nn.functional.cross_entropy(outputs, targets)
    if objective == "regression":
        return nn.functional.mse_loss(outputs.squeeze(-1), targets)
    wanted = nn.functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)
    return nn.functional.mse_loss(outputs, wanted)


def right_share(
    objective: Objective, outputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Return the share of right answers in a batch, a float64 scalar.

    An answer is right if its largest output is that of its class; that of a regression,
    if it is within TOLERANCE of its target.

    Args:
        objective: tells classes from real targets.
        outputs: (batch, classes); for a regression (batch, 1).
        targets: class numbers, or the real targets of a regression, (batch,).
    """
    if objective == "regression":
        right = (outputs.squeeze(-1) - targets).abs() <= TOLERANCE
    else:
        right = outputs.argmax(-1) == targets
    return right.double().mean()
