"""The objects that settings stand for.

Knows how each is chosen by name; refuses to know what is done with them.
"""

import os
import sys
from pathlib import Path

from neuralopt.catalog import hint
from neuralopt.cli.configuration import (
    build_arithmetic,
    build_budget,
    build_searcher,
    build_space,
    build_task,
    settings_text,
)
from neuralopt.cli.settings import Settings
from neuralopt.evaluation import (
    Evaluator,
    InProcessEvaluator,
    ScoringPlan,
    choose_engine,
    fastest_engine,
    scorer,
)
from neuralopt.evaluation.engine import Engine
from neuralopt.language import LANGUAGE_VERSION, RULES
from neuralopt.tasks import is_own

EVALUATORS = ("in_process", "ray")


class SearchParts:
    """What a search is made of, built before anything is written.

    Raises ValueError, one line, for a name or an option that is not there.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.space = build_space(settings)
        here = str(Path.cwd())
        if is_own(settings.task.name) and here not in sys.path:
            sys.path.insert(0, here)  # as for `python -m`; Ray hands it on to workers
        self.task = build_task(settings)
        self.budget = build_budget(settings)
        self.arithmetic = build_arithmetic(settings)
        self.engine, self.slower = self._engine()
        self.searcher = build_searcher(settings, self.space)
        cores = os.cpu_count() or 1
        # One worker keeps a GPU as busy as many do.
        room = cores if self.arithmetic.on_cpu else 1
        self.workers = settings.evaluator.workers or room
        kind = settings.evaluator.name
        if kind not in EVALUATORS:
            raise ValueError(f"unknown evaluator {kind!r}: {hint(kind, EVALUATORS)}")
        for name in settings.verdict.baselines:
            if name not in RULES:
                known = hint(name, RULES)
                raise ValueError(f"verdict.baselines: unknown rule {name!r}: {known}")

    def _engine(self) -> tuple[Engine, list[str]]:
        """The engine asked for, or the fastest and what speaks against faster ones."""
        name, seed = self.settings.evaluator.engine, self.settings.seed
        if name == "auto":
            return fastest_engine(self.task, seed, self.arithmetic)
        return choose_engine(name, self.task, seed, self.arithmetic), []

    def evaluator(self) -> Evaluator:
        """Workers, started; the caller closes it."""
        settings = self.settings.evaluator
        if settings.name == "ray":
            return self._ray_evaluator()
        self.arithmetic.check()
        return InProcessEvaluator(
            scorer(self.task, self.budget, self.engine), self.workers, settings.batch
        )

    def _ray_evaluator(self) -> Evaluator:
        from neuralopt.evaluation.ray_cluster import Demand
        from neuralopt.evaluation.ray_evaluator import RayEvaluator, RayOptions

        asked = self.settings.evaluator
        demand = Demand(
            asked.cpus, asked.gpus, asked.memory, asked.accelerator, asked.resources
        )
        options = RayOptions(
            asked.workers,
            asked.batch,
            asked.address,
            demand,
            asked.time_limit,
            asked.patience,
        )
        seed = self.settings.seed
        plan = ScoringPlan(
            self.task, self.budget, self.engine.name, seed, self.arithmetic
        )
        return RayEvaluator(plan, options)

    def context(self) -> dict[str, str]:
        """What scores depend on, as the archive keeps it."""
        return {
            "language": str(LANGUAGE_VERSION),
            "space": self.space.name,
            "task": self.task.name,
            "task fingerprint": self.task.fingerprint,
            "budget": self.budget.name,
            "engine": self.engine.name,
            "precision": self.settings.evaluator.precision,
            "configuration": settings_text(self.settings),
        }
