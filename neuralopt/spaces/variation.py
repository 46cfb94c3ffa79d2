"""Variation of rows: mutation, rearrangement and crossover, on plain lists.

One row has a few dozen numbers: too few for calls of numpy to pay off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np

from neuralopt.spaces.skeleton import (
    BINARY,
    DECISIONS_PER_GROUP,
    LEFT,
    LEFT_UNARY,
    RIGHT,
    RIGHT_UNARY,
    Rows,
    Skeleton,
)

GRAFTS = 0.5
"""Share of crossovers that put a group of one row around a result of the other."""


@dataclass(frozen=True, slots=True)
class Variation:
    """Makes valid rows from valid rows.

    A set of choices is an int whose bit c tells whether choice c belongs to it.

    Args:
        skeleton: Which rows are valid.
    """

    skeleton: Skeleton
    _reading: int = field(init=False, repr=False)
    _ending: int = field(init=False, repr=False)
    _spare: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        skeleton = self.skeleton
        object.__setattr__(self, "_reading", _set_of(skeleton.reads_right))
        object.__setattr__(self, "_ending", _set_of(skeleton.may_end))
        spare = tuple(
            int(skeleton.can_read_right(group)) for group in range(skeleton.groups)
        )
        object.__setattr__(self, "_spare", spare)

    def allowed(self, row: Sequence[int], pending: int, k: int) -> int:
        """Return the choices that the mask of decision k allows.

        Args:
            row: The decisions before k, at least.
            pending: Results that no group before this one used.
            k: Number of the decision.
        """
        skeleton = self.skeleton
        group, decision = divmod(k, DECISIONS_PER_GROUP)
        everything = (1 << skeleton.choices[k]) - 1
        if decision in (LEFT_UNARY, RIGHT_UNARY):
            return everything
        needed = pending.bit_count() + 1 - skeleton.pending_limits[group + 1]
        if decision == LEFT:
            return everything if needed <= self._spare[group] else pending
        left = 1 << row[k - decision + LEFT]
        needed -= bool(pending & left)
        if decision == RIGHT:
            found = everything if needed <= 0 else pending & ~left
            return found & ~left if skeleton.distinct_operands else found
        found = everything if needed <= 0 else self._reading
        return found & self._ending if group == skeleton.groups - 1 else found

    def pending_after(self, row: Sequence[int], pending: int, group: int) -> int:
        """Return the pending results after a group, given those before it."""
        start = group * DECISIONS_PER_GROUP
        used = 1 << row[start + LEFT]
        if self.skeleton.reads_right[row[start + BINARY]]:
            used |= 1 << row[start + RIGHT]
        return pending & ~used | 1 << (self.skeleton.operands + group)

    def repair(self, row: list[int], rng: np.random.Generator) -> None:
        """Redraw, in place, the decisions of a row that are forbidden.

        Args:
            row: Any whole numbers.
            rng: Source of the random numbers.
        """
        pending = 0
        for k in range(len(row)):
            allowed = self.allowed(row, pending, k)
            if row[k] < 0 or not allowed >> row[k] & 1:
                row[k] = _pick(allowed, rng)
            if k % DECISIONS_PER_GROUP == BINARY:
                pending = self.pending_after(row, pending, k // DECISIONS_PER_GROUP)

    def valid(self, row: Sequence[int]) -> bool:
        """Check whether a row obeys every mask.

        Args:
            row: Whole numbers, one for each decision.
        """
        pending = 0
        for k, choice in enumerate(row):
            if choice < 0 or not self.allowed(row, pending, k) >> choice & 1:
                return False
            if k % DECISIONS_PER_GROUP == BINARY:
                pending = self.pending_after(row, pending, k // DECISIONS_PER_GROUP)
        return True

    def mutate(self, row: Rows, rng: np.random.Generator) -> Rows:
        """Change one decision; see ``Space.mutate``."""
        mutant = self._checked(row)
        pending = [0]
        for group in range(self.skeleton.groups):
            pending.append(self.pending_after(mutant, pending[-1], group))
        untried = list(range(len(mutant)))
        while untried:
            k = untried.pop(_below(len(untried), rng))
            others = self.allowed(mutant, pending[k // DECISIONS_PER_GROUP], k)
            others &= ~(1 << mutant[k])
            if others:
                mutant[k] = _pick(others, rng)
                self.repair(mutant, rng)
                break
        return np.array(mutant, np.int64)

    def rearrange(self, row: Rows, rng: np.random.Generator) -> Rows:
        """Swap two sides, or insert a group; see ``Space.rearrange``."""
        decisions = self._checked(row)
        groups = _groups_of(decisions)
        if len(groups) == 1 or rng.random() < 0.5:
            group = groups[_below(len(groups), rng)]
            group[LEFT], group[RIGHT] = group[RIGHT], group[LEFT]
            group[LEFT_UNARY], group[RIGHT_UNARY] = (
                group[RIGHT_UNARY],
                group[LEFT_UNARY],
            )
        else:
            self._delete(groups, _below(len(groups), rng))
            self._insert(groups, _below(len(groups) + 1, rng), rng)
        rearranged = [decision for group in groups for decision in group]
        self.repair(rearranged, rng)
        return np.array(rearranged, np.int64)

    def _delete(self, groups: list[list[int]], place: int) -> None:
        """Remove a group; who used its result uses its left operand instead."""
        result = self.skeleton.operands + place
        instead = groups.pop(place)[LEFT]
        for group in groups[place:]:
            for side in (LEFT, RIGHT):
                if group[side] == result:
                    group[side] = instead
                elif group[side] > result:
                    group[side] -= 1

    def _insert(
        self,
        groups: list[list[int]],
        place: int,
        rng: np.random.Generator,
        graft: list[int] | None = None,
    ) -> None:
        """Insert a group that is put around the result of the group before it.

        At the start it is put around an operand of the next group. The group is random
        unless one is given.
        """
        skeleton = self.skeleton
        result = skeleton.operands + place
        wrapped = result - 1 if place else groups[0][LEFT]
        for number, group in enumerate(groups[place:]):
            for side in (LEFT, RIGHT):
                first = number == 0 and side == LEFT
                if group[side] >= result:
                    group[side] += 1
                elif group[side] == wrapped and (place or first):
                    group[side] = result
        if graft is None:
            new = [_below(choices, rng) for choices in skeleton.choices[:5]]
        else:
            new = list(graft)
        new[LEFT] = wrapped
        groups.insert(place, new)

    def crossover(self, one: Rows, other: Rows, rng: np.random.Generator) -> Rows:
        """Mix the parts of two rows, or graft; see ``Space.crossover``."""
        first, second = one.tolist(), other.tolist()
        if self.skeleton.groups > 1 and rng.random() < GRAFTS:
            return self._grafted(first, second, rng)
        child = []
        for start in range(0, len(first), DECISIONS_PER_GROUP):
            left, right, binary = (
                first if rng.random() < 0.5 else second for _ in range(3)
            )
            parents = left, right, left, right, binary  # as LEFT to BINARY
            child += [parent[start + k] for k, parent in enumerate(parents)]
        self.repair(child, rng)
        return np.array(child, np.int64)

    def _grafted(
        self, one: list[int], other: list[int], rng: np.random.Generator
    ) -> Rows:
        """One row with a group of the other put around one of its results.

        Groups that only pass a result on are the first to be left out, and the last to
        be taken.
        """
        groups, others = _groups_of(one), _groups_of(other)
        passing = [n for n, group in enumerate(groups) if self._passes(group)]
        place = passing or range(len(groups))
        self._delete(groups, place[_below(len(place), rng)])
        acting = [group for group in others if not self._passes(group)] or others
        graft = acting[_below(len(acting), rng)]
        if rng.random() < 0.5:  # the result takes the place of either side
            graft = [graft[k] for k in (RIGHT, LEFT, RIGHT_UNARY, LEFT_UNARY, BINARY)]
        place = range(1, len(groups) + 1)
        self._insert(groups, place[_below(len(place), rng)], rng, graft)
        child = [decision for group in groups for decision in group]
        self.repair(child, rng)
        return np.array(child, np.int64)

    def _passes(self, group: Sequence[int]) -> bool:
        """Whether a group is its left operand."""
        skeleton = self.skeleton
        return (
            group[BINARY] == skeleton.keep_left
            and group[LEFT_UNARY] == skeleton.identity
        )

    def extend(self, row: Sequence[int]) -> list[int]:
        """Append groups to a row, each of which passes on the result before it.

        Args:
            row: Decisions of fewer groups than the skeleton has.

        Returns:
            The decisions of all groups.
        """
        skeleton, longer = self.skeleton, list(row)
        for group in range(len(row) // DECISIONS_PER_GROUP, skeleton.groups):
            previous = skeleton.operands + group - 1
            longer += [previous, 0, skeleton.identity, 0, skeleton.keep_left]
        return longer

    def _checked(self, row: Rows) -> list[int]:
        given = np.asarray(row)
        if given.shape == (len(self.skeleton.choices),) and given.dtype.kind in "iu":
            decisions: list[int] = given.tolist()
            if self.valid(decisions):
                return decisions
        raise ValueError(
            f"row {given.tolist()} is not valid in this space; "
            "vary only what sample, encode or mutate returned"
        )


def _groups_of(row: list[int]) -> list[list[int]]:
    return [
        row[start : start + DECISIONS_PER_GROUP]
        for start in range(0, len(row), DECISIONS_PER_GROUP)
    ]


def _set_of(flags: Sequence[bool]) -> int:
    return reduce(or_, (flag << place for place, flag in enumerate(flags)), 0)


def _below(count: int, rng: np.random.Generator) -> int:
    """A whole number below `count`, uniform; one `random` is all that it draws."""
    return int(rng.random() * count)


def _pick(choices: int, rng: np.random.Generator) -> int:
    """One member of a set, uniformly."""
    for _ in range(_below(choices.bit_count(), rng)):
        choices &= choices - 1
    return (choices & -choices).bit_length() - 1
