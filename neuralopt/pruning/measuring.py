"""Measure rules with an evaluator, and prune the rules that a search ends with."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from neuralopt.evaluators import Evaluator
from neuralopt.evaluators.evaluator import Request
from neuralopt.language import Expression, simplify
from neuralopt.pruning.race import Measure, Pruning, prune
from neuralopt.scoring.replicates import FIRST_PRUNING_REPLICATE
from neuralopt.scoring.score import NO_RESULT, Score

SECONDS = 0.5
"""That one wait for completions takes at most."""


def measured_by(
    evaluator: Evaluator,
    progress: Callable[[int, int], None] = lambda done, total: None,
    exempt: Collection[Expression] | None = None,
) -> Measure:
    """Make a measure of an evaluator that has nothing else to do meanwhile.

    Args:
        evaluator: started; it is left open.
        progress: called with the measurements that are done and those asked for, both
            since the measure was made, at least twice a second.
        exempt: canonical rules that pass the gates of the objective. All others are
            scored as a search does at first, and one that a gate stops has the quality
            it was stopped with on every replicate: nine in ten candidates are so much
            worse that they cost next to nothing. None measures all rules in full.

    Returns:
        A measure for `prune`. A rule's quality is NaN where its training broke or
        killed its workers. It raises EvaluatorError if there are no workers.
    """
    numbers: dict[Expression, int] = {}
    stopped: dict[Expression, float | None] = dict.fromkeys(exempt or ())
    counts = {"done": 0, "total": 0}

    def scores(asked: Sequence[tuple[Expression, int | None]]) -> list[Score]:
        requests = [
            Request(numbers.setdefault(rule, len(numbers)), rule, replicate)
            for rule, replicate in asked
        ]
        counts["total"] += len(requests)
        # An equal share for each worker: a batch of its own size may leave some idle.
        share = max(1, math.ceil(len(requests) / max(1, evaluator.workers().alive)))
        for start in range(0, len(requests), share):
            evaluator.submit(requests[start : start + share])
        found: dict[tuple[int, int | None], Score] = {}
        while len(found) < len(requests):
            for done in evaluator.collect(SECONDS):
                if not done.retried:
                    found[done.key] = done.score
            progress(counts["done"] + len(found), counts["total"])
        counts["done"] += len(found)
        return [found[request.key] for request in requests]

    def measure(requests: Sequence[tuple[Expression, int]]) -> list[float]:
        if exempt is not None:
            new = [rule for rule, _ in requests if rule not in stopped]
            asked = list(dict.fromkeys(new))
            for rule, score in zip(
                asked, scores([(rule, None) for rule in asked]), strict=True
            ):
                ended = score.status in ("stopped", "diverged")
                stopped[rule] = score.quality if ended else None
        left = [
            (rule, replicate)
            for rule, replicate in dict.fromkeys(requests)
            if stopped.get(rule) is None
        ]
        qualities = dict(zip(left, map(_quality, scores(left)), strict=True))
        known = {
            rule: quality for rule, quality in stopped.items() if quality is not None
        }
        return [
            known[rule] if rule in known else qualities[rule, replicate]
            for rule, replicate in requests
        ]

    return measure


def prune_shortlist(
    rules: Mapping[int, Expression],
    evaluator: Evaluator,
    margin: float = 0.005,
    replicates: int = 8,
    first_replicate: int = FIRST_PRUNING_REPLICATE,
    gated: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[int, Pruning]:
    """Prune the rules that a search ends with.

    Args:
        rules: by the numbers of their proposals, which were scored.
        evaluator: started, of the search's objective, with nothing else to do.
        margin: of quality that a pruned rule may lose.
        replicates: that a pruned rule is compared on, at least 4.
        first_replicate: number of the first of them. On replicates that chose the
            rules, the originals look better than they are, and less is pruned.
        gated: whether the objective has gates, which the rules have passed.
        progress: as for `measured_by`.

    Returns:
        What is left of each rule, by the same numbers.

    Raises:
        ValueError: a number is out of range, or a rule is rejected by the probes.
        EvaluatorError: there are no workers and none can be started.
    """
    expressions = list(rules.values())
    exempt = {simplify(rule) for rule in expressions}  # scored: no gate stopped them
    measure = measured_by(evaluator, progress, exempt if gated else None)
    found = prune(expressions, measure, margin, replicates, first_replicate)
    return dict(zip(rules, found, strict=True))


def _quality(score: Score) -> float:
    return math.nan if score.status in NO_RESULT else score.quality
