"""Run the command prune: find the smallest rules that are not worse than given ones."""

import argparse
import json
import sys

from neuralopt.cli.build import build_search
from neuralopt.cli.commands.compare import is_override, settings_of_runs
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.saved import inherit
from neuralopt.cli.rule_lookup import find_candidates
from neuralopt.language import RULES, Expression, render
from neuralopt.pruning.candidates import complexity
from neuralopt.pruning.measuring import measured_by
from neuralopt.pruning.race import Pruning, check_prunable
from neuralopt.pruning.race import prune as pruned
from neuralopt.report.counting import counting
from neuralopt.report.pruning_table import pruning_table
from neuralopt.report.tables import write_table


def prune(options: argparse.Namespace) -> int:
    """Run the command prune.

    Args:
        options: parsed arguments: rules (with overrides among them), margin,
            replicates, config_dir, json.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a rule or an override can't be read, no rule is named, or a number
            is out of range.
        EvaluatorError: there are no workers and none can be started.
    """
    overrides = [text for text in options.rules if is_override(text)]
    texts = [text for text in options.rules if not is_override(text)]
    rules = _rules(texts)
    check_prunable(list(rules.values()), options.margin, options.replicates)
    settings = compose_settings(overrides, options.config_dir)
    kept = settings_of_runs(texts, overrides)
    inherited = inherit(settings, kept, overrides) if kept else []
    parts = build_search(settings)
    if inherited and not options.json:
        print(f"As the run has it: {' '.join(inherited)}")
    what = f"Pruning {len(rules)} rule{'s' * (len(rules) > 1)}"
    print(
        f"{what} on {parts.scoring.task_name}, budget {parts.scoring.budget.name}",
        file=sys.stderr if options.json else sys.stdout,
        flush=True,
    )
    evaluator = parts.evaluator()
    try:
        with counting("measurements asked for so far") as count:
            measure = measured_by(evaluator, count)
            expressions = list(rules.values())
            found = pruned(expressions, measure, options.margin, options.replicates)
    finally:
        evaluator.close()
    if options.json:
        named = zip(rules, found, strict=True)
        print(json.dumps([_plain(name, each) for name, each in named]))
        return 0
    shown = {render(each.original) for each in found}
    names = [  # a text is its own name
        name if ("#" in name or name in RULES) and name not in shown else ""
        for name in rules
    ]
    print()
    write_table(pruning_table(found, names), sys.stdout)
    return 0


def _rules(texts: list[str]) -> dict[str, Expression]:
    """Look up rules by the names that the table shows."""
    rules: dict[str, Expression] = {}
    for name, rule in find_candidates(texts).items():
        if not isinstance(rule, Expression):
            raise ValueError(
                f"{name} can't be pruned: only rules of the language can, such as adam"
            )
        rules[name] = rule
    if not rules:
        raise ValueError("name at least one rule to prune")
    return rules


def _plain(name: str, pruning: Pruning) -> dict[str, object]:
    """A result as plain data; all its numbers are finite."""
    before, after = complexity(pruning.original), complexity(pruning.pruned)
    return {
        "name": name,
        "rule": render(pruning.original),
        "pruned": render(pruning.pruned),
        "size": before.size,
        "pruned_size": after.size,
        "memory": before.memory,
        "pruned_memory": after.memory,
        "margin": pruning.margin,
        "difference": pruning.difference,
        "low": pruning.low,
        "replicates": pruning.replicates,
        "trainings": pruning.trainings,
        "steps": list(pruning.steps),
    }
