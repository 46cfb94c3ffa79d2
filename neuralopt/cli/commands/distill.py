"""Run the command distill: search the rule that imitates a learned optimizer."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from neuralopt.cli.build import build_searcher, build_space, build_tasks
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.schema import Settings
from neuralopt.language import render, size_of
from neuralopt.learned.distillation import (
    Imitation,
    imitating_space,
    named_imitations,
    search_imitations,
)
from neuralopt.learned.files import Learned, load_learned
from neuralopt.learned.recording import Recording, record
from neuralopt.report.counting import counting
from neuralopt.report.imitation_table import imitation_table
from neuralopt.report.tables import write_table
from neuralopt.scoring.replicates import FIRST_DISTILLATION_REPLICATE
from neuralopt.tasks import TASKS, Task, load_tasks

NAMED_SHOWN = 3
"""Named rules that are shown."""


def distill(options: argparse.Namespace) -> int:
    """Run the command distill.

    Args:
        options: parsed arguments: file, overrides, steps, children, n, json,
            config_dir.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the file holds something else, a number is out of range, a training
            diverges, or the space is empty without weights and random numbers.
        OSError: the file can't be read.
    """
    for name, least in (("steps", 1), ("children", 1), ("n", 1)):
        value = getattr(options, name)
        if value is not None and value < least:
            dashes = "-" * min(2, len(name))
            raise ValueError(f"{dashes}{name} is {value}: give {least} or more")
    learned = load_learned(options.file)
    settings = compose_settings(options.overrides, options.config_dir)
    tasks = _tasks(learned, settings, options.overrides)
    space = imitating_space(build_space(settings))
    searcher = build_searcher(settings, space)
    steps = options.steps or int(learned.description["horizon"])
    fitted, held_out = _recordings(
        learned, tasks, steps, options.children, settings.seed
    )
    print(
        f"Searching {space.name} by {settings.searcher.name} for a rule with the "
        f"updates of {options.file}: {steps} steps on "
        f"{'+'.join(task.name for task in tasks)}",
        file=sys.stderr if options.json else sys.stdout,
        flush=True,
    )
    with counting("proposals") as count:
        found = search_imitations(
            space, searcher, settings.proposals, fitted, held_out, count, options.n
        )
    named = dict([*named_imitations(fitted, held_out).items()][:NAMED_SHOWN])
    if options.json:
        print(json.dumps(_plain(found, named, learned.rate)))
        return 0
    print()
    write_table(imitation_table(found, named, learned.rate), sys.stdout)
    return 0


def _tasks(
    learned: Learned, settings: Settings, overrides: Sequence[str]
) -> tuple[Task, ...]:
    """Tasks that overrides name, else those that the optimizer was learned on."""
    if any(text.partition("=")[0] in ("task", "task.name") for text in overrides):
        return build_tasks(settings)
    names = [str(text).partition(" ")[0] for text in learned.description["tasks"]]
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        raise ValueError(
            f"it was learned on a custom task, {unknown[0]}: name the task, as in "
            "task=MODULE:NAME"
        )
    return load_tasks("+".join(names))


def _recordings(
    learned: Learned, tasks: Sequence[Task], steps: int, children: int, seed: int
) -> tuple[Recording, Recording]:
    """One to fit rules to, and one of other trainings."""
    first, second = (
        record(
            learned.network,
            learned.rate,
            tasks,
            steps,
            children,
            seed,
            FIRST_DISTILLATION_REPLICATE + part * children,
        )
        for part in range(2)
    )
    return first, second


def _plain(
    found: Sequence[Imitation], named: Mapping[str, Imitation], rate: float
) -> dict[str, Any]:
    """The result as plain data."""

    def plain(name: str, each: Imitation) -> dict[str, Any]:
        return {
            "name": name,
            "rule": render(each.rule),
            "size": size_of(each.rule),
            "lr": each.scale * rate,
            "fit": each.fit,
            "held_out": each.held_out,
        }

    return {
        "found": [plain("", each) for each in found],
        "named": [plain(name, each) for name, each in named.items()],
    }
