"""The command compare, and the table that every search ends with."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence

from neuralopt.archive import Archive
from neuralopt.cli.build import ScoringParts, build_scoring
from neuralopt.cli.commands.verdict import plain, print_verdict
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.overrides import option_key
from neuralopt.cli.config.saved import scoring_overrides, settings_from_text
from neuralopt.cli.rule_lookup import archive_path, find_candidates, run_of
from neuralopt.engines import OptimizerSpec
from neuralopt.language import Expression, render, simplify
from neuralopt.report.counting import counting
from neuralopt.tasks import Split, is_custom
from neuralopt.verdict.benchmark import run_benchmark
from neuralopt.verdict.scores import Benchmark

SPLITS: tuple[Split, ...] = ("selection", "test")


def compare(options: argparse.Namespace) -> int:
    overrides = [text for text in options.rules if "=" in text]
    texts = [text for text in options.rules if "=" not in text]
    candidates = find_candidates(texts)
    if not candidates:
        raise ValueError("name at least one rule to compare")
    inherited = overrides_of_runs(texts, overrides)
    settings = compose_settings([*inherited, *overrides], options.config_dir)
    scoring = build_scoring(settings)
    if inherited and not options.json:
        print(f"As the run has it: {' '.join(inherited)}")
    found = benchmark(candidates, scoring, settings.verdict.seeds, SPLITS, options.json)
    if options.json:
        print(json.dumps([plain(each, None) for each in found]))
        return 0
    for each in found:
        print_verdict(each, None, rule_texts(candidates))
    return 0


def overrides_of_runs(texts: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Return the task, recipe and budget of the runs that texts name, as overrides.

    Args:
        texts: rules as typed.
        overrides: what the user typed; a task or budget named there is left to it.

    Raises:
        ValueError: runs differ in what is left to them, or one trains a custom task
            that the user did not name.
    """
    typed = {option_key(text.partition("=")[0].rstrip("+")) for text in overrides}
    left = {"task", "budget"} - {key.removesuffix(".name") for key in typed}
    found: dict[tuple[str, ...], str] = {}
    for run in dict.fromkeys(filter(None, map(run_of, texts))):
        with Archive.open(archive_path(run)) as archive:
            settings = settings_from_text(archive.context.get("configuration", ""))
        if is_custom(settings.task.name) and "task" in left:
            raise ValueError(
                f"{run} trains a custom task, {settings.task.name}: to have that "
                f"module run, name it: task={settings.task.name}"
            )
        mine = [
            each
            for each in scoring_overrides(settings)
            if each.partition("=")[0].partition(".")[0] in left
        ]
        found[tuple(mine)] = run
    if len(found) > 1:
        one, other, *_ = found.values()
        raise ValueError(
            f"{one} and {other} score rules differently: name task= and budget="
        )
    return list(*found)


def benchmark(
    candidates: Mapping[str, OptimizerSpec],
    scoring: ScoringParts,
    seeds: int,
    splits: Sequence[Split],
    quiet: bool = False,
) -> list[Benchmark]:
    """Say what is scored, score it and show progress; see `run_benchmarks`.

    With `quiet`, standard output is kept for the result.
    """
    print(
        f"\nScoring {len(candidates)} rules on {seeds} fresh seeds, budget "
        f"{scoring.budget.name}: rate by validation loss",
        file=sys.stderr if quiet else sys.stdout,
        flush=True,
    )
    return run_benchmarks(candidates, scoring, seeds, splits)


def run_benchmarks(
    candidates: Mapping[str, OptimizerSpec],
    scoring: ScoringParts,
    seeds: int,
    splits: Sequence[Split],
    show: bool = True,
) -> list[Benchmark]:
    """Score candidates on fresh seeds, on each task.

    Args:
        candidates: rules and torch's optimizers, by name.
        scoring: tasks, budget and numerics.
        seeds: fresh initial weights and data orders.
        splits: held-out splits to measure on.
        show: whether to show progress on standard error.
    """
    with counting("trainings", show=show) as count:
        return [
            run_benchmark(
                candidates,
                task,
                scoring.budget,
                seeds,
                scoring.seed,
                scoring.engine,
                splits,
                scoring.threads,
                scoring.numerics,
                count,
            )
            for task in scoring.tasks
        ]


def rule_texts(candidates: Mapping[str, OptimizerSpec]) -> dict[str, str]:
    """Return the folded text of each rule; empty where the name is the text."""
    return {
        name: render(simplify(rule)) if name != str(rule) else ""
        for name, rule in candidates.items()
        if isinstance(rule, Expression)
    }
