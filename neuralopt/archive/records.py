"""Define what an archive holds of a search, and of what was found out afterwards."""

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
class OriginRecord:
    """Where the searcher got a proposal from.

    Attributes:
        number: of the proposal.
        kind: how its row was made, such as ``mutation``.
        parent: number of the proposal whose rule it was made from, None if of none.
        mate: number of a second one, None if there is none.

    Raises:
        ValueError: no kind, a parent that is no earlier proposal, or a mate alone.
    """

    number: int
    kind: str
    parent: int | None = None
    mate: int | None = None

    def __post_init__(self) -> None:
        problem = ""
        if not self.kind:
            problem = "it has no kind"
        elif self.parent is None:
            problem = "" if self.mate is None else "a mate without a parent"
        else:
            for parent in self.parents:
                if not 0 <= parent < self.number:
                    problem = f"{parent} is not an earlier proposal"
        if problem:
            raise ValueError(f"origin of proposal {self.number}: {problem}")

    @property
    def parents(self) -> tuple[int, ...]:
        """Numbers of the proposals that it was made from: none, one or two."""
        return tuple(n for n in (self.parent, self.mate) if n is not None)


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


@dataclass(frozen=True, slots=True)
class Replicate:
    """A fresh measurement of a proposal's rule, on one replicate.

    Attributes:
        number: of the proposal.
        replicate: seed of the measurement, none that a search's own score uses.
        score: of the whole objective, gates left out.

    Raises:
        ValueError: a number below 0, or a score that is not a result.
    """

    number: int
    replicate: int
    score: Score

    def __post_init__(self) -> None:
        where = f"replicate {self.replicate} of proposal {self.number}"
        if self.number < 0 or self.replicate < 0:
            raise ValueError(f"{where}: numbers start at 0")
        if self.score.status in ("pending", "duplicate"):
            raise ValueError(f"{where}: {self.score.status} is not a result")
        if not 0.0 <= self.score.quality <= 1.0:
            raise ValueError(f"{where}: quality {self.score.quality!r} not in [0, 1]")


@dataclass(frozen=True, slots=True)
class Place:
    """A proposal's place among the measured, by replicates that did not select it.

    Attributes:
        number: of the proposal.
        mean: quality over fresh replicates.
        low: lower end of the mean's 95% interval.
        high: upper end.
        replicates: how many the mean is of.
        member: whether it is on the shortlist; others were measured and are not.

    Raises:
        ValueError: the mean is outside its interval or [0, 1], or of no replicates.
    """

    number: int
    mean: float
    low: float
    high: float
    replicates: int
    member: bool = True

    def __post_init__(self) -> None:
        where = f"place of proposal {self.number}"
        if not 0.0 <= self.low <= self.mean <= self.high <= 1.0:
            raise ValueError(
                f"{where}: {self.low!r}, {self.mean!r}, {self.high!r} are not an "
                "interval in [0, 1] around its mean"
            )
        if self.number < 0 or self.replicates < 1:
            raise ValueError(f"{where}: numbers start at 0, replicates at 1")

    def __str__(self) -> str:
        return (
            f"{self.mean:.4f}, {self.low:.4f} to {self.high:.4f}, on {self.replicates}"
            f" fresh replicate{'s' * (self.replicates != 1)}"
        )


@dataclass(frozen=True, slots=True)
class BehaviourRecord:
    """What a proposal's rule does, by name.

    Attributes:
        number: of the proposal.
        nearest: the named rule whose behaviour is nearest, "" where none compares.
        similarity: to the nearest one.
        equal: whether the behaviour is that of the nearest one.
        families: names of the families that the rule belongs to.
        leader: smallest number of a proposal with this behaviour, which may be its own.

    Raises:
        ValueError: a similarity that is not finite, or a leader after the proposal.
    """

    number: int
    nearest: str
    similarity: float
    equal: bool
    families: tuple[str, ...]
    leader: int

    def __post_init__(self) -> None:
        where = f"behaviour of proposal {self.number}"
        if not isfinite(self.similarity):
            raise ValueError(f"{where}: similarity {self.similarity!r} is not finite")
        if not 0 <= self.leader <= self.number:
            raise ValueError(f"{where}: leader {self.leader} is not an earlier one")


@dataclass(frozen=True, slots=True)
class PruningRecord:
    """A plainer rule that was found not to be worse than a proposal's.

    Attributes:
        number: of the proposal.
        rule: text of the plainer rule in canonical form.
        margin: of quality, by which it was allowed to be worse.
        difference: mean paired difference of quality, plainer minus original.
        low: lower confidence limit of the difference.
        replicates: pairs that the difference is of.

    Raises:
        ValueError: a number is not finite or out of range.
    """

    number: int
    rule: str
    margin: float
    difference: float
    low: float
    replicates: int

    def __post_init__(self) -> None:
        where = f"pruning of proposal {self.number}"
        if not all(map(isfinite, (self.margin, self.difference, self.low))):
            raise ValueError(f"{where}: its numbers must be finite")
        if self.number < 0 or self.replicates < 0:
            raise ValueError(f"{where}: numbers start at 0")
