"""Define what an archive holds: proposals, executions, checkpoints and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite

from neuralopt.language import Expression, parse
from neuralopt.scoring.score import NO_RESULT, Score, Status


@dataclass(frozen=True, slots=True)
class Proposal:
    """One row of decisions a searcher asked for, and its score.

    It holds nothing that differs between an undisturbed, an interrupted and a parallel
    run of the same search: time, worker and attempts belong to `Execution`.

    Attributes:
        number: position in the order of asking, 0 for the first of the search.
        decisions: the row, one choice per decision of the space.
        rule: the rule's text as decoded, "" for an invalid row.
        canonical: the text of its canonical form, "" for an invalid row.
        original: number of the earlier proposal that this one duplicates.
        score: the result; None while pending, and for a duplicate.

    Raises:
        ValueError: a field breaks one of these rules, or the score's quality is not in
            [0, 1], or its learning rate is not positive and finite.

    Example:
        >>> from dataclasses import replace
        >>> proposal = Proposal(0, (3, 1), "g + g", "2 * g")
        >>> proposal.status
        'pending'
        >>> replace(proposal, score=Score("scored", 0.9, lr=0.1)).quality
        0.9
    """

    number: int
    decisions: tuple[int, ...]
    rule: str
    canonical: str
    original: int | None = None
    score: Score | None = None

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ValueError(f"proposal {self.number}: {problem}")

    @property
    def expression(self) -> Expression:
        """The rule in canonical form, to be trained with, compared or exported.

        Raises:
            ValueError: the decisions were not a valid row of the space.
        """
        if not self.canonical:
            raise ValueError(f"proposal {self.number} has no rule: {self.reason}")
        return parse(self.canonical)

    @property
    def status(self) -> Status:
        """The score's status, or ``pending``, or ``duplicate``."""
        if self.score is not None:
            return self.score.status
        return "pending" if self.original is None else "duplicate"

    @property
    def reason(self) -> str:
        """Why it has its status, "" where nothing is to be explained."""
        return "" if self.score is None else self.score.reason

    @property
    def quality(self) -> float | None:
        """In [0, 1]; None without a score, and where the evaluation broke."""
        if self.score is None or self.score.status in NO_RESULT:
            return None
        return self.score.quality

    @property
    def lr(self) -> float | None:
        """The learning rate of the long run, None if there was none."""
        return None if self.score is None else self.score.lr

    def _problem(self) -> str:
        score, original = self.score, self.original
        if self.number < 0:
            return "numbers start at 0"
        if original is not None and not 0 <= original < self.number:
            return f"original {original} is not an earlier proposal"
        if score is None:
            return ""
        if original is not None:
            return "a duplicate has no score of its own: it has that of its original"
        if score.status in ("pending", "duplicate"):
            return f"a {score.status} proposal has no score: leave it out"
        if not 0.0 <= score.quality <= 1.0:  # refuses NaN too
            return f"quality {score.quality!r} is not in [0, 1]"
        if score.lr is not None and not 0.0 < score.lr < inf:
            return f"learning rate {score.lr!r} is not positive and finite"
        return ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt to score a proposal.

    Attributes:
        number: of the proposal.
        attempt: 1 for the first.
        outcome: a status, or the fault in a word or two.
        seconds: wall time.
        worker: a name that people can find.
        finished: Unix time, seconds.

    Raises:
        ValueError: an attempt below 1, or a time that is not finite.
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

    Attributes:
        asked: proposals the searcher had been asked for.
        told: proposals whose rewards it had been told.
        state: bytes that the archive never interprets.
        made: Unix time, seconds.
    """

    asked: int
    told: int
    state: bytes
    made: float


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """Scores of candidates on the same fresh seeds, on one split of one task.

    Attributes:
        task: name of the task.
        split: name of the split that the scores were measured on.
        budget: name of the budget.
        seeds: the replicates, the same for all candidates.
        scores: by name of the candidate, one score a seed, in the order of `seeds`.
        rules: rule text of some or all candidates, by name.
        baselines: candidates from which the reference is chosen; None for all.
        configuration: what else the scores depend on, as text.
        made: Unix time, seconds.

    Raises:
        ValueError: no seed, no candidate, or a candidate without one score a seed; a
            rule or a baseline of a name that is not a candidate.
    """

    task: str
    split: str
    budget: str
    seeds: tuple[int, ...]
    scores: Mapping[str, tuple[Score, ...]]
    rules: Mapping[str, str]
    baselines: tuple[str, ...] | None
    configuration: str
    made: float

    def __post_init__(self) -> None:
        where = f"verdict on the {self.split} split of {self.task}"
        if not self.seeds or not self.scores:
            raise ValueError(f"{where}: give at least one seed and one candidate")
        for name, row in self.scores.items():
            if len(row) != len(self.seeds):
                raise ValueError(
                    f"{where}: {name!r} has {len(row)} scores for {len(self.seeds)} "
                    "seeds: give one a seed"
                )
        for name in (*self.rules, *(self.baselines or ())):
            if name not in self.scores:
                raise ValueError(f"{where}: {name!r} is not one of its candidates")
