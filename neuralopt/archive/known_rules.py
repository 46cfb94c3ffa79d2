"""Find rules that were proposed before, by digests of their canonical texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from neuralopt.digests import rule_digest

Integers = npt.NDArray[np.int64]

RECENT = 1 << 16
"""Rules that are kept in a dictionary before they join the sorted arrays."""


class KnownRules:
    """Numbers of proposals by the digest of their canonical text.

    It takes 16 bytes a rule. Different texts may have one digest, so the text of what
    is found has to be compared.
    """

    def __init__(self) -> None:
        self._digests: Integers = np.empty(0, np.int64)
        self._numbers: Integers = np.empty(0, np.int64)
        self._recent: dict[int, int] = {}

    def add(self, texts: Iterable[str], numbers: Sequence[int]) -> None:
        """Add rules; of equal texts the last number counts.

        Args:
            texts: canonical texts.
            numbers: of their proposals.
        """
        self._recent.update(zip(map(rule_digest, texts), numbers, strict=True))
        if len(self._recent) >= RECENT:
            count, recent = len(self._recent), self._recent
            self._merge(
                [np.fromiter(recent.keys(), np.int64, count)],
                [np.fromiter(recent.values(), np.int64, count)],
            )
            self._recent = {}

    def load(self, pages: Iterable[tuple[Iterable[str], Sequence[int]]]) -> None:
        """Add the rules of an archive.

        Args:
            pages: texts and numbers, as for `add`, in rising order of the numbers.
        """
        loaded = [
            (np.fromiter(map(rule_digest, texts), np.int64, len(numbers)), numbers)
            for texts, numbers in pages
        ]
        self._merge(
            [digests for digests, _ in loaded],
            [np.array(numbers, np.int64) for _, numbers in loaded],
        )

    def candidates(self, texts: Iterable[str]) -> list[int | None]:
        """Return the proposals whose digests are those of texts.

        Args:
            texts: canonical texts.

        Returns:
            For each the number of a proposal; None if no proposal has the text.
        """
        return self.numbers(list(map(rule_digest, texts)))

    def numbers(self, digests: Sequence[int]) -> list[int | None]:
        """Return the proposals of digests.

        Args:
            digests: of canonical texts.

        Returns:
            For each the number of a proposal; None if no proposal has the digest.
        """
        found: list[int | None] = [self._recent.get(digest) for digest in digests]
        if len(self._digests):
            places = self._digests.searchsorted(np.array(digests, np.int64))
            places[places == len(self._digests)] = 0
            hits = (self._digests[places] == digests).nonzero()[0]
            for index in hits.tolist():
                if found[index] is None:
                    found[index] = int(self._numbers[places[index]])
        return found

    def _merge(
        self, new_digests: Sequence[Integers], new_numbers: Sequence[Integers]
    ) -> None:
        digests = np.concatenate([self._digests, *new_digests])
        numbers = np.concatenate([self._numbers, *new_numbers])
        order = digests.argsort(kind="stable")
        digests, numbers = digests[order], numbers[order]
        last = np.ones(len(digests), np.bool_)
        last[:-1] = digests[1:] != digests[:-1]
        self._digests, self._numbers = digests[last], numbers[last]
