"""Lay out rules that imitate a learned optimizer."""

from collections.abc import Mapping, Sequence

from neuralopt.language import render, size_of
from neuralopt.learned.distillation import Imitation
from neuralopt.report.tables import Cell, Column, Table

NOTE = (
    "R^2 is the share of the squared updates that a rule explains, with one factor for "
    "all of them: on the trainings that rules were fitted to, and with the same factor "
    "on others. lr is the learning rate at which the rule takes the steps of the "
    "learned optimizer at the rate that it was trained with."
)


def imitation_table(
    found: Sequence[Imitation], named: Mapping[str, Imitation], rate: float
) -> Table:
    """Return a table of R^2, learning rate, size and rule.

    Args:
        found: by a search, best first.
        named: named rules, best first.
        rate: learning rate of the learned optimizer.

    Returns:
        The table; its rules may move below. The note explains the columns.
    """
    columns = (
        Column("R^2", right=True),
        Column("elsewhere", right=True),
        Column("lr", right=True),
        Column("size", right=True),
        Column("name"),
        Column("rule", below=1),
    )
    rows = tuple(
        (
            Cell(f"{each.fit:.3f}"),
            Cell(f"{each.held_out:.3f}"),
            Cell(f"{each.scale * rate:.3g}"),
            Cell(str(size_of(each.rule))),
            Cell(name),
            Cell(render(each.rule), "" if name else "bold"),
        )
        for name, each in [*(("", each) for each in found), *named.items()]
    )
    return Table(columns, rows, (NOTE,))
