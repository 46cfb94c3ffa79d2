"""Run the command explain: what a rule is, and what each of its parts contributes."""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from neuralopt.anatomy.ablation import SPLIT, Train
from neuralopt.anatomy.explanation import check_explainable, explain_rule
from neuralopt.anatomy.files import check_file, save_explanation
from neuralopt.anatomy.text import text_of
from neuralopt.cli.build import ScoringParts, build_scoring
from neuralopt.cli.commands.compare import (
    is_override,
    run_benchmarks,
    settings_of_runs,
)
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.saved import inherit
from neuralopt.cli.rule_lookup import find_rule
from neuralopt.engines import OptimizerSpec
from neuralopt.report.tables import printable
from neuralopt.scoring.replicates import FIRST_ANATOMY_REPLICATE
from neuralopt.verdict.scores import Benchmark

TASK = "digits"
"""That rules of no run are trained on."""


def explain(options: argparse.Namespace) -> int:
    """Run the command explain.

    Args:
        options: parsed arguments: rules (one, with overrides after it), on, output,
            quick, parts, config_dir, json.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the rule or an override can't be read, the rule can train nothing,
            or the file has an unknown ending or no folder.
        OSError: the file can't be written.
    """
    typed = [*options.rules, *(text for text in options.on or () if "=" in text)]
    tasks = [text for text in options.on or () if "=" not in text]
    overrides = [text for text in typed if is_override(text)]
    texts = [text for text in typed if not is_override(text)]
    if len(texts) != 1:
        raise ValueError(f"{len(texts)} rules are named: name one to explain")
    if texts[0].startswith("torch.") and ":" not in texts[0]:
        raise ValueError(
            f"{texts[0]} can't be explained: only rules of the language can, as adam"
        )
    if options.parts < 1:
        raise ValueError(f"--parts is {options.parts}: give 1 or more")
    if options.output:
        check_file(Path(options.output))
    found = find_rule(texts[0])
    if tasks:
        overrides.append(f"task={'+'.join(tasks)}")
    elif not any(text.partition("=")[0] in ("task", "task.name") for text in overrides):
        if found.proposal is None:
            overrides.append(f"task={TASK}")
    settings = compose_settings(overrides, options.config_dir)
    kept = settings_of_runs(texts, overrides)
    inherited = inherit(settings, kept, overrides) if kept else []
    seeds = settings.verdict.seeds
    check_explainable(found.name, found.expression, seeds)
    scoring = None if options.quick else build_scoring(settings)
    if scoring is not None:
        _announce(scoring, inherited, seeds, options.json)
    explanation = explain_rule(
        found.name,
        found.expression,
        scoring,
        None if scoring is None else trainer(scoring, seeds),
        seeds,
        options.parts,
    )
    if options.output:
        save_explanation(explanation, Path(options.output))
        print(
            f"Wrote {options.output}", file=sys.stderr if options.json else sys.stdout
        )
    if options.json:
        print(json.dumps(explanation.to_mapping()))
    elif not options.output:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in text_of(explanation, width).splitlines():
            print(printable(line))
    return 0


def _announce(
    scoring: ScoringParts, inherited: Sequence[str], seeds: int, quiet: bool
) -> None:
    """Say what is trained."""
    stream = sys.stderr if quiet else sys.stdout
    if inherited:
        print(f"As the run has it: {' '.join(inherited)}", file=stream)
    print(
        f"Training the rule's variants on {scoring.task_name}, budget "
        f"{scoring.budget.name}, {seeds} seeds",
        file=stream,
        flush=True,
    )


def trainer(scoring: ScoringParts, seeds: int, show: bool = True) -> Train:
    """Return what scores rules and their variants on the replicates of anatomies.

    Args:
        scoring: tasks, budget and numerics.
        seeds: of each rule.
        show: whether to show progress on standard error.

    Returns:
        A function from rules by name to the benchmark of the whole objective.
    """

    def train(rules: Mapping[str, OptimizerSpec]) -> Benchmark:
        return run_benchmarks(
            rules,
            scoring,
            seeds,
            (SPLIT,),
            show=show,
            first_replicate=FIRST_ANATOMY_REPLICATE,
        )[0]

    return train
