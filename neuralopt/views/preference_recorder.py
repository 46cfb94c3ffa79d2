"""Keep what a searcher prefers while it runs, in a file of the run directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it loads torch
    from neuralopt.observer import Progress

FILE = "preferences.jsonl"
"""Of a run directory: one JSON object a line, a snapshot each."""

LIMIT = 200
"""Snapshots that are kept; of more, those that are closer together are left out."""


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
        found = read_lines(self._path)
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


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the snapshots of a file.

    Args:
        path: of the file, which may be missing.

    Returns:
        Proposals told and text of each; a line that was cut is left out.
    """
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
