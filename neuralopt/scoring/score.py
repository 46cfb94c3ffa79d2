"""The result of evaluating a rule, and its statuses."""

from dataclasses import dataclass
from typing import Literal, get_args

# fmt: off
Status = Literal[
    "pending", "scored", "stopped", "diverged", "rejected", "duplicate", "failed",
    "quarantined",
]
# fmt: on
STATUSES: tuple[Status, ...] = get_args(Status)
"""Every status of a proposal. Once it is not ``pending`` it never changes again."""

NO_RESULT: tuple[Status, ...] = ("failed", "quarantined")
"""Statuses of evaluations that broke: they say nothing about the rule's quality."""


@dataclass(frozen=True, slots=True)
class Score:
    """Status, quality and measurements of one rule under one budget.

    Attributes:
        status: ``scored``; ``stopped``: a gate ended its evaluation early, for
            `reason`; ``diverged``: every learning rate, or the long run, ended in
            a non-finite loss or weight; ``rejected``: not trained, for `reason`;
            ``failed``: the training broke, for `reason`; ``quarantined``: it killed
            its workers, for `reason`.
        quality: in [0, 1], 0 unless scored or stopped; never NaN.
        lr: the chosen learning rate, None if every one diverged.
        loss: of the long run on the requested split, mean over replicates.
        accuracy: of the long run on the same split, in [0, 1], mean over replicates.
        reason: why the rule has this status, "" where nothing is to be explained.
        screening: validation loss of each learning rate of the budget, inf where
            diverged.
        curve: training loss along the long run, mean of each twentieth or epoch.
        tasks: the score on each task, where there are several.
        task: name of the task, for a score that is one of `tasks`.
    """

    status: Status
    quality: float = 0.0
    lr: float | None = None
    loss: float | None = None
    accuracy: float | None = None
    reason: str = ""
    screening: tuple[float, ...] = ()
    curve: tuple[float, ...] = ()
    tasks: tuple["Score", ...] = ()
    task: str = ""
