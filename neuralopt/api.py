"""Search and compare from Python, with names or objects.

This is the other front door, next to the command line: both read the same settings and
write the same run directories, so that either continues what the other began.
"""

import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neuralopt import loop
from neuralopt.anatomy.explanation import Explanation, explain_rule
from neuralopt.anatomy.parts import MOST
from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.cli.build import ScoringParts, SearchParts, build_search, build_tasks
from neuralopt.cli.candidates import Rules, candidates_of
from neuralopt.cli.commands.compare import run_benchmarks, settings_of_runs
from neuralopt.cli.commands.explain import TASK as EXPLAINED_TASK
from neuralopt.cli.commands.explain import trainer
from neuralopt.cli.commands.gradients import one_task
from neuralopt.cli.commands.rediscover import Asked, measure
from neuralopt.cli.commands.tuned import known_rates, run_tuned
from neuralopt.cli.config.compose import compose_settings, settings_yaml
from neuralopt.cli.config.saved import (
    INHERITED,
    settings_difference,
    settings_from_text,
)
from neuralopt.cli.config.schema import Settings, check_settings
from neuralopt.cli.rule_lookup import find_rule
from neuralopt.cli.run_directory import make_run_directory, run_directory
from neuralopt.engines import Numerics, OptimizerSpec
from neuralopt.evaluators import Evaluator
from neuralopt.evaluators.registry import cores
from neuralopt.language import Expression, Rule, as_expression, render, simplify
from neuralopt.observer import Observer
from neuralopt.report.progress import ProgressDisplay
from neuralopt.report.tables import Table, comparison_table
from neuralopt.report.tables.rediscovery import rediscovery_table
from neuralopt.report.tensorboard import TensorBoard
from neuralopt.report.tuned_result import TunedResult
from neuralopt.scoring.budgets import Budget, named_budget
from neuralopt.scoring.replicates import VERDICT_SEEDS
from neuralopt.searchers import Searcher, make_searcher
from neuralopt.signals.report import SignalReport, report_signals
from neuralopt.spaces import Space
from neuralopt.spaces.registry import load as load_space
from neuralopt.tasks import Split, Task, load_tasks
from neuralopt.verdict.comparison import Comparison
from neuralopt.verdict.rediscovery.summary import RunHistory, TargetSummary
from neuralopt.verdict.scores import Benchmark
from neuralopt.verdict.tuning.comparing import Setup
from neuralopt.verdict.tuning.contender import contenders_of
from neuralopt.verdict.tuning.tune import TuningPlan
from neuralopt.views.preference_recorder import FILE, PreferenceRecorder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def search(
    space: str | Space = "from_scratch",
    searcher: str | Searcher = "hill_climbing",
    evaluator: str | Evaluator = "in_process",
    archive: Archive | None = None,
    proposals: int = 5000,
    batch: int = 64,
    lag: int = 1,
    observers: Sequence[Observer] = (),
    stop: threading.Event | None = None,
    *,
    task: str | Task = "suite",
    budget: str | Budget = "suite",
    seed: int = 0,
    run_dir: str | Path = "",
    resume: Literal["never", "auto"] = "never",
    overrides: Sequence[str] = (),
    progress: bool = True,
    evaluations: int = 0,
) -> Archive:
    """Run or continue a search, and return its archive.

    Args:
        space: name of a space, path of a YAML file, or a Space.
        searcher: a name of SEARCHERS, or a Searcher over the same space.
        evaluator: a name of EVALUATORS; or, with an archive, an Evaluator.
        archive: open for writing. The search then writes there, is run by the
            evaluator given, and task, budget, run_dir, resume and overrides have no
            effect: the caller has chosen all of them.
        proposals: rules to ask the searcher for; duplicates count.
        batch: proposals asked for at once.
        lag: batches asked ahead of the oldest that is not told.
        observers: further objects that watch the search.
        stop: once set, the search saves its place and returns early.
        task: a name as on the command line (``digits+char_lm``), or a Task.
        budget: name of a budget, path of a YAML file, or a Budget.
        seed: of the searcher and of all children.
        run_dir: where to write; a folder under ``runs/`` named by the date if empty.
        resume: ``auto`` continues the search that run_dir holds.
        overrides: further overrides, as on the command line:
            ``["evaluator.workers=2", "searcher.hidden=64"]``. What an argument says, or
            an object that is given, can't be overridden.
        progress: whether to show progress on standard error.
        evaluations: rules to be trained before the search ends; 0 for no limit.

    Returns:
        The archive: the one given, or that of the run directory, open for reading.

    Raises:
        ValueError: a name, an option or a number is wrong, or the run directory holds
            another search.
        ArchiveError: the archive can't be written, or belongs to another search.

    Example:
        >>> import tempfile
        >>> found = search(
        ...     "bello2017", searcher="evolution", budget="smoke", proposals=32,
        ...     run_dir=tempfile.mkdtemp() + "/run", progress=False,
        ... )
        >>> len(found)
        32
        >>> best, = found.best(1)
        >>> best.status
        'scored'
    """
    if archive is not None:
        return _search_into(
            archive, space, searcher, evaluator, proposals, batch, lag,
            observers, stop, seed, evaluations,
        )  # fmt: skip
    if not isinstance(evaluator, str):
        raise ValueError("an Evaluator needs an archive to write to: give archive=")
    settings = _settings(space, searcher, evaluator, task, budget, overrides)
    settings = dataclasses.replace(
        settings,
        proposals=proposals,
        evaluations=evaluations,
        batch=batch,
        lag=lag,
        seed=seed,
        resume=resume,
    )
    check_settings(settings)
    settings.run_dir = str(run_dir)
    settings.run_dir = str(run_directory(settings))
    folder = Path(settings.run_dir)
    parts = build_search(
        settings,
        tasks=None if isinstance(task, str) else (task,),
        space=space if isinstance(space, Space) else None,
        searcher=None if isinstance(searcher, str) else searcher,
    )
    watching: list[Observer] = [*observers, PreferenceRecorder(folder / FILE)]
    if progress:
        watching.append(ProgressDisplay())
    board = None
    if settings.report.tensorboard:
        board = TensorBoard(
            folder / "tb",
            folder / ARCHIVE_FILE,
            scoring=parts.scoring,
            evaluations=settings.evaluations,
        )
        watching.append(board)
    _run(parts, folder, watching, stop)
    if board is not None:
        board.finish()
    return Archive.open(folder / ARCHIVE_FILE)


def _search_into(
    archive: Archive,
    space: str | Space,
    searcher: str | Searcher,
    evaluator: str | Evaluator,
    proposals: int,
    batch: int,
    lag: int,
    observers: Sequence[Observer],
    stop: threading.Event | None,
    seed: int,
    evaluations: int,
) -> Archive:
    """A search of objects that the caller has made."""
    if isinstance(evaluator, str):
        raise ValueError(
            f"evaluator is the name {evaluator!r}: with archive= give an Evaluator"
        )
    space = load_space(space) if isinstance(space, str) else space
    if isinstance(searcher, str):
        searcher = make_searcher(searcher, space, seed)
    return loop.search(
        space, searcher, evaluator, archive, proposals, batch, lag, observers, stop,
        evaluations=evaluations,
    )  # fmt: skip


def _settings(
    space: str | Space,
    searcher: str | Searcher,
    evaluator: str,
    task: str | Task,
    budget: str | Budget,
    overrides: Sequence[str],
) -> Settings:
    """Settings that name what is named, and describe what is given as an object."""
    named: dict[str, object] = {
        "space": space,
        "searcher": searcher,
        "evaluator": evaluator,
        "task": task,
        "budget": budget,
    }
    _check_overrides(overrides, {key: isinstance(x, str) for key, x in named.items()})
    texts = [f"{key}={x}" for key, x in named.items() if isinstance(x, str)]
    settings = compose_settings([*texts, *overrides])
    if isinstance(space, Space):
        settings.space = space.to_mapping()
    if not isinstance(searcher, str):
        settings.searcher.name = type(searcher).__name__
        settings.searcher.options = {}
    if not isinstance(task, str):
        settings.task.name = task.name
    if isinstance(budget, Budget):
        settings.budget = budget
    return settings


ARGUMENTS = ("seed", "proposals", "evaluations", "batch", "lag", "run_dir", "resume")
"""Keys of the configuration that are arguments of `search`."""


def _check_overrides(overrides: Sequence[str], by_name: Mapping[str, bool]) -> None:
    """Raise ValueError for an override that an argument would make void."""
    for text in overrides:
        key = text.partition("=")[0].rstrip("+")
        group = key.partition(".")[0]
        if group in ARGUMENTS or key in by_name or key == f"{group}.name":
            argument = key if group in ARGUMENTS else group
            raise ValueError(f"overrides: {text!r}: give the argument {argument}=")
        if not by_name.get(group, True) and not key.startswith("task.recipe."):
            raise ValueError(
                f"overrides: {text!r} has no effect on a {group} that is an object"
            )


def _run(
    parts: SearchParts,
    folder: Path,
    observers: Sequence[Observer],
    stop: threading.Event | None,
) -> None:
    """Begin the search of a run directory, or continue it where that is asked for."""
    settings, path = parts.settings, folder / ARCHIVE_FILE
    if path.exists() and path.stat().st_size:
        if settings.resume != "auto":
            raise ValueError(
                f"{folder} holds a search: give resume='auto' to continue it, or "
                "another run_dir"
            )
        with Archive.open(path) as archive:  # one that can't go on stays as it is
            context = archive.context
        kept = settings_from_text(context.get("configuration", ""))
        if key := settings_difference(kept, settings):
            raise ValueError(f"{folder} holds a search with another {key}")
        parts.recall(context)
        parts.check_context(context, str(folder))
        archive = Archive.open(path, writable=True)
        with closing(parts.evaluator()) as evaluator, closing(archive):
            parts.search(evaluator, archive, observers, stop)
        return
    with closing(parts.evaluator()) as evaluator:  # first: it may not start
        make_run_directory(folder)
        with Archive.create(path, parts.context()) as archive:
            (folder / "config.yaml").write_text(settings_yaml(settings))
            parts.search(evaluator, archive, observers, stop)


@dataclasses.dataclass(frozen=True, slots=True)
class ComparisonResult:
    """What `compare` found: a benchmark of the objective and of each of its parts.

    It prints as tables of the whole objective, in a terminal and in a notebook.

    Attributes:
        benchmarks: that of the whole objective first; then, where it has several
            parts, one for each of them, such as ``digits`` and ``digits@20``.
        rules: text of each candidate that is a rule, by its name.
        baselines: candidates from which the reference is chosen; None for all.
    """

    benchmarks: tuple[Benchmark, ...]
    rules: Mapping[str, str]
    baselines: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[Benchmark]:
        return iter(self.benchmarks)

    def __getitem__(self, task: str) -> Benchmark:
        """The benchmark on the part of this name; KeyError if there is none."""
        return {each.task: each for each in self.benchmarks}[task]

    def comparison(self, split: Split = "selection", task: str = "") -> Comparison:
        """Return ranks, intervals and verdicts on a split.

        Args:
            split: one of those measured.
            task: name of a part; the whole objective if not given.
        """
        found = self[task] if task else self.benchmarks[0]
        return found.comparison(split, self.baselines)

    def table(self, split: Split = "selection", task: str = "") -> Table:
        """Return the comparison on a split as a table; see `comparison`."""
        found = self[task] if task else self.benchmarks[0]
        return comparison_table(
            self.comparison(split, task), rules=self.rules, curves=found.curves(split)
        )

    def _tables(self) -> Iterator[tuple[str, Table]]:
        found = self.benchmarks[0]
        for split in found.scores:
            yield f"On the {split} split of {found.task}:", self.table(split)

    def __str__(self) -> str:
        return "\n".join(f"{title}\n{table.text()}" for title, table in self._tables())

    def _repr_html_(self) -> str:
        return "".join(
            f"<p>{title}</p>{table._repr_html_()}" for title, table in self._tables()
        )


def compare(
    rules: Sequence[str | Expression | Rule] | Mapping[str, str | Expression | Rule],
    task: str | Task | None = None,
    budget: str | Budget | None = None,
    *,
    seeds: int = VERDICT_SEEDS,
    splits: Sequence[Split] = ("selection", "test"),
    baselines: Sequence[str] | None = None,
    seed: int = 0,
    engine: str = "auto",
    device: str = "cpu",
    precision: str = "float32",
    workers: int = 0,
    progress: bool = True,
) -> ComparisonResult:
    """Train rules and torch's optimizers alike on fresh seeds, and rank them.

    Every candidate meets the same initial weights and batches, seed by seed, and
    chooses its learning rate by the loss on the validation split.

    Args:
        rules: names of RULES, rule texts, ``RUN:best`` and the like, ``torch.NAME`` for
            an optimizer of torch, ``learned:FILE`` for one that ``neuralopt learn``
            wrote, expressions or rules; or a mapping from names for the table to these.
        task: a name as on the command line, or a Task. None is the task, with its
            recipe, of the runs that rules name, or else ``suite``.
        budget: a name or a Budget. None is the budget of the runs that rules name, or
            else ``suite``.
        seeds: fresh initial weights and data orders, 1 or more.
        splits: held-out splits to measure on.
        baselines: names of candidates from which the reference is chosen; all if None.
        seed: of initial weights and data orders.
        engine: a name of ENGINES, or ``auto``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``, ``bfloat16`` (products only) or ``float64``.
        workers: threads; 0 is one a core.
        progress: whether to show progress on standard error.

    Raises:
        ValueError: a rule, a name or a number is wrong, or a training breaks.

    Example:
        >>> result = compare(["adam", "sgd"], budget="smoke", seeds=2, progress=False)
        >>> [row.name for row in result.comparison("selection").rows]
        ['adam', 'sgd']
    """
    tasks, budget = _objective(rules, task, budget)
    numerics = Numerics.named(precision, device)
    numerics.check()
    threads = workers or (cores() if numerics.on_cpu else 1)
    scoring = ScoringParts(tasks, budget, numerics, engine, seed, threads)
    candidates: dict[str, OptimizerSpec] = candidates_of(rules, {})
    if not candidates:
        raise ValueError("name at least one rule to compare")
    found = run_benchmarks(candidates, scoring, seeds, splits, show=progress)
    texts = {
        name: render(simplify(rule))
        for name, rule in candidates.items()
        if isinstance(rule, Expression)
    }
    chosen = None if baselines is None else tuple(baselines)
    return ComparisonResult(tuple(found), texts, chosen)


def compare_tuned(
    rules: Sequence[str | Expression | Rule] | Mapping[str, str | Expression | Rule],
    task: str | Task | None = None,
    budget: str | Budget | None = None,
    *,
    trials: int = 40,
    tuning_seeds: int = 2,
    seeds: int = VERDICT_SEEDS,
    horizons: Sequence[int] = (1, 3, 8),
    baselines: Sequence[str] = (),
    into: str | Path = "",
    seed: int = 0,
    engine: str = "auto",
    device: str = "cpu",
    precision: str = "float32",
    workers: int = 0,
    progress: bool = True,
) -> TunedResult:
    """Tune rules and torch's optimizers alike, then judge them on fresh seeds.

    Every contender gets the same number of trials over the same space of learning
    rates, weight decays, schedules, moving averages' decays and epsilons. Differences
    are from ``adamw`` if it takes part, or else from ``adam``.

    Args:
        rules: as for `compare`.
        task: as for `compare`.
        budget: as for `compare`; its `epochs` are the length that is tuned.
        trials: settings of each contender that are tried on each task, 10 or more.
        tuning_seeds: replicates that each trial is averaged over.
        seeds: fresh initial weights and data orders of the verdict.
        horizons: lengths of the verdict's trainings, as multiples of the tuned one.
        baselines: names of contenders among which the reference is chosen, if there is
            neither ``adamw`` nor ``adam``; all if empty.
        into: a folder that keeps every training, so that the same call continues one
            that was stopped; the test split is measured too, once, for the contenders
            and settings that are frozen there.
        seed: of initial weights, data orders and the tuning's design.
        engine: a name of ENGINES, or ``auto``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``, ``bfloat16`` (products only) or ``float64``.
        workers: threads; 0 is one a core.
        progress: whether to show progress on standard error.

    Returns:
        Settings, verdicts and costs.

    Raises:
        ValueError: a rule, a name or a number is wrong, or the folder holds something
            else.

    Example:
        >>> result = compare_tuned(
        ...     ["adam", "sgd"], "digits", "smoke", trials=10, tuning_seeds=1, seeds=3,
        ...     horizons=[1], progress=False,
        ... )
        >>> result.comparison("digits").reference
        'adam'
        >>> text, rate = result.rule("sgd", "digits")
    """
    tasks, budget = _objective(rules, task, budget)
    numerics = Numerics.named(precision, device)
    numerics.check()
    threads = workers or (cores() if numerics.on_cpu else 1)
    scoring = ScoringParts(tasks, budget, numerics, engine, seed, threads)
    candidates: dict[str, OptimizerSpec] = candidates_of(rules, {})
    given = rules.values() if isinstance(rules, Mapping) else rules
    texts = [rule for rule in given if isinstance(rule, str)]
    setup = Setup(
        contenders_of(candidates, known_rates(texts, candidates)),
        tasks,
        budget.epochs,
        tuple(horizons),
        seeds,
        TuningPlan(trials, tuning_seeds, seed),
        tuple(baselines),
    )
    return TunedResult(run_tuned(setup, scoring, into, progress))


def _objective(
    rules: Rules,
    task: str | Task | None,
    budget: str | Budget | None,
) -> tuple[tuple[Task, ...], Budget]:
    """Tasks and budget: those given, those of the runs named, or the defaults."""
    given = rules.values() if isinstance(rules, Mapping) else rules
    texts = [rule for rule in given if isinstance(rule, str)]
    named = [f"{key}=" for key, x in (("task", task), ("budget", budget)) if x]
    kept = settings_of_runs(texts, named) if len(named) < len(INHERITED) else None
    if task is None and kept is not None:
        tasks = build_tasks(kept)
    else:
        task = "suite" if task is None else task
        tasks = load_tasks(task) if isinstance(task, str) else (task,)
    if budget is None and kept is not None:
        budget = kept.budget
    budget = "suite" if budget is None else budget
    return tasks, named_budget(budget) if isinstance(budget, str) else budget


def explain(
    rule: str | Expression | Rule,
    task: str | Task | None = None,
    budget: str | Budget | None = None,
    *,
    seeds: int = VERDICT_SEEDS,
    quick: bool = False,
    parts: int = MOST,
    seed: int = 0,
    engine: str = "auto",
    device: str = "cpu",
    precision: str = "float32",
    workers: int = 0,
    progress: bool = True,
) -> Explanation:
    """Say what a rule is and what each of its parts contributes.

    Args:
        rule: name of RULES, rule text, ``RUN:best`` and the like, an expression or a
            rule.
        task: a name as on the command line, or a Task. None is the task, with its
            recipe, of the run that the rule names, or else ``digits``.
        budget: a name or a Budget. None is the budget of the run that the rule names,
            or else ``suite``.
        seeds: initial weights and data orders of every training, 1 or more.
        quick: whether to train nothing.
        parts: variants that are trained at most.
        seed: of initial weights and data orders.
        engine: a name of ENGINES, or ``auto``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``, ``bfloat16`` (products only) or ``float64``.
        workers: threads; 0 is one a core.
        progress: whether to show progress on standard error.

    Returns:
        The explanation. It prints as text, and has a ``figure()``.

    Raises:
        ValueError: the rule, a name or a number is wrong, or a training breaks.

    Example:
        >>> found = explain("momentum", quick=True)
        >>> found.invariances.loss.power, found.stability.product
        (1.0, 3.8)
    """
    if isinstance(rule, str):
        looked_up = find_rule(rule)
        name, expression = looked_up.name, looked_up.expression
        if looked_up.proposal is None:
            task = EXPLAINED_TASK if task is None else task
    else:
        expression = as_expression(rule)
        name = rule.name if isinstance(rule, Rule) else render(expression)
        task = EXPLAINED_TASK if task is None else task
    if quick:
        return explain_rule(name, expression, None, None, seeds, parts, progress)
    tasks, budget = _objective([rule], task, budget)
    numerics = Numerics.named(precision, device)
    numerics.check()
    threads = workers or (cores() if numerics.on_cpu else 1)
    scoring = ScoringParts(tasks, budget, numerics, engine, seed, threads)
    train = trainer(scoring, seeds, progress)
    return explain_rule(name, expression, scoring, train, seeds, parts, progress)


@dataclasses.dataclass(frozen=True, slots=True)
class RediscoveryResult:
    """What `rediscover` found. It prints as a table, in a terminal and in a notebook.

    Attributes:
        runs: what each run found, and when.
        targets: what is known of each known optimizer over all runs.
    """

    runs: tuple[RunHistory, ...]
    targets: tuple[TargetSummary, ...]

    def __iter__(self) -> Iterator[TargetSummary]:
        return iter(self.targets)

    def __getitem__(self, target: str) -> TargetSummary:
        """The summary of the target of this name; KeyError if there is none."""
        return {each.name: each for each in self.targets}[target]

    def table(self) -> Table:
        """Return a row for each target."""
        return rediscovery_table(self.targets, len(self.runs))

    def __str__(self) -> str:
        return self.table().text()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def rediscover(
    runs: str | Path | Sequence[str | Path],
    *,
    targets: Sequence[str] = (),
    within: int = 0,
    sample: int = 300,
    uniform: str | Path = "",
    rows: int = 2000,
    progress: bool = True,
) -> RediscoveryResult:
    """Say when searches first trained each of the known optimizers.

    Args:
        runs: the run directory of a search, or several that differ in their seeds
            only.
        targets: names of known optimizers, such as ``adam``; all by default.
        within: evaluations that count; 0 for all.
        sample: uniformly sampled rows that targets are compared with, which are
            trained; 0 for none.
        uniform: a run of the uniform searcher to compare with instead.
        rows: drawn to estimate the probability of a target; 0 for no estimate.
        progress: whether to show progress on standard error.

    Raises:
        ValueError: a folder holds no archive, runs are not of one setting, or a name
            or a number is wrong.

    Example:
        >>> import tempfile
        >>> run = tempfile.mkdtemp() + "/run"
        >>> found = search(
        ...     "from_scratch", searcher="evolution", task="digits", budget="smoke",
        ...     proposals=64, run_dir=run, progress=False,
        ... )
        >>> result = rediscover([run], sample=0, rows=0)
        >>> result["lion"].in_space
        False
    """
    asked = Asked(tuple(targets), within, sample, str(uniform), rows)
    several = [runs] if isinstance(runs, str | Path) else runs
    histories, found = measure([str(run) for run in several], asked, progress)
    return RediscoveryResult(tuple(histories), tuple(found))


def draw(
    rules: Sequence[str | Expression | Rule]
    | Mapping[str, str | Expression | Rule] = (),
    on: str = "ravine",
    *,
    task: str | Task | None = None,
    plane: Literal["random", "paths"] | None = None,
    lr: float | Sequence[float] = (),
    steps: int | None = None,
    start: Sequence[float] | Sequence[Sequence[float]] = (),
    seed: int = 0,
) -> "Figure":
    """Draw the paths that rules take, on a landscape or on a slice of a task's loss.

    Args:
        rules: as for `compare`, and ``newton``, Newton's method with the exact Hessian;
            sgd, momentum, nesterov, rmsprop, adam and newton if there are none.
        on: ``ravine``, ``tilted_ravine``, ``rosenbrock``, ``beale``, ``saddle``,
            ``x_plus_sin_x``, ``slope_x_plus_sin_x``, ``sines``; or ``slice``: the
            training loss around a child that the first rule trained.
        task: of a slice, ``digits`` by default.
        plane: of a slice: ``random``, two random directions, filter-normalised; or
            ``paths``, those in which the paths spread most.
        lr: learning rates of every rule; by default each takes, of eleven from 0.0001
            to 10, that with the least final loss.
        steps: of each path; those that suit the landscape by default.
        start: where paths begin, or several such points.
        seed: of a slice's initial weights, batches and directions.

    Returns:
        The picture, a Figure of matplotlib.

    Raises:
        ValueError: a rule, a name or a number is wrong.

    Example:
        >>> figure = draw(["adam"], on="beale", lr=0.1, steps=20)
        >>> figure.axes[0].lines[0].get_label()
        'adam, lr 0.1'
    """
    from neuralopt.cli.commands.draw import draw_picture

    rates = (lr,) if isinstance(lr, int | float) else tuple(lr)
    numbers = [each for each in start if not isinstance(each, Sequence)]
    points = [tuple(each) for each in start if isinstance(each, Sequence)]
    if numbers and points:
        raise ValueError("start mixes numbers and points: give one point or several")
    picture = draw_picture(
        rules,
        on,
        task=task,
        plane=plane,
        rates=rates,
        steps=steps,
        starts=[tuple(numbers)] if numbers else points,
        seed=seed,
    )
    return picture.drawing.figure


def gradients(
    rules: str | Rules,
    task: str | Task = "digits_mlp",
    *,
    lr: float | None = None,
    steps: int = 100,
    seed: int = 0,
    progress: bool = True,
) -> SignalReport:
    """Measure gradients, updates and activations of every layer along a training.

    A child is trained by each rule from the same weights, in float64.

    Args:
        rules: a rule or several, as for `compare`.
        task: a name as on the command line, or a Task, such as
            ``TASKS["digits_mlp"](depth=8, activation="sigmoid")``.
        lr: learning rate of every rule; None for, of eleven rates from 0.0001 to 10,
            the one with the least final loss.
        steps: about how many to take: a part of an epoch, or else whole epochs.
        seed: of initial weights and the order of examples.
        progress: whether to show progress on standard error.

    Returns:
        What was measured. It prints as text, and has a ``figure()``.

    Raises:
        ValueError: a rule, a name or a number is wrong, or several tasks are named.

    Example:
        >>> found = gradients("sgd", lr=0.1, steps=10, progress=False)
        >>> found["sgd"].layers[0], found["sgd"].gradients.shape
        ('linear1', (10, 6))
    """
    candidates: dict[str, OptimizerSpec] = candidates_of(
        [rules] if isinstance(rules, str) else rules, {}
    )
    problem = one_task(load_tasks(task)) if isinstance(task, str) else task
    return report_signals(problem, candidates, lr, steps, seed, progress)
