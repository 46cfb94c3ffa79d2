"""What known optimizers score on the objective of a search, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from neuralopt.archive.records import VerdictRecord
from neuralopt.verdict.records import newest

SHARE_OF_ADAM = 0.5
"""Quality of Adam where qualities are shares of Adam's; see `evaluators.objective`."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The quality of a known optimizer.

    Attributes:
        name: of the optimizer.
        quality: on the scale of the search.
        source: ``verdict``, the mean over its fresh seeds; ``definition``, Adam's where
            qualities are shares of Adam's; ``found``, the score of the first scored
            rule of the search that behaves like it.
    """

    name: str
    quality: float
    source: Literal["verdict", "definition", "found"]


def baselines_of(
    verdicts: Sequence[VerdictRecord],
    asked: Sequence[str],
    found: Mapping[str, float],
    relative: bool,
) -> tuple[Baseline, ...]:
    """Return the known optimizers with a known quality, best first.

    Args:
        verdicts: of the search, oldest first; the newest one counts.
        asked: names of the optimizers that the search is configured to compare with.
        found: scores of the first scored rules that behave like a named one, by name.
        relative: whether qualities are shares of Adam's.

    Returns:
        Those of the verdict; before there is one, Adam if qualities are relative to it,
        and those configured for the verdict that the search found.
    """
    known: dict[str, Baseline] = {
        name: Baseline(name, found[name], "found") for name in asked if name in found
    }
    if relative:
        known["adam"] = Baseline("adam", SHARE_OF_ADAM, "definition")
    overall = objective_verdict(verdicts)
    if overall is not None:
        names = [name for name in overall.scores if not name.startswith("#")]
        for name in names:
            quality = fmean(score.quality for score in overall.scores[name])
            known[name] = Baseline(name, quality, "verdict")
    return tuple(sorted(known.values(), key=lambda each: (-each.quality, each.name)))


def objective_verdict(verdicts: Sequence[VerdictRecord]) -> VerdictRecord | None:
    """Return the record of the newest verdict that is on the whole objective.

    Args:
        verdicts: of a search, oldest first.

    Returns:
        The first record of the newest verdict, which is of the objective where there
        are several parts; None without a verdict.
    """
    found = newest(verdicts)
    return found[0] if found else None
