"""Comparisons of the results, paired by seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuralopt.verdict.comparison import Comparison, compare

REFERENCES: Mapping[str, str] = {"schedules": "cosine", "ensembles": "snapshots"}
"""What the methods of each kind are compared with, named before any result."""

PAIR = ("steps", "growing batches")
"""Of which Smith et al. 2018 say that they are alike; compared by themselves."""

Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """The methods of one kind, with one rule on one task.

    Attributes:
        task: its name.
        rule: its name.
        comparison: of qualities exp(-loss) on the test split.
        losses: mean loss by method.
        rates: learning rate by method.
    """

    task: str
    rule: str
    comparison: Comparison
    losses: Mapping[str, float]
    rates: Mapping[str, float]

    @property
    def methods(self) -> list[str]:
        """Names in the order in which they were measured, the reference first."""
        others = [name for name in self.losses if name != self.comparison.reference]
        return [self.comparison.reference, *others]


def pairs(results: Results) -> Iterator[Compared]:
    """Yield the comparisons of growing batches with steps, by rule and task.

    Args:
        results: as snapshots.py writes them.
    """
    for rule in next(iter(results["tasks"].values())):
        for task, of_task in results["tasks"].items():
            found = of_task[rule].get("schedules", {})
            if set(PAIR) <= set(found):
                some = {name: found[name] for name in PAIR}
                yield _compared(task, rule, some, PAIR[0])


def comparisons(results: Results, kind: str) -> Iterator[Compared]:
    """Yield the comparisons of a kind, by rule and task.

    Args:
        results: as snapshots.py writes them, also before it ends.
        kind: a key of REFERENCES.
    """
    rules = list(next(iter(results["tasks"].values())))
    for rule in rules:
        for task, of_task in results["tasks"].items():
            if kind not in of_task[rule]:
                continue
            yield _compared(task, rule, of_task[rule][kind], REFERENCES[kind])


def _compared(
    task: str, rule: str, found: Mapping[str, Any], reference: str
) -> Compared:
    # None: infinite, as a training diverged.
    losses = np.array(
        [
            [np.inf if loss is None else loss for loss in entry["losses"]]
            for entry in found.values()
        ]
    )
    names = list(found)
    comparison = compare(names, np.exp(-losses), losses=losses, reference=reference)
    means = dict(zip(names, losses.mean(axis=1).tolist(), strict=True))
    rates = {name: entry["rate"] for name, entry in found.items()}
    return Compared(task, rule, comparison, means, rates)
