"""Rows made from rows that were told: variation, and members of a population."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from neuralopt.origin import Kind, Origin, made_of
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

    def __call__(
        self, parent: Member, mate: Member, rng: np.random.Generator
    ) -> tuple[Rows, Origin]:
        """Return a valid row near that of a member.

        Args:
            parent: Its row is not modified.
            mate: Parts of its row are taken in a crossover.
            rng: Source of the random numbers.

        Returns:
            int64 (D,), and where it comes from.
        """
        space = self._space
        if rng.random() < self._crossover:
            child = space.crossover(parent.row, mate.row, rng)
            origin = made_of("crossover", parent.rule, mate.rule)
        else:
            rearranged = rng.random() < self._rearrange
            child = (space.rearrange if rearranged else space.mutate)(parent.row, rng)
            kind: Kind = "rearrangement" if rearranged else "mutation"
            origin = Origin(kind, (parent.rule,))
        while rng.random() < self._more:
            child = space.mutate(child, rng)
        return child, origin


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
