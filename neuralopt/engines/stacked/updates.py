"""Apply many update rules to the rows of one matrix."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import key_word
from neuralopt.engines.numba_support import announce_compilation, load_kernels
from neuralopt.engines.stacked.parameters import ALIGNMENT
from neuralopt.language import Expression
from neuralopt.machine.bytecode import bytecode_of
from neuralopt.optimizer import Program, compile_rule
from neuralopt.optimizer.program import Scalars

BLOCK = 1 << 16
"""Numbers that torch applies a rule to at a time, few enough for the cache."""

GPU_BLOCK = 1 << 24
"""The same on a GPU, where calls are slow and only memory is a limit."""

Integers = npt.NDArray[np.int64]
Draws = Callable[[str, int, int], torch.Tensor]
"""(kind, step, stream) -> random numbers of a row."""


@dataclass(frozen=True, slots=True)
class UpdateSpec:
    """Rule and learning rate of each row of a population.

    Attributes:
        rules: of each row; rows of one rule are adjacent.
        rates: learning rate of each row.
        steps: of the whole training.
        counters: seed and replicate.
        draws: random numbers of the rules.
        decay: weight decay, decoupled.
    """

    rules: Sequence[Expression]
    rates: Sequence[float]
    steps: int
    counters: tuple[int, int]
    draws: Draws
    decay: float


class Updates(Protocol):
    """The states of all rows' rules, and their steps."""

    def step(
        self, weights: torch.Tensor, gradients: torch.Tensor, step: int, factor: float
    ) -> None:
        """Update the weights of all rows in place.

        In each row, w <- w - rate * factor * (rule + decay * w).

        Args:
            weights: (rows, length), written to.
            gradients: (rows, length).
            step: of the training, from 0.
            factor: of all learning rates.
        """
        ...

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only these rows.

        Args:
            rows: their numbers, ascending.
        """
        ...


def updates_for(spec: UpdateSpec, weights: torch.Tensor) -> Updates:
    """Make the fastest `Updates`: `Compiled` on a CPU with numba, otherwise `Eager`.

    Args:
        spec: rule and learning rate of each row.
        weights: (rows, length), before the first step.

    Returns:
        Updates with initial states.
    """
    if weights.is_cpu:
        try:
            load_kernels()
        except ImportError:
            return Eager(spec, weights)
        return Compiled(spec, weights)
    return Eager(spec, weights)


@dataclass(slots=True)
class _Group:
    """The rows of one rule, their learning rates and states."""

    program: Program
    rows: slice
    rates: torch.Tensor  # (rows, 1)
    states: tuple[torch.Tensor, ...]  # each (rows, length)


class Eager:
    """Apply one rule after another by torch's operations, on any device.

    Args:
        spec: rule and learning rate of each row.
        weights: (rows, length), before the first step.
    """

    def __init__(self, spec: UpdateSpec, weights: torch.Tensor) -> None:
        self.spec = spec
        self.groups: list[_Group] = []
        start = 0
        for rule, same in groupby(spec.rules):
            rows = slice(start, start + len(list(same)))
            program = compile_rule(rule)
            rates = weights.new_tensor(spec.rates[rows]).unsqueeze(1)
            states = program.initial_states(weights[rows])
            self.groups.append(_Group(program, rows, rates, states))
            start = rows.stop

    def step(
        self, weights: torch.Tensor, gradients: torch.Tensor, step: int, factor: float
    ) -> None:
        """Update the weights of all rows in place, one rule after another.

        Args:
            weights: (rows, length), written to.
            gradients: (rows, length).
            step: of the training, from 0.
            factor: of all learning rates.
        """
        length = weights.shape[1]
        block = BLOCK if weights.is_cpu else GPU_BLOCK
        for group in self.groups:
            clock = group.program.clock(step, self.spec.steps)
            rows = group.rows.stop - group.rows.start
            width = max(ALIGNMENT, block // rows // ALIGNMENT * ALIGNMENT)
            for start in range(0, length, width):
                columns = slice(start, start + width)
                w, g = weights[group.rows, columns], gradients[group.rows, columns]
                after = self._apply(group, w, g, columns, clock, step, factor)
                if width >= length:
                    group.states = after
                    break
                for state, new in zip(group.states, after, strict=True):
                    state[:, columns] = new

    def _apply(
        self,
        group: _Group,
        w: torch.Tensor,
        g: torch.Tensor,
        columns: slice,
        clock: Scalars,
        step: int,
        factor: float,
    ) -> tuple[torch.Tensor, ...]:
        """Apply a rule to some columns of its rows; return their new states."""
        states = tuple(state[:, columns] for state in group.states)

        def draws(kind: str, stream: int) -> torch.Tensor:
            return self.spec.draws(kind, step, stream)[columns].expand_as(w)

        value, after = group.program.step(g, w, clock, states, draws)
        if self.spec.decay:
            value = value + self.spec.decay * w
        w.sub_(group.rates * factor * value)
        return after

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only these rows and their states.

        Args:
            rows: their numbers, ascending.
        """
        groups: list[_Group] = []
        start = 0
        for group in self.groups:
            mine = rows[(rows >= group.rows.start) & (rows < group.rows.stop)]
            if count := len(mine):
                mine = mine - group.rows.start
                states = tuple(state[mine] for state in group.states)
                place = slice(start, start + count)
                rates = group.rates[mine]
                groups.append(_Group(group.program, place, rates, states))
                start += count
        self.groups = groups


class Compiled:
    """Apply all rules in one call of a kernel that interprets their bytecode, on a CPU.

    Args:
        spec: rule and learning rate of each row.
        weights: (rows, length), before the first step.

    Raises:
        ImportError: numba is not installed.
    """

    def __init__(self, spec: UpdateSpec, weights: torch.Tensor) -> None:
        self.kernels = load_kernels()
        self.spec = spec
        different = dict.fromkeys(spec.rules)
        numbers = {rule: number for number, rule in enumerate(different)}
        codes = [bytecode_of(rule) for rule in numbers]
        self.rules = self.kernels.rules_of(codes, spec.steps)
        self.chosen = np.array([numbers[rule] for rule in spec.rules], np.int64)
        self.kind = weights.numpy().dtype.type
        self.rates = np.array(spec.rates, self.kind)
        blocks = max(code.blocks for code in codes)
        self.memory = self.kernels.aligned((blocks * self.kernels.BLOCK,), self.kind)
        states = max(code.states for code in codes)
        self.states = weights.new_zeros(len(weights), states, weights.shape[1])

    def step(
        self, weights: torch.Tensor, gradients: torch.Tensor, step: int, factor: float
    ) -> None:
        """Update the weights of all rows in place, by one call of the kernel.

        Args:
            weights: (rows, length), written to.
            gradients: (rows, length).
            step: of the training, from 0.
            factor: of all learning rates.
        """
        # Only the first step may compile; listening for that is slow.
        listening = announce_compilation("the steps of rules", 5)
        with nullcontext() if step else listening:
            self.kernels.step_rows(
                self.memory,
                self.rules,
                self._places(weights, gradients),
                self.chosen,
                self.rates * self.kind(factor),
                self.kind(self.spec.decay),
                weights.shape[1],
                key_word(*self.spec.counters, step),
                step,
            )

    def _places(self, weights: torch.Tensor, gradients: torch.Tensor) -> Integers:
        """Return where each row's numbers begin, in elements from `memory` on."""
        length, states = weights.shape[1], self.states
        starts = np.empty((len(weights), 2 + states.shape[1]), np.int64)
        numbers, size = np.arange(len(weights)), self.memory.itemsize
        starts[:, 0] = gradients.data_ptr() + numbers * (length * size)
        starts[:, 1] = weights.data_ptr() + numbers * (length * size)
        each = numbers[:, None] * states.shape[1] + np.arange(states.shape[1])
        starts[:, 2:] = states.data_ptr() + each * (length * size)
        places: Integers = (starts - self.memory.ctypes.data) // size
        return places

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only these rows and their states.

        Args:
            rows: their numbers, ascending.
        """
        self.chosen, self.rates = self.chosen[rows.numpy()], self.rates[rows.numpy()]
        self.states = self.states[rows]
