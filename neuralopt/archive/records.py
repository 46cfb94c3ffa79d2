"""What an archive holds: proposals, executions, checkpoints, as facts.

Refuses to know how they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

DECIDED = ("scored", "diverged", "rejected", "duplicate", "failed", "quarantined")
"""What can become of a proposal; once decided it never changes again."""

STATUSES = ("pending", *DECIDED)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One row of decisions a searcher asked for, and what became of it.

    Holds nothing that differs between an undisturbed, an interrupted and a parallel
    run of the same search: time, worker and attempts belong to `Execution`.

    number: position in the order of asking, 0 for the first of the search.
    decisions: the row, one choice per decision of the space.
    rule, canonical: the rule's text, as decoded and in canonical form.
    original: the earlier proposal that a duplicate repeats, None for all others.
    quality: in [0, 1], higher is better; required of `scored`, refused for `pending`.
    lr: the learning rate that won, None if none did.
    loss, accuracy: at the end of the long run; infinite and NaN are kept as they are.
    screening: validation loss of each learning rate tried, inf where diverged.
    curve: training loss along the long run.

    Raises ValueError if a field breaks one of these rules.
    """

    number: int
    decisions: tuple[int, ...]
    rule: str
    canonical: str
    status: str = "pending"
    reason: str = ""
    original: int | None = None
    quality: float | None = None
    lr: float | None = None
    loss: float | None = None
    accuracy: float | None = None
    screening: tuple[float, ...] = ()
    curve: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ValueError(f"proposal {self.number}: {problem}")

    def _problem(self) -> str:
        status, quality, original = self.status, self.quality, self.original
        if self.number < 0:
            return "numbers start at 0"
        if status not in STATUSES:
            return f"unknown status {status!r}, give one of: {' '.join(STATUSES)}"
        if quality is None:
            if status == "scored":
                return "a scored proposal needs its quality"
        elif not 0.0 <= quality <= 1.0:  # refuses NaN too
            return f"quality {quality!r} is not in [0, 1]"
        elif status == "pending":
            return "a pending proposal has no quality yet, give its new status with it"
        if self.lr is not None and not 0.0 < self.lr < inf:
            return f"learning rate {self.lr!r} is not positive and finite"
        if (original is not None) != (status == "duplicate"):
            return f"original is {original!r}: duplicates, and they alone, name one"
        if original is not None and not 0 <= original < self.number:
            return f"original {original} is not an earlier proposal"
        return ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt to score a proposal: what ran where, and for how long.

    attempt: 1 for the first. outcome: a status, or the fault in a word or two.
    seconds: wall time. worker: a name people can find. finished: Unix time, seconds.

    Raises ValueError for an attempt below 1 and for times that are not finite.
    """

    number: int
    attempt: int
    outcome: str
    seconds: float
    worker: str
    finished: float

    def __post_init__(self) -> None:
        if self.attempt < 1:
            raise ValueError(f"execution of {self.number}: attempts start at 1")
        if not (isfinite(self.seconds) and isfinite(self.finished)):
            raise ValueError(f"execution of {self.number}: its times must be finite")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a searcher after it had been asked and told so many proposals.

    state: bytes the archive never looks into. made: Unix time, seconds.
    """

    asked: int
    told: int
    state: bytes
    made: float
