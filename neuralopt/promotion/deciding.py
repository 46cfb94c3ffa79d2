"""Decide which rules go on to the next stage, from the qualities of one stage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from neuralopt.evaluators.objective import share
from neuralopt.promotion.plan import PromotionPlan
from neuralopt.verdict.intervals import MeanEstimate, mean_interval
from neuralopt.verdict.paired import PairedDifference

Qualities = Sequence[Sequence[float]]
"""Of a contender: for each replicate the quality on each part; () where the training
broke."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A rule that is promoted, or a baseline.

    Attributes:
        name: unique among the contenders.
        rule: its canonical text.
        baseline: whether it stays in every stage, and is not ranked among the rules.
    """

    name: str
    rule: str
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contender ends a stage.

    Attributes:
        contender: the rule.
        shares: its mean share over the parts on each replicate, on the validation
            split; 0.5 is as good as the reference. Empty if a training broke.
        mean: of the shares, with the 95% interval `low` to `high`.
        difference: mean difference from the best baseline on paired replicates; 0 for
            that one.
        low: see `mean`.
        high: see `mean`.
        difference_low: lower limit of the difference; see `difference_high`.
        difference_high: upper limit. Each limit is one-sided, at the level that the
            tests of the stage have.
        verdict: against the baselines: ``better`` than all of them, ``worse`` than one,
            ``no difference shown``, ``failed to run``, or ``baseline``.
        goes_on: whether the next stage has it.
        reason: why it does not go on; empty if it does.
        qualities: mean over the replicates on each part.
    """

    contender: Contender
    shares: tuple[float, ...]
    mean: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    verdict: str
    goes_on: bool
    reason: str
    qualities: tuple[float, ...]


def decide(
    plan: PromotionPlan,
    stage: int,
    contenders: Sequence[Contender],
    measured: Mapping[str, Qualities],
    parts: Sequence[str],
) -> list[Standing]:
    """Decide which contenders go on.

    A rule is stopped if the upper limit of its mean paired difference from any other
    contender is below 0, by the test of verdicts at the level `PromotionPlan.tail`: it
    can't be expected to win. Of those left the best by their means go on, as many as
    the stage's share of its rules allows. That second cut is not a test.

    Args:
        plan: of the promotion.
        stage: its place, from 0.
        contenders: of the stage; the plan's baselines among them.
        measured: qualities by name of the contender.
        parts: names of the parts.

    Returns:
        One standing for each contender, baselines included, the highest mean first,
        those that failed last.

    Raises:
        ValueError: the reference can't be one on a part, or no baseline is there.
    """
    baselines = [each for each in contenders if each.baseline]
    if not baselines:
        raise ValueError("a stage needs a baseline: give promotion.baselines")
    reference = _reference(baselines[0], measured[baselines[0].name], parts)
    shares = {
        each.name: _shares(measured[each.name], reference)
        for each in contenders
        if all(measured[each.name])
    }
    tail = plan.tail(len(contenders))
    differences = _Differences(shares, tail)
    means = {name: MeanEstimate.of(values).mean for name, values in shares.items()}
    known = [each.name for each in baselines if each.name in shares]
    best = max(known, key=means.__getitem__)
    beaten = {name: differences.beaten_by(name) for name in shares}
    rules = [each.name for each in contenders if not each.baseline]
    alive = [each for each in rules if each in shares and not beaten[each]]
    alive.sort(key=lambda name: -means[name])
    most = plan.most(stage, len(rules))
    kept = {*alive[:most], *(each.name for each in baselines)}

    def standing(each: Contender) -> Standing:
        name, broken = each.name, each.name not in shares
        values = shares.get(name, ())
        if broken:
            reason = "failed to run"
        elif name in kept:
            reason = ""
        elif beaten[name]:
            reason = beaten[name]
        else:
            reason = f"not among the best {most} of {len(rules)} rules"
        low, high = mean_interval(values) if values else (math.nan, math.nan)
        mean, lower, upper = (
            (math.nan, math.nan, math.nan) if broken else differences.limits(name, best)
        )
        return Standing(
            each,
            values,
            means.get(name, math.nan),
            low,
            high,
            mean,
            lower,
            upper,
            _verdict(each, differences, known),
            not reason,
            reason,
            () if broken else tuple(map(fmean, zip(*measured[name], strict=True))),
        )

    found = [standing(each) for each in contenders]
    found.sort(key=lambda each: math.inf if math.isnan(each.mean) else -each.mean)
    return found


class _Differences:
    """Paired differences of all contenders that were measured.

    Args:
        shares: by name.
        tail: one-sided level of a limit.
    """

    def __init__(self, shares: Mapping[str, Sequence[float]], tail: float) -> None:
        self._shares, self._tail = shares, tail

    def __contains__(self, name: str) -> bool:
        return name in self._shares

    def limits(self, one: str, other: str) -> tuple[float, float, float]:
        """Mean difference of one from another, its lower and its upper limit."""
        pairs = zip(self._shares[one], self._shares[other], strict=True)
        found = PairedDifference.of([mine - theirs for mine, theirs in pairs])
        return found.estimate.mean, *found.bounds(2 * self._tail, 2 * self._tail)

    def beaten_by(self, name: str) -> str:
        """Say which contender a rule is behind by the most; empty if none is proved."""
        uppers = {
            other: self.limits(name, other)[2]
            for other in self._shares
            if other != name
        }
        rival = min(uppers, key=uppers.__getitem__, default="")
        if not rival or uppers[rival] >= 0:
            return ""
        return f"behind {rival} by at least {-uppers[rival]:.4f}"


def _reference(
    baseline: Contender, qualities: Qualities, parts: Sequence[str]
) -> list[float]:
    """Mean quality of the reference on each part."""
    if not all(qualities):
        raise ValueError(
            f"{baseline.name}, the reference, can't be trained: name another baseline "
            "first in promotion.baselines"
        )
    means = [fmean(values) for values in zip(*qualities, strict=True)]
    for part, mean in zip(parts, means, strict=True):
        if not mean > 0:
            raise ValueError(
                f"{baseline.name} has a quality of {mean:g} on {part}, which can't be "
                "a reference: name another baseline first, or leave the task out"
            )
    return means


def _shares(qualities: Qualities, reference: Sequence[float]) -> tuple[float, ...]:
    """Mean share of the reference's quality over all parts, for each replicate."""
    return tuple(
        math.fsum(map(share, values, reference)) / len(reference)
        for values in qualities
    )


def _verdict(
    contender: Contender, differences: _Differences, baselines: Sequence[str]
) -> str:
    if contender.baseline:
        return "baseline"
    if contender.name not in differences:
        return "failed to run"
    limits = [differences.limits(contender.name, each) for each in baselines]
    if all(low > 0 for _, low, _ in limits):
        return "better"
    return "worse" if any(high < 0 for *_, high in limits) else "no difference shown"
