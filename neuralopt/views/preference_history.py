"""What a search preferred over time, for each decision of a rule.

A searcher with a policy is asked for its probabilities while it runs, and
`PreferenceRecorder` keeps them in a file of the run directory. For every searcher there
is a second answer, from the archive alone: how often each choice is made by the best
rules so far.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from neuralopt.archive.findings import FindingsKeeper
from neuralopt.views.decision_names import Decision, decisions_of

if TYPE_CHECKING:  # it loads torch
    from neuralopt.observer import Progress

FILE = "preferences.jsonl"
"""Of a run directory: one JSON object a line, a snapshot each."""

LIMIT = 200
"""Snapshots that are kept; of more, those that are closer together are left out."""

BEST, MOMENTS = 100, 60

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PreferenceHistory:
    """Shares of all choices over time.

    Attributes:
        source: ``policy``: probabilities of the searcher; ``best``: frequencies among
            the best rules so far.
        told: proposals until each snapshot, rising.
        decisions: what is decided, in order.
        shares: for each decision (snapshots, choices); rows add up to 1.
        best: how many of the best rules were counted; 0 for a policy.
    """

    source: Literal["policy", "best"]
    told: NDArray[np.int64]
    decisions: tuple[Decision, ...]
    shares: tuple[Floats, ...]
    best: int = 0

    @property
    def entropies(self) -> Floats:
        """Entropy of each decision's shares, as a share of that of a uniform choice.

        (decisions, snapshots): 1 where all choices are equally probable, 0 where it is
        always the same one, or where there is only one.
        """
        rows = []
        for shares in self.shares:
            logs = np.log(np.where(shares > 0, shares, 1.0))
            most = np.log(max(shares.shape[1], 2))
            rows.append(-(shares * logs).sum(axis=1) / most)
        return np.array(rows).reshape(len(self.shares), len(self.told))


class PreferenceRecorder:
    """Observes a search and keeps what its searcher prefers, thinned as it goes.

    Nothing is written for a searcher without preferences. What an earlier process wrote
    after the point of resuming is replaced. A file that can't be written is given up.

    Args:
        path: such as ``RUN/preferences.jsonl``.
        limit: snapshots that are kept.
    """

    def __init__(self, path: str | Path, limit: int = LIMIT) -> None:
        self._path, self._limit = Path(path), limit
        self._lines: list[tuple[int, str]] = []
        self._stride = 1
        self._writable = True

    def start(self, total: int, told: int) -> None:
        """Read what an earlier process kept, up to the point of resuming.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.
        """
        found = _read_lines(self._path)
        self._lines = [(number, line) for number, line in found if number <= told]
        thinned = len(self._lines) > self._limit // 2
        while thinned and self._distinct(2 * self._stride):
            self._stride *= 2
        if len(found) != len(self._lines):
            self._rewrite()

    def batch(self, progress: Progress) -> None:
        """Keep a snapshot, if the last one is long enough ago.

        Args:
            progress: where the search is after the batch.
        """
        before = self._lines[-1][0] if self._lines else -1
        if (
            not self._writable
            or progress.told // self._stride <= before // self._stride
        ):
            return
        found = progress.preferences()
        if not found:
            self._writable = False  # such a searcher has none later either
            return
        snapshot = {
            "told": progress.told,
            "probabilities": [[round(float(p), 4) for p in each] for each in found],
        }
        line = json.dumps(snapshot, separators=(",", ":"))
        self._lines.append((progress.told, line))
        if len(self._lines) <= self._limit:
            self._append(line)
            return
        while len(self._lines) > self._limit:
            self._stride *= 2
            first: dict[int, tuple[int, str]] = {}
            for number, each in self._lines:
                first.setdefault(number // self._stride, (number, each))
            self._lines = list(first.values())
        self._rewrite()

    def waiting(self, progress: Progress) -> None:
        """Keep nothing: the policy has not changed.

        Args:
            progress: where the search is.
        """

    def close(self) -> None:
        """End; everything is written already."""

    def _distinct(self, stride: int) -> bool:
        return len({number // stride for number, _ in self._lines}) == len(self._lines)

    def _append(self, line: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            self._writable = False

    def _rewrite(self) -> None:
        unfinished = self._path.with_name(f".{self._path.name}.new")
        try:
            text = "".join(f"{line}\n" for _, line in self._lines)
            unfinished.write_text(text, "utf-8")
            unfinished.replace(self._path)
        except OSError:
            self._writable = False


def _read_lines(path: Path) -> list[tuple[int, str]]:
    """Proposals told and text of each snapshot; a line that was cut is left out."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        try:
            found.append((int(json.loads(line)["told"]), line))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def policy_history(path: str | Path, space: Mapping[str, object]) -> PreferenceHistory:
    """Read what a `PreferenceRecorder` kept.

    Args:
        path: of the file.
        space: as in the configuration of the run; it names decisions and choices.

    Returns:
        The history; without snapshots if there is no file.

    Raises:
        ValueError: a snapshot does not belong to the space.
    """
    decisions = decisions_of(space)
    told, rows = [], []
    for number, line in _read_lines(Path(path)):
        row = json.loads(line).get("probabilities", [])
        if [len(each) for each in row] != [len(each.choices) for each in decisions]:
            raise ValueError(
                f"{path}: the snapshot at {number} proposals is of another space: "
                "delete the file"
            )
        told.append(number)
        rows.append(row)
    shares = tuple(
        np.array([row[place] for row in rows], np.float64).reshape(
            len(rows), len(each.choices)
        )
        for place, each in enumerate(decisions)
    )
    return PreferenceHistory("policy", np.array(told, np.int64), decisions, shares)


def best_history(
    archive: FindingsKeeper,
    space: Mapping[str, object],
    best: int = BEST,
    moments: int = MOMENTS,
) -> PreferenceHistory:
    """Count the choices of the best rules so far, at moments of a search.

    Args:
        archive: open for reading or writing.
        space: as in the configuration of the run; it names decisions and choices.
        best: how many rules count at each moment, by the score that the search was
            told; duplicates do not.
        moments: evenly spaced snapshots, fewer for a short search.

    Returns:
        The history; without snapshots while no rule is scored.

    Raises:
        ValueError: a proposal does not belong to the space.
    """
    decisions = decisions_of(space)
    ends = np.unique(np.linspace(0, len(archive), moments + 1)[1:].astype(np.int64))
    members = _best_at(archive, ends.tolist(), best)
    numbers = sorted({number for some in members.values() for number in some})
    rows = {number: archive.proposal(number).decisions for number in numbers}
    told = [end for end, some in members.items() if some]
    shares = [np.zeros((len(told), len(each.choices))) for each in decisions]
    for moment, end in enumerate(told):
        chosen = np.array([rows[number] for number in members[end]])
        if chosen.shape[1] != len(decisions):
            raise ValueError(
                f"archive {archive.path}: its rows have {chosen.shape[1]} decisions, "
                f"those of the space {len(decisions)}: give the space of the run"
            )
        for place, share in enumerate(shares):
            counts = np.bincount(chosen[:, place], minlength=share.shape[1])
            share[moment] = counts / len(chosen)
    history = tuple(shares)
    return PreferenceHistory("best", np.array(told, np.int64), decisions, history, best)


def _best_at(
    archive: FindingsKeeper, ends: Sequence[int], best: int
) -> dict[int, list[int]]:
    """Numbers of the best proposals before each of some numbers, which rise."""
    found: dict[int, list[int]] = {}
    top: list[tuple[float, int]] = []  # of equal qualities the earlier one is better
    waiting = list(reversed(ends))

    def note(until: float) -> None:
        while waiting and waiting[-1] <= until:
            found[waiting.pop()] = [-negative for _, negative in top]

    for number, status, _, quality, _ in archive.outcomes():
        note(number)
        if status != "scored" or quality is None:
            continue
        if len(top) < best:
            heapq.heappush(top, (quality, -number))
        else:
            heapq.heappushpop(top, (quality, -number))
    note(float("inf"))
    return found
