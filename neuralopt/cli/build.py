"""Build the parts that settings name, for scoring and for a search."""

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from neuralopt import loop
from neuralopt.archive import Archive
from neuralopt.catalog import hint
from neuralopt.cli.config.saved import settings_text
from neuralopt.cli.config.schema import Settings
from neuralopt.engines import (
    Numerics,
    check_engine,
    choose_engine,
    fastest_engine,
    rate_factors,
)
from neuralopt.evaluators import (
    Evaluator,
    MultiTaskEvaluator,
    MultiTaskPlan,
    ScoringPlan,
    TabularEvaluator,
    WorkerPlan,
    adam_qualities,
    check_baselines,
    check_evaluator,
    fitted,
    is_relative,
    make_evaluator,
    part_names,
)
from neuralopt.evaluators.registry import cores
from neuralopt.language import LANGUAGE_VERSION, RULES
from neuralopt.observer import Observer
from neuralopt.options import check_options, options_of
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import screening_limit
from neuralopt.searchers import Searcher, make_searcher
from neuralopt.shortlist.settling import ShortlistOptions
from neuralopt.spaces import Space
from neuralopt.tables import checksum
from neuralopt.tasks import Recipe, Task, group_of, is_custom, load_tasks, with_recipe


@dataclass(frozen=True, slots=True)
class ScoringParts:
    """What rules are scored with.

    Attributes:
        tasks: usually one.
        budget: how each rule is tried.
        numerics: device and precision.
        engine: a name of ENGINES, or ``auto``.
        seed: of initial weights, data orders and random bits of rules.
        threads: of this process, for what is scored here.
    """

    tasks: tuple[Task, ...]
    budget: Budget
    numerics: Numerics
    engine: str
    seed: int
    threads: int

    @property
    def task_name(self) -> str:
        """Names of all tasks, such as ``digits+char_lm``."""
        return "+".join(task.name for task in self.tasks)

    @property
    def name(self) -> str:
        """The group of the tasks, such as ``suite``, or else their names."""
        return group_of([task.name for task in self.tasks]) or self.task_name


def build_scoring(
    settings: Settings, tasks: tuple[Task, ...] | None = None
) -> ScoringParts:
    """Return what scoring needs; nothing is trained or written.

    Args:
        settings: of a search or a comparison.
        tasks: given by a caller that has them; by default those that settings name.

    Returns:
        Tasks, budget, numerics, engine, seed and threads, all checked.

    Raises:
        ValueError: one line, for a name, an option or a device that does not exist.
    """
    tasks = build_tasks(settings) if tasks is None else with_recipes(settings, tasks)
    names = [task.name for task in tasks]
    for task in tasks:
        if names.count(task.name) > 1 or "+" in task.name:
            raise ValueError(
                f"task {task.name!r}: tasks of one search need names of their own, "
                "without a +"
            )
        rate_factors(task.recipe, 1)
        screening_limit(task, settings.budget)
    evaluator = settings.evaluator
    numerics = Numerics.named(evaluator.precision, evaluator.device)
    check_evaluator(evaluator.name, evaluator.options)
    check_engine(evaluator.engine)
    if evaluator.name == "in_process":
        numerics.check()
    asked = evaluator.options.get("workers", 0) if evaluator.name == "in_process" else 0
    threads = asked or (cores() if numerics.on_cpu else 1)
    budget = fitted(settings.budget, names)
    return ScoringParts(
        tasks, budget, numerics, evaluator.engine, settings.seed, threads
    )


def build_tasks(settings: Settings) -> tuple[Task, ...]:
    """Return the tasks that settings name, with their recipe.

    Args:
        settings: of a search or a comparison.

    Returns:
        One or several tasks.

    Raises:
        ValueError: a name or an option is unknown, or a task rejects its value.
    """
    task = settings.task
    if is_custom(task.name) and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as for `python -m`; Ray tells its workers
    return with_recipes(settings, load_tasks(task.name, **task.options))


def with_recipes(settings: Settings, tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return tasks with the recipe of settings, as far as it is given there.

    Args:
        settings: whose ``task.recipe`` is read; None keeps a task's own value.
        tasks: to be trained.

    Returns:
        The tasks in the same order.

    Raises:
        ValueError: a field of the recipe is unknown or its value is out of range.
    """
    given = {key: x for key, x in settings.task.recipe.items() if x is not None}
    recipe = check_options("task.recipe", "a recipe", options_of(Recipe), given)
    return tuple(with_recipe(task, **recipe) for task in tasks)


@dataclass(slots=True)
class SearchParts:
    """What a search is made of, built before anything is written.

    Attributes:
        settings: what it was built from.
        scoring: tasks, budget and numerics.
        space: which rules can be sampled.
        searcher: what samples them.
        engines: name of each task's engine.
        slower: why a faster engine was passed over, for each that was.
        adam: its quality on each part of the objective, once it is known.
    """

    settings: Settings
    scoring: ScoringParts
    space: Space
    searcher: Searcher
    engines: tuple[str, ...]
    slower: tuple[str, ...]
    adam: dict[str, float] = field(default_factory=dict)

    @property
    def engine_name(self) -> str:
        """Names of all tasks' engines, each once."""
        return "+".join(dict.fromkeys(self.engines))

    @property
    def is_relative(self) -> bool:
        """Whether qualities are shares of Adam's."""
        return is_relative(len(self.scoring.tasks), self.scoring.budget)

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of the objective's parts, in their order."""
        tasks = [task.name for task in self.scoring.tasks]
        return part_names(tasks, self.scoring.budget)

    def plan(self) -> WorkerPlan:
        """Return what every worker scores with."""
        scoring = self.scoring
        plans = tuple(
            ScoringPlan(task, scoring.budget, engine, scoring.seed, scoring.numerics)
            for task, engine in zip(scoring.tasks, self.engines, strict=True)
        )
        return MultiTaskPlan(plans) if self.is_relative else plans[0]

    def evaluator(self) -> Evaluator:
        """Return the started evaluator; the caller closes it.

        Where qualities are relative the first thing it trains is Adam, unless `recall`
        knows the qualities.
        """
        asked = self.settings.evaluator
        made = make_evaluator(asked.name, self.plan(), asked.options)
        if isinstance(made, TabularEvaluator):  # its scores are final
            made.check(self.objective())
            self.adam = made.adam
            return made
        if not self.is_relative:
            return made
        try:
            self.adam = self.adam or adam_qualities(made, self.part_names)
            check_baselines(self.adam, self.scoring.budget.name)
        except BaseException:
            made.close()
            raise
        return MultiTaskEvaluator(made, self.adam)

    def search(
        self,
        evaluator: Evaluator,
        archive: Archive,
        observers: Sequence[Observer],
        stop: threading.Event | None,
    ) -> None:
        """Run or continue the search; see `loop.search`.

        Args:
            evaluator: started; it scores rules.
            archive: open for writing.
            observers: told of the progress.
            stop: once set, the search saves its place and returns early; None for
                never.

        Raises:
            ValueError: a number is out of range.
            ArchiveError: the archive fails, or does not belong to this searcher and
                seed.
        """
        settings = self.settings
        loop.search(
            self.space,
            self.searcher,
            evaluator,
            archive,
            settings.proposals,
            settings.batch,
            settings.lag,
            observers,
            stop,
            ShortlistOptions(**asdict(settings.shortlist)),
            names=True,
            evaluations=settings.evaluations,
        )

    def objective(self) -> dict[str, object]:
        """Return the space, and what a rule's score depends on, as plain data."""
        space, budget = self.space.to_mapping(), asdict(self.scoring.budget)
        del space["name"], budget["name"]
        tasks = self.scoring.tasks
        return {
            "space": space,
            "task": {
                "name": self.scoring.task_name,
                "fingerprint": "+".join(task.fingerprint for task in tasks),
            },
            "budget": budget,
            "language": LANGUAGE_VERSION,
        }

    def context(self) -> dict[str, str]:
        """Return what scores depend on, as the archive keeps it."""
        scoring = self.scoring
        return {
            "language": str(LANGUAGE_VERSION),
            "space": self.space.name,
            "task": scoring.task_name,
            "task fingerprint": "+".join(task.fingerprint for task in scoring.tasks),
            "budget": scoring.budget.name,
            "engine": self.engine_name,
            "precision": self.settings.evaluator.precision,
            **({"adam": json.dumps(self.adam)} if self.adam else {}),
            **({"table": self._table} if self._table else {}),
            "configuration": settings_text(self.settings),
        }

    @property
    def _table(self) -> str:
        """Of which table and seed the scores are; empty where rules are trained."""
        asked = self.settings.evaluator
        if asked.name != "tabular":
            return ""
        options = check_evaluator(asked.name, asked.options)
        # Not the path, which differs between folders and may hold another table.
        return json.dumps({**options, "table": checksum(options["table"])})

    def recall(self, context: Mapping[str, str]) -> None:
        """Take Adam's qualities from an archive: all its scores are relative to them.

        Args:
            context: of the archive.

        Raises:
            ValueError: the archive does not hold them.
        """
        if not self.is_relative:
            return
        try:
            kept = json.loads(context["adam"])
            self.adam = {name: float(kept[name]) for name in self.part_names}
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                "the run's archive does not say what Adam's qualities were: start a "
                "new run"
            ) from None
        check_baselines(self.adam, self.scoring.budget.name)

    def check_context(self, context: Mapping[str, str], run_dir: str) -> None:
        """Check that an archive's scores depend on the same things as these parts.

        Args:
            context: of the archive.
            run_dir: of the archive, for the message.

        Raises:
            ValueError: something differs, such as the data of the task.
        """
        expected = self.context()
        for key in [*context, "table"]:
            value = context.get(key)
            if expected.get(key) != value and key != "configuration":
                raise ValueError(
                    f"{run_dir} was made with {key} {value}, which is "
                    f"{expected.get(key)} here: resume it where it is the same"
                )


def build_search(
    settings: Settings,
    *,
    tasks: tuple[Task, ...] | None = None,
    space: Space | None = None,
    searcher: Searcher | None = None,
) -> SearchParts:
    """Return what a search needs; nothing is trained or written.

    Args:
        settings: of the search.
        tasks: given by a caller that has them, as are `space` and `searcher`; by
            default what settings name.
        space: which rules can be sampled.
        searcher: what samples them.

    Returns:
        The parts; the evaluator is not started.

    Raises:
        ValueError: one line, for a name, an option or a device that does not exist.
    """
    for name in settings.verdict.baselines:
        if name not in RULES:
            known = hint(name, RULES)
            raise ValueError(f"verdict.baselines: unknown rule {name!r}: {known}")
    ShortlistOptions(**asdict(settings.shortlist))  # checks itself
    space = build_space(settings) if space is None else space
    scoring = build_scoring(settings, tasks)
    chosen = [_engine(scoring, task) for task in scoring.tasks]
    return SearchParts(
        settings,
        scoring,
        space,
        searcher or build_searcher(settings, space),
        tuple(name for name, _ in chosen),
        tuple(reason for _, reasons in chosen for reason in reasons),
    )


def build_searcher(settings: Settings, space: Space) -> Searcher:
    """Return the searcher that settings name, about to propose the rules of its start.

    Args:
        settings: of a search.
        space: which rules can be sampled.

    Raises:
        ValueError: the searcher or an option is unknown, or the space does not hold a
            rule of the start.
    """
    asked = settings.searcher
    searcher = make_searcher(
        asked.name, space, settings.seed, asked.options, asked.grow
    )
    try:
        for rule in asked.start:
            searcher.enqueue(space.encode(rule)[None])
    except ValueError as error:
        raise ValueError(f"searcher.start: {error}") from None
    return searcher


def build_space(settings: Settings) -> Space:
    """Return the space that settings describe.

    Args:
        settings: of a search.

    Returns:
        The space, by the name that its mapping gives.

    Raises:
        ValueError: the mapping does not describe a space.
    """
    return Space.from_mapping(str(settings.space.get("name", "")), settings.space)


def _engine(scoring: ScoringParts, task: Task) -> tuple[str, list[str]]:
    """Name of the engine asked for, or of the fastest and why not a faster one."""
    if scoring.engine == "auto":
        engine, reasons = fastest_engine(task, scoring.seed, scoring.numerics)
        return engine.name, reasons
    made = choose_engine(scoring.engine, task, scoring.seed, scoring.numerics)
    return made.name, []
