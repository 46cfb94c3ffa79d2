"""Rank candidates by quality and compare each with a reference, paired by seed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralopt.verdict.holm import holm, holm_levels
from neuralopt.verdict.intervals import MeanEstimate, mean_interval
from neuralopt.verdict.paired import PairedDifference, least_seeds

Verdict = Literal[
    "better",
    "worse",
    "no difference shown",
    "not decidable at this n",
    "failed to run",
    "reference",
]
"""All that a comparison says of a candidate.

``not decidable at this n`` is said of a difference that is not called where so few
seeds would not show even one of three standard deviations (`paired.decides`), or where
all differences agree and are too few; more seeds may decide it.
"""


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """The place of one candidate in a comparison.

    Attributes:
        name: the candidate.
        rank: 1 is the best mean; equal means go by lower mean loss; then they share it.
            Candidates that failed share the rank after the last.
        mean: mean quality over seeds, in [0, 1]; NaN, as all numbers from here to
            p_value, where the candidate failed.
        low: lower end of the interval of the mean, on its own (no correction).
        high: upper end of it.
        diverged: number of seeds that ended with quality 0.
        difference: mean paired difference, this candidate less the reference.
        difference_low: lower end of its interval. The interval has at least the stated
            confidence, is as wide as the correction asks for, and excludes 0 exactly
            when the verdict is ``better`` or ``worse``.
        difference_high: upper end of it.
        p_value: of the difference, corrected; 1 for the reference itself.
        verdict: one of `Verdict`.
        reason: why it failed to run; else empty.
    """

    name: str
    rank: int
    mean: float
    low: float
    high: float
    diverged: int
    difference: float
    difference_low: float
    difference_high: float
    p_value: float
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows of all candidates, best first, and what they were held against.

    Attributes:
        rows: in the order of their ranks; those that failed come last.
        reference: name of the candidate the differences are taken from.
        choices: number of candidates the reference was chosen from by its qualities; 1
            if it was named beforehand.
        seeds: number of seeds, the same for all.
        confidence: such as 0.95.
    """

    rows: tuple[ComparisonRow, ...]
    reference: str
    choices: int
    seeds: int
    confidence: float

    @property
    def family(self) -> int:
        """Number of comparisons with the reference that the correction is for."""
        return sum(row.verdict != "failed to run" for row in self.rows) - 1

    @property
    def least_seeds(self) -> int:
        """Number of seeds that would leave none of these comparisons undecidable."""
        return least_seeds((1 - self.confidence) / max(1, self.family) / self.choices)

    def __getitem__(self, name: str) -> ComparisonRow:
        for row in self.rows:
            if row.name == name:
                return row
        known = ", ".join(row.name for row in self.rows)
        raise KeyError(f"no candidate {name!r} in this comparison; it has {known}")


def compare(
    names: Sequence[str],
    qualities: ArrayLike,
    *,
    losses: ArrayLike | None = None,
    baselines: Sequence[str] | None = None,
    reference: str | None = None,
    confidence: float = 0.95,
    failed: Mapping[str, str] | None = None,
) -> Comparison:
    """Rank candidates and hold each against a reference, paired by seed.

    With d = q[candidate] - q[reference], seed by seed, `PairedDifference` has a
    two-sided p. It is multiplied by K where the mean of d is negative and the reference
    was chosen among K baselines; then Holm over all candidates compared.
    docs/explanation/verdicts.md says what that does and doesn't protect from.

    Args:
        names: of the candidates, distinct.
        qualities: shape (candidates, seeds), in [0, 1]; column j is the same seed for
            all, and a seed that neither the search nor the selection has used. A
            diverged run has quality 0.
        losses: shape as qualities, finite or inf (diverged); decides equal means.
        baselines: the candidates from which the reference is chosen, as the one of best
            mean; all candidates if not given.
        reference: the reference by name. Give it only if it was named before looking.
        confidence: of the intervals; 1 - confidence is the probability, at most, of one
            or more wrong verdicts in the whole comparison.
        failed: why further candidates, not among `names`, have no qualities. They are
            listed last and are not counted among the comparisons.

    Returns:
        Rows in the order of their ranks, with the reference they were compared with.

    Raises:
        ValueError: shapes disagree, a value is NaN (a failed run has no score: run it
            again, or name its candidate in `failed`) or out of range, a name is unknown
            or double, or confidence isn't inside (0, 1).

    Example:
        >>> table = compare(
        ...     ["mine", "adam", "sgd"],
        ...     [[0.93, 0.95, 0.94], [0.90, 0.92, 0.91], [0.80, 0.86, 0.81]],
        ...     baselines=["adam", "sgd"],
        ... )
        >>> table.reference, table["mine"].rank, table["sgd"].verdict
        ('adam', 1, 'not decidable at this n')
    """
    failed = failed or {}
    table, lost = _checked(names, qualities, losses, failed)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it lies inside (0, 1), as 0.95")
    keys = [
        (-MeanEstimate.of(row).mean, math.fsum(loss) / len(loss))
        for row, loss in zip(table, lost, strict=True)
    ]
    chosen_from = _positions(names, baselines if reference is None else [reference])
    best = min(chosen_from, key=lambda position: keys[position])
    choices = len(chosen_from)

    others = [position for position in range(len(names)) if position != best]
    gaps = [PairedDifference.of(table[position] - table[best]) for position in others]
    charged = [choices if gap.estimate.mean < 0 else 1 for gap in gaps]
    p_values = np.array(
        [min(1.0, gap.p_value() * k) for gap, k in zip(gaps, charged, strict=True)]
    )
    levels = holm_levels(p_values, 1 - confidence)
    corrected = holm(p_values)

    against = {best: _Against(0.0, 0.0, 0.0, 1.0, "reference")}
    for position, gap, p, level, k in zip(
        others, gaps, corrected, levels, charged, strict=True
    ):
        low, high = gap.bounds(level, level / choices)
        against[position] = _Against(
            gap.estimate.mean,
            max(-1.0, low),
            min(1.0, high),
            float(p),
            _word(low, high, gap.decidable(level / k)),
        )
    rows = []
    for position in sorted(range(len(names)), key=lambda position: keys[position]):
        low, high = mean_interval(table[position], confidence)
        found = against[position]
        rows.append(
            ComparisonRow(
                name=names[position],
                rank=1 + sum(key < keys[position] for key in keys),
                mean=-keys[position][0],
                low=low,
                high=high,
                diverged=int(np.sum(table[position] == 0)),
                difference=found.difference,
                difference_low=found.low,
                difference_high=found.high,
                p_value=found.p_value,
                verdict=found.verdict,
            )
        )
    nan, last = math.nan, len(rows) + 1
    rows += [
        ComparisonRow(
            name, last, nan, nan, nan, 0, nan, nan, nan, nan, "failed to run", reason
        )
        for name, reason in failed.items()
    ]
    return Comparison(tuple(rows), names[best], choices, table.shape[1], confidence)


@dataclass(frozen=True, slots=True)
class _Against:
    """A candidate against the reference; its fields are those of ComparisonRow."""

    difference: float
    low: float
    high: float
    p_value: float
    verdict: Verdict


def _word(low: float, high: float, decidable: bool) -> Verdict:
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no difference shown" if decidable else "not decidable at this n"


def _checked(
    names: Sequence[str],
    qualities: ArrayLike,
    losses: ArrayLike | None,
    failed: Mapping[str, str],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Qualities and losses as float64 (candidates, seeds); losses 0 if not given."""
    table = np.asarray(qualities, dtype=np.float64)
    if table.ndim != 2 or len(table) != len(names) or table.size == 0:
        raise ValueError(
            f"qualities have shape {table.shape} for {len(names)} names; they must be "
            "(candidates, seeds) with at least one of each"
        )
    everyone = [*names, *failed]
    double = sorted({name for name in everyone if everyone.count(name) > 1})
    if double:
        raise ValueError(
            f"candidate {double[0]!r} is named twice; names must be distinct"
        )
    for name, row in zip(names, table, strict=True):
        if not np.all((row >= 0) & (row <= 1)):
            raise ValueError(
                f"qualities of {name!r} are {row.tolist()}; each must be in [0, 1]. A "
                "run without a result (NaN) is run again, or its candidate named in "
                "`failed`"
            )
    lost = (
        np.zeros_like(table) if losses is None else np.asarray(losses, dtype=np.float64)
    )
    if lost.shape != table.shape:
        raise ValueError(
            f"losses have shape {lost.shape}, qualities {table.shape}; they must agree"
        )
    if np.any(np.isnan(lost) | np.isneginf(lost)):
        raise ValueError("losses hold NaN or -inf; a diverged run has loss inf")
    return table, lost


def _positions(names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Positions of the candidates the reference is chosen from."""
    if wanted is None:
        return list(range(len(names)))
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise ValueError(
            f"baseline {unknown[0]!r} is no candidate; they are {', '.join(names)}"
            if unknown
            else "baselines are empty; name one or more, or leave them out"
        )
    return [list(names).index(name) for name in dict.fromkeys(wanted)]
