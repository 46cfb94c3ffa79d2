"""Measure rules with an evaluator, and prune the rules that a search ends with."""

import math
from collections.abc import Callable, Mapping, Sequence

from neuralopt.evaluators import Evaluator
from neuralopt.evaluators.evaluator import Request
from neuralopt.language import Expression
from neuralopt.pruning.race import FIRST_PRUNING_REPLICATE, Measure, Pruning, prune
from neuralopt.scoring.score import NO_RESULT, Score

SECONDS = 0.5
"""That one wait for completions takes at most."""


def measured_by(
    evaluator: Evaluator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Measure:
    """Make a measure of an evaluator that has nothing else to do meanwhile.

    Args:
        evaluator: started; it is left open.
        progress: called with the measurements that are done and those asked for, both
            since the measure was made, at least twice a second.

    Returns:
        A measure for `prune`. A rule's quality is NaN where its training broke or
        killed its workers. It raises EvaluatorError if there are no workers.
    """
    numbers: dict[Expression, int] = {}
    counts = {"done": 0, "total": 0}

    def measure(requests: Sequence[tuple[Expression, int]]) -> list[float]:
        asked = [
            Request(numbers.setdefault(rule, len(numbers)), rule, replicate)
            for rule, replicate in dict.fromkeys(requests)
        ]
        counts["total"] += len(asked)
        # An equal share for each worker: a batch of its own size may leave some idle.
        share = math.ceil(len(asked) / max(1, evaluator.workers().alive))
        for start in range(0, len(asked), share):
            evaluator.submit(asked[start : start + share])
        qualities: dict[tuple[int, int | None], float] = {}
        while len(qualities) < len(asked):
            completions = evaluator.collect(SECONDS)
            for done in completions:
                if not done.retried:
                    qualities[done.key] = _quality(done.score)
            finished = counts["done"] + len(qualities)
            progress(finished, counts["total"])
        counts["done"] += len(qualities)
        return [qualities[numbers[rule], replicate] for rule, replicate in requests]

    return measure


def prune_shortlist(
    rules: Mapping[int, Expression],
    evaluator: Evaluator,
    margin: float = 0.01,
    replicates: int = 8,
    first_replicate: int = FIRST_PRUNING_REPLICATE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[int, Pruning]:
    """Prune the rules that a search ends with.

    Args:
        rules: by the numbers of their proposals.
        evaluator: started, of the search's objective, with nothing else to do.
        margin: of quality that a pruned rule may lose.
        replicates: that a pruned rule is compared on, at least 4.
        first_replicate: number of the first of them. On replicates that chose the
            rules, the originals look better than they are, and less is pruned.
        progress: as for `measured_by`.

    Returns:
        What is left of each rule, by the same numbers.

    Raises:
        ValueError: a number is out of range, or a rule is rejected by the probes.
        EvaluatorError: there are no workers and none can be started.
    """
    measure = measured_by(evaluator, progress)
    expressions = list(rules.values())
    found = prune(expressions, measure, margin, replicates, first_replicate)
    return dict(zip(rules, found, strict=True))


def _quality(score: Score) -> float:
    return math.nan if score.status in NO_RESULT else score.quality
