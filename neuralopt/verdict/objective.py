"""Combine benchmarks of an objective's parts into one of the whole objective."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from neuralopt.evaluators.multitask import combine
from neuralopt.scoring.score import Score
from neuralopt.verdict.scores import Benchmark

if TYPE_CHECKING:
    from neuralopt.tasks import Split


def whole_benchmark(name: str, parts: Sequence[Benchmark], adam: str) -> Benchmark:
    """Return scores of the whole objective, one a candidate and seed.

    A score's quality is the mean over the parts of q / (q + a), where a is the mean of
    Adam's qualities on the same part, split and seeds.

    Args:
        name: of the objective.
        parts: a benchmark of the same candidates and seeds on each part.
        adam: name of the candidate that is Adam.

    Returns:
        The benchmark. Its scores hold those of the parts, in their order.
    """
    splits = parts[0].scores
    return Benchmark(
        name,
        parts[0].budget,
        parts[0].seeds,
        {split: _whole(parts, split, adam) for split in splits},
        {name: reason for part in parts for name, reason in part.failed.items()},
    )


def without_candidate(found: Benchmark, name: str) -> Benchmark:
    """Return a benchmark without one of its candidates.

    Args:
        found: scores on fresh seeds.
        name: of the candidate to leave out.

    Returns:
        The benchmark of the others.
    """
    scores = {
        split: {key: row for key, row in rows.items() if key != name}
        for split, rows in found.scores.items()
    }
    return Benchmark(found.task, found.budget, found.seeds, scores, found.failed)


def _whole(
    parts: Sequence[Benchmark], split: "Split", adam: str
) -> Mapping[str, tuple[Score, ...]]:
    references = {
        part.task: fmean(score.quality for score in part.scores[split][adam])
        for part in parts
    }
    return {
        name: tuple(
            combine(Score("scored", tasks=scores), references)
            for scores in zip(
                *(part.scores[split][name] for part in parts), strict=True
            )
        )
        for name in parts[0].scores[split]
        if all(name in part.scores[split] for part in parts)
    }
