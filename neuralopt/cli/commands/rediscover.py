"""Run the command rediscover: when runs first trained the known optimizers."""

import argparse
import dataclasses
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from neuralopt import tables
from neuralopt.archive import Archive
from neuralopt.cli.build import build_search, build_space
from neuralopt.cli.config.saved import settings_difference, settings_from_text
from neuralopt.cli.config.schema import EvaluatorSettings, SearcherSettings, Settings
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.evaluators.evaluator import Request
from neuralopt.language import parse, render
from neuralopt.report.counting import counting
from neuralopt.report.tables import write_table
from neuralopt.report.tables.rediscovery import rediscovery_table
from neuralopt.searchers import SEARCHERS, make_searcher
from neuralopt.spaces import Space
from neuralopt.tables import Table
from neuralopt.tasks import is_custom
from neuralopt.verdict.rediscovery.history import history
from neuralopt.verdict.rediscovery.odds import (
    LogProbabilities,
    TargetSample,
    draw_target,
    encoded,
)
from neuralopt.verdict.rediscovery.summary import (
    KINDS,
    RunHistory,
    TargetSummary,
    percentile,
    success,
)
from neuralopt.verdict.rediscovery.targets import Target, find_targets
from neuralopt.verdict.rediscovery.uniform import draw_uniform, exact_evaluations

KEPT_FILE = "rediscovery.json"
"""In the folder of the first run: qualities of rules on its objective, by text."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What is measured.

    Attributes:
        targets: names of TARGETS; empty for all.
        within: evaluations that count; 0 for all.
        sample: uniformly sampled rows that targets are compared with; 0 for none.
        uniform: a run of the uniform searcher to compare with instead; empty for none.
        rows: drawn to estimate the probability of a target; 0 for no estimate.
    """

    targets: tuple[str, ...] = ()
    within: int = 0
    sample: int = 300
    uniform: str = ""
    rows: int = 2000

    def __post_init__(self) -> None:
        for name in ("within", "sample", "rows"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: give 0 or more")


def rediscover(options: argparse.Namespace) -> int:
    """Run the command rediscover.

    Args:
        options: parsed arguments: runs, target, within, sample, uniform, rows, json.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a folder holds no archive, runs are not of one setting, or a number
            or a name is wrong.
    """
    asked = Asked(
        tuple(options.target or ()),
        options.within,
        options.sample,
        options.uniform,
        options.rows,
    )
    runs, found = measure(options.runs, asked)
    if options.json:
        print(json.dumps(plain(runs, found)))
        return 0
    evaluations = ", ".join(f"{run.evaluations:,}" for run in runs)
    print(f"Rules trained: {evaluations}")
    write_table(rediscovery_table(found, len(runs)), sys.stdout)
    return 0


def plain(
    runs: Sequence[RunHistory], targets: Sequence[TargetSummary]
) -> dict[str, Any]:
    """Return what was measured as standard JSON can hold it: infinity is None.

    Args:
        runs: what each of them found.
        targets: what is known of each.
    """
    found = {
        "runs": [dataclasses.asdict(run) for run in runs],
        "targets": [
            dataclasses.asdict(each)
            | {"intervals": {k: s.interval for k, s in each.successes.items()}}
            for each in targets
        ],
    }
    return {name: _finite(value) for name, value in found.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def measure(
    runs: Sequence[str], asked: Asked, show: bool = True
) -> tuple[list[RunHistory], list[TargetSummary]]:
    """Return what runs of one setting found of the targets.

    Args:
        runs: folders of searches that differ in their seeds only.
        asked: what is measured.
        show: whether to show progress on standard error.

    Returns:
        What each run found, and a summary of each target.

    Raises:
        ValueError: a folder holds no archive, runs are not of one setting, or a name
            is unknown.
    """
    targets = find_targets(asked.targets)
    kept = [_settings(run) for run in runs]
    for run, (settings, _) in zip(runs, kept, strict=True):
        alike = dataclasses.replace(settings, seed=kept[0][0].seed)
        if key := settings_difference(kept[0][0], alike):
            raise ValueError(
                f"{run} has another {key} than {runs[0]}: name runs that differ only in "
                "their seeds"
            )
    settings, context = kept[0]
    space = build_space(settings)
    inside = [each for each in targets if encoded(space, each) is not None]
    samples: dict[str, TargetSample] = {}
    for target in inside if asked.rows else ():
        drawn = draw_target(space, target, max(2, asked.rows))
        if drawn is not None:
            samples[target.name] = drawn
    histories = [_history(run, kept, targets, space, samples) for run in runs]
    control = _Control(Path(runs[0]), settings, context, space, show)
    qualities = control.qualities(inside, asked)
    table = _table_of(space)
    return histories, [
        _summary(
            target, target in inside, histories, asked, samples, qualities, control,
            table,
        )
        for target in targets
    ]  # fmt: skip
