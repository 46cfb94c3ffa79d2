"""Show an archive's proposals as a table of pandas and as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from neuralopt.archive.connection import ArchiveError
from neuralopt.archive.records import Proposal
from neuralopt.archive.serialization import NAMES, flat
from neuralopt.html_table import html_table

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

    # It reads archives, and their reader imports this module.
    from neuralopt.archive.ranking import RankedRule


def data_frame(proposals: Iterable[Proposal]) -> pandas.DataFrame:
    """Return proposals as a table of pandas; see `Archive.to_pandas`.

    Args:
        proposals: in the order of the rows.

    Returns:
        One row a proposal, with the columns of `serialization.NAMES`.

    Raises:
        ArchiveError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise ArchiveError(
            "to_pandas needs the package pandas, which is not installed: "
            "pip install pandas, or read the proposals by iterating over the archive"
        ) from None
    return pandas.DataFrame(map(flat, proposals), columns=list(NAMES))


def rules_html(rules: Sequence[RankedRule], caption: str) -> str:
    """Return rules in the order given, as a table in HTML.

    Args:
        rules: one for each row. Columns that would be empty are left out.
        caption: the note of the table.

    Returns:
        The HTML text.
    """
    measured = any(rule.place for rule in rules)
    named = any(rule.name for rule in rules)
    alike = any(rule.alike for rule in rules)
    pruned = any(rule.pruned for rule in rules)
    rows = [
        (
            str(rule.proposal.number),
            *([f"{rule.place.mean:.4f}" if rule.place else "-"] if measured else []),
            _decimals(rule.proposal.quality),
            "-" if rule.proposal.lr is None else f"{rule.proposal.lr:g}",
            "-" if rule.size is None else str(rule.size),
            "-" if rule.memory is None else str(rule.memory),
            *([f"+{rule.alike}" if rule.alike else ""] if alike else []),
            *([rule.name] if named else []),
            rule.rule,
            *([rule.proposal.canonical if rule.pruned else ""] if pruned else []),
        )
        for rule in rules
    ]
    titles = (
        "number",
        *(["mean"] if measured else []),
        "one score" if measured else "quality",
        "lr",
        "size",
        "memory",
        *(["alike"] if alike else []),
        *(["name"] if named else []),
        "rule",
        *(["pruned from"] if pruned else []),
    )
    right = [title not in ("name", "rule", "pruned from") for title in titles]
    return html_table(titles, rows, right, [caption])


def _decimals(quality: float | None) -> str:
    return "-" if quality is None else f"{quality:.4f}"
