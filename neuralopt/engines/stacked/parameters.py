"""Networks as rows of one matrix.

Knows where each parameter of a module lies in a row; refuses to know what is computed.
"""

from itertools import accumulate

import torch
from torch import nn

ALIGNMENT = 64
"""Elements; the length of a row is a multiple of it. Some of torch's kernels (pow and
exp2 among them) round differently at the end of a tensor and beside unusual values, in
units of a vector register: a row that fills whole registers never notices the others.
"""


class ParameterLayout:
    """The places of a network's parameters, in the order of torch.

    count: numbers of a network. length: of a row, with padding that nothing reads.
    """

    def __init__(self, network: nn.Module) -> None:
        named = dict(network.named_parameters())
        self.names = list(named)
        self.shapes = [parameter.shape for parameter in named.values()]
        ends = list(accumulate(parameter.numel() for parameter in named.values()))
        self.spans = [
            slice(stop - parameter.numel(), stop)
            for stop, parameter in zip(ends, named.values(), strict=True)
        ]
        self.count = ends[-1] if ends else 0
        self.length = -(-self.count // ALIGNMENT) * ALIGNMENT

    def filled(self, network: nn.Module, count: int) -> torch.Tensor:
        """A matrix (count, length), each row the parameters of a network."""
        # Not torch's parameters_to_vector, which takes contiguous ones alone.
        flat = torch.cat([p.detach().reshape(-1) for p in network.parameters()])
        rows = flat.new_zeros(count, self.length)
        rows[:, : self.count] = flat
        return rows

    def views(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Each parameter's (rows, *shape) within (rows, length)."""
        return [
            rows[:, span].view(len(rows), *shape)
            for span, shape in zip(self.spans, self.shapes, strict=True)
        ]
