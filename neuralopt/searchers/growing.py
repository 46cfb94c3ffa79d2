"""Search small rules first: one searcher for each size of rules."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.searchers.base import BaseSearcher, Draft
from neuralopt.searchers.origin import origins_of
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.searcher import Rows, Searcher, Space

ELITES = 16
"""Best rules of a size that are proposed to the searchers of larger ones."""


class Growing(BaseSearcher):
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
        # Noted of each row: the place of the searcher that proposed it.
        super().__init__(space, f"growing {name}", {}, notes=1)
        spaces = [*space.smaller(), space]
        self._lengths = [len(each.choices) for each in spaces]
        seeds = np.random.SeedSequence(seed).generate_state(len(spaces))
        self.searchers = [
            make(each, int(own)) for each, own in zip(spaces, seeds, strict=True)
        ]
        self._spaces = spaces
        self._next = 0
        self._best: list[list[float]] = [[] for _ in spaces]

    def _propose(self, given: Rows, count: int) -> Draft:
        last = len(self.searchers) - 1
        if len(given):
            self.searchers[last].enqueue(given)
        shares = [0] * len(self.searchers)
        for _ in range(count):
            shares[max(0, self._next - 1)] += 1  # the first one twice
            self._next = (self._next + 1) % (len(shares) + 1)
        shares[last] += len(given)
        draft = Draft(given[:0], len(given) + count)
        # The largest first: it proposes what was given.
        for place in reversed(range(len(shares))):
            own = self.searchers[place].ask(shares[place])
            origins = origins_of(self.searchers[place], len(own))
            longer = own if place == last else self._space.extend(own)
            for row, origin in zip(longer, origins, strict=True):
                draft.add(row, origin, place)
        return draft

    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Tell each searcher what it proposed.

        Returns:
            The diagnostics of the largest size's searcher, and the best reward of each
            smaller size, as ``best_1`` for one group.
        """
        diagnostics: dict[str, float] = {}
        for place, searcher in enumerate(self.searchers):
            own = ask.notes[:, 0] == place
            told = ask.rows[own][:, : self._lengths[place]]
            diagnostics = searcher.tell(told, rewards[own])
            self._pass_on(place, told, rewards[own])
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

    def _state(self) -> dict[str, Any]:
        return {
            "searchers": [searcher.state_dict() for searcher in self.searchers],
            "next": self._next,
            "best": copy.deepcopy(self._best),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        for searcher, own in zip(self.searchers, state["searchers"], strict=True):
            searcher.load_state_dict(own)
        self._next = state["next"]
        self._best = copy.deepcopy(state["best"])
