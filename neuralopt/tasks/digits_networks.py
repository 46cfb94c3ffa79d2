"""The digits by other kinds of networks: residual, and an autoencoder."""

import torch
from torch import nn
from torch.nn.functional import relu

from neuralopt.tasks.custom import CustomTask, make_task
from neuralopt.tasks.digits import BATCH, digit_splits
from neuralopt.tasks.task import MEAN_QUALITY

CHANNELS, BLOCKS, CLASSES = 8, 2, 10
"""Of the residual network."""

CODE = 8
"""Numbers between encoder and decoder."""

CLOSE = 0.125
"""A pixel of the autoencoder is right within it: two of the sixteen levels of grey."""

PIXEL_VARIANCE = 0.073
"""Mean square of the distance of the training images' pixels, in [0, 1], from each
pixel's own mean: the loss of the constant answer that fits best."""


class DigitResNet(nn.Module):
    """A residual network with batch normalisation (He et al. 2016).

    A convolution of 3 x 3 to 8 channels of half the height and width, two residual
    blocks, the mean of each 2 x 2 square, and a linear layer. Inputs: images, (batch,
    1, 8, 8). Outputs: scores of the classes, (batch, 10).
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = _convolution(1, CHANNELS, stride=2)
        self.blocks = nn.Sequential(*(DigitBlock() for _ in range(BLOCKS)))
        self.pool = nn.AvgPool2d(2)
        self.last = nn.Linear(CHANNELS * 4, CLASSES)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        values = self.pool(self.blocks(self.first(inputs)))
        outputs: torch.Tensor = self.last(values.flatten(1))
        return outputs


class DigitBlock(nn.Module):
    """Twice batch normalisation, ReLU and a 3 x 3 convolution, added to the inputs.

    Inputs and outputs: (batch, 8, 4, 4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(CHANNELS), nn.BatchNorm2d(CHANNELS)
        self.convolution1 = _convolution(CHANNELS, CHANNELS)
        self.convolution2 = _convolution(CHANNELS, CHANNELS)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        values = self.convolution1(relu(self.norm1(inputs)))
        outputs: torch.Tensor = inputs + self.convolution2(relu(self.norm2(values)))
        return outputs


class DigitAutoencoder(nn.Module):
    """A network 64-32-8-32-64 of tanh, which returns its inputs through 8 numbers.

    Inputs and outputs: pixels, (batch, 64).
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 32),
            nn.Tanh(),
            nn.Linear(32, CODE),
            nn.Linear(CODE, 32),
            nn.Tanh(),
            nn.Linear(32, 64),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.layers(inputs)
        return outputs


def right_pixels(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Share of pixels within CLOSE of their targets."""
    return ((outputs - targets).abs() <= CLOSE).double().mean()


def quality_of_reconstruction(loss: float) -> float:
    """0.1 ** (loss / PIXEL_VARIANCE): 0.1 for the mean image, as of a regression."""
    quality: float = MEAN_QUALITY ** (max(loss, 0.0) / PIXEL_VARIANCE)
    return quality


def digits_residual() -> CustomTask:
    """Return a residual network with batch normalisation on the digits as images."""
    splits = digit_splits((1, 8, 8))
    data = {split: (each.inputs, each.targets) for split, each in splits.items()}
    return make_task("digits_residual", DigitResNet, data, batch_size=BATCH)


def digits_autoencoder() -> CustomTask:
    """Return an autoencoder 64-32-8-32-64 of the digits, its loss the squared error."""
    splits = digit_splits((64,))
    data = {split: (each.inputs, each.inputs) for split, each in splits.items()}
    return make_task(
        "digits_autoencoder",
        DigitAutoencoder,
        data,
        batch_size=BATCH,
        loss=nn.functional.mse_loss,
        metric=right_pixels,
        quality=quality_of_reconstruction,
    )


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
