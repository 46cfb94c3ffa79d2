"""The numbers that TensorBoard shows of a search, and how its charts are laid out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralopt.scoring.score import NO_RESULT

if TYPE_CHECKING:  # it loads torch
    from neuralopt.observer import Progress

MEAN, SCORE = "best/measured_mean", "best/search_score"
"""Tags of the two charts that known optimizers are lines in."""

INTERVAL = ("interval/mean", "interval/low", "interval/high")
"""Tags of the best mean and the ends of its interval: known optimizers have none."""

QUANTILES = {"scores/p10": 0.1, "scores/median": 0.5, "scores/p90": 0.9}

Charts = dict[str, dict[str, list[Any]]]
"""Kind and tags of charts, by category and title, as torch takes them."""

_COUNTED = {"workers/lost": "lost", "workers/retried": "retried"}


class Scalars:
    """Numbers of the batches since they were written last, by tag."""

    def __init__(self) -> None:
        self._rewards: list[float] = []
        self._busy: list[float] = []
        self._speed = (0.0, 0)

    def note(self, progress: Progress) -> None:
        """Take a batch, or the workers while there was none.

        Args:
            progress: where the search is.
        """
        self._rewards += progress.rewards
        workers = progress.workers
        self._busy.append(workers.busy / max(workers.alive, 1))

    def written(self, progress: Progress) -> dict[str, float]:
        """Return what is to be written now, and begin the next interval.

        Args:
            progress: of the last batch that was noted.

        Returns:
            Numbers by tag; tags without a number are left out.
        """
        found: dict[str, float] = {}
        if isfinite(progress.highest):
            found[SCORE] = progress.highest
        if progress.shortlist:
            first = progress.shortlist[0]
            found[MEAN] = first.mean
            ends = first.mean, first.low, first.high
            found |= dict(zip(INTERVAL, ends, strict=True))
        scores = scored(self._rewards)
        if len(scores):
            for tag, share in QUANTILES.items():
                found[tag] = float(np.quantile(scores, share))
        for status, count in progress.counts.items():
            if status != "pending" and (count or status not in NO_RESULT):
                found[f"proposals/{status}"] = count
        for name, value in progress.diagnostics.items():
            found[f"searcher/{name}"] = value
        if progress.rediscoveries:
            found["found/known_rules"] = len(progress.rediscoveries)
        if progress.measurements:
            found["found/measurements"] = progress.measurements
        found |= self._workers(progress)
        self._rewards, self._busy = [], []
        return found

    def _workers(self, progress: Progress) -> dict[str, float]:
        workers = progress.workers
        found: dict[str, float] = {"workers/alive": workers.alive}
        # A mean: at the end of a batch most workers wait for the next one.
        found["workers/busy_share"] = float(np.mean(self._busy))
        for tag, name in _COUNTED.items():
            if count := getattr(workers, name):
                found[tag] = count
        if workers.gpu_bytes:
            found["workers/gpu_gib"] = workers.gpu_bytes / 2**30
        seconds, trained = self._speed
        if progress.seconds > seconds:
            rate = (progress.trained - trained) / (progress.seconds - seconds)
            found["workers/rules_per_second"] = rate
            self._speed = (progress.seconds, progress.trained)
        return found


def scored(rewards: Sequence[float]) -> np.ndarray:
    """Return the rewards of rules that were scored: those above 0.

    Args:
        rewards: with 0 for rules without a score, and NaN where a training broke.

    Returns:
        Some of them.
    """
    found = np.array(rewards, dtype=np.float64)
    return found[found > 0]


def layout(tags: Iterable[str]) -> Charts:
    """Return the charts of the page Custom Scalars.

    Most have one line, since TensorBoard gives all lines of a run one colour.

    Args:
        tags: of the numbers that are written.

    Returns:
        The charts.
    """
    charts: Charts = {
        "best": {
            "mean on fresh replicates, 95% interval": ["Margin", list(INTERVAL)],
            "mean, and known optimizers": ["Multiline", [_only(MEAN)]],
            "highest single score, and known optimizers": ["Multiline", [_only(SCORE)]],
        },
        "scores": {
            "median, and from the 10th to the 90th percentile": [
                "Margin",
                ["scores/median", "scores/p10", "scores/p90"],
            ],
        },
    }
    for tag in sorted(tags):
        category, _, name = tag.partition("/")
        if category in ("proposals", "searcher", "workers"):
            title = name.replace("_", " ")
            charts.setdefault(category, {})[title] = ["Multiline", [_only(tag)]]
    return charts


def _only(tag: str) -> str:
    """A regular expression that no other tag matches."""
    return f"^{re.escape(tag)}$"
