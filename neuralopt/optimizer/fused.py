"""Steps of a rule by one compiled loop over all tensors.

Knows tensors of torch as addresses, and threads; refuses to know torch's contract for
optimizers. Tensors are read and written where they are, never copied or aliased.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import counter_key
from neuralopt.language import Expression
from neuralopt.optimizer.loops import compiled_loop, constants_of
from neuralopt.optimizer.program import Scalars

Array = npt.NDArray[Any]

DTYPES = {torch.float32: np.float32, torch.float64: np.float64}
PLAIN = (torch.Tensor, torch.nn.Parameter)
SMALL = 1 << 16
"""Elements below which a second thread costs more than it brings."""

GRADIENT = 0
"""Column of a loop's places."""


class Tensors(NamedTuple):
    """What a rule does its step on: one parameter, its gradient and its memory.

    owner: the parameter as the user has it, which may be complex; entries: its state,
    among them the tensors of memory. first: number of its first element among all of
    the model, for random bits.
    """

    owner: torch.Tensor
    entries: dict[str, Any]
    gradient: torch.Tensor
    parameter: torch.Tensor
    memory: dict[str, torch.Tensor]
    first: int


def check_that_rules_compile() -> None:
    """Raises ValueError without numba."""
    try:
        import numba  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"fused=True needs numba ({error}): pip install numba, or leave it out"
        ) from None


def can_fuse(tensors: Tensors) -> bool:
    """Whether a loop can run over these: plain, on the CPU, of one type it has."""
    dtype = tensors.parameter.dtype
    return (
        dtype in DTYPES
        and type(tensors.parameter) in PLAIN
        and all(
            tensor.is_cpu
            and _is_plain(tensor, dtype)
            and tensor.data_ptr() % tensor.element_size() == 0
            for tensor in (
                tensors.parameter,
                tensors.gradient,
                *tensors.memory.values(),
            )
        )
    )


def _is_plain(tensor: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether its numbers lie side by side, as they are."""
    return (
        tensor.dtype is dtype
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not tensor.is_neg()
    )


class Together:
    """Tensors of one type that are at one step, and take it together."""

    def __init__(
        self, expression: Expression, tensors: Sequence[Tensors], step: int
    ) -> None:
        self.expression = expression
        self.tensors = tensors
        self.step = step
        self.dtype = tensors[0].parameter.dtype
        rows = [(x.gradient, x.parameter, *x.memory.values()) for x in tensors]
        self._addresses = np.array([[y.data_ptr() for y in r] for r in rows], np.int64)
        self._kept = self._addresses[:, GRADIENT + 1 :].ravel().tolist()
        sizes = [x.parameter.numel() for x in tensors]
        firsts = [x.first for x in tensors]
        self._pieces = _pieces(sizes, firsts, torch.get_num_threads())
        self._constants = constants_of(expression)

    def are_still(
        self,
        parameters: Sequence[torch.Tensor],
        state: Mapping[torch.Tensor, dict[str, Any]],
    ) -> bool:
        """Whether these are just the parameters and their gradients may be used.

        The answer of a whole `Together` made anew, in a fraction of the time: all that
        may differ from the step before, but where gradients lie, is compared.
        """
        if len(parameters) != len(self.tensors):
            return False
        dtype, step, gradients, kept = self.dtype, self.step, [], []
        for parameter, known in zip(parameters, self.tensors, strict=True):
            gradient, entries = parameter.grad, known.entries
            if (
                gradient is None
                or parameter is not known.owner
                or state.get(parameter) is not entries
                or entries["step"] != step
                or not _is_plain(gradient, dtype)
                or not parameter.is_contiguous()
            ):
                return False
            gradients.append(gradient.data_ptr())
            kept.append(parameter.data_ptr())
            for name, tensor in known.memory.items():
                if entries[name] is not tensor:
                    return False
                kept.append(tensor.data_ptr())
        if kept != self._kept:
            return False
        self._addresses[:, GRADIENT] = gradients
        return True

    def take_step(
        self,
        scalars: Scalars,
        counters: tuple[int, int],
        rate: float,
        decay: float,
        maximize: bool,
    ) -> None:
        """Change parameters, memory and the number of the step in place.

        scalars: of this step (`Program.clock`). counters: seed and replicate.
        """
        loop = compiled_loop(self.expression, decay != 0, maximize)
        kind = DTYPES[self.dtype]
        with np.errstate(over="ignore"):  # what overflows the type is infinite in it
            values = np.array([*scalars, *self._constants], np.float64).astype(kind)
            factors = kind(rate), kind(decay)
        places = (self._addresses - values.ctypes.data) // values.itemsize
        low, high = counter_key(*counters, self.step)
        state = np.uint64(high << 32 | low)

        def run(pieces: Array) -> None:
            loop(values, places, pieces, values, state, *factors)

        mine, *others = self._pieces
        waiting = [_pool().submit(run, pieces) for pieces in others]
        run(mine)
        for each in waiting:
            each.result()
        self.step += 1
        for tensors in self.tensors:
            tensors.entries["step"] = self.step


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """Its threads are made as they are needed."""
    return ThreadPoolExecutor(os.cpu_count(), "fused")


os.register_at_fork(after_in_child=_pool.cache_clear)  # threads stay with the parent


def _pieces(
    sizes: Sequence[int], firsts: Sequence[int], threads: int
) -> list[npt.NDArray[np.int64]]:
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
    return [
        np.array(pieces, np.int64).reshape(-1, 4)
        for pieces in work
        if pieces or pieces is work[0]
    ]
