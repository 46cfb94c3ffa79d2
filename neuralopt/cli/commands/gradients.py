"""Run the command gradients: signals of every layer along a training, by any rule."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from neuralopt.cli.build import build_tasks
from neuralopt.cli.commands.compare import is_override, settings_of_runs
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.saved import inherit
from neuralopt.cli.config.schema import Settings
from neuralopt.cli.rule_lookup import find_candidates
from neuralopt.engines import rate_factors
from neuralopt.picture_files import KINDS, save_figure
from neuralopt.report.tables import printable
from neuralopt.signals.report import report_signals
from neuralopt.tasks import Task

TASK = "digits_mlp"
"""That rules of no run are trained on."""


def gradients(options: argparse.Namespace) -> int:
    """Run the command gradients.

    Args:
        options: parsed arguments: rules, with overrides among them; lr, steps, output,
            json, config_dir.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a rule, an override or a number is wrong, the file has an unknown
            ending or no folder, or several tasks are named.
        OSError: the file can't be written.
    """
    overrides = [text for text in options.rules if is_override(text)]
    texts = [text for text in options.rules if not is_override(text)]
    if options.output:
        check_file(Path(options.output))
    rules = find_candidates(texts)
    named = any(text.partition("=")[0] in ("task", "task.name") for text in overrides)
    kept = settings_of_runs(texts, overrides)
    if kept is None and not named:
        overrides = [f"task={TASK}", *overrides]
    settings = compose_settings(overrides, options.config_dir)
    inherited = inherit(settings, kept, overrides) if kept else []
    if inherited:
        print(f"As the run has it: {' '.join(inherited)}", file=sys.stderr)
    task = one_task(build_tasks(settings))
    rate_factors(task.recipe, 1)
    report = report_signals(
        task,
        rules,
        options.lr,
        options.steps,
        settings.seed,
        label=label_of(settings, task),
    )
    if options.output:
        save_figure(report.figure(), Path(options.output))
    if options.json:
        print(json.dumps(report.to_mapping()))
    else:
        for line in str(report).splitlines():
            print(printable(line))
    if options.output:
        stream = sys.stderr if options.json else sys.stdout
        print(f"Wrote {options.output}", file=stream)
    return 0


def one_task(tasks: Sequence[Task]) -> Task:
    """Return the only task.

    Args:
        tasks: that settings name.

    Raises:
        ValueError: there are several.
    """
    if len(tasks) > 1:
        names = ", ".join(task.name for task in tasks)
        raise ValueError(f"layers are those of one task, not of {names}: name task=")
    return tasks[0]


def label_of(settings: Settings, task: Task) -> str:
    """Return a task's name with the options and the recipe that were given.

    Args:
        settings: that name them.
        task: of these settings.
    """
    given = {**settings.task.options, **settings.task.recipe}
    told = [f"{key}={value}" for key, value in given.items() if value is not None]
    return " ".join([task.name, *told])


def check_file(path: Path) -> None:
    """Check that a picture can be written to a file of this name.

    Args:
        path: of the file.

    Raises:
        ValueError: its ending is unknown, or its folder does not exist.
    """
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"-o {path}: end the file's name in one of {', '.join(KINDS)}")
    if not path.parent.is_dir():
        raise ValueError(f"-o {path}: there is no folder {path.parent}, make it")
