"""The objects that settings stand for.

Knows how each is chosen by name; refuses to know what is done with them.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from neuralopt.catalog import hint
from neuralopt.cli.config.compose import (
    build_budget,
    build_numerics,
    build_searcher,
    build_space,
    build_tasks,
    settings_text,
)
from neuralopt.cli.config.schema import Settings
from neuralopt.engines import choose_engine, fastest_engine, rate_factors
from neuralopt.engines.engine import Engine
from neuralopt.evaluators import (
    Evaluator,
    InProcessEvaluator,
    MultiTaskEvaluator,
    MultiTaskPlan,
    ScoringPlan,
    adam_qualities,
    check_baselines,
    per_task_scorer,
    scorer,
)
from neuralopt.language import LANGUAGE_VERSION, RULES
from neuralopt.scoring.protocol import screening_limit
from neuralopt.tasks import Task, is_custom

EVALUATORS = ("in_process", "ray")


class SearchParts:
    """What a search is made of, built before anything is written.

    tasks: usually one. adam: its quality on each of several tasks, once it is known.
    Raises ValueError, one line, for a name or an option that is not there.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.space = build_space(settings)
        here = str(Path.cwd())
        if is_custom(settings.task.name) and here not in sys.path:
            sys.path.insert(0, here)  # as for `python -m`; Ray hands it on to workers
        self.tasks = build_tasks(settings)
        self.names = settings.task.name.split("+")
        self.adam: dict[str, float] = {}
        self.budget = build_budget(settings)
        for task in self.tasks:
            rate_factors(task.recipe, 1)
            screening_limit(task, self.budget)
        self.numerics = build_numerics(settings)
        if settings.evaluator.name != "ray":
            self.numerics.check()
        chosen = [self._engine(task) for task in self.tasks]
        self.engines = [engine for engine, _ in chosen]
        self.slower = [reason for _, reasons in chosen for reason in reasons]
        self.searcher = build_searcher(settings, self.space)
        cores = os.cpu_count() or 1
        # One worker keeps a GPU as busy as many do.
        room = cores if self.numerics.on_cpu else 1
        self.workers = settings.evaluator.workers or room
        kind = settings.evaluator.name
        if kind not in EVALUATORS:
            raise ValueError(f"unknown evaluator {kind!r}: {hint(kind, EVALUATORS)}")
        for name in settings.verdict.baselines:
            if name not in RULES:
                known = hint(name, RULES)
                raise ValueError(f"verdict.baselines: unknown rule {name!r}: {known}")

    @property
    def task_name(self) -> str:
        """Of all tasks, such as ``digits+char_lm``."""
        return "+".join(task.name for task in self.tasks)

    @property
    def engine_name(self) -> str:
        """Of all tasks' engines, each once."""
        return "+".join(dict.fromkeys(engine.name for engine in self.engines))

    def _engine(self, task: Task) -> tuple[Engine, list[str]]:
        """The engine asked for, or the fastest and what speaks against faster ones."""
        name, seed = self.settings.evaluator.engine, self.settings.seed
        if name == "auto":
            return fastest_engine(task, seed, self.numerics)
        return choose_engine(name, task, seed, self.numerics), []

    def evaluator(self) -> Evaluator:
        """Workers, started; the caller closes it.

        With several tasks the first thing they train is Adam, unless `recall` knows
        what became of it.
        """
        settings = self.settings.evaluator
        if settings.name == "ray":
            made = self._ray_evaluator()
        else:
            scorers = [
                scorer(task, self.budget, engine)
                for task, engine in zip(self.tasks, self.engines, strict=True)
            ]
            one = scorers[0] if len(scorers) == 1 else per_task_scorer(scorers)
            # On a GPU more rules at once: it has room for many children.
            batch = settings.batch or (16 if self.numerics.on_cpu else 64)
            made = InProcessEvaluator(one, self.workers, batch)
        if len(self.tasks) == 1:
            return made
        try:
            self.adam = self.adam or adam_qualities(made, self.names)
            check_baselines(self.adam, self.budget.name)
        except BaseException:
            made.close()
            raise
        return MultiTaskEvaluator(made, self.adam)

    def _ray_evaluator(self) -> Evaluator:
        from neuralopt.evaluators.ray.cluster import Demand
        from neuralopt.evaluators.ray.evaluator import RayEvaluator, RayOptions

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
        plans = tuple(
            ScoringPlan(task, self.budget, engine.name, seed, self.numerics)
            for task, engine in zip(self.tasks, self.engines, strict=True)
        )
        plan = plans[0] if len(plans) == 1 else MultiTaskPlan(plans)
        return RayEvaluator(plan, options)

    def context(self) -> dict[str, str]:
        """What scores depend on, as the archive keeps it."""
        prints = "+".join(task.fingerprint for task in self.tasks)
        return {
            "language": str(LANGUAGE_VERSION),
            "space": self.space.name,
            "task": self.task_name,
            "task fingerprint": prints,
            "budget": self.budget.name,
            "engine": self.engine_name,
            "precision": self.settings.evaluator.precision,
            **({"adam": json.dumps(self.adam)} if self.adam else {}),
            "configuration": settings_text(self.settings),
        }

    def recall(self, context: Mapping[str, str]) -> None:
        """Take Adam's qualities from an archive, so that all scores are set against
        the same ones. Raises ValueError if they are none.
        """
        if len(self.tasks) == 1:
            return
        try:
            kept = json.loads(context["adam"])
            self.adam = {name: float(kept[name]) for name in self.names}
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                "the run's archive does not say what Adam's qualities were: start a "
                "new run"
            ) from None
        check_baselines(self.adam, self.budget.name)
