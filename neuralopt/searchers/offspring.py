"""Rows made from rows that were told: variation, and members of a population."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from neuralopt.searchers.searcher import Rows, Space


class Member(NamedTuple):
    """A row that was told.

    Attributes:
        row: int64 (D,).
        rule: Digest of its rule; see ``SeenRules``.
        reward: In [0, 1].
    """

    row: Rows
    rule: int
    reward: float


class Vary:
    """Makes a row from one or two others.

    Args:
        space: The space that rows belong to.
        crossover: Probability that two rows are mixed, in [0, 1].
        rearrange: Probability that the parts of a row are moved, in [0, 1], if it is
            not mixed. Else one decision is changed.
        more: Probability of one more changed decision, and of one more after it, in
            [0, 1).

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self, space: Space, crossover: float, rearrange: float, more: float
    ) -> None:
        for name, value in (("crossover", crossover), ("rearrange", rearrange)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}: give a share between 0 and 1")
        if not 0 <= more < 1:
            raise ValueError(f"more is {more}: give a share from 0, less than 1")
        self._space = space
        self._crossover, self._rearrange, self._more = crossover, rearrange, more

    def __call__(self, row: Rows, mate: Rows, rng: np.random.Generator) -> Rows:
        """Return a valid row near a given one.

        Args:
            row: int64 (D,); it is not modified.
            mate: int64 (D,), of which parts are taken in a crossover.
            rng: Source of the random numbers.

        Returns:
            int64 (D,).
        """
        space = self._space
        if rng.random() < self._crossover:
            child = space.crossover(row, mate, rng)
        elif rng.random() < self._rearrange:
            child = space.rearrange(row, rng)
        else:
            child = space.mutate(row, rng)
        while rng.random() < self._more:
            child = space.mutate(child, rng)
        return child


def members_state(members: Iterable[Member]) -> list[Any]:
    """Return members as plain lists, which hold floats exactly."""
    return [[m.row.tolist(), m.rule, m.reward] for m in members]


def members_from(state: Sequence[Any]) -> list[Member]:
    """Return the members of a saved state.

    Args:
        state: The result of ``members_state``.
    """
    return [
        Member(np.array(row, np.int64), rule, reward) for row, rule, reward in state
    ]
