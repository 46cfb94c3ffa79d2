"""The reward history: how good a reward is compared with those before it."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Differences below this do not matter to a search. Without a lower bound, ``std`` would
# magnify the rest that remains once a controller has settled on duplicates.
SMALLEST_SPREAD = 0.01


class RewardHistory:
    """Moving averages of rewards, and the latest rewards.

    ``b <- decay b + (1 - decay) r`` over single results in the order told, divided by
    ``1 - decay**n`` so that the beginning isn't biased towards 0; the same for r**2.

    Before that, a reward is shared: divided by ``count**sharing``, where count is the
    number of times that this very number was told among the last ``sharing_window``,
    itself included. Qualities equal to the last bit nearly always belong to one rule,
    which a space can write in thousands of ways. The entropy bonus does not prevent
    this, because decisions without effect stay random: without sharing, a controller
    settles on one rule within 1,000. (Fitness sharing, Goldberg and Richardson 1987,
    with equal reward as the niche.)

    Args:
        decay: Decay of both averages, per result, in [0, 1).
        rank_window: Number of shared rewards kept for ranking.
        sharing: The exponent above; 0 leaves rewards unchanged.
        sharing_window: Number of rewards kept for counting.
    """

    def __init__(
        self,
        decay: float,
        rank_window: int,
        sharing: float = 0.0,
        sharing_window: int = 4096,
    ) -> None:
        self._decay = decay
        self._rank_window = rank_window
        self._sharing = sharing
        self._weight = 0.0  # 1 - decay**n
        self._mean = 0.0
        self._square = 0.0
        self._latest: list[float] = []  # shared rewards
        self._told: deque[float] = deque(maxlen=sharing_window)  # rewards as they came

    @property
    def baseline(self) -> float:
        """The moving average of shared rewards; 0 before the first."""
        return self._mean / self._weight if self._weight else 0.0

    def advantages(
        self, rewards: NDArray[np.float64], kind: str
    ) -> NDArray[np.float64]:
        """Return the advantage of each reward, then add the rewards to the history.

        Args:
            rewards: (n,), in [0, 1].
            kind: ``raw`` and ``std`` compare with the rewards before these (the very
                first ones with each other), so that a reward isn't part of its own
                baseline; ``rank`` compares with the latest rewards, these included.

        Returns:
            float64 (n,).
        """
        rewards = self._share(rewards)
        first = not self._weight
        before = self.baseline
        spread = self._spread()
        self._remember(rewards)
        if kind == "rank":
            latest = np.sort(self._latest)
            below = np.searchsorted(latest, rewards, side="left")
            not_above = np.searchsorted(latest, rewards, side="right")
            return (below + not_above) / len(latest) - 1.0
        if first:
            before, spread = float(rewards.mean()), float(rewards.std())
        if kind == "raw":
            return rewards - before
        return (rewards - before) / max(spread, SMALLEST_SPREAD)

    def _share(self, rewards: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = Counter(self._told)
        shared = np.empty_like(rewards)
        for index, reward in enumerate(rewards.tolist()):
            if len(self._told) == self._told.maxlen:
                counts[self._told[0]] -= 1
            self._told.append(reward)
            counts[reward] += 1
            shared[index] = reward / counts[reward] ** self._sharing
        return shared

    def _spread(self) -> float:
        if not self._weight:
            return 0.0
        return float(max(self._square / self._weight - self.baseline**2, 0.0) ** 0.5)

    def _remember(self, rewards: NDArray[np.float64]) -> None:
        for reward in rewards.tolist():
            self._weight += (1 - self._decay) * (1 - self._weight)
            self._mean += (1 - self._decay) * (reward - self._mean)
            self._square += (1 - self._decay) * (reward**2 - self._square)
        self._latest = [*self._latest, *rewards.tolist()][-self._rank_window :]

    def state(self) -> dict[str, Any]:
        """Return the history as plain numbers and lists."""
        return {
            "weight": self._weight,
            "mean": self._mean,
            "square": self._square,
            "latest": list(self._latest),
            "told": list(self._told),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved history.

        Args:
            state: The result of ``state``.
        """
        self._weight = state["weight"]
        self._mean = state["mean"]
        self._square = state["square"]
        self._latest = list(state["latest"])
        self._told = deque(state["told"], maxlen=self._told.maxlen)
