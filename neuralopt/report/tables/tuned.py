"""Lay out a comparison of tuned contenders as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from neuralopt.report.tables.comparison import comparison_table, undecided
from neuralopt.report.tables.layout import Cell, Column, Table
from neuralopt.report.tables.times import standings_table, times_table

if TYPE_CHECKING:  # they load numpy and torch
    from neuralopt.tasks import Split
    from neuralopt.verdict.tuning.comparing import TaskResult, TunedComparison
    from neuralopt.verdict.tuning.matches import Match

MOST_FLIPS = 6
"""Pairs that a note names."""


def tuned_tables(
    found: TunedComparison, all_tasks: bool = True
) -> Iterator[tuple[str, Table]]:
    """Return the tables of a tuned comparison, each with a title.

    Args:
        found: the comparison.
        all_tasks: whether the untuned test is shown on each task too.

    Yields:
        For each task: how contenders were tuned, the verdict at each horizon on each
        split, and times to target; then times over all tasks, the untuned test, and
        the costs.
    """
    last = found.untuned[-1], found.splits[-1]
    for result in found.results:
        yield f"Tuned on {result.task}:", tuning_table(result)
        for match in result.matches:
            for split in found.splits:
                longest = match is result.matches[-1]
                notes = final_notes(result, split) if longest else ()
                title = (
                    f"{result.task}, {match.horizon} x the tuned length "
                    f"({epochs_text(match.epochs)}), {split} split:"
                )
                yield title, match_table(match, split, settings_of(result), notes)
        if result.times is not None:
            yield f"{result.task}, time to target:", times_table(result.times)
    if len(found.results) > 1:
        yield "Time to target over all tasks:", all_times_table(found)
    rates = {name: f"lr {x.setting.rate:g}" for name, x in found.one_rates.items()}
    shown = found.untuned if all_tasks else found.untuned[-1:]
    for match in shown:
        for split in found.splits:
            title = f"Untuned, one rate for all tasks: {match.task}, {split} split:"
            explained = (match, split) == last
            yield title, match_table(match, split, rates, explained=explained)
    yield "What it cost:", cost_table(found)


def tuning_table(result: TaskResult) -> Table:
    """Return how each contender was tuned on a task.

    Args:
        result: of a tuned comparison.
    """
    columns = (
        Column("contender"),
        Column("validation loss", right=True),
        Column("trials", right=True),
        Column("rate interior"),
        Column("at a border", below=1),
        Column("setting", below=1),
    )
    rows = []
    for name, tuned in result.tuned.items():
        if tuned.failure:
            cells = [name, "", str(len(tuned.losses)), "", "", "failed to run"]
        else:
            borders = [each for each, inside in tuned.interior.items() if not inside]
            cells = [
                name,
                f"{tuned.loss:.4g}",
                str(len(tuned.losses)),
                "yes" if tuned.rate_is_interior else "no",
                ", ".join(borders),
                tuned.contender.described(tuned.setting),
            ]
        rows.append(tuple(map(Cell, cells)))
    return Table(columns, tuple(rows))


def match_table(
    match: Match,
    split: Split,
    settings: Mapping[str, str],
    notes: tuple[str, ...] = (),
    explained: bool = False,
) -> Table:
    """Return the verdict at one horizon.

    Args:
        match: of a tuned comparison.
        split: one of those measured.
        settings: of each contender, in words.
        notes: further notes.
        explained: whether a note says what the columns are.
    """
    comparison = match.comparison(split)
    if comparison is None:
        failed = [f"{x} failed to run: {why}" for x, why in match.failures.items()]
        return Table((Column("name"),), (), (*notes, *failed))
    few = "" if explained else undecided(comparison)
    table = comparison_table(
        comparison,
        rules=settings,
        notes=(*notes, few) if few else notes,
        explained=[comparison] if explained else (),
    )
    *columns, last = table.columns
    return replace(table, columns=(*columns, replace(last, title="setting")))


def all_times_table(found: TunedComparison) -> Table:
    """Return the times over all tasks; a note where they can't be put together.

    Args:
        found: a tuned comparison on several tasks.
    """
    times, standings = found.results[0].times, found.standings
    if standings and times is not None:
        return standings_table(standings, times.reference)
    note = (
        "Not known: that needs a target on every task, set by the same reference "
        "(`adamw` or `adam`, if it takes part)."
    )
    return Table((Column("name"),), (), (note,))


def cost_table(found: TunedComparison) -> Table:
    """Return what tuning and verdict cost.

    Args:
        found: a tuned comparison.
    """
    columns = (
        Column(""),
        Column("trainings", right=True),
        Column("optimizer steps", right=True),
        Column("seconds of one thread", right=True),
    )
    costs = {f"tuning of {name}": each for name, each in found.tuning_costs.items()}
    costs["verdict of all"] = found.verdict_cost
    rows = tuple(
        tuple(
            map(
                Cell,
                (name, f"{x.trainings:,}", f"{x.steps:,}", f"{x.seconds:,.1f}"),
            )
        )
        for name, x in costs.items()
    )
    note = f"The test split was not measured: {found.refusal}." if found.refusal else ""
    return Table(columns, rows, (note,) if note else ())


def settings_of(result: TaskResult) -> dict[str, str]:
    """Return the setting of each contender on a task, in words.

    Args:
        result: of a tuned comparison.
    """
    return {
        name: tuned.contender.described(tuned.setting)
        for name, tuned in result.tuned.items()
        if not tuned.failure
    }


def final_notes(result: TaskResult, split: Split) -> tuple[str, ...]:
    """Return the notes below the last verdict on a task.

    Args:
        result: of a tuned comparison.
        split: one of those measured.
    """
    flips = flip_notes(result, split)
    if result.times is not None or split != "selection":
        return flips
    return (
        *flips,
        "No time to target: the reference sets none, since it or half of its trainings "
        "failed.",
    )


def flip_notes(result: TaskResult, split: Split) -> tuple[str, ...]:
    """Return a note on the pairs whose order differs between horizons, if any.

    Args:
        result: of a tuned comparison.
        split: one of those measured.
    """
    pairs = result.flips(split)
    if not pairs:
        return ()
    told = ", ".join(f"{one} and {other}" for one, other in pairs[:MOST_FLIPS])
    more = f" and {len(pairs) - MOST_FLIPS} more" if len(pairs) > MOST_FLIPS else ""
    first, last = result.matches[0].horizon, result.matches[-1].horizon
    return (
        f"Pairs in another order by mean than at {first} x (here {last} x), whether or "
        f"not the test shows it: {told}{more}.",
    )


def epochs_text(epochs: int) -> str:
    """Return a number of epochs in words.

    Args:
        epochs: 1 or more.
    """
    return f"{epochs} epoch{'s' if epochs > 1 else ''}"
