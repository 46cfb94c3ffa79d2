"""Write known optimizers as lines in the charts of the best rule."""

from __future__ import annotations

from neuralopt.report.tensorboard.event_files import EventFiles
from neuralopt.report.tensorboard.scalars import MEAN, SCORE
from neuralopt.views.run_view import RunView

OPTIMIZERS = "optimizers"
"""Folder of the runs that are lines of known optimizers."""

MOST_OPTIMIZERS = 6
"""Known optimizers that are lines, Adam and the best: TensorBoard has seven colours."""


def write_point(files: EventFiles, name: str, quality: float, step: int) -> None:
    """Write one point of a known optimizer's lines.

    Args:
        files: open.
        name: of the optimizer.
        quality: on the scale of the search.
        step: of the search.
    """
    for tag in (MEAN, SCORE):
        files.scalar(f"{OPTIMIZERS}/{name}", tag, quality, step)


def write_optimizers(files: EventFiles, view: RunView, step: int) -> None:
    """Write the verdict's means of known optimizers as lines over all steps.

    Args:
        files: open.
        view: of a search that has ended.
        step: the last one.
    """
    # Adam may be a line already, from the beginning of the search.
    adam_first = sorted(view.baselines, key=lambda each: each.name != "adam")
    for each in adam_first[:MOST_OPTIMIZERS]:
        if each.source != "verdict":
            continue
        if not files.has_earlier(f"{OPTIMIZERS}/{each.name}"):
            write_point(files, each.name, each.quality, 1)
        write_point(files, each.name, each.quality, step)
