"""What several runs of one setting found, in counts and medians."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import special

from neuralopt.verdict.rediscovery.history import FirstFound, Occurrence
from neuralopt.verdict.rediscovery.odds import Estimate

CONFIDENCE = 0.95

Kind = Literal["form", "behaviour", "useful"]
KINDS: tuple[Kind, ...] = ("form", "behaviour", "useful")


@dataclass(frozen=True, slots=True)
class RunHistory:
    """What one run found.

    Attributes:
        run: its folder.
        seed: of the search.
        evaluations: rules that it trained.
        seconds: that it took.
        found: by name of the target.
        gains: logarithm of how much more probable its searcher makes each target than
            uniform sampling, by name; None where that is not known.
    """

    run: str
    seed: int
    evaluations: int
    seconds: float
    found: Mapping[str, FirstFound]
    gains: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Median:
    """A median over runs, and its interval of at least 95% by order statistics.

    Runs that did not find a rule count as infinite.

    Attributes:
        value: the median.
        low: lower limit; 0 for fewer than six runs, which can't give one.
        high: upper limit; infinity for fewer than six runs.
    """

    value: float
    low: float
    high: float

    @staticmethod
    def of(values: Sequence[float]) -> "Median":
        """Return the median of values, some of which may be infinite.

        Args:
            values: at least one.

        Example:
            >>> Median.of([3, 1, 2, 4, 5, math.inf, 6])
            Median(value=4, low=1, high=inf)
        """
        ordered, count = sorted(values), len(values)
        lower, upper = ordered[(count - 1) // 2], ordered[count // 2]
        middle = lower if lower == upper else (lower + upper) / 2
        # P(fewer than k + 1 of the values are below the median)
        tails = [float(special.bdtr(k, count, 0.5)) for k in range(count)]
        outside = sum(tail <= (1 - CONFIDENCE) / 2 for tail in tails)
        if not outside:
            return Median(middle, 0.0, math.inf)
        return Median(middle, ordered[outside - 1], ordered[count - outside])


@dataclass(frozen=True, slots=True)
class Success:
    """In how many runs a target was found, and when.

    Attributes:
        found: runs that found it.
        runs: all runs.
        evaluations: up to the first rule that equals it.
        seconds: the same.
        quality: median of that rule's quality, over the runs that found it; None if
            none did.
    """

    found: int
    runs: int
    evaluations: Median
    seconds: Median
    quality: float | None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the probability of success (Clopper, Pearson 1934)."""
        tail, k, n = (1 - CONFIDENCE) / 2, self.found, self.runs
        low = float(special.betaincinv(k, n - k + 1, tail)) if k else 0.0
        high = float(special.betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
        return low, high


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """What is known of one target over all runs.

    Attributes:
        name: of the target.
        text: its rule.
        in_space: whether the space can express it.
        successes: by kind of equality.
        probability: of its form under uniform sampling; None outside the space.
        behaviour_probability: the same in behaviour.
        uniform: evaluations that uniform sampling is expected to take to its form.
        uniform_behaviour: the same in behaviour.
        exact: whether these are exact, from a table, and not estimates.
        quality: of the target itself, on the objective of the first run.
        percentile: share of uniformly sampled rows whose rules are worse, in percent.
        gain: median over runs of `RunHistory.gains`; None without a policy.
    """

    name: str
    text: str
    in_space: bool
    successes: Mapping[Kind, Success]
    probability: Estimate | None = None
    behaviour_probability: Estimate | None = None
    uniform: float | None = None
    uniform_behaviour: float | None = None
    exact: bool = False
    quality: float | None = None
    percentile: float | None = None
    gain: float | None = None


def success(name: str, kind: Kind, runs: Sequence[RunHistory], within: int) -> Success:
    """Return in how many runs a target was found.

    Args:
        name: of the target.
        kind: of equality.
        runs: at least one.
        within: evaluations that count; 0 for all.
    """
    hits: list[Occurrence | None] = []
    for run in runs:
        hit: Occurrence | None = getattr(run.found[name], kind)
        late = hit is not None and bool(within) and hit.evaluations > within
        hits.append(None if late else hit)
    known = [hit for hit in hits if hit is not None]
    qualities = [hit.quality for hit in known]
    return Success(
        len(known),
        len(runs),
        Median.of([math.inf if hit is None else hit.evaluations for hit in hits]),
        Median.of([math.inf if hit is None else hit.seconds for hit in hits]),
        Median.of(qualities).value if qualities else None,
    )


def percentile(quality: float, sample: Sequence[float]) -> float:
    """Return the share of a sample that is below a quality, in percent.

    Args:
        quality: of the target.
        sample: qualities of uniformly sampled rows; equal ones count as half.

    Example:
        >>> percentile(0.5, [0.1, 0.5, 0.7, 0.2])
        62.5
    """
    below = sum(each < quality for each in sample)
    equal = sum(each == quality for each in sample)
    return 100 * (below + equal / 2) / len(sample)
