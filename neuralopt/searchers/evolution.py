"""Regularized evolution: mutate the winner of a tournament, let the oldest die."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neuralopt.searchers.pending import PendingAsks, checked_count
from neuralopt.searchers.saved_state import check_header, generator_from, header
from neuralopt.searchers.searcher import Rows, Space


class EvolutionSearcher:
    """Aging evolution of Real et al. 2019 (AAAI, algorithm 1), asynchronous.

    The first ``population`` rows are random. After them each proposal is a mutation of
    the best of ``tournament`` members drawn from the population at the time of the ask.
    Every result enters the population and the oldest member leaves it, however good it
    was: a row stays only by being found again, so that one lucky score can't dominate.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        population: Members kept (Real et al.: 100).
        tournament: Members drawn, with replacement, to choose a parent (Real et al.:
            25). Ours is smaller because most rules score the same zero, so that the
            selection pressure is high already.
        fresh: Share of proposals that are random even after the first ``population``,
            in [0, 1] (Real et al.: 0). With 0, a population of copies of one rule could
            not leave it.
        sharing: In a tournament, a reward that c members have to the last bit counts as
            reward / c**sharing, because equal rewards nearly always belong to one rule
            written in several ways; 0 or more (Real et al.: 0).

    Raises:
        ValueError: An option is out of its range.
    """

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        *,
        population: int = 100,
        tournament: int = 10,
        fresh: float = 0.05,
        sharing: float = 0.5,
    ) -> None:
        if not 1 <= tournament <= population:
            raise ValueError(
                f"tournament {tournament} of a population of {population}: "
                "draw at least 1 and at most the whole population"
            )
        if not 0 <= fresh <= 1:
            raise ValueError(f"fresh is {fresh}: give a share between 0 and 1")
        if not 0 <= sharing < np.inf:
            raise ValueError(f"sharing is {sharing}: give a number from 0")
        self._space = space
        self._rng = np.random.default_rng(seed)
        self._outstanding = PendingAsks(space)
        self._members: deque[tuple[Rows, float]] = deque(maxlen=population)
        self._tournament = tournament
        self._fresh = fresh
        self._sharing = sharing
        self._beginning = population  # random rows still to be proposed
        options = {
            "population": population,
            "tournament": tournament,
            "fresh": fresh,
            "sharing": sharing,
        }
        self._header = header("evolution", space.choices, options)

    def enqueue(self, rows: Rows) -> None:
        """Propose given rows before any others; see ``Searcher.enqueue``.

        Args:
            rows: int64 (count, D), valid.

        Raises:
            ValueError: A row is not valid in the space.
        """
        self._outstanding.enqueue(rows)

    def ask(self, count: int) -> Rows:
        """Propose rows; see ``Searcher.ask``.

        Args:
            count: Number of rows, 0 or more.

        Returns:
            int64 (count, D).

        Raises:
            ValueError: ``count`` is negative or not a whole number.
        """
        number = checked_count(count)
        rows = list(self._outstanding.queued(number))
        while len(rows) < number:
            rows.append(self._propose())
        decisions = len(self._space.choices)
        return self._outstanding.add(np.array(rows, np.int64).reshape(-1, decisions))

    def _propose(self) -> Rows:
        if self._beginning > 0:
            self._beginning -= 1
        elif self._members and self._rng.random() >= self._fresh:
            return self._space.mutate(self._parent().copy(), self._rng)
        row: Rows = self._space.sample(1, self._rng)[0]
        return row

    def _parent(self) -> Rows:
        drawn = self._rng.integers(len(self._members), size=self._tournament)
        crowd = Counter(reward for _, reward in self._members)

        def fitness(index: int) -> tuple[float, int]:
            reward = self._members[index][1]
            # The youngest of equals: among many zeros, keep moving.
            return reward / crowd[reward] ** self._sharing, index

        row, _ = self._members[max(drawn.tolist(), key=fitness)]
        return row

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        """Add the results to the population; see ``Searcher.tell``.

        Args:
            rows: (count, D), as asked, in the same order.
            rewards: (count,), in [0, 1]; NaN means "no result".

        Returns:
            ``population_best`` and ``population_mean`` (rewards), and
            ``population_distinct``, different rows per member; {} while the population
            is empty.

        Raises:
            ValueError: No ask is open, the rows are not those of the oldest ask, or a
                reward is outside [0, 1]. The searcher is then unchanged.
        """
        ask, values = self._outstanding.take(rows, rewards)
        for row, reward in zip(ask.rows, values, strict=True):
            if not np.isnan(reward):
                self._members.append((row, float(reward)))
        if not self._members:
            return {}
        scores = [reward for _, reward in self._members]
        distinct = len({row.tobytes() for row, _ in self._members})
        return {
            "population_best": max(scores),
            "population_mean": sum(scores) / len(scores),
            "population_distinct": distinct / len(scores),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot; see ``Searcher.state_dict``."""
        return {
            **self._header,
            "rng": self._rng.bit_generator.state,
            "outstanding": self._outstanding.state(),
            "members": [[row.tolist(), reward] for row, reward in self._members],
            "beginning": self._beginning,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot; see ``Searcher.load_state_dict``.

        Args:
            state: The result of ``state_dict``.

        Raises:
            ValueError: The state belongs to another searcher, space or set of options.
        """
        check_header(state, self._header)
        self._rng = generator_from(state["rng"])
        self._outstanding.load(state["outstanding"])
        self._members.clear()
        self._members.extend(
            (np.array(row, dtype=np.int64), reward) for row, reward in state["members"]
        )
        self._beginning = state["beginning"]
