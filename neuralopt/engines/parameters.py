"""The places of a network's parameters in a row of a matrix."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from neuralopt.language.primitives import KINDS
from neuralopt.language.tensors import matrix_shape
from neuralopt.optimizer import parameter_kinds

ALIGNMENT = 64
"""The length of a row is a multiple of so many elements. Some of torch's kernels (pow
and exp2 among them) round differently at the end of a tensor and in a vector register
with unusual values: rows that fill whole registers do not affect each other.
"""


class ParameterLayout:
    """The places of a network's parameters, in the order of torch.

    Args:
        network: whose parameters are placed.

    Attributes:
        count: numbers of a network.
        length: of a row, with padding that nothing reads.
        names: of the parameters.
        shapes: of the parameters.
        kinds: of the parameters.
        spans: columns of each parameter.
    """

    def __init__(self, network: nn.Module) -> None:
        named = dict(network.named_parameters())
        self.names = list(named)
        self.shapes = [parameter.shape for parameter in named.values()]
        self.kinds = list(parameter_kinds(network).values())
        ends = list(accumulate(parameter.numel() for parameter in named.values()))
        self.spans = [
            slice(stop - parameter.numel(), stop)
            for stop, parameter in zip(ends, named.values(), strict=True)
        ]
        self.count = ends[-1] if ends else 0
        self.length = -(-self.count // ALIGNMENT) * ALIGNMENT

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """First element, rows, columns and kind of each parameter: (parameters, 4)."""
        return np.array(
            [
                (span.start, *matrix_shape(shape), KINDS.index(kind))
                for span, shape, kind in zip(
                    self.spans, self.shapes, self.kinds, strict=True
                )
            ],
            np.int64,
        ).reshape(-1, 4)

    def filled(self, network: nn.Module, count: int) -> torch.Tensor:
        """Make a matrix, each row the parameters of a network.

        Args:
            network: of this layout.
            count: rows.

        Returns:
            (count, length); the padding is 0.
        """
        # torch's parameters_to_vector takes only contiguous parameters.
        flat = torch.cat([p.detach().reshape(-1) for p in network.parameters()])
        rows = flat.new_zeros(count, self.length)
        rows[:, : self.count] = flat
        return rows

    def spread(self, numbers: Sequence[float], like: torch.Tensor) -> torch.Tensor:
        """Make a row that holds one number for each parameter.

        Args:
            numbers: of the parameters, in the order of `names`.
            like: gives dtype and device.

        Returns:
            (length,); the padding is 1.
        """
        row = like.new_ones(self.length)
        for span, number in zip(self.spans, numbers, strict=True):
            row[span] = number
        return row

    def views(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return a view of each parameter in all rows.

        Args:
            rows: (rows, length).

        Returns:
            Tensors (rows, *shape), in the order of `names`.
        """
        return [
            rows[:, span].view(len(rows), *shape)
            for span, shape in zip(self.spans, self.shapes, strict=True)
        ]
