"""Read what became of all proposals of a search into arrays, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.archive.finding_tables import BEHAVIOURS
from neuralopt.archive.findings import FindingsKeeper
from neuralopt.archive.ranking import rule_size
from neuralopt.outcomes import CHARGED
from neuralopt.scoring.score import STATUSES
from neuralopt.verdict.rediscovery.history import PAUSE

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

TOGETHER = 1 << 15
"""Rows that become arrays at a time."""

_CODES: dict[str, int] = {status: code for code, status in enumerate(STATUSES)}
_SHORT = 1.6
_SLACK = 12
_LONGEST = 2**31


@dataclass(frozen=True, slots=True)
class Proposals:
    """One element for each proposal that is kept, in the order of asking.

    Attributes:
        number: of the proposal.
        charged: rules trained up to it, itself included: scored, stopped or diverged.
        status: places in `scoring.score.STATUSES`.
        quality: that the search was told; NaN where there is none.
        trainings: parts of the objective that a stopped rule was trained on, else 0.
        size: nodes of the rule; 0 where it was not read, see `read_sizes`.
        nearest: place of the nearest named rule in `names`; -1 where not recorded.
        similarity: to the nearest named rule; NaN where not recorded.
        equal: whether it behaves as the nearest named rule does.
        families: the families of its behaviour as bits, in the order of
            `RunView.families`; -1 where not recorded.
    """

    number: Integers
    charged: Integers
    status: NDArray[np.int8]
    quality: Floats
    trainings: NDArray[np.int16]
    size: NDArray[np.int16]
    nearest: NDArray[np.int16]
    similarity: Floats
    equal: NDArray[np.bool_]
    families: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.number)

    def where(self, *statuses: str) -> NDArray[np.bool_]:
        """Return which proposals have one of some statuses.

        Args:
            statuses: such as ``scored``.

        Returns:
            One element for each proposal.
        """
        return np.isin(self.status, [_CODES[status] for status in statuses])

    def take(self, places: NDArray[Any]) -> Proposals:
        """Return some of the proposals.

        Args:
            places: of those wanted, as indices or as a mask.

        Returns:
            Only these, in the order of the places.
        """
        return replace(
            self,
            **{each.name: getattr(self, each.name)[places] for each in fields(self)},
        )


def read_outcomes(archive: FindingsKeeper) -> Proposals:
    """Return all proposals with what became of them, without sizes and behaviours.

    Args:
        archive: open for reading or writing.

    Returns:
        Every proposal of the archive.
    """
    parts: list[tuple[NDArray[Any], ...]] = []
    rows = archive.outcomes()
    while page := list(islice(rows, TOGETHER)):
        numbers, statuses, _, qualities, trainings = zip(*page, strict=True)
        parts.append(
            (
                np.array(numbers, np.int64),
                np.array([_CODES[status] for status in statuses], np.int8),
                np.array(qualities, np.float64),  # None becomes NaN
                np.array(trainings, np.int16),
            )
        )
    if not parts:
        parts = [tuple(np.zeros(0, kind) for kind in ("i8", "i1", "f8", "i2"))]
    columns = zip(*parts, strict=True)
    number, status, quality, tasks = (np.concatenate(each) for each in columns)
    trained = np.isin(status, [_CODES[each] for each in CHARGED])
    count = len(number)
    return Proposals(
        number=number,
        charged=np.cumsum(trained, dtype=np.int64),
        status=status,
        quality=quality,
        trainings=tasks,
        size=np.zeros(count, np.int16),
        nearest=np.full(count, -1, np.int16),
        similarity=np.full(count, np.nan),
        equal=np.zeros(count, np.bool_),
        families=np.full(count, -1, np.int16),
    )


def read_behaviours(
    archive: FindingsKeeper, proposals: Proposals, families: Sequence[str]
) -> tuple[Proposals, tuple[str, ...]]:
    """Return proposals with the behaviours that are recorded of them.

    Args:
        archive: that they are of.
        proposals: some or all of it, in the order of numbers.
        families: names of the families, in the order of their bits.

    Returns:
        The proposals, and the names that `nearest` refers to.
    """
    rows = archive.finding_rows(BEHAVIOURS)
    if not rows or not len(proposals):
        return proposals, ()
    numbers, nearest, similarity, equal, kinds, _ = zip(*rows, strict=True)
    names = tuple(sorted(set(nearest)))
    places = {name: place for place, name in enumerate(names)}
    bits = {text: _bits(text, families) for text in set(kinds)}
    at = np.searchsorted(proposals.number, np.array(numbers, np.int64))
    at = np.minimum(at, len(proposals) - 1)
    kept = proposals.number[at] == np.array(numbers, np.int64)
    at = at[kept]
    found = replace(
        proposals,
        nearest=proposals.nearest.copy(),
        similarity=proposals.similarity.copy(),
        equal=proposals.equal.copy(),
        families=proposals.families.copy(),
    )
    found.nearest[at] = np.array([places[name] for name in nearest], np.int16)[kept]
    found.similarity[at] = np.array(similarity, np.float64)[kept]
    found.equal[at] = np.array(equal, np.bool_)[kept]
    found.families[at] = np.array([bits[text] for text in kinds], np.int16)[kept]
    return found, names


def _bits(text: str, families: Sequence[str]) -> int:
    """Families that this version doesn't know are left out."""
    known = json.loads(text)
    return sum(1 << bit for bit, name in enumerate(families) if name in known)


def read_sizes(archive: FindingsKeeper, proposals: Proposals, most: int) -> Proposals:
    """Return proposals with the sizes of some of the scored ones.

    A size takes a third of a millisecond, since the rule is parsed. So of many rules
    only these are read: the best, those of short text for their quality, among which
    the front of quality and size is, and others evenly spaced.

    Args:
        archive: that they are of.
        proposals: some or all of it.
        most: sizes to read.

    Returns:
        The proposals; `size` is 0 where it was not read, and of rules that this
        version can't read.
    """
    scored = np.flatnonzero(proposals.where("scored"))
    if len(scored) > most:
        best = scored[np.argsort(-proposals.quality[scored], kind="stable")]
        spaced = np.linspace(0, len(scored) - 1, most // 4).astype(np.int64)
        short = _short_for_their_quality(archive, proposals, best)
        chosen = [best[: most // 2], short[: most // 4], scored[spaced]]
        scored = np.unique(np.concatenate(chosen))
    texts = archive.texts(proposals.number[scored].tolist())
    size = proposals.size.copy()
    for place in scored.tolist():
        size[place] = rule_size(texts[int(proposals.number[place])]) or 0
    return replace(proposals, size=size)


def _short_for_their_quality(
    archive: FindingsKeeper, proposals: Proposals, best: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The places whose text is shorter than any better one's; then, hardly longer."""
    length = np.zeros(len(proposals), np.int64)
    for number, characters in _arrays(archive.text_lengths()):
        at = np.searchsorted(proposals.number, number)
        at = np.minimum(at, len(proposals) - 1)
        kept = proposals.number[at] == number
        length[at[kept]] = characters[kept]
    shortest = np.minimum.accumulate(np.append(_LONGEST, length[best]))
    shorter = length[best] < shortest[:-1]
    short = length[best] <= _SHORT * shortest[1:] + _SLACK
    return np.concatenate([best[shorter], best[short & ~shorter]])


def _arrays(pairs: Iterator[tuple[int, int]]) -> Iterator[NDArray[np.int64]]:
    while page := list(islice(pairs, TOGETHER)):
        yield np.array(page, np.int64).T


@dataclass(frozen=True, slots=True)
class Attempts:
    """One element for each attempt to score a proposal, in the order of their ends.

    Attributes:
        number: of the proposal.
        worker: place of the worker in `workers`.
        seconds: wall time of the attempt.
        elapsed: seconds of the search until its end, interruptions left out.
        lost: whether it brought no score: a broken training or a lost worker.
        workers: names of the workers, in alphabetic order.
    """

    number: Integers
    worker: NDArray[np.int32]
    seconds: Floats
    elapsed: Floats
    lost: NDArray[np.bool_]
    workers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.number)


def read_attempts(archive: FindingsKeeper) -> Attempts:
    """Return all attempts to score a proposal.

    Args:
        archive: open for reading or writing.

    Returns:
        The attempts; a pause of more than a minute counts as an interruption.
    """
    parts: list[tuple[NDArray[Any], ...]] = []
    codes: dict[str, int] = {}
    rows = archive.execution_rows()
    while page := list(islice(rows, TOGETHER)):
        numbers, _, outcomes, seconds, workers, finished = zip(*page, strict=True)
        for worker in workers:
            codes.setdefault(worker, len(codes))
        parts.append(
            (
                np.array(numbers, np.int64),
                np.array([codes[worker] for worker in workers], np.int32),
                np.array(seconds, np.float64),
                np.array(finished, np.float64),
                np.array([each not in CHARGED for each in outcomes], np.bool_),
            )
        )
    if not parts:
        parts = [tuple(np.zeros(0, kind) for kind in ("i8", "i4", "f8", "f8", "?"))]
    cells = zip(*parts, strict=True)
    number, worker, spans, ends, lost = map(np.concatenate, cells)
    order = np.lexsort((number, ends))
    names = sorted(codes)
    ranks = np.array([names.index(name) for name in codes], np.int32)
    ended, took = ends[order], spans[order]
    before = np.concatenate([ended[:1] - took[:1], ended[:-1]])
    return Attempts(
        number=number[order],
        worker=ranks[worker[order]] if len(order) else worker,
        seconds=took,
        elapsed=np.cumsum(np.minimum(ended - before, took + PAUSE)),
        lost=lost[order],
        workers=tuple(names),
    )
