"""Run the command compare, and the benchmark that every search ends with."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.cli.build import ScoringParts, build_scoring
from neuralopt.cli.commands.verdict import plain, print_verdict
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.overrides import option_key
from neuralopt.cli.config.saved import (
    INHERITED,
    described_overrides,
    inherit,
    settings_from_text,
)
from neuralopt.cli.config.schema import Settings
from neuralopt.cli.config.trust import check_modest
from neuralopt.cli.rule_lookup import archive_path, find_candidates, run_of
from neuralopt.engines import OptimizerSpec
from neuralopt.evaluators import is_relative
from neuralopt.evaluators.objective import ADAM
from neuralopt.language import Expression, render, simplify
from neuralopt.report.counting import counting
from neuralopt.scoring.replicates import FIRST_VERDICT_REPLICATE
from neuralopt.tasks import Split, is_custom
from neuralopt.verdict.benchmark import run_benchmark
from neuralopt.verdict.objective import whole_benchmark, without_candidate
from neuralopt.verdict.scores import Benchmark

SPLITS: tuple[Split, ...] = ("selection", "test")

ADAM_REFERENCE = "Adam, the reference of qualities"
"""Name of the candidate that shares are taken of; no table shows it."""


def compare(options: argparse.Namespace) -> int:
    """Run the command compare: train rules alike, and rank them.

    Args:
        options: parsed arguments: rules (with overrides among them), config_dir, tasks,
            json, tuned, into, horizons.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a rule or an override can't be read, or no rule is named.
    """
    if options.tuned:
        from neuralopt.cli.commands.tuned import compare_tuned  # it loads scipy

        return compare_tuned(options)
    if options.into or options.horizons:
        raise ValueError("--into and --horizons belong to --tuned: add --tuned")
    overrides = [text for text in options.rules if is_override(text)]
    texts = [text for text in options.rules if not is_override(text)]
    candidates = find_candidates(texts)
    if not candidates:
        raise ValueError("name at least one rule to compare")
    settings = compose_settings(overrides, options.config_dir)
    kept = settings_of_runs(texts, overrides)
    inherited = inherit(settings, kept, overrides) if kept else []
    scoring = build_scoring(settings)
    note_evaluator(settings)
    if inherited and not options.json:
        print(f"As the run has it: {' '.join(inherited)}")
    found = benchmark(
        candidates, scoring, settings.verdict.seeds, SPLITS, quiet=options.json
    )
    if options.json:
        print(json.dumps([plain(each, None) for each in found]))
        return 0
    shown = found if options.tasks else found[:1]
    print_verdict([(each, None, rule_texts(candidates)) for each in shown])
    return 0


def note_evaluator(settings: Settings) -> None:
    """Say that another evaluator than this process has no effect, if one is named."""
    name = settings.evaluator.name
    if name != "in_process":
        print(
            f"evaluator={name} has no effect here: comparisons train in this process",
            file=sys.stderr,
        )


def is_override(text: str) -> bool:
    """Return whether an argument is KEY=VALUE.

    Args:
        text: an argument as typed; the folder of a run may hold a "=" too.

    Returns:
        False if it has no "=", or names a run that exists, or a rule of one.
    """
    return "=" in text and not any(
        run and os.path.lexists(f"{run}/{ARCHIVE_FILE}")  # False for any long text
        for run in (text, run_of(text))
    )


def settings_of_runs(
    texts: Sequence[str], overrides: Sequence[str] = ()
) -> Settings | None:
    """Return the settings of the runs that texts name; None if they name none.

    Args:
        texts: rules as typed.
        overrides: what the user typed; a task or budget named there may differ.

    Returns:
        The settings, which are the same for all runs as far as scoring goes, except for
        what the overrides name; None if no run is named.

    Raises:
        ValueError: runs score rules differently, or one trains a custom task, or asks
            for more than a file may ask for, and the user did not name that.
    """
    keys = [option_key(text.partition("=")[0]) for text in overrides]
    named = {text.partition("=")[0].removesuffix(".name") for text in overrides}
    found: dict[tuple[str, ...], tuple[str, Settings]] = {}
    for run in dict.fromkeys(filter(None, map(run_of, texts))):
        with Archive.open(archive_path(run)) as archive:
            settings = settings_from_text(archive.context.get("configuration", ""))
        task = settings.task.name
        if is_custom(task) and "task" not in named:
            raise ValueError(
                f"{run} trains a custom task, {task}: to have that module run, name "
                f"it: task={task}"
            )
        check_modest(settings, keys, {*INHERITED} - named)
        left = [
            each
            for each in described_overrides(settings)
            if each.partition("=")[0].partition(".")[0] not in named
        ]
        found[tuple(left)] = run, settings
    if len(found) > 1:
        (one, _), (other, _), *_ = found.values()
        raise ValueError(
            f"{one} and {other} score rules differently: name task= and budget="
        )
    return next(iter(found.values()))[1] if found else None


def benchmark(
    candidates: Mapping[str, OptimizerSpec],
    scoring: ScoringParts,
    seeds: int,
    splits: Sequence[Split],
    quiet: bool = False,
    heartbeat: Callable[[], None] = lambda: None,
) -> list[Benchmark]:
    """Say what is scored, score it and show progress; see `run_benchmarks`.

    Args:
        candidates: rules and torch's optimizers, by name.
        scoring: tasks, budget and numerics.
        seeds: fresh initial weights and data orders.
        splits: held-out splits to measure on.
        quiet: whether standard output is kept for the result.
        heartbeat: called now and then, by a caller that holds an archive.

    Returns:
        Benchmarks as `run_benchmarks` returns them.
    """
    print(
        f"\nScoring {len(candidates)} rules on {seeds} fresh seeds, budget "
        f"{scoring.budget.name}: rate by validation loss",
        file=sys.stderr if quiet else sys.stdout,
        flush=True,
    )
    return run_benchmarks(candidates, scoring, seeds, splits, heartbeat=heartbeat)


def run_benchmarks(
    candidates: Mapping[str, OptimizerSpec],
    scoring: ScoringParts,
    seeds: int,
    splits: Sequence[Split],
    show: bool = True,
    heartbeat: Callable[[], None] = lambda: None,
    first_replicate: int = FIRST_VERDICT_REPLICATE,
) -> list[Benchmark]:
    """Score candidates on fresh seeds, on each part of the objective.

    Args:
        candidates: rules and torch's optimizers, by name.
        scoring: tasks, budget and numerics.
        seeds: fresh initial weights and data orders.
        splits: held-out splits to measure on.
        show: whether to show progress on standard error.
        heartbeat: called now and then during training, by a caller that holds an
            archive.
        first_replicate: number of the first seed's initial weights and data order.

    Returns:
        The benchmark of the whole objective first; then, if qualities are relative to
        Adam's, one for each part. Adam is then trained too, if he is not a candidate.
    """
    relative = is_relative(len(scoring.tasks), scoring.budget)
    trained = {ADAM_REFERENCE: ADAM, **candidates} if relative else candidates
    with counting("trainings", show=show) as count:

        def progress(done: int, total: int) -> None:
            heartbeat()
            count(done, total)

        by_task = [
            run_benchmark(
                trained,
                task,
                scoring.budget,
                seeds,
                scoring.seed,
                scoring.engine,
                splits,
                scoring.threads,
                scoring.numerics,
                progress,
                first_replicate,
            )
            for task in scoring.tasks
        ]
    parts = [part for horizon in zip(*by_task, strict=True) for part in horizon]
    if not relative:
        return parts
    whole = whole_benchmark(scoring.name, parts, ADAM_REFERENCE)
    return [without_candidate(each, ADAM_REFERENCE) for each in (whole, *parts)]


def rule_texts(candidates: Mapping[str, OptimizerSpec]) -> dict[str, str]:
    """Return the folded text of each rule.

    Args:
        candidates: rules and torch's optimizers, by name.

    Returns:
        Text by name, of rules only; empty where the name is the text.
    """
    return {
        name: render(simplify(rule)) if name != str(rule) else ""
        for name, rule in candidates.items()
        if isinstance(rule, Expression)
    }
