"""The schema of the configuration: plain dataclasses.

Knows names, types and defaults; refuses to know where values come from.
"""

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any


@dataclass
class RecipeSettings:
    """Fields of `tasks.Recipe`; None is what the task has."""

    clip_norm: float | None = None
    weight_decay: float | None = None
    schedule: str | None = None
    warmup: float | None = None


@dataclass
class TaskSettings:
    """path, download: of data that do not come with the package. depth, width: of a
    network that has them. None is what the task has.
    """

    name: str = "digits"
    path: str | None = None
    download: bool | None = None
    depth: int | None = None
    width: int | None = None
    recipe: RecipeSettings = field(default_factory=RecipeSettings)


@dataclass
class BudgetSettings:
    name: str = ""
    learning_rates: list[float] = field(default_factory=list)
    screening_epochs: int = 1
    screening_examples: int = 0
    epochs: int = 1
    replicates: int = 1


@dataclass
class SearcherSettings:
    name: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class EvaluatorSettings:
    """engine: of ENGINES, or ``auto``. device, precision: see `Numerics.named`.
    workers: threads or actors, 0 for all there is room for. batch: rules a worker
    takes at a time. The others are Ray's alone: see `ray_evaluator.RayOptions` and
    `ray_cluster.Demand`.
    """

    name: str = "in_process"
    engine: str = "auto"
    device: str = "cpu"
    precision: str = "float32"
    workers: int = 0
    batch: int = 0
    address: str = ""
    cpus: float = 1.0
    gpus: float = 0.0
    memory: float = 0.0
    accelerator: str = ""
    resources: dict[str, float] = field(default_factory=dict)
    time_limit: float = 600.0
    patience: float = 60.0


@dataclass
class ReportSettings:
    tensorboard: bool = True


@dataclass
class VerdictSettings:
    """What a search ends with, and what compare does.

    candidates: best rules that are scored again; 0 for none. seeds: fresh initial
    weights and data orders. baselines: names of rules.
    """

    candidates: int = 20
    seeds: int = 5
    baselines: list[str] = field(default_factory=list)


@dataclass
class Settings:
    """Everything a search depends on, and where it writes.

    run_dir: made from the date where it is empty. resume: ``never`` refuses a run
    directory that holds a search, ``auto`` continues it.
    """

    seed: int = 0
    proposals: int = 1000
    batch: int = 64
    lag: int = 1
    run_dir: str = ""
    resume: str = "never"
    space: dict[str, Any] = field(default_factory=dict)
    task: TaskSettings = field(default_factory=TaskSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    searcher: SearcherSettings = field(default_factory=SearcherSettings)
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    verdict: VerdictSettings = field(default_factory=VerdictSettings)


LEAST = {
    "seed": 0,
    "proposals": 1,
    "batch": 1,
    "lag": 0,
    "evaluator.workers": 0,
    "evaluator.batch": 0,
    "verdict.candidates": 0,
    "verdict.seeds": 1,
}
"""The smallest value of a number, by key. Budgets, spaces and searchers know theirs."""


def check_numbers(settings: Settings) -> None:
    """Raise ValueError for a number that is too small, before anything is written."""
    for key, least in LEAST.items():
        value = attrgetter(key)(settings)
        if value < least:
            raise ValueError(f"{key} is {value}: give {least} or more")
