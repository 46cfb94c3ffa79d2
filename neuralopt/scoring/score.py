"""What became of a rule that was tried.

Knows outcomes; refuses to know how they came about.
"""

from dataclasses import dataclass
from typing import Literal

Status = Literal[
    "pending", "scored", "diverged", "rejected", "duplicate", "failed", "quarantined"
]


@dataclass(frozen=True, slots=True)
class Score:
    """Status, quality and the rest of one rule under one budget.

    status: ``scored``; ``diverged``: every learning rate or the long run ended in a
    non-finite loss or weight; ``rejected``: never trained, for `reason`; ``failed``:
    the training broke, for `reason`, and says nothing about the rule.
    quality: in [0, 1], 0 unless scored; never NaN.
    lr: the chosen learning rate. loss, accuracy: of the long run on the held-out split
    that was asked for, mean over replicates.
    screening: held-out loss of each learning rate of the budget, inf where diverged.
    curve: training loss along the long run, mean of each twentieth or epoch.
    tasks: the score on each task, where there are several.
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
