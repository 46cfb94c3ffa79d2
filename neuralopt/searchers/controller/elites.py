"""The best rules of a search, to train a controller on and to breed from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import UNKNOWN, Origin, made_of
from neuralopt.searchers.searcher import Rows, Space
from neuralopt.searchers.seen import SeenRules

BREEDING_ROUNDS = 20
"""How often a child is bred until its rule is new; the last is returned in any case."""


class Elites:
    """The best rules told, at most one for each level of reward.

    Rewards that round to the same multiple of `resolution` are one level. Rules of one
    level are nearly always one idea in several disguises, of which a space has
    hundreds; without levels they would fill the list. The latest rule of a level
    replaces the one before it, so that the list drifts through all ways to say an idea:
    some of them are one decision away from a better rule.

    Args:
        space: The space that rows belong to.
        capacity: Levels kept; the lowest leave first.
        resolution: Distance of two levels; 0: every different reward is one.
    """

    def __init__(self, space: Space, capacity: int, resolution: float) -> None:
        self._space = space
        self._capacity = capacity
        self._resolution = resolution
        self._best: list[tuple[float, float, Rows]] = []  # level, reward, row; falling

    def __len__(self) -> int:
        return len(self._best)

    @property
    def rewards(self) -> list[float]:
        """Rewards of the elites, the best level first."""
        return [reward for _, reward, _ in self._best]

    def rows(self, count: int) -> Rows:
        """Return the rows of the best elites.

        Args:
            count: Number of rows, at most.

        Returns:
            int64 (some, D), the best level first.
        """
        rows = [row for _, _, row in self._best[:count]]
        return np.array(rows, np.int64).reshape(-1, len(self._space.choices))

    def tell(self, rows: Rows, rewards: NDArray[np.float64]) -> None:
        """Add results.

        Args:
            rows: int64 (count, D).
            rewards: (count,), without NaN; rewards of 0 are not kept.
        """
        levels = {level: (reward, row) for level, reward, row in self._best}
        for row, reward in zip(rows, rewards.tolist(), strict=True):
            if reward > 0:
                levels[self._level(reward)] = (reward, row)
        falling = sorted(levels.items(), key=lambda each: -each[0])
        self._best = [(level, *pair) for level, pair in falling[: self._capacity]]

    def _level(self, reward: float) -> float:
        if not self._resolution:
            return reward
        return float(round(reward / self._resolution))

    def breed(
        self,
        count: int,
        rng: np.random.Generator,
        seen: SeenRules,
        tournament: int,
        crossover: float,
    ) -> tuple[Rows, list[Origin]]:
        """Return children of one or two elites, as many as possible of new rules.

        A child that says its parent's rule in another way takes the parent's place, and
        the next child has another way to go.

        Args:
            count: Number of children.
            rng: Source of the random numbers.
            seen: Rules proposed before; those of the children are added.
            tournament: Elites drawn, of which the best becomes a parent.
            crossover: Probability of a second parent.

        Returns:
            int64 (count, D), and where each comes from.
        """
        rules = seen.digests(self.rows(len(self))) if count else []
        origins = [UNKNOWN] * count
        children = np.empty((count, len(self._space.choices)), np.int64)
        left = np.arange(count)
        for _ in range(BREEDING_ROUNDS):
            if not len(left):
                break
            parents = [self._parent(rng, tournament) for _ in left]
            for place, parent in zip(left.tolist(), parents, strict=True):
                children[place], mate = self._child(parent, rng, tournament, crossover)
                if mate is None:
                    origins[place] = Origin("mutation", (rules[parent],))
                else:
                    origins[place] = made_of("crossover", rules[parent], rules[mate])
            old = ~seen.add_new(children[left])
            self._drift(np.array(parents)[old], children[left[old]])
            left = left[old]
        return children, origins

    def _child(
        self,
        parent: int,
        rng: np.random.Generator,
        tournament: int,
        crossover: float,
    ) -> tuple[Rows, int | None]:
        """A child, and its second parent."""
        row = self._best[parent][2]
        if rng.random() < crossover:
            mate = self._parent(rng, tournament)
            return self._space.crossover(row, self._best[mate][2], rng), mate
        return self._space.mutate(row.copy(), rng), None

    def _drift(self, parents: NDArray[np.int64], children: Rows) -> None:
        """Replace parents by children that say the same rule."""
        rows = self.rows(len(self))[parents]
        texts = zip(
            self._space.canonical(rows), self._space.canonical(children), strict=True
        )
        for index, child, (mine, theirs) in zip(parents, children, texts, strict=True):
            if mine == theirs:
                level, reward, _ = self._best[index]
                self._best[index] = (level, reward, child.copy())

    def _parent(self, rng: np.random.Generator, tournament: int) -> int:
        return int(rng.integers(len(self._best), size=tournament).min())

    def state(self) -> dict[str, Any]:
        """Return the elites as plain lists."""
        return {
            "best": [
                [level, reward, row.tolist()] for level, reward, row in self._best
            ],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Replace the elites.

        Args:
            state: The result of ``state``.
        """
        self._best = [
            (level, reward, np.array(row, np.int64))
            for level, reward, row in state["best"]
        ]
