"""The shape of a space: its decisions, their masks, and the number of valid rows.

Everything here is numbers; `vocabulary` says what the choices mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEFT, RIGHT, LEFT_UNARY, RIGHT_UNARY, BINARY = range(5)
DECISIONS_PER_GROUP = 5


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Rows of decisions as numbers: five a group, in the order of Bello et al. 2017.

    A row is an int64 vector of ``5 * groups`` decisions: left operand, right operand,
    unary of the left, unary of the right, binary; then the same for the next group.
    Operand ``operands + i`` is the result of group i, so group i has ``operands + i``
    operands to choose from. The last group's result is the rule.

    A result is *pending* until a later group uses it: as its left operand, or as its
    right one when its binary reads the right side ("keep left" doesn't). "Every group
    is used" means that only the rule is pending at the end. A group uses at most two
    pending results and adds one, which bounds how many may be pending before each
    group; masks that keep to the bound never lead to a dead end.

    Attributes:
        operands: Number of operands before the first group, 1 or more.
        unary: Number of unary functions.
        reads_right: For each binary, whether it depends on its right side.
        may_end: For each binary, whether the last group may use it.
        groups: Number of groups.
        distinct_operands: The left and right operand of a group must differ.
        reuse_previous: Each group must use the result of the group before it.
        every_group_used: Each result must reach the rule (reuse_previous implies it).
        identity: The unary that returns its operand; -1 if there is none.
        keep_left: The binary that returns its left side; -1 if there is none.
        choices: Number of choices of each decision.
        pending_limits: Most pending results before each group, and at the end.

    Raises:
        ValueError: No row can meet the constraints.
    """

    operands: int
    unary: int
    reads_right: tuple[bool, ...]
    may_end: tuple[bool, ...]
    groups: int
    distinct_operands: bool = True
    reuse_previous: bool = False
    every_group_used: bool = True
    identity: int = -1
    keep_left: int = -1
    choices: tuple[int, ...] = field(init=False)
    pending_limits: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.groups < 1:
            raise ValueError(f"groups is {self.groups}; a rule needs at least 1 group")
        if not any(self.may_end):
            raise ValueError(
                "not_final excludes every binary, so no rule could end; "
                "allow at least one"
            )
        if self.distinct_operands and self.operands < 2:
            raise ValueError(
                f"distinct_operands needs 2 operands and there is {self.operands}; "
                "add an operand or set distinct_operands: false"
            )
        binaries = len(self.reads_right)
        choices = []
        for group in range(self.groups):
            known = self.operands + group
            choices += [known, known, self.unary, self.unary, binaries]
        object.__setattr__(self, "choices", tuple(choices))
        object.__setattr__(self, "pending_limits", self._limits())

    def _limits(self) -> tuple[int, ...]:
        """Largest number of pending results before each group, and at the end."""
        if self.reuse_previous:
            return (1,) * (self.groups + 1)
        if not self.every_group_used:
            return (self.groups + 1,) * (self.groups + 1)
        limits = [1]
        for group in reversed(range(self.groups)):
            uses = 2 if self.can_read_right(group) else 1
            limits.append(limits[-1] + uses - 1)
        return tuple(reversed(limits))

    def can_read_right(self, group: int) -> bool:
        """Return whether some binary of a group depends on its right side."""
        if group < self.groups - 1:
            return any(self.reads_right)
        pairs = zip(self.reads_right, self.may_end, strict=True)
        return any(reads and ends for reads, ends in pairs)

    def masks(self, prefixes: Rows) -> Mask:
        """Return the allowed choices of decision k, given the k decisions before it.

        The mask is exact: a choice is allowed if and only if some valid row starts with
        the prefix and that choice.

        Args:
            prefixes: int64, (batch, k) with k < len(choices); the first k decisions of
                valid rows. The answer for an invalid prefix is unspecified.

        Returns:
            bool, (batch, choices[k]).

        Raises:
            ValueError: prefixes has another shape, or no decision is left.
        """
        if prefixes.ndim != 2 or prefixes.shape[1] >= len(self.choices):
            raise ValueError(
                f"prefixes has shape {prefixes.shape}; it must be (batch, k) with "
                f"k < {len(self.choices)}, the number of decisions"
            )
        batch, k = prefixes.shape
        group, decision = divmod(k, DECISIONS_PER_GROUP)
        if decision in (LEFT_UNARY, RIGHT_UNARY):
            return np.ones((batch, self.unary), dtype=np.bool_)
        pending = self._pending(prefixes, group)
        # How many pending results this group has to use, at least.
        needed = pending.sum(axis=1) + 1 - self.pending_limits[group + 1]
        if decision == LEFT:
            spare = 1 if self.can_read_right(group) else 0
            allowed: Mask = pending | (needed <= spare)[:, None]
            return allowed

        rows = np.arange(batch)
        left = prefixes[:, group * DECISIONS_PER_GROUP + LEFT]
        needed = needed - pending[rows, left]
        pending[rows, left] = False
        if decision == RIGHT:
            allowed = pending | (needed <= 0)[:, None]
            if self.distinct_operands:
                allowed[rows, left] = False
            return allowed

        allowed = np.array(self.reads_right) | (needed <= 0)[:, None]
        if group == self.groups - 1:
            allowed &= np.array(self.may_end)
        return allowed

    def _pending(self, prefixes: Rows, group: int) -> Mask:
        """Bool, (batch, operands + group): results that no group before this used."""
        done = prefixes[:, : group * DECISIONS_PER_GROUP]
        decisions = done.reshape(len(prefixes), group, DECISIONS_PER_GROUP)
        left = decisions[:, :, LEFT]
        reads = np.array(self.reads_right)[decisions[:, :, BINARY]]
        right = np.where(reads, decisions[:, :, RIGHT], -1)
        pending = np.zeros((len(prefixes), self.operands + group), dtype=np.bool_)
        for index in range(self.operands, self.operands + group):
            used = ((left == index) | (right == index)).any(axis=1)
            pending[:, index] = ~used
        return pending

    def valid(self, row: Rows) -> bool:
        """Check whether a row belongs to this space and meets every constraint.

        Args:
            row: int64 (decisions,); any other array is not valid.
        """
        row = np.asarray(row)
        if row.shape != (len(self.choices),) or row.dtype.kind not in "iu":
            return False
        return bool(self.which_valid(row[None])[0])

    def which_valid(self, rows: Rows) -> Mask:
        """Check which rows are valid.

        Args:
            rows: int64 (batch, decisions).

        Returns:
            bool (batch,).
        """
        inside: Mask = (rows >= 0) & (rows < np.array(self.choices))
        valid: Mask = np.all(inside, axis=1)
        numbers = np.arange(len(rows))
        rows = np.where(valid[:, None], rows, 0)
        for k in range(len(self.choices)):
            valid &= self.masks(rows[:, :k])[numbers, rows[:, k]]
        return valid

    def sample(self, count: int, rng: np.random.Generator) -> Rows:
        """Draw random valid rows, decision by decision.

        Each decision is uniform over its allowed choices, so rows are not quite equally
        likely: those that leave fewer choices to later decisions are drawn more often.

        Args:
            count: Number of rows, 0 or more.
            rng: Source of the random numbers.

        Returns:
            int64 (count, decisions).

        Raises:
            ValueError: count is negative.
        """
        if count < 0:
            raise ValueError(f"count is {count}; it must be 0 or more")
        rows = np.empty((count, len(self.choices)), dtype=np.int64)
        for k in range(len(self.choices)):
            rows[:, k] = _pick(self.masks(rows[:, :k]), rng)
        return rows

    def rows(self, block: int) -> Iterator[Rows]:
        """Yield every valid row once, in lexicographic order.

        Args:
            block: Most prefixes that are extended together, which bounds the memory.

        Yields:
            int64 (some, decisions).
        """
        waiting = [np.empty((1, 0), dtype=np.int64)]  # the first ones at the end
        while waiting:
            prefixes = waiting.pop()
            if prefixes.shape[1] == len(self.choices):
                yield prefixes
                continue
            parents, choices = np.nonzero(self.masks(prefixes))
            longer = np.column_stack([prefixes[parents], choices])
            starts = range(0, len(longer), block)
            waiting += [longer[start : start + block] for start in reversed(starts)]

    @property
    def context(self) -> tuple[tuple[int, ...], ...]:
        """For each decision, the earlier decisions that it builds on."""
        found: list[tuple[int, ...]] = []
        for start in range(0, len(self.choices), DECISIONS_PER_GROUP):
            left, right = start + LEFT, start + RIGHT
            unaries = start + LEFT_UNARY, start + RIGHT_UNARY
            before = (start - 1,) if start else ()
            found += [before, (left,), (left,), (right,), (left, right, *unaries)]
        return tuple(found)

    @property
    def raw_size(self) -> int:
        """Number of rows without any constraint: the product of the choices."""
        return prod(self.choices)

    @property
    def size(self) -> int:
        """Number of valid rows, exactly."""

        @cache
        def completions(group: int, pending: int) -> int:
            if group == self.groups:
                return 1
            total = 0
            for reads, binaries in self._binaries(group).items():
                for used, pairs in self._pairs(group, pending, reads).items():
                    after = pending - used + 1
                    if after <= self.pending_limits[group + 1]:
                        rest = completions(group + 1, after)
                        total += binaries * pairs * self.unary**2 * rest
            return total

        return completions(0, 0)

    def _binaries(self, group: int) -> dict[bool, int]:
        """Number of binaries allowed in this group, by whether they read the right."""
        final = group == self.groups - 1
        counts = {True: 0, False: 0}
        for reads, ends in zip(self.reads_right, self.may_end, strict=True):
            counts[reads] += ends or not final
        return counts

    def _pairs(self, group: int, pending: int, reads: bool) -> dict[int, int]:
        """Number of operand pairs, by how many pending results they use."""
        settled = self.operands + group - pending
        pairs = {0: 0, 1: 0, 2: 0}
        for left_pending, lefts in ((0, settled), (1, pending)):
            other_pending = pending - left_pending
            other_settled = settled - (1 - left_pending)
            same = 0 if self.distinct_operands else 1
            pairs[left_pending] += lefts * (other_settled + same)
            pairs[left_pending + reads] += lefts * other_pending
        return pairs


def _pick(allowed: Mask, rng: np.random.Generator) -> Rows:
    """For each row of a (batch, choices) mask, one allowed choice, uniformly."""
    which = rng.integers(0, allowed.sum(axis=1))
    chosen: Rows = (allowed.cumsum(axis=1) > which[:, None]).argmax(axis=1)
    return chosen
