"""The native engine, with the networks that it trained."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from neuralopt.engines.engine import Child
from neuralopt.engines.native import NativeEngine
from neuralopt.machine.bytecode import PARAMETER
from neuralopt.machine.kernels.layout import (
    CHANNELS,
    ROW,
    RUNNING_MEAN,
    RUNNING_VARIANCE,
    STATISTICS,
)
from neuralopt.tasks import Task


class _Recorder:
    """The kernels, of which the latest network and memory are kept."""

    def __init__(self, kernels: Any) -> None:
        self._kernels = kernels
        self.network: Any = None
        self.memory: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernels, name)

    def network_of(self, *arguments: Any) -> Any:
        found = self._kernels.network_of(*arguments)
        self.network = found[0]
        return found

    def aligned(self, *arguments: Any) -> Any:
        self.memory = self._kernels.aligned(*arguments)
        return self.memory


class KeepingEngine(NativeEngine):
    """The native engine, which can return the network of a child.

    Args:
        task: as for `NativeEngine`.
        seed: as for `NativeEngine`.
    """

    def __init__(self, task: Task, seed: int = 0) -> None:
        super().__init__(task, seed)
        self.kernels = self.recorder = _Recorder(self.kernels)

    def networks(self, child: Child, lengths: Sequence[int]) -> list[nn.Module | None]:
        """Train a child for several numbers of epochs.

        If its rule does not use T or progress, these are moments of one training.

        Args:
            child: what is trained.
            lengths: numbers of epochs.

        Returns:
            The network after each number of epochs, in evaluation mode; None if the
            child diverged until then.
        """
        longest = max(lengths)
        self._replicate(child.replicate, longest, None)  # whose batches serve all
        return [self._network(child, epochs) for epochs in lengths]

    def _network(self, child: Child, epochs: int) -> nn.Module | None:
        (outcome,) = self.train([child], epochs, ())
        if outcome.diverged:
            return None
        layout, memory = self.recorder.network, torch.from_numpy(self.recorder.memory)
        network = self.task.network().eval()
        place = PARAMETER * int(layout.places[ROW])
        with torch.no_grad():
            for weight in network.parameters():
                values = memory[place : place + weight.numel()]
                weight.copy_(values.view_as(weight))
                place += weight.numel()
            norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
            for norm, row in zip(norms, layout.convolutions, strict=True):
                count, place = int(row[CHANNELS]), int(row[STATISTICS])
                for buffer, number in (
                    (norm.running_mean, RUNNING_MEAN),
                    (norm.running_var, RUNNING_VARIANCE),
                ):
                    start = place + number * count
                    assert buffer is not None
                    buffer.copy_(memory[start : start + count])
        return network
