"""Search small rules first: one searcher for each size of rules."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import origins_of
from neuralopt.searchers.base import BaseSearcher, Draft
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.preferences import preferences_of
from neuralopt.searchers.searcher import Rows, Searcher, Space

ELITES = 64
"""Rules of a size that are proposed to the searchers of larger ones: the best of each
set of operands, for the sets with the best ones."""


class Growing(BaseSearcher):
    """Searches the rules of one group, of two, and so on, at the same time.

    In a large space nearly all rules are large, and the small ones among them, which
    can be good and are the parts of better ones, are hardly ever drawn. So each size
    has a searcher of its own. All have an equal share of the proposals, but the
    smallest has two, because its rules are the easiest to find and the parts of all
    others. The best rules of a size, one for each set of operands, are enqueued for the
    larger sizes. There they are known rules, which cost no training; the searcher is
    told their rewards, and can build on them. One for each set, because the best ones
    of all are often one idea in many forms, and a larger rule needs other parts too.

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
        law = {"elites": ELITES, "by": "operands"}
        super().__init__(space, f"growing {name}", law, notes=1)
        spaces = [*space.smaller(), space]
        self._lengths = [len(each.choices) for each in spaces]
        seeds = np.random.SeedSequence(seed).generate_state(len(spaces))
        self.searchers = [
            make(each, int(own)) for each, own in zip(spaces, seeds, strict=True)
        ]
        self._spaces = spaces
        self._next = 0
        # Of each size: the best reward of each set of operands.
        self._best: list[dict[int, float]] = [{} for _ in spaces]

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
            diagnostics[f"best_{place + 1}"] = max(best.values(), default=0.0)
        return diagnostics

    def _pass_on(self, place: int, rows: Rows, rewards: np.ndarray) -> None:
        """Enqueue what is among the best of its size for all larger sizes."""
        if place == len(self.searchers) - 1:
            return
        best = self._best[place]
        known = ~np.isnan(rewards)
        cells = self._spaces[place].describe(rows[known])[:, 0].tolist()
        for row, operands, reward in zip(
            rows[known], cells, rewards[known].tolist(), strict=True
        ):
            if reward <= best.get(operands, 0.0):
                continue
            if operands not in best and len(best) == ELITES:
                worst = min(best, key=best.__getitem__)
                if reward <= best[worst]:
                    continue
                del best[worst]
            best[operands] = reward
            for larger in range(place + 1, len(self.searchers)):
                longer = self._spaces[larger].extend(row[None])
                self.searchers[larger].enqueue(longer)

    def preferences(self) -> list[NDArray[np.float64]]:
        """Return what the searcher of the largest size prefers, if it can say it."""
        return preferences_of(self.searchers[-1])

    def _state(self) -> dict[str, Any]:
        return {
            "searchers": [searcher.state_dict() for searcher in self.searchers],
            "next": self._next,
            "best": [[list(each) for each in best.items()] for best in self._best],
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        for searcher, own in zip(self.searchers, state["searchers"], strict=True):
            searcher.load_state_dict(own)
        self._next = state["next"]
        self._best = [dict(best) for best in state["best"]]
