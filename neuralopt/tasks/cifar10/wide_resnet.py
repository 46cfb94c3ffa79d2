"""Wide residual networks for images of 32 x 32 (Zagoruyko and Komodakis 2016)."""

import torch
from torch import nn
from torch.nn.functional import relu

STAGES = ((16, 1), (32, 2), (64, 2))
"""Channels, which the width multiplies, and the stride of a stage's first block."""


class WideResNet(nn.Module):
    """A pre-activation residual network of `depth` layers, `width` times as wide.

    A convolution of 3 x 3 to 16 channels; three stages of (depth - 4) / 6 blocks with
    16, 32 and 64 channels times the width, the second and third at half the height and
    width of the one before; batch normalisation, ReLU, the mean over all places, and
    one fully connected layer. No dropout. Weights are drawn as in He et al. 2015.

    Inputs: (batch, channels, height, width). Outputs: (batch, classes).
    Raises ValueError unless depth is 6 k + 4 and width positive.

    >>> sum(weight.numel() for weight in WideResNet(16, 4).parameters())
    2748890
    """

    def __init__(
        self, depth: int, width: int, channels: int = 3, classes: int = 10
    ) -> None:
        check_size(depth, width)
        super().__init__()
        made = 16
        self.first = _convolution(channels, made, 3)
        blocks: list[nn.Module] = []
        for base, stride in STAGES:
            for number in range((depth - 4) // 6):
                step = 1 if number else stride
                blocks.append(ResidualBlock(made, base * width, step))
                made = base * width
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(made)
        self.last = nn.Linear(made, classes)
        nn.init.zeros_(self.last.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        values = relu(self.norm(self.blocks(self.first(inputs))))
        outputs: torch.Tensor = self.last(values.mean((2, 3)))
        return outputs


class ResidualBlock(nn.Module):
    """Twice batch normalisation, ReLU and a 3 x 3 convolution, added to the inputs.

    Where the shape changes, a 1 x 1 convolution of the first ReLU replaces the inputs.

    Args:
        inputs: Channels of the inputs.
        outputs: Channels of the outputs.
        stride: Factor by which height and width shrink.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.convolution1 = _convolution(inputs, outputs, 3, stride)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.convolution2 = _convolution(outputs, outputs, 3)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else _convolution(inputs, outputs, 1, stride)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute the block.

        Args:
            inputs: (batch, channels, height, width).

        Returns:
            (batch, channels, height, width) with the block's outputs as channels.
        """
        values = relu(self.norm1(inputs))
        kept = inputs if self.shortcut is None else self.shortcut(values)
        change = self.convolution2(relu(self.norm2(self.convolution1(values))))
        outputs: torch.Tensor = kept + change
        return outputs


def check_size(depth: int, width: int) -> None:
    """Check that there is a network of this depth and width.

    Args:
        depth: Number of layers, 6 k + 4.
        width: Multiple of 16 channels, 1 or more.

    Raises:
        ValueError: The depth or width is not one of these.
    """
    if depth < 10 or depth % 6 != 4:
        raise ValueError(
            f"depth is {depth}: a Wide ResNet has 6 k + 4 layers, as in 10, 16, 22, 28"
        )
    if width < 1:
        raise ValueError(f"width is {width}: give 1 or more")


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    made = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    return made
