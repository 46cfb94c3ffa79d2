"""Show an archive's proposals as a table of pandas and as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from neuralopt.archive.connection import ArchiveError
from neuralopt.archive.records import Place, Proposal
from neuralopt.archive.serialization import NAMES, flat
from neuralopt.html_table import html_table

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]


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


def proposals_html(
    proposals: Iterable[Proposal], places: Sequence[Place], caption: str
) -> str:
    """Return scored proposals in the order given, as a table in HTML.

    Args:
        proposals: one for each row.
        places: of those that were measured; where there are any, a column has
            their means.
        caption: the note of the table.

    Returns:
        The HTML text.
    """
    means = {place.number: f"{place.mean:.4f}" for place in places}
    measured = ["mean"] if means else []
    rows = [
        (
            str(proposal.number),
            *(means.get(proposal.number, "-") for _ in measured),
            "-" if proposal.quality is None else f"{proposal.quality:.4f}",
            "-" if proposal.lr is None else f"{proposal.lr:g}",
            proposal.canonical,
        )
        for proposal in proposals
    ]
    titles = ("number", *measured, "quality", "lr", "rule")
    right = [title != "rule" for title in titles]
    return html_table(titles, rows, right, [caption])
