"""Run the command rediscover: when runs first trained the known optimizers."""

import argparse
import dataclasses
import io
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from neuralopt import tables
from neuralopt.archive import Archive
from neuralopt.cli.build import build_space
from neuralopt.cli.config.saved import settings_difference, settings_from_text
from neuralopt.cli.config.schema import Settings
from neuralopt.cli.config.trust import check_modest
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.cli.rule_scores import score_rules
from neuralopt.language import render
from neuralopt.report.tables import write_table
from neuralopt.report.tables.rediscovery import rediscovery_table
from neuralopt.searchers import SEARCHERS, make_searcher
from neuralopt.searchers.growing import Growing
from neuralopt.spaces import Space
from neuralopt.tables import Table
from neuralopt.tasks import is_custom
from neuralopt.verdict.rediscovery.history import history
from neuralopt.verdict.rediscovery.odds import (
    LogProbabilities,
    TargetSample,
    draw_targets,
    encoded,
)
from neuralopt.verdict.rediscovery.summary import (
    KINDS,
    Median,
    RunHistory,
    TargetSummary,
    percentile,
    success,
)
from neuralopt.verdict.rediscovery.targets import Target, find_targets
from neuralopt.verdict.rediscovery.uniform import draw_uniform, exact_evaluations

CHARGED_ROWS = 1000
"""Uniformly sampled rows, of which the share that costs a training is counted."""

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
    if not runs:
        raise ValueError("no run is named: give the run directories of searches")
    kept = [_settings(run) for run in runs]
    for run, (settings, _) in zip(runs, kept, strict=True):
        alike = dataclasses.replace(settings, seed=kept[0][0].seed)
        if key := settings_difference(kept[0][0], alike):
            raise ValueError(
                f"{run} has another {key} than {runs[0]}: name runs that differ in "
                "their seeds only"
            )
    settings = kept[0][0]
    space = build_space(settings)
    inside = [each for each in targets if encoded(space, each) is not None]
    samples = draw_targets(space, inside, max(2, asked.rows)) if asked.rows else {}
    histories = [
        _history(run, settings, targets, space, samples)
        for run, (settings, _) in zip(runs, kept, strict=True)
    ]
    qualities, compared = _qualities(Path(runs[0]), kept[0], inside, space, asked, show)
    table = _table_of(space) if asked.rows else None
    exact = {} if table is None else exact_evaluations(table, inside)
    charged = draw_uniform(space, CHARGED_ROWS).charged if samples else 0.0
    found = []
    for target in targets:
        summary = _summary(target, target in inside, histories, asked.within)
        if target in inside:
            summary = _with_control(summary, samples.get(target.name), charged)
            if target.name in exact:
                expected = exact[target.name]
                summary = dataclasses.replace(
                    summary,
                    uniform=expected[0],
                    uniform_behaviour=expected[1],
                    exact=True,
                )
            if (quality := qualities.get(target.name)) is not None:
                summary = dataclasses.replace(
                    summary,
                    quality=quality,
                    percentile=percentile(quality, compared) if compared else None,
                )
        found.append(summary)
    return histories, found


def _settings(run: str) -> tuple[Settings, Mapping[str, str]]:
    with Archive.open(archive_path(run)) as archive:
        context = dict(archive.context)
    settings = settings_from_text(context.get("configuration", ""))
    check_modest(settings, None, ("budget", "searcher", "space", "task"))
    return settings, context


def _history(
    run: str,
    settings: Settings,
    targets: Sequence[Target],
    space: Space,
    samples: Mapping[str, TargetSample],
) -> RunHistory:
    with Archive.open(archive_path(run)) as archive:
        found = history(archive, targets)
        checkpoint = archive.checkpoint()
    policy = None if checkpoint is None else _policy(settings, space, checkpoint.state)
    gains = {
        name: None if policy is None else sample.gain(policy)
        for name, sample in samples.items()
    }
    return RunHistory(
        run, settings.seed, found.evaluations, found.seconds, found.found, gains
    )


def _policy(settings: Settings, space: Space, state: bytes) -> LogProbabilities | None:
    """Log-probabilities of rows under the saved searcher; None if it has none."""
    asked = settings.searcher
    if not hasattr(SEARCHERS.get(asked.name), "log_probabilities"):
        return None
    searcher: Any = make_searcher(
        asked.name, space, settings.seed, asked.options, asked.grow
    )
    try:
        searcher.load_state_dict(torch.load(io.BytesIO(state), weights_only=True))
    except (ValueError, KeyError, RuntimeError):  # of another version
        return None
    if isinstance(searcher, Growing):
        searcher = searcher.searchers[-1]  # of rows as long as the target's
    policy: LogProbabilities = searcher.log_probabilities
    return policy


def _summary(
    target: Target, inside: bool, runs: Sequence[RunHistory], within: int
) -> TargetSummary:
    gains = [run.gains.get(target.name) for run in runs]
    known = [gain for gain in gains if gain is not None]
    return TargetSummary(
        target.name,
        render(target.rule),
        inside,
        {kind: success(target.name, kind, runs, within) for kind in KINDS},
        gain=Median.of(known).value if known else None,
    )


def _with_control(
    summary: TargetSummary, sample: TargetSample | None, charged: float
) -> TargetSummary:
    """A summary with what uniform sampling would take, as far as it was estimated."""
    if sample is None:
        return summary
    form, alike = sample.in_form, sample.in_behaviour
    return dataclasses.replace(
        summary,
        probability=form,
        behaviour_probability=alike,
        uniform=max(1.0, charged / form.value) if form.value else None,
        uniform_behaviour=max(1.0, charged / alike.value) if alike.value else None,
    )


def _table_of(space: Space) -> Table | None:
    """The table of a space that comes with the package, if there is one."""
    mine = space.to_mapping()
    del mine["name"]
    for name in tables.names():
        table = tables.load(name)
        if table.metadata["objective"]["space"] == mine:
            return table
    return None


def _qualities(
    run: Path,
    kept: tuple[Settings, Mapping[str, str]],
    inside: Sequence[Target],
    space: Space,
    asked: Asked,
    show: bool,
) -> tuple[dict[str, float], list[float]]:
    """Qualities of the targets by name, and of a uniform sample, one a row."""
    settings, context = kept
    if is_custom(settings.task.name) or not (asked.sample or asked.uniform):
        return {}, []
    texts = [str(target.rule) for target in inside]
    sample = None
    if not asked.uniform:
        sample = draw_uniform(space, asked.sample)
        texts += sample.trained
    found = score_rules(texts, settings, context, run / KEPT_FILE, show)
    targets = {target.name: found[str(target.rule)] for target in inside}
    if sample is not None:
        return targets, [found.get(text, 0.0) for text in sample.texts]
    return targets, _uniform_run(asked.uniform, settings)


def _uniform_run(run: str, settings: Settings) -> list[float]:
    """The quality of each row that a run of the uniform searcher proposed."""
    theirs, _ = _settings(run)
    if theirs.searcher.name != "uniform":
        raise ValueError(f"{run} is a search by {theirs.searcher.name}, not by uniform")
    for key in ("space", "task", "budget"):
        if getattr(theirs, key) != getattr(settings, key):
            raise ValueError(f"{run} has another {key} than the runs to be analysed")
    known: dict[int, float] = {}
    found = []
    with Archive.open(archive_path(run)) as archive:
        for each in archive.proposals():
            source = each.number if each.original is None else each.original
            known.setdefault(source, each.quality or 0.0)
            found.append(known[source])
    if not found:
        raise ValueError(f"{run} has no proposals: let its search begin")
    return found
