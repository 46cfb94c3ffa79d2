"""Prune rules: the smallest rule that is not worse by a margin, step by step."""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from neuralopt.language import Expression, render, simplify
from neuralopt.pruning.candidates import smaller_rules
from neuralopt.scoring.probes import rejections
from neuralopt.scoring.replicates import FIRST_PRUNING_REPLICATE, PRUNING_REPLICATES
from neuralopt.verdict.intervals import MeanEstimate

FEWEST_PAIRS = 4
"""Of replicates that a candidate is accepted on."""

TAIL = 0.05
"""Probability, for each candidate, that one that is worse by the margin passes."""

AT_ONCE, FINALISTS = 8, 2
"""Candidates of a rule that are measured together, and on the last replicates."""

MOST_CANDIDATES = 256
"""Of one rule, over all steps. What was accepted until then is the result."""

Request = tuple[Expression, int]
"""A canonical rule and the replicate that it is measured on."""

Measure = Callable[[Sequence[Request]], Sequence[float]]
"""Qualities of requests, in their order; NaN where a rule could not be measured."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """A rule and what is left of it.

    Attributes:
        original: in canonical form.
        pruned: canonical too; the original itself if no smaller rule was accepted.
        margin: the loss of quality that was allowed.
        difference: mean over paired replicates, pruned less original.
        low: lower limit of the difference, one-sided, at 95%; above -margin. Difference
            and limit are 0 where the rule stayed as it is.
        replicates: pairs that difference and limit are made from; 0 where the rule
            stayed as it is.
        trainings: measurements that were made for this rule.
        steps: the rules that were accepted one after the other, each as text with its
            difference from the original and the lower limit.
    """

    original: Expression
    pruned: Expression
    margin: float
    difference: float
    low: float
    replicates: int
    trainings: int
    steps: tuple[str, ...]


def prune(
    rules: Sequence[Expression],
    measure: Measure,
    margin: float = 0.005,
    replicates: int = 8,
    first_replicate: int = FIRST_PRUNING_REPLICATE,
) -> list[Pruning]:
    """Remove from rules what they don't need, by tests of non-inferiority.

    The rules one step smaller are tried, the smallest first. The first one that is
    accepted takes the rule's place, and the rules one step smaller than that are tried,
    until none is accepted. A candidate is always compared with the original, so that
    small losses don't add up over the steps. It is accepted if the lower confidence
    limit (one-sided, 95%, Student's t) of the mean paired difference of its quality
    from the original's lies above -margin. There is one such test for each candidate,
    on all replicates. Before it, after 1, 2, 4, ... of n replicates, a candidate is
    given up whose mean difference is below ``-margin * (1 + 4 / n)``; giving up early
    can't make an acceptance wrong. The 5% hold for each candidate, not for all
    candidates of a rule together.

    A rule that diverges on every replicate, or that can't be measured on one, stays as
    it is. So does a rule that has no smaller one.

    Args:
        rules: in any form; all are pruned in lock-step.
        measure: called with the requests of a round, none of which it has seen before.
            Bounded: for a rule at most 257 times `replicates` requests.
        margin: of quality, above 0.
        replicates: paired measurements that a candidate is accepted on, at least 4.
        first_replicate: number of the first of them.

    Returns:
        One result for each rule, in the same order; the same whenever `measure` is.

    Raises:
        ValueError: a number is out of range, or a rule is rejected by the probes.
    """
    check_prunable(rules, margin, replicates)
    originals = [simplify(rule) for rule in rules]
    known: dict[Request, float] = {}
    settings = _Settings(margin, replicates, first_replicate)
    waiting = {
        index: _prune_one(rule, known, settings) for index, rule in enumerate(originals)
    }
    results: dict[int, Pruning] = {}
    while waiting:
        wanted: dict[Request, None] = {}
        for index, steps in list(waiting.items()):
            try:
                wanted |= dict.fromkeys(next(steps))
            except StopIteration as end:
                results[index] = end.value
                del waiting[index]
        fresh = [request for request in wanted if request not in known]
        if fresh:
            known |= zip(fresh, measure(fresh), strict=True)
    return [results[index] for index in range(len(originals))]


def check_prunable(rules: Sequence[Expression], margin: float, replicates: int) -> None:
    """Check what `prune` is given, before anything is started.

    Args:
        rules: in any form.
        margin: of quality.
        replicates: paired measurements.

    Raises:
        ValueError: a number is out of range, or a rule is rejected by the probes.
    """
    if not 0 < margin < 1:
        raise ValueError(f"margin is {margin:g}: give a quality between 0 and 1")
    if replicates < FEWEST_PAIRS:
        raise ValueError(
            f"replicates is {replicates}: give {FEWEST_PAIRS} or more, to have an "
            "interval of the difference"
        )
    if replicates > PRUNING_REPLICATES:
        raise ValueError(
            f"replicates is {replicates}: give {PRUNING_REPLICATES} or fewer, since "
            "verdicts use the next ones"
        )
    for rule, why in zip(rules, rejections(rules) if rules else (), strict=True):
        if why:
            raise ValueError(f"{render(rule)} can't be pruned: {why}")


@dataclass(frozen=True, slots=True)
class _Settings:
    margin: float
    replicates: int
    first: int

    def looks(self) -> Iterator[range]:
        """Replicates up to each look at the differences: 1, 2, 4, ... and all."""
        count = 1
        while count < self.replicates:
            yield range(self.first, self.first + count)
            count *= 2
        yield range(self.first, self.first + self.replicates)


Wants = Generator[list[Request], None, "_Accepted | None"]
"""Yields requests, and goes on once their qualities are known."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    rule: Expression
    difference: float
    low: float


def _prune_one(
    original: Expression, known: Mapping[Request, float], settings: _Settings
) -> Generator[list[Request], None, Pruning]:
    """Prune one rule; yields the requests whose qualities it needs in `known`."""
    current, last = original, _Accepted(original, 0.0, 0.0)
    decided, asked, steps = {original}, set[Request](), list[str]()
    while True:
        candidates = [each for each in smaller_rules(current) if each not in decided]
        del candidates[max(0, MOST_CANDIDATES + 1 - len(decided)) :]
        accepted = None
        for start in range(0, len(candidates), AT_ONCE):
            group = candidates[start : start + AT_ONCE]
            decided.update(group)
            race = _race(original, group, known, settings)
            accepted = yield from _counted(race, asked)
            if accepted:
                break
        if not accepted:
            break
        current, last = accepted.rule, accepted
        limits = f"{last.difference:+.4f}, at least {last.low:+.4f}"
        steps.append(f"{render(current)}: {limits}")
    return Pruning(
        original,
        current,
        settings.margin,
        last.difference,
        last.low,
        settings.replicates if steps else 0,
        len(asked),
        tuple(steps),
    )


def _counted(wants: Wants, asked: set[Request]) -> Wants:
    """The same generator; what it yields is added to `asked`."""
    while True:
        try:
            requests = next(wants)
        except StopIteration as end:
            accepted: _Accepted | None = end.value
            return accepted
        asked.update(requests)
        yield requests


def _race(
    original: Expression,
    group: Sequence[Expression],
    known: Mapping[Request, float],
    settings: _Settings,
) -> Wants:
    """Return the first of a group that is not worse than the original."""

    def differences(rule: Expression, replicates: range) -> list[float]:
        return [known[rule, each] - known[original, each] for each in replicates]

    *looks, every = settings.looks()
    alive = list(group)
    for seen in looks:
        yield [(rule, each) for each in seen for rule in (original, *alive)]
        worst = -settings.margin * (1 + 4 / len(seen))
        # NaN, where a measurement failed, is not above it either.
        alive = [r for r in alive if _mean(differences(r, seen)) >= worst]
        if not alive:
            return None
    for start in range(0, len(alive), FINALISTS):
        finalists = alive[start : start + FINALISTS]
        yield [(rule, each) for each in every for rule in (original, *finalists)]
        if not any(known[original, each] > 0 for each in every):
            return None
        for rule in finalists:
            found = _bounds(differences(rule, every))
            if found and found[1] > -settings.margin:
                return _Accepted(rule, *found)
    return None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _bounds(differences: Sequence[float]) -> tuple[float, float] | None:
    """Mean difference and its lower limit; None if a measurement failed."""
    if any(math.isnan(each) for each in differences):
        return None
    estimate = MeanEstimate.of(differences)
    return estimate.mean, estimate.mean - estimate.margin(TAIL)
