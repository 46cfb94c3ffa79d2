"""Render rule text as it is shown to people."""

from functools import lru_cache

from neuralopt.archive import Proposal
from neuralopt.language import parse, render


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Return rule text with abbreviations folded.

    Text that this version's language can't read, from an archive of another one, is
    shown as it is.

    Args:
        text: a rule of the language.

    Returns:
        The text for people.
    """
    try:
        return render(parse(text), "text")
    except ValueError:
        return text


def rule_text(proposal: Proposal) -> str:
    """Return a proposal's canonical rule as people are shown it.

    Args:
        proposal: of any status.

    Returns:
        Its canonical form, else its rule as decoded, folded; "" for an invalid row.
    """
    return folded(proposal.canonical or proposal.rule)
