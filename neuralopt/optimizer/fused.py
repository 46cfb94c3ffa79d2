"""Take a rule's steps by one compiled loop over all tensors, in several threads.

Tensors are read and written where they are, never copied or aliased.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import key_word
from neuralopt.language import Expression
from neuralopt.optimizer.fused_loop import compiled_loop, constants_of
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

    Attributes:
        owner: the parameter as the user has it, which may be complex.
        entries: its state, among them the tensors of memory.
        gradient: of the shape of `parameter`.
        parameter: real numbers; a complex owner as pairs, with a last dimension of 2.
        memory: each of the shape of `parameter`, or smaller for a rule of tensor scope,
            by name of the state.
        first: number of its first element among all of the model, for random bits.
    """

    owner: torch.Tensor
    entries: dict[str, Any]
    gradient: torch.Tensor
    parameter: torch.Tensor
    memory: dict[str, torch.Tensor]
    first: int


def check_that_rules_compile() -> None:
    """Check that numba is installed.

    Raises:
        ValueError: it is not.
    """
    try:
        import numba  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"fused=True needs numba ({error}): pip install numba, or leave it out"
        ) from None


def can_fuse(tensors: Tensors) -> bool:
    """Return whether a loop can run over these tensors.

    Args:
        tensors: of one parameter.

    Returns:
        True if all are plain, alike, contiguous, on the CPU, and float32 or float64.
    """
    parameter = tensors.parameter
    dtype = parameter.dtype
    return (
        dtype in DTYPES
        and type(parameter) in PLAIN
        and all(
            tensor.is_cpu
            and _is_plain(tensor, dtype)
            and tensor.shape == parameter.shape
            and bool(tensor.data_ptr() or not tensor.numel())
            and tensor.data_ptr() % tensor.element_size() == 0
            for tensor in (parameter, tensors.gradient, *tensors.memory.values())
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


class FusedGroup:
    """Tensors of one type that are at one step, and take it together.

    Everything except the gradients is kept from step to step.

    Args:
        expression: the rule.
        tensors: one or more, for each of which `can_fuse` holds.
        step: number of the step they are at, from 0.
        start: number of their group's first element.
    """

    def __init__(
        self, expression: Expression, tensors: Sequence[Tensors], step: int, start: int
    ) -> None:
        self.expression, self.step, self.start = expression, step, start
        self.dtype = tensors[0].parameter.dtype
        self._members = [(x.owner, x.entries, x.memory) for x in tensors]
        self._written = [y for x in tensors for y in (x.owner, *x.memory.values())]
        rows = [(x.gradient, x.parameter, *x.memory.values()) for x in tensors]
        self._addresses = np.array([[y.data_ptr() for y in r] for r in rows], np.int64)
        self._sizes = [x.parameter.numel() for x in tensors]
        # What `are_still` compares, in its order.
        self._kept = [
            n for row in rows for y in row[1:] for n in (y.data_ptr(), y.numel())
        ]
        shared = _overlap(self._addresses[:, GRADIENT + 1 :], self._sizes, self.dtype)
        threads = 1 if shared else torch.get_num_threads()
        self._pieces = _pieces(self._sizes, [x.first for x in tensors], threads)
        self._constants = constants_of(expression)

    def are_still(
        self,
        parameters: Sequence[torch.Tensor],
        state: Mapping[torch.Tensor, dict[str, Any]],
        start: int,
    ) -> bool:
        """Return whether these are just the parameters and their gradients may be used.

        Equivalent to making the group anew, in a fraction of the time: everything that
        may have changed since the last step is compared, except gradient addresses,
        which are taken over.

        Args:
            parameters: of the optimizer's group.
            state: of the optimizer, by parameter.
            start: number of the group's first element.

        Returns:
            True if `take_step` may be called for them.
        """
        if len(parameters) != len(self._members) or start != self.start:
            return False
        dtype, step = self.dtype, self.step
        gradients: list[int] = []
        kept: list[int] = []
        for parameter, size, known in zip(
            parameters, self._sizes, self._members, strict=True
        ):
            owner, entries, memory = known
            gradient = parameter.grad
            if (
                gradient is None
                or parameter is not owner
                or state.get(parameter) is not entries
                or entries.get("step") != step
                or not _is_plain(gradient, dtype)
                or gradient.numel() != size
                or not parameter.is_contiguous()
            ):
                return False
            gradients.append(gradient.data_ptr())
            kept += parameter.data_ptr(), parameter.numel()
            for name, tensor in memory.items():
                if entries.get(name) is not tensor:
                    return False
                kept += tensor.data_ptr(), tensor.numel()
        if kept != self._kept:
            return False
        found = np.array(gradients, np.int64)
        empty = np.array(self._sizes) == 0
        if (found % dtype.itemsize).any() or not (found.astype(bool) | empty).all():
            return False
        self._addresses[:, GRADIENT] = found
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

        Args:
            scalars: of this step (`Program.clock`).
            counters: seed and replicate.
            rate: learning rate.
            decay: decoupled weight decay.
            maximize: whether gradients are followed uphill.
        """
        loop = compiled_loop(self.expression, decay != 0, maximize)
        kind = DTYPES[self.dtype]
        with np.errstate(over="ignore"):  # what overflows the type is infinite in it
            values = np.array([*scalars, *self._constants], np.float64).astype(kind)
            factors = kind(rate), kind(decay)
        places = (self._addresses - values.ctypes.data) // values.itemsize
        state = key_word(*counters, self.step)

        def run(pieces: Array) -> None:
            loop(values, places, pieces, values, state, *factors)

        _run_all(run, self._pieces)
        self.step += 1
        for _, entries, _ in self._members:
            entries["step"] = self.step
        # By which autograd notices changes in place.
        torch.autograd.graph.increment_version(self._written)


def _run_all(run: Callable[[Array], None], pieces: Sequence[Array]) -> None:
    """One piece in this thread, the others in others; all are done when it returns."""
    mine, *others = pieces
    waiting = []
    try:
        for each in others:
            try:
                waiting.append(_pool().submit(run, each))
            except RuntimeError:  # Python is ending: there will be no more threads
                run(each)
        run(mine)
    finally:
        wait(waiting)  # they write to memory that only our caller keeps
    for done in waiting:
        done.result()


def _overlap(addresses: Array, sizes: Sequence[int], dtype: torch.dtype) -> bool:
    """Whether two tensors share memory; addresses: (tensors, rows)."""
    width = dtype.itemsize
    spans = sorted(
        (begin, begin + size * width)
        for row, size in zip(addresses.tolist(), sizes, strict=True)
        for begin in row
        if size
    )
    return any(one[1] > other[0] for one, other in pairwise(spans))


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
