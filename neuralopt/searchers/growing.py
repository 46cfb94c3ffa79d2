"""Search small rules first: one searcher for each size of rules."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralopt.searchers.pending import PendingAsks, checked_count
from neuralopt.searchers.preferences import preferences_of
from neuralopt.searchers.saved_state import check_header, header
from neuralopt.searchers.searcher import Rows, Searcher, Space

ELITES = 16
"""Best rules of a size that are proposed to the searchers of larger ones."""


class Growing:
    """Searches the rules of one group, of two, and so on, at the same time.

    In a large space nearly all rules are large, and the small ones among them, which
    can be good and are the parts of better ones, are hardly ever drawn. So each size
    has a searcher of its own. All have an equal share of the proposals, but the
    smallest has two, because its rules are the easiest to find and the parts of all
    others. What is among the best rules of a size is enqueued for the larger sizes.
    There it is a known rule, which costs no training; the searcher is told its reward,
    and can build on it.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        make: Makes the searcher of one size from its space and a seed.
        name: Of the searchers, for the saved state.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        make: Callable[[Space, int], Searcher],
        name: str,
    ) -> None:
        self._space = space
        spaces = [*space.smaller(), space]
        self._lengths = [len(each.choices) for each in spaces]
        seeds = np.random.SeedSequence(seed).generate_state(len(spaces))
        self.searchers = [
            make(each, int(own)) for each, own in zip(spaces, seeds, strict=True)
        ]
        self._spaces = spaces
        # Of each row: the place of the searcher that proposed it.
        self._outstanding = PendingAsks(space, notes=1)
        self._next = 0
        self._best: list[list[float]] = [[] for _ in spaces]
        self._header = header(f"growing {name}", space.choices, {})

    def enqueue(self, rows: Rows) -> None:
        """Propose given rows as soon as the largest size has proposed what smaller
        ones passed on; see ``Searcher.enqueue``.

        Args:
            rows: int64 (count, D), valid.

        Raises:
            ValueError: A row is not valid in the space.
        """
        self._outstanding.enqueue(rows)

    def ask(self, count: int) -> Rows:
        """Propose rows of every size in turn; see ``Searcher.ask``.

        Args:
            count: Number of rows, 0 or more.

        Returns:
            int64 (count, D).

        Raises:
            ValueError: ``count`` is negative or not a whole number.
        """
        number = checked_count(count)
        given = self._outstanding.queued(number)
        last = len(self.searchers) - 1
        if len(given):
            self.searchers[last].enqueue(given)
        shares = [0] * len(self.searchers)
        for _ in range(number - len(given)):
            shares[max(0, self._next - 1)] += 1  # the first one twice
            self._next = (self._next + 1) % (len(shares) + 1)
        shares[last] += len(given)
        rows, notes = [], []
        # The largest first: it proposes what was given.
        for place in reversed(range(len(shares))):
            own = self.searchers[place].ask(shares[place])
            rows.append(own if place == last else self._space.extend(own))
            notes.append(np.full((len(own), 1), float(place)))
        return self._outstanding.add(np.concatenate(rows), np.concatenate(notes))

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        """Tell each searcher what it proposed; see ``Searcher.tell``.

        Args:
            rows: (count, D), as asked, in the same order.
            rewards: (count,), in [0, 1]; NaN means "no result".

        Returns:
            The diagnostics of the largest size's searcher, and the best reward of each
            smaller size, as ``best_1`` for one group.

        Raises:
            ValueError: No ask is open, the rows are not those of the oldest ask, or a
                reward is outside [0, 1]. The searcher is then unchanged.
        """
        ask, values = self._outstanding.take(rows, rewards)
        diagnostics: dict[str, float] = {}
        for place, searcher in enumerate(self.searchers):
            own = ask.notes[:, 0] == place
            told = ask.rows[own][:, : self._lengths[place]]
            diagnostics = searcher.tell(told, values[own])
            self._pass_on(place, told, values[own])
        for place, best in enumerate(self._best[:-1]):
            diagnostics[f"best_{place + 1}"] = max(best, default=0.0)
        return diagnostics

    def _pass_on(self, place: int, rows: Rows, rewards: np.ndarray) -> None:
        """Enqueue what is among the best of its size for all larger sizes."""
        best = self._best[place]
        for row, reward in zip(rows, rewards.tolist(), strict=True):
            # Equal rewards belong to one rule, or to disguises of it.
            if np.isnan(reward) or reward in best:
                continue
            if len(best) == ELITES and reward <= min(best):
                continue
            if len(best) == ELITES:
                best.remove(min(best))
            best.append(reward)
            for larger in range(place + 1, len(self.searchers)):
                longer = self._spaces[larger].extend(row[None])
                self.searchers[larger].enqueue(longer)

    def preferences(self) -> list[NDArray[np.float64]]:
        """Return what the searcher of the largest size prefers, if it can say it."""
        return preferences_of(self.searchers[-1])

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot; see ``Searcher.state_dict``."""
        return {
            **self._header,
            "outstanding": self._outstanding.state(),
            "searchers": [searcher.state_dict() for searcher in self.searchers],
            "next": self._next,
            "best": copy.deepcopy(self._best),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot; see ``Searcher.load_state_dict``.

        Args:
            state: The result of ``state_dict``.

        Raises:
            ValueError: The state belongs to another searcher, space or set of options.
        """
        check_header(state, self._header)
        for searcher, own in zip(self.searchers, state["searchers"], strict=True):
            searcher.load_state_dict(own)
        self._outstanding.load(state["outstanding"])
        self._next = state["next"]
        self._best = copy.deepcopy(state["best"])
