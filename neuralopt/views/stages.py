"""Count what is left of the proposals of a search after each step to a score."""

from __future__ import annotations

from typing import NamedTuple

from neuralopt.views.run_view import RunView

STEPS = (
    ("new", ("duplicate",)),
    ("accepted", ("rejected",)),
    ("trained", ("failed", "quarantined")),
    ("past the gates", ("stopped",)),
    ("scored", ("diverged",)),
)
"""Steps on the way to a score: what the rest is called, and the statuses of those that
left."""


class Stage(NamedTuple):
    """What is left after one step.

    Attributes:
        name: of those that are left.
        left: how many these are.
        status: of those that left at this step; "" for the first stage.
        lost: how many left.
    """

    name: str
    left: int
    status: str
    lost: int


def stages(view: RunView) -> list[Stage]:
    """Return what is left of the proposals after each step on the way to a score.

    Args:
        view: of a search.

    Returns:
        The stages, from all decided proposals to the scored ones; proposals that are
        still pending are in none. Steps at which none left are left out.
    """
    left = view.total - view.counts.get("pending", 0)
    found = [Stage("proposed", left, "", 0)]
    for name, statuses in STEPS:
        lost = sum(view.counts.get(status, 0) for status in statuses)
        left -= lost
        if lost or name == "scored":
            found.append(Stage(name, left, statuses[0], lost))
    return found
