"""What the qualities of a search depend on: runs that share it can be compared."""

import json
from collections.abc import Mapping

COMPARABLE = ("task fingerprint", "budget", "precision")
"""Entries of a context that agree where qualities of runs can be compared."""


def objective(context: Mapping[str, str]) -> tuple[str, ...]:
    """Return what qualities depend on, except for the seed.

    Args:
        context: of an archive.

    Returns:
        Texts that agree for two archives if their qualities can be compared.
    """
    try:
        budget = json.loads(context["configuration"])["budget"]
    except (KeyError, TypeError, ValueError):
        budget = None
    named = (context.get(name, "") for name in COMPARABLE)
    return (*named, json.dumps(budget, sort_keys=True))
