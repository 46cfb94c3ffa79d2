"""The rules that a search has proposed, so that it need not propose them again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuralopt.digests import rule_digest
from neuralopt.searchers.searcher import Rows, Space


class SeenRules:
    """A set of rules, each known by a digest of its canonical text.

    A rule whose digest is that of another is taken for that one.

    Args:
        space: The space that rows belong to.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._digests: set[int] = set()

    def __len__(self) -> int:
        return len(self._digests)

    def digests(self, rows: Rows) -> list[int]:
        """Return a number for each row, equal for rows that say one rule.

        Args:
            rows: int64 (count, D).
        """
        return list(map(rule_digest, self._space.canonical(rows)))

    def add(self, digest: int) -> bool:
        """Add the rule of a digest, and return whether it was new.

        Args:
            digest: One of ``digests``.
        """
        before = len(self._digests)
        self._digests.add(digest)
        return len(self._digests) > before

    def add_new(self, rows: Rows) -> NDArray[np.bool_]:
        """Add the rules of rows, and return which were new.

        Args:
            rows: int64 (count, D).

        Returns:
            bool (count,): False for a rule that was seen, or that an earlier one of
            these rows says too.
        """
        new = [self.add(digest) for digest in self.digests(rows)]
        return np.array(new, np.bool_)

    def __contains__(self, row: Rows) -> bool:
        (digest,) = self.digests(row[None])
        return digest in self._digests

    def state(self) -> dict[str, Any]:
        """Return the set as a tensor, int64 (rules,), sorted."""
        digests = np.fromiter(self._digests, np.int64, len(self._digests))
        digests.sort()
        return {"digests": torch.from_numpy(digests)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Replace the set.

        Args:
            state: The result of ``state``.
        """
        self._digests = set(state["digests"].tolist())
