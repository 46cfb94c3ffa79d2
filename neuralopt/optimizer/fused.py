"""Steps of a rule by the machine: one pass over all tensors, nothing in between.

Knows tensors of torch as addresses, and threads; refuses to know torch's contract for
optimizers. Tensors are read and written where they are, never copied or aliased.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from neuralopt.counter_hash import counter_key
from neuralopt.language import Expression
from neuralopt.machine.bytecode import bytecode_of

DTYPES = {torch.float32: np.float32, torch.float64: np.float64}
SMALL = 1 << 16
"""Elements below which a second thread costs more than it brings."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """What a rule does its step on: one parameter, its gradient and its memory.

    first: number of its first element among all of the model, for random bits.
    """

    gradient: torch.Tensor
    parameter: torch.Tensor
    states: tuple[torch.Tensor, ...]
    first: int


PLAIN = (torch.Tensor, torch.nn.Parameter)


def can_fuse(tensors: Tensors) -> bool:
    """Whether the machine can work on these: dense, on the CPU, of one type it has."""
    dtype = tensors.parameter.dtype
    if dtype not in DTYPES or type(tensors.parameter) not in PLAIN:
        return False
    for tensor in (tensors.parameter, tensors.gradient, *tensors.states):
        if tensor.dtype != dtype or not tensor.is_cpu or not tensor.is_contiguous():
            return False
    return True


class FusedStep:
    """Steps of one rule. Raises ValueError without numba."""

    def __init__(self, expression: Expression) -> None:
        try:
            from neuralopt.machine import kernels
        except ImportError as error:
            raise ValueError(
                f"fused=True needs numba ({error}): pip install numba, or leave it out"
            ) from None
        self._kernels: Any = kernels
        self._code = bytecode_of(expression)
        self._local = threading.local()

    def step(
        self,
        tensors: Sequence[Tensors],
        t: int,
        total_steps: int | None,
        counters: tuple[int, int],
        rate: float,
        decay: float,
        maximize: bool,
    ) -> None:
        """Change parameters and memory in place. All tensors have one type.

        t: number of this step, the same for all. counters: seed and replicate.
        """
        kind = DTYPES[tensors[0].parameter.dtype]
        scalars = self._code.at(t, total_steps)
        rows = [(x.gradient, x.parameter, *x.states) for x in tensors]
        addresses = np.array([[y.data_ptr() for y in row] for row in rows], np.int64)
        low, high = counter_key(*counters, t)
        state = np.uint64(high << 32 | low)
        sizes = [x.parameter.numel() for x in tensors]
        firsts = [x.first for x in tensors]
        pieces = _pieces(sizes, firsts, torch.get_num_threads())

        def run(work: np.ndarray[Any, np.dtype[np.int64]]) -> None:
            memory = self._scratch(kind, scalars)
            places = (addresses - memory.ctypes.data) // memory.itemsize
            spare = self._code.blocks * self._kernels.BLOCK
            self._kernels.take_steps(
                memory,
                self._code.code,
                places,
                work,
                spare,
                state,
                kind(rate),
                kind(decay),
                maximize,
            )

        if len(pieces) == 1:
            run(pieces[0])
        else:
            list(_pool(torch.get_num_threads()).map(run, pieces))

    def _scratch(self, kind: Any, scalars: Sequence[float]) -> Any:
        """This thread's blocks, the scalars of the step in theirs."""
        code, block = self._code, self._kernels.BLOCK
        kept = self._local.__dict__
        if kind not in kept:
            kept[kind] = self._kernels.aligned(((code.blocks + 1) * block,), kind)
            for number, value in enumerate(code.constants):
                kept[kind][number * block : (number + 1) * block] = value
        with np.errstate(over="ignore"):  # what overflows the type is infinite in it
            for number, value in enumerate(scalars, len(code.constants)):
                kept[kind][number * block : (number + 1) * block] = value
        return kept[kind]


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "fused")


def _pieces(sizes: Sequence[int], firsts: Sequence[int], threads: int) -> list[Any]:
    """Work for each thread: (pieces, 4) of tensor, start, stop, first element."""
    total = sum(sizes)
    if total < SMALL:
        threads = 1
    share = max(1, -(-total // threads))
    work: list[list[list[int]]] = [[] for _ in range(threads)]
    done = 0
    for tensor, (size, first) in enumerate(zip(sizes, firsts, strict=True)):
        start = 0
        while start < size:
            thread = (done + start) // share
            stop = min(size, (thread + 1) * share - done)
            work[thread].append([tensor, start, stop, first])
            start = stop
        done += size
    return [np.array(pieces, np.int64) for pieces in work if pieces]
