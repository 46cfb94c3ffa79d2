"""Lay out times to target as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neuralopt.report.tables.layout import Cell, Column, Table

if TYPE_CHECKING:  # they load numpy and torch
    from neuralopt.verdict.profiles import SpeedUp
    from neuralopt.verdict.tuning.targets import Standing, TargetTimes


def times_table(times: TargetTimes) -> Table:
    """Return when contenders reached the target on one task, the fastest first.

    Args:
        times: of a tuned comparison.
    """
    columns = (
        Column("steps", right=True),
        Column("seeds"),
        Column("speed-up", right=True),
        Column("95% interval"),
        Column("name", below=1),
    )
    rows = []
    for name, steps in sorted(times.steps.items(), key=lambda item: item[1]):
        seeds = times.seed_steps[name]
        reached = sum(map(math.isfinite, seeds))
        cells = [
            _steps(steps),
            f"{reached} of {len(seeds)}",
            *_speed_up(times.speed_ups[name], name == times.reference),
            name,
        ]
        rows.append(tuple(map(Cell, cells)))
    note = (
        f"Optimizer steps until the median loss over seeds is {times.target:.4g}, the "
        f"median final loss of {times.reference} on the selection split, read off "
        f"trainings of {times.horizon} x the tuned length; and the geometric mean of "
        "its steps over the contender's, of the seeds on which both reached it."
    )
    return Table(columns, tuple(rows), (note,))


def standings_table(standings: Mapping[str, Standing], reference: str) -> Table:
    """Return the times of each contender over all tasks, the best profile first.

    Args:
        standings: of a tuned comparison.
        reference: that the others are compared with.
    """
    columns = (
        Column("profile", right=True),
        Column("speed-up", right=True),
        Column("95% interval"),
        Column("tasks"),
        Column("worst task"),
        Column("name", below=1),
    )
    rows = []
    for name, each in sorted(standings.items(), key=lambda item: -item[1].area):
        found = each.speed_up
        reached = f"{found.pairs} of {found.pairs + found.missed}"
        cells = [
            f"{each.area:.3f}",
            *_speed_up(found, name == reference),
            reached,
            f"{each.worst_task}: {_ratio(each.worst_ratio)}",
            name,
        ]
        rows.append(tuple(map(Cell, cells)))
    note = (
        "profile: mean height of the performance profile for factors from 1 to 4, 1 "
        "where a contender is the fastest on every task. speed-up: geometric mean over "
        "the tasks on which it and the reference reached the target. tasks: on which "
        "it reached the target, of those on which the reference did."
    )
    return Table(columns, tuple(rows), (note,))


def _steps(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "never"


def _ratio(value: float) -> str:
    return "never" if value == 0 else f"{value:.2f} x"


def _speed_up(found: SpeedUp, itself: bool) -> tuple[str, str]:
    if itself:
        return "reference", ""
    if not found.pairs:
        return "", ""
    return f"{found.ratio:.2f} x", f"{found.low:.2f}..{found.high:.2f}"
