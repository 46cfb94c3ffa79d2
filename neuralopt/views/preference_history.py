"""What a search preferred over time, for each decision of a rule.

A searcher with a policy is asked for its probabilities while it runs, and a
`PreferenceRecorder` keeps them. For every searcher there is a second answer, from the
archive only: how often each choice is made by the best rules so far.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuralopt.archive.findings import FindingsKeeper
from neuralopt.views.decision_names import Decision, decisions_of
from neuralopt.views.preference_recorder import FILE, read_snapshots

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


def run_history(archive: FindingsKeeper, folder: str | Path) -> PreferenceHistory:
    """Return what the policy of a run's searcher preferred, or else its best rules.

    Args:
        archive: of the run, open for reading or writing.
        folder: of the run.

    Returns:
        The history of the policy where it was recorded, else that of the best rules;
        without snapshots while there is neither.

    Raises:
        ValueError: the archive does not say which space was searched, or what was
            recorded is of another one.
    """
    try:
        space = json.loads(archive.context["configuration"])["space"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"archive {archive.path} does not say which space was searched: its "
            "preferences can't be shown"
        ) from None
    recorded = policy_history(Path(folder) / FILE, space)
    return recorded if len(recorded.told) else best_history(archive, space)


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
    for snapshot in read_snapshots(Path(path)):
        number, row = snapshot["told"], snapshot.get("probabilities", [])
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
    rows = archive.decisions(numbers)
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
