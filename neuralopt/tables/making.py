"""Make a table from scores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from neuralopt.scoring.score import STATUSES, Score
from neuralopt.tables.table import NO_RATE, Table

UNUSABLE = ("failed", "quarantined", "pending")
"""Statuses that say nothing about a rule."""


def make_table(
    name: str,
    rows: Mapping[str, int],
    scores: Mapping[int, Mapping[str, Score]],
    objective: Mapping[str, Any],
    *,
    adam: Mapping[int, Mapping[str, float]] | None = None,
    references: Sequence[str] = (),
    made: Mapping[str, Any] | None = None,
) -> Table:
    """Make a table from the scores of all rules of a space.

    Args:
        name: of the table.
        rows: for each canonical rule, the rows of the space that decode to it.
        scores: for each seed, the score of each rule, rejected ones included, and of
            each reference.
        objective: what scores depend on, as nested plain data.
        adam: for each seed, Adam's quality on each part; needed where there are
            several parts.
        references: rules outside the space whose qualities are kept too.
        made: when and with what, as plain data.

    Returns:
        The table, its rules sorted by text.

    Raises:
        ValueError: a score is missing or broke, or there are too many learning rates.
    """
    rules, seeds = tuple(sorted(rows)), sorted(scores)
    _check(name, [*rules, *references], scores)
    ordered = [[scores[seed][rule] for seed in seeds] for rule in rules]
    reasons = {"": 0}
    for score in (score for each in ordered for score in each):
        reasons.setdefault(score.reason, len(reasons))
    codes = [[reasons[score.reason] for score in each] for each in ordered]
    statuses = [[STATUSES.index(score.status) for score in each] for each in ordered]
    parts, rates, part_qualities, chosen = _parts_of(name, ordered)
    metadata = {
        "objective": objective,
        "parts": parts,
        "seeds": seeds,
        "statuses": list(STATUSES),
        "reasons": list(reasons),
        "rates": rates,
        "adam": [dict((adam or {}).get(seed, {})) for seed in seeds],
        "references": {
            rule: [scores[seed][rule].quality for seed in seeds] for rule in references
        },
        "made": dict(made or {}),
    }
    return Table(
        name,
        rules,
        np.array([rows[rule] for rule in rules], np.int32),
        np.array(statuses, np.uint8),
        np.array(codes, np.int32),
        np.array([[score.quality for score in each] for each in ordered], np.float64),
        part_qualities,
        chosen,
        metadata,
    )


def _check(
    name: str, rules: Sequence[str], scores: Mapping[int, Mapping[str, Score]]
) -> None:
    for seed, found in scores.items():
        for rule in rules:
            score = found.get(rule)
            if score is None or score.status in UNUSABLE:
                what = "no score" if score is None else score.status
                raise ValueError(f"table {name}: {rule}: {what} for seed {seed}")


def _parts_of(
    name: str, ordered: Sequence[Sequence[Score]]
) -> tuple[list[str], list[float], Any, Any]:
    """Parts and learning rates by number, and both arrays of (rules, parts, seeds)."""
    found = [
        (number, part, column, each)
        for number, row in enumerate(ordered)
        for column, score in enumerate(row)
        for part, each in _named_parts(score)
    ]
    # In the order of the objective, which the score that has most of them tells.
    fullest = max((score for row in ordered for score in row), key=_length)
    met = [part for part, _ in _named_parts(fullest)] + [part for _, part, *_ in found]
    parts = {part: place for place, part in enumerate(dict.fromkeys(met))}
    rates = sorted({each.lr for *_, each in found if each.lr is not None})
    if len(rates) >= NO_RATE:
        raise ValueError(f"table {name}: more than {NO_RATE} learning rates")
    shape = len(ordered), len(parts), len(ordered[0])
    qualities = np.full(shape, np.nan, np.float32)
    chosen = np.full(shape, NO_RATE, np.uint8)
    codes = {rate: code for code, rate in enumerate(rates)}
    for number, part, column, each in found:
        qualities[number, parts[part], column] = each.quality
        if each.lr is not None:
            chosen[number, parts[part], column] = codes[each.lr]
    return list(parts), rates, qualities, chosen


def _length(score: Score) -> int:
    return len(score.tasks)


def _named_parts(score: Score) -> Iterator[tuple[str, Score]]:
    """The scores that a score is made of, by names that differ.

    The score of a single task is its own and only part. A rule that was rejected has
    no part, and a part whose long training a gate saved is left out.
    """
    if score.status == "rejected":
        return
    met: dict[str, int] = {}
    for each in score.tasks or (score,):
        name = each.task or "objective"
        met[name] = met.get(name, 0) + 1
        if each.status == "stopped":
            continue
        yield (f"{name} ({met[name]})" if met[name] > 1 else name), each
