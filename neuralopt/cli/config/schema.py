"""The schema of the configuration: what a search depends on, as plain data.

Options of tasks, searchers and evaluators are those of their registries, and a budget
is `scoring.Budget`; each is defined once, there.
"""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.replicates import VERDICT_SEEDS
from neuralopt.tasks import Recipe


def _unset_recipe() -> dict[str, Any]:
    return dict.fromkeys(field.name for field in fields(Recipe))


@dataclass
class TaskSettings:
    """A task and the recipe it is trained with.

    Attributes:
        name: a name of TASKS, several joined by ``+``, or ``module:attribute``.
        options: of the tasks; those that are left out have their defaults.
        recipe: fields of `Recipe`; None keeps the task's own.
    """

    name: str = "suite"
    options: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=_unset_recipe)


@dataclass
class SearcherSettings:
    """The searcher, which proposes rules.

    Attributes:
        name: a name of SEARCHERS.
        grow: whether rules of each size have a searcher of their own.
        start: rules of the space, names or texts, that are proposed first.
        options: of the searcher.
    """

    name: str = ""
    grow: bool = False
    start: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class EvaluatorSettings:
    """Where rules are scored, and how their children are computed.

    Attributes:
        name: a name of EVALUATORS.
        engine: a name of ENGINES, or ``auto``.
        device: see `Numerics.named`.
        precision: see `Numerics.named`.
        options: of the evaluator.
    """

    name: str = "in_process"
    engine: str = "auto"
    device: str = "cpu"
    precision: str = "float32"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class ReportSettings:
    """What a search shows and writes for people.

    Attributes:
        tensorboard: whether the search is written to TensorBoard.
    """

    tensorboard: bool = True


@dataclass
class ShortlistSettings:
    """How the best rules are measured on fresh replicates; see `ShortlistOptions`.

    Attributes:
        size: places; 0 for no measurements.
        every: proposals told between two times of measuring.
        replicates: measurements of a rule, at most.
    """

    size: int = 20
    every: int = 1024
    replicates: int = 10


@dataclass
class PruningSettings:
    """How the best rules are made plain at the end of a search; see `prune`.

    Attributes:
        candidates: best rules that are pruned; 0 for none.
        margin: of quality, by which a plainer rule may be worse.
        replicates: fresh ones that a plainer rule is compared on, 4 or more.
    """

    candidates: int = 20
    margin: float = 0.005
    replicates: int = 8


@dataclass
class TuningSettings:
    """How contenders are tuned by ``compare --tuned``; see `TuningPlan`.

    Attributes:
        trials: settings that are tried of each contender on each task.
        seeds: replicates that each is trained on.
    """

    trials: int = 40
    seeds: int = 2


@dataclass
class VerdictSettings:
    """The comparison that a search ends with, and that `compare` makes.

    Attributes:
        candidates: best rules that are scored again; 0 for none.
        seeds: fresh initial weights and data orders.
        baselines: names of rules.
        tuning: of a comparison of tuned contenders.
    """

    candidates: int = 20
    seeds: int = VERDICT_SEEDS
    baselines: list[str] = field(default_factory=list)
    tuning: TuningSettings = field(default_factory=TuningSettings)


@dataclass
class StageSettings:
    """A stage of `neuralopt promote`; see `promotion.plan.Stage`.

    Attributes:
        tasks: names of tasks and groups, joined by ``+``.
        seeds: fresh initial weights and data orders.
        share: of the rules, which go on at most.
    """

    tasks: str = "held_out"
    seeds: int = 10
    share: float = 1.0


@dataclass
class PromotionSettings:
    """How `neuralopt promote` takes rules through stages; see `PromotionPlan`.

    Attributes:
        candidates: best rules of each run.
        confidence: that the best contender is not stopped by a test.
        baselines: names of rules, the reference first.
        stages: one after the other.
    """

    candidates: int = 20
    confidence: float = 0.95
    baselines: list[str] = field(default_factory=list)
    stages: list[StageSettings] = field(default_factory=list)


@dataclass
class Settings:
    """Everything a search depends on, and where it writes.

    Attributes:
        seed: of the searcher, initial weights, data orders and random bits of rules.
        proposals: of the whole search.
        evaluations: rules to be trained before the search ends; 0 for no limit.
        batch: proposals asked for at once.
        lag: batches asked ahead of the oldest that is not told.
        run_dir: named by the date where it is empty.
        resume: ``never`` rejects a run directory that holds a search, ``auto``
            continues that search.
        space: a mapping for `Space.from_mapping`.
        task: a task and the recipe it is trained with.
        budget: how each rule is tried.
        searcher: proposes rules.
        evaluator: where rules are scored.
        report: what is shown and written for people.
        shortlist: how the best rules are measured while the search runs.
        pruning: how the best rules are made plain at the end.
        verdict: the comparison that the search ends with.
        promotion: how `neuralopt promote` takes rules through held-out tasks.
    """

    seed: int = 0
    proposals: int = 5000
    evaluations: int = 0
    batch: int = 64
    lag: int = 1
    run_dir: str = ""
    resume: str = "never"
    space: dict[str, Any] = field(default_factory=dict)
    task: TaskSettings = field(default_factory=TaskSettings)
    budget: Budget = field(default_factory=lambda: Budget("", (1.0,), 1, 1))
    searcher: SearcherSettings = field(default_factory=SearcherSettings)
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    shortlist: ShortlistSettings = field(default_factory=ShortlistSettings)
    pruning: PruningSettings = field(default_factory=PruningSettings)
    verdict: VerdictSettings = field(default_factory=VerdictSettings)
    promotion: PromotionSettings = field(default_factory=PromotionSettings)


LEAST = {
    "seed": 0,
    "proposals": 1,
    "evaluations": 0,
    "batch": 1,
    "lag": 0,
    "shortlist.size": 0,
    "shortlist.every": 1,
    "shortlist.replicates": 1,
    "pruning.candidates": 0,
    "pruning.replicates": 4,
    "verdict.candidates": 0,
    "verdict.seeds": 1,
    "verdict.tuning.trials": 10,
    "verdict.tuning.seeds": 1,
    "promotion.candidates": 1,
}
"""Smallest value of a number, by key. Budgets, spaces, searchers and evaluators check
their own."""


def check_settings(settings: Settings) -> None:
    """Check what no registry checks, before anything is written.

    Args:
        settings: composed, of any source.

    Raises:
        ValueError: a number is too small, or a word is not one of those accepted.
    """
    for key, least in LEAST.items():
        value = attrgetter(key)(settings)
        if value < least:
            raise ValueError(f"{key} is {value}: give {least} or more")
    if not 0 < settings.pruning.margin < 1:
        raise ValueError(
            f"pruning.margin is {settings.pruning.margin:g}: give a quality between 0 "
            "and 1"
        )
    if settings.resume not in ("never", "auto"):
        raise ValueError(f"resume is {settings.resume!r}: write never or auto")
