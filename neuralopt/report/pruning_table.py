"""Lay out rules before and after pruning."""

from collections.abc import Sequence

from neuralopt.language import render
from neuralopt.pruning.candidates import complexity
from neuralopt.pruning.race import Pruning
from neuralopt.report.tables import Cell, Column, Table


def pruning_table(prunings: Sequence[Pruning], names: Sequence[str] = ()) -> Table:
    """Return a table of sizes, memory, difference, and the rule before and after.

    Args:
        prunings: at least one, of one margin and number of replicates.
        names: of the rules, in the same order; a rule is its own name if not given.

    Returns:
        The table; its rules may move below. The note explains the columns.
    """
    named = any(names)
    columns = (
        *([Column("rule")] if named else []),
        Column("size", right=True),
        Column("memory", right=True),
        Column("difference", right=True),
        Column("at least", right=True),
        Column("trainings", right=True),
        Column("before", below=1),
        Column("after", below=1),
    )
    rows = []
    for index, each in enumerate(prunings):
        before, after = complexity(each.original), complexity(each.pruned)
        changed = bool(each.steps)
        rows.append(
            (
                *([Cell(names[index])] if named else []),
                Cell(_change(before.size, after.size)),
                Cell(_change(before.memory, after.memory)),
                Cell(f"{each.difference:+.4f}" if changed else ""),
                Cell(f"{each.low:+.4f}" if changed else ""),
                Cell(str(each.trainings)),
                Cell(render(each.original)),
                Cell(render(each.pruned) if changed else "as it is", "bold"),
            )
        )
    counts = {each.replicates for each in prunings if each.steps}
    return Table(columns, tuple(rows), (_explanation(prunings[0].margin, counts),))


def _change(before: int, after: int) -> str:
    return f"{before} -> {after}" if before != after else str(before)


def _explanation(margin: float, counts: set[int]) -> str:
    sizes = (
        "Sizes are nodes of the rule as it is shown, memory is values per parameter."
    )
    if not counts:
        return f"{sizes} No smaller rule was shown to lose less than {margin:g}."
    return (
        f"{sizes} Differences are of the mean quality on {max(counts)} paired "
        "replicates, the pruned rule less the original; with 95% confidence the true "
        f"one is above 'at least', which had to be above -{margin:g}."
    )
