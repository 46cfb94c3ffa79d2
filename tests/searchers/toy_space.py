"""A small space whose masks depend on earlier decisions, for tests of searchers."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class ToySpace:
    """A decision differs from the one before it; only even choices follow a 0."""

    def __init__(self, choices: tuple[int, ...] = (5, 4, 6, 4, 5, 4)) -> None:
        self.choices = choices

    @property
    def context(self) -> tuple[tuple[int, ...], ...]:
        return tuple((k - 1,) if k else () for k in range(len(self.choices)))

    def masks(self, prefixes: Rows) -> NDArray[np.bool_]:
        batch, k = prefixes.shape
        allowed = np.ones((batch, self.choices[k]), dtype=np.bool_)
        if k == 0:
            return allowed
        choice = np.arange(self.choices[k])
        last = prefixes[:, -1:]
        return (choice != last) & ((last != 0) | (choice % 2 == 0))

    def valid(self, row: Rows) -> bool:
        return row.shape == (len(self.choices),) and all(
            0 <= row[k] < self.choices[k] and bool(self.masks(row[None, :k])[0, row[k]])
            for k in range(len(self.choices))
        )

    def sample(self, count: int, rng: np.random.Generator) -> Rows:
        rows = np.empty((count, len(self.choices)), np.int64)
        for k in range(len(self.choices)):
            allowed = self.masks(rows[:, :k])
            rows[:, k] = (rng.random(allowed.shape) * allowed).argmax(axis=1)
        return rows

    def mutate(self, row: Rows, rng: np.random.Generator) -> Rows:
        while True:
            child = row.copy()
            k = rng.integers(len(row))
            child[k] = rng.integers(self.choices[k])
            if not np.array_equal(child, row) and self.valid(child):
                return child

    def crossover(self, one: Rows, other: Rows, rng: np.random.Generator) -> Rows:
        while True:
            child = np.where(rng.random(len(one)) < 0.5, one, other)
            if self.valid(child):
                return child

    def rearrange(self, row: Rows, rng: np.random.Generator) -> Rows:
        """The decisions one place on, if that is valid."""
        child = np.roll(row, int(rng.integers(1, len(row))))
        return child if self.valid(child) else row.copy()

    def describe(self, rows: Rows) -> NDArray[np.int64]:
        return np.stack([rows.sum(axis=1) % 7, rows[:, 0]], axis=1)

    def smaller(self) -> tuple["ToySpace", ...]:
        return ()

    def extend(self, rows: Rows) -> Rows:
        raise AssertionError("no space is smaller")

    def canonical(self, rows: Rows) -> list[str]:
        return [str(row.tolist()) for row in rows]

    def every_row(self) -> Rows:
        rows = np.array(list(product(*map(range, self.choices))), np.int64)
        return rows[[self.valid(row) for row in rows]]


def share_of(hidden: Rows, rows: Rows) -> NDArray[np.float64]:
    """Rewards of the counting problem: share of decisions equal to a hidden row."""
    return (rows == hidden).mean(axis=1)
