"""Rule text as people are shown it."""

from functools import lru_cache

from neuralopt.archive import Proposal
from neuralopt.language import parse, render


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Return rule text with abbreviations folded.

    Text that this version's language can't read, from an archive of another one, is
    shown as it is.
    """
    try:
        return render(parse(text), "text")
    except ValueError:
        return text


def rule_text(proposal: Proposal) -> str:
    """Return a proposal's canonical rule as people are shown it."""
    return folded(proposal.canonical or proposal.rule)
