"""Apply many update rules to the rows of one matrix."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import key_word
from neuralopt.engines.numba_support import announce_compilation, load_kernels
from neuralopt.engines.parameters import ALIGNMENT, ParameterLayout
from neuralopt.language import Expression
from neuralopt.language.tensors import matrix_shape
from neuralopt.machine.bytecode import bytecode_of
from neuralopt.optimizer import Program, programs_of
from neuralopt.optimizer.program import Scalars, only_program

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
        parameters: places, shapes and kinds in a row.
    """

    rules: Sequence[Expression]
    rates: Sequence[float]
    steps: int
    counters: tuple[int, int]
    draws: Draws
    decay: float
    parameters: ParameterLayout


class Updates(Protocol):
    """The states of all rows' rules, and their steps."""

    def step(
        self,
        weights: torch.Tensor,
        gradients: torch.Tensor,
        step: int,
        factor: float,
        losses: torch.Tensor,
    ) -> None:
        """Update the weights of all rows in place.

        In each row, w <- w - rate * factor * (rule + decay * w).

        Args:
            weights: (rows, length), written to.
            gradients: (rows, length).
            step: of the training, from 0.
            factor: of all learning rates.
            losses: of this step, (rows,).
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
class _Piece:
    """Parameters that a program treats together, and their states.

    Attributes:
        columns: of a row of the population.
        shape: of the parameter's matrix; one dimension for elements of several
            parameters.
        program: for parameters of this kind.
        states: each (rows, *shape), or 1 where a state does not vary.
    """

    columns: slice
    shape: tuple[int, ...]
    program: Program
    states: tuple[torch.Tensor, ...]


@dataclass(slots=True)
class _Group:
    """The rows of one rule, their learning rates and states."""

    rows: slice
    rates: torch.Tensor  # (rows, 1)
    pieces: list[_Piece]


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
            rates = weights.new_tensor(spec.rates[rows]).unsqueeze(1)
            pieces = list(self._pieces(rule, weights[rows]))
            self.groups.append(_Group(rows, rates, pieces))
            start = rows.stop

    def _pieces(self, rule: Expression, weights: torch.Tensor) -> Iterator[_Piece]:
        """Divide a row: by parameter for tensor scope, else by what the cache holds."""
        rows, length = weights.shape
        layout, programs = self.spec.parameters, programs_of(rule)
        only = only_program(programs)
        if only is None or only.has_tensor_scope:
            places = zip(layout.spans, layout.shapes, layout.kinds, strict=True)
            for span, shape, kind in places:
                program, matrix = programs[kind], matrix_shape(shape)
                like = weights[:, span].view(rows, *matrix)
                yield _Piece(span, matrix, program, program.initial_states(like))
            return
        block = BLOCK if weights.is_cpu else GPU_BLOCK
        width = max(ALIGNMENT, block // rows // ALIGNMENT * ALIGNMENT)
        for start in range(0, length, width):
            columns = slice(start, min(start + width, length))
            like = weights[:, columns]
            states = only.initial_states(like)
            yield _Piece(columns, (like.shape[1],), only, states)

    def step(
        self,
        weights: torch.Tensor,
        gradients: torch.Tensor,
        step: int,
        factor: float,
        losses: torch.Tensor,
    ) -> None:
        """Update the weights of all rows in place, one rule after another.

        Args:
            weights: (rows, length), written to.
            gradients: (rows, length).
            step: of the training, from 0.
            factor: of all learning rates.
            losses: of this step, (rows,).
        """
        for group in self.groups:
            programs = {id(piece.program): piece.program for piece in group.pieces}
            clocks = {
                number: program.clock(step, self.spec.steps)
                for number, program in programs.items()
            }
            for piece in group.pieces:
                w = weights[group.rows, piece.columns]
                g = gradients[group.rows, piece.columns]
                scalars = clocks[id(piece.program)]
                value = self._value(piece, w, g, step, scalars, losses[group.rows])
                if self.spec.decay:
                    value = value + self.spec.decay * w
                w.sub_(group.rates * factor * value)

    def _value(
        self,
        piece: _Piece,
        w: torch.Tensor,
        g: torch.Tensor,
        step: int,
        scalars: Scalars,
        losses: torch.Tensor,
    ) -> torch.Tensor:
        """Return a rule's value for some columns of its rows; keep the new states."""
        program, shape = piece.program, piece.shape
        w, g = w.view(-1, *shape), g.view(-1, *shape)

        def draws(kind: str, stream: int) -> torch.Tensor:
            bits = self.spec.draws(kind, step, stream)[piece.columns]
            return bits.view(shape).expand_as(w)

        # A rule that reads the loss has tensor scope: its pieces are matrices.
        given = [losses.view(-1, 1, 1)] if program.needs_loss else []
        value, piece.states = program.step(g, w, scalars, piece.states, draws, *given)
        return value.reshape(len(w), -1)

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
                for piece in group.pieces:
                    piece.states = tuple(state[mine] for state in piece.states)
                place = slice(start, start + count)
                groups.append(_Group(place, group.rates[mine], group.pieces))
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
        states = max(code.states + code.scratch for code in codes)
        self.states = weights.new_zeros(len(weights), states, weights.shape[1])
        self.parameters = spec.parameters.places

    def step(
        self,
        weights: torch.Tensor,
        gradients: torch.Tensor,
        step: int,
        factor: float,
        losses: torch.Tensor,
    ) -> None:
        """Update the weights of all rows in place, by one call of the kernel.

        Args:
            weights: (rows, length), written to.
            gradients: (rows, length).
            step: of the training, from 0.
            factor: of all learning rates.
            losses: of this step, (rows,).
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
                self.parameters,
                losses.numpy(),
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
