"""Lay out a stage of a promotion."""

import math

from neuralopt.promotion.deciding import Standing
from neuralopt.promotion.funnel import StageResult
from neuralopt.report.duration import duration
from neuralopt.report.tables import Cell, Column, Table
from neuralopt.views.labels import counted, folded

STYLES = {"better": "bold green", "worse": "dim", "failed to run": "red"}


def promotion_table(result: StageResult, number: int, stages: int) -> Table:
    """Return the table of a stage: ranks, differences, and who goes on.

    Args:
        result: of the stage.
        number: of the stage, from 1.
        stages: of the plan.

    Returns:
        The table; its rules may move below. The notes have the cost.
    """
    columns = (
        Column("rank", right=True),
        Column("name"),
        Column("share", right=True),
        Column("95% interval", right=True),
        Column("difference", right=True),
        Column("limits", right=True),
        Column("verdict"),
        Column("next" if number < stages else "end"),
        Column("rule", below=1),
    )
    last = number == stages
    rows = tuple(
        _row(rank, each, last) for rank, each in enumerate(result.standings, 1)
    )
    return Table(columns, rows, (_note(result),))


def stage_title(result: StageResult, number: int, stages: int) -> str:
    """Return one line on a stage: rules, parts and seeds.

    Args:
        result: of the stage.
        number: of the stage, from 1.
        stages: of the plan.
    """
    going = sum(each.goes_on for each in result.rules)
    what = (
        f"{counted(len(result.rules), 'rule')} on {counted(len(result.parts), 'part')}"
    )
    one = going == 1
    if number == stages:
        end = "remains" if one else "remain"
    else:
        end = "goes on" if one else "go on"
    return f"Stage {number} of {stages}: {what}, {result.seeds} seeds; {going} {end}"


def _row(rank: int, each: Standing, last: bool) -> tuple[Cell, ...]:
    name, style = each.contender.name, STYLES.get(each.verdict, "")
    if math.isnan(each.mean):
        numbers = ("", "", "", "")
    else:
        numbers = (
            f"{each.mean:.4f}",
            f"[{each.low:.4f}, {each.high:.4f}]",
            f"{each.difference:+.4f}",
            f"[{each.difference_low:+.4f}, {each.difference_high:+.4f}]",
        )
    fate = each.reason or ("" if each.contender.baseline or last else "goes on")
    rule = folded(each.contender.rule)
    return (
        Cell(str(rank)),
        Cell(name, style),
        *(Cell(text) for text in numbers),
        Cell(each.verdict, style),
        Cell(fate),
        Cell("" if rule == name else rule),
    )


def _note(result: StageResult) -> str:
    best = next(
        each.contender.name
        for each in result.standings
        if each.contender.baseline and each.shares
    )
    return (
        "Shares are means over the parts of q / (q + r) on the validation split, where "
        "q is the rule's quality and r the reference's mean; differences are from "
        f"{best}, the best baseline, with one-sided limits that are corrected for all "
        f"tests of all stages. Cost: {result.measurements:,} measurements, "
        f"{result.trainings:,} trainings, {result.steps:,} optimizer steps, "
        f"{duration(result.seconds)} of workers."
    )
