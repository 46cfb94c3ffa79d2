"""Compare rules from Python."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from neuralopt.api.objective import scoring_of
from neuralopt.cli.candidates import candidates_of
from neuralopt.cli.commands.compare import run_benchmarks
from neuralopt.cli.commands.tuned import known_rates, run_tuned
from neuralopt.engines import OptimizerSpec
from neuralopt.language import Expression, Rule, render, simplify
from neuralopt.report.tables import Table, comparison_table
from neuralopt.report.tuned_result import TunedResult
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.replicates import VERDICT_SEEDS
from neuralopt.tasks import Split, Task
from neuralopt.verdict.comparison import Comparison
from neuralopt.verdict.scores import Benchmark
from neuralopt.verdict.tuning.comparing import Setup
from neuralopt.verdict.tuning.contender import contenders_of
from neuralopt.verdict.tuning.tune import TuningPlan


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
    scoring = scoring_of(rules, task, budget, seed, engine, device, precision, workers)
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
    scoring = scoring_of(rules, task, budget, seed, engine, device, precision, workers)
    candidates: dict[str, OptimizerSpec] = candidates_of(rules, {})
    given = rules.values() if isinstance(rules, Mapping) else rules
    texts = [rule for rule in given if isinstance(rule, str)]
    setup = Setup(
        contenders_of(candidates, known_rates(texts, candidates)),
        scoring.tasks,
        scoring.budget.epochs,
        tuple(horizons),
        seeds,
        TuningPlan(trials, tuning_seeds, seed),
        tuple(baselines),
    )
    return TunedResult(run_tuned(setup, scoring, into, progress))
