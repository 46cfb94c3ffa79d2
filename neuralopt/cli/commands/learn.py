"""Run the command learn: train a network that is an optimizer."""

import argparse
import math
import os
import time
from pathlib import Path

from neuralopt.cli.build import build_tasks
from neuralopt.cli.config.compose import compose_settings
from neuralopt.learned.files import read_state, save_learned
from neuralopt.learned.training import MetaOptions, MetaTraining
from neuralopt.report.counting import counting

SAVED_EVERY = 10.0
"""Seconds of training that an interruption can lose."""

SHOWN = 10
"""Children whose mean loss is shown at the beginning and at the end."""


def learn(options: argparse.Namespace) -> int:
    """Run the command learn.

    Args:
        options: parsed arguments: overrides, children, horizon, truncation, rate,
            meta_rate, output, config_dir.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a number is out of range, a task has a recipe, or the file holds
            something else or was learned otherwise.
        OSError: the file can't be read or written.
    """
    if options.children < 1:
        raise ValueError(f"--children is {options.children}: give 1 or more")
    settings = compose_settings(options.overrides, options.config_dir)
    chosen = MetaOptions(
        options.horizon, options.truncation, options.rate, options.meta_rate
    )
    training = MetaTraining(build_tasks(settings), chosen, settings.seed)
    path = Path(options.output)
    if os.path.lexists(path):
        try:
            training.load_state_dict(read_state(path))
        except ValueError as error:
            prefix = "" if str(error).startswith(str(path)) else f"{path}: "
            raise ValueError(f"{prefix}{error}") from None
    else:
        save_learned(training, path)  # a file that can't be written is told now
    begun, names = len(training.curve), "+".join(each.name for each in training.tasks)
    what = f"{options.children} trainings of {options.horizon} steps on {names}"
    print(f"Learning from {what}{f', {begun} of them done' * (begun > 0)}", flush=True)
    _train(training, options.children, path)
    print(_told(training, path))
    return 0


def _train(training: MetaTraining, children: int, path: Path) -> None:
    """Train up to a number of children, and save now and then between two of them."""
    saved, clock = len(training.curve), time.monotonic()
    with counting("trainings") as count:
        while len(training.curve) < children:
            training.train_child()
            count(len(training.curve), children)
            if time.monotonic() - clock > SAVED_EVERY:
                save_learned(training, path)
                saved, clock = len(training.curve), time.monotonic()
    if saved < len(training.curve):
        save_learned(training, path)


def _told(training: MetaTraining, path: Path) -> str:
    """What came of it, in lines."""
    first, last = training.curve[:SHOWN], training.curve[-SHOWN:]
    diverged = sum(map(math.isinf, training.curve))
    lines = [
        "Mean loss over a training, as a share of its first loss: "
        f"{_mean(first):.3f} in the first {len(first)} trainings, {_mean(last):.3f} in "
        f"the last {len(last)}",
        *[f"{diverged} trainings diverged"] * (diverged > 0),
        f"Wrote {path}, which `neuralopt compare learned:{path} adam` compares",
    ]
    return "\n".join(lines)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
