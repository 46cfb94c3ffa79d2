"""Render rule text as it is shown to people."""

from neuralopt.archive import Proposal
from neuralopt.views.labels import folded as folded


def rule_text(proposal: Proposal) -> str:
    """Return a proposal's canonical rule as people are shown it.

    Args:
        proposal: of any status.

    Returns:
        Its canonical form, else its rule as decoded, folded; "" for an invalid row.
    """
    return folded(proposal.canonical or proposal.rule)
