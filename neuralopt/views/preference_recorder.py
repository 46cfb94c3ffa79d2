"""Keep what a searcher prefers while it runs, in a file of the run directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralopt.whole_file import write_whole

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

    Of all proposals told, divided into equal strides, the first snapshot of each stride
    is kept. The stride is doubled when there are too many, and written in every line:
    a resumed search goes on with it, and so ends with the same file.

    Args:
        path: such as ``RUN/preferences.jsonl``.
        limit: snapshots that are kept, 2 or more.

    Raises:
        ValueError: the limit is smaller.
    """

    def __init__(self, path: str | Path, limit: int = LIMIT) -> None:
        if limit < 2:
            raise ValueError(f"limit is {limit}: keep 2 snapshots or more")
        self._path, self._limit = Path(path), limit
        self._kept: list[dict[str, Any]] = []
        self._stride = 1
        self._writable = True

    def start(self, total: int, told: int) -> None:
        """Read what an earlier process kept, up to the point of resuming.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.
        """
        found = _snapshots_in(content := _content(self._path))
        self._stride = max((each["stride"] for each in found), default=1)
        self._kept = [each for each in found if each["told"] <= told]
        self._thin()
        if content != self._text(self._kept):
            self._rewrite()

    def batch(self, progress: Progress) -> None:
        """Keep a snapshot, if the last one is long enough ago.

        Args:
            progress: where the search is after the batch.
        """
        before = self._kept[-1]["told"] if self._kept else -1
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
            "stride": self._stride,
            "probabilities": [[round(float(p), 4) for p in each] for each in found],
        }
        self._kept.append(snapshot)
        if len(self._kept) <= self._limit:
            self._append(snapshot)
            return
        self._thin()
        self._rewrite()

    def waiting(self, progress: Progress) -> None:
        """Keep nothing: the policy has not changed.

        Args:
            progress: where the search is.
        """

    def close(self) -> None:
        """End; everything is written already."""

    def _thin(self) -> None:
        while len(self._kept) > self._limit:
            self._stride *= 2
            first: dict[int, dict[str, Any]] = {}
            for each in self._kept:
                first.setdefault(each["told"] // self._stride, each)
            self._kept = list(first.values())
        for each in self._kept:
            each["stride"] = self._stride

    def _text(self, snapshots: list[dict[str, Any]]) -> bytes:
        lines = (json.dumps(each, separators=(",", ":")) for each in snapshots)
        return "".join(f"{line}\n" for line in lines).encode()

    def _append(self, snapshot: dict[str, Any]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(self._text([snapshot]))
        except OSError:
            self._writable = False

    def _rewrite(self) -> None:
        try:
            write_whole(self._path, self._text(self._kept))
        except OSError:
            self._writable = False


def read_snapshots(path: Path) -> list[dict[str, Any]]:
    """Return the snapshots of a file.

    Args:
        path: of the file, which may be missing.

    Returns:
        Each as it was written: proposals told, stride and probabilities. A line that
        was cut is left out.
    """
    return _snapshots_in(_content(path))


def _snapshots_in(content: bytes) -> list[dict[str, Any]]:
    found = []
    for line in content.split(b"\n"):
        try:
            snapshot = json.loads(line)
            numbers = int(snapshot["told"]), int(snapshot["stride"])
        except (ValueError, KeyError, TypeError):
            continue
        if min(numbers) > 0:
            found.append(snapshot)
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
