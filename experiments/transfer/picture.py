"""Draw the quality on each held-out task against the quality on the objective."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuralopt.palette import BLUE, GREY
from neuralopt.picture_files import save_figure

COLUMNS = 3
ADAM = 0.5
"""Adam's quality on an objective of several tasks."""


def transfer_picture(
    objective: NDArray[np.float64],
    tasks: Mapping[str, NDArray[np.float64]],
    file: Path,
) -> None:
    """Draw a panel for each task.

    Args:
        objective: (rules,), qualities.
        tasks: (rules,), qualities on each task.
        file: that the picture is written to.
    """
    rows = -(-len(tasks) // COLUMNS)
    figure = Figure(figsize=(10, 2.9 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True).ravel()
    for panel, (name, qualities) in zip(panels, tasks.items(), strict=False):
        panel.axvline(ADAM, color=GREY, linewidth=1, linestyle=":")
        panel.scatter(objective, qualities, s=16, color=BLUE, alpha=0.8, linewidths=0)
        panel.set_title(name, fontsize=11)
        panel.grid(alpha=0.25)
    for panel in panels[len(tasks) :]:
        panel.set_axis_off()
    figure.supxlabel("Quality on the search's objective (dotted: Adam's)")
    figure.supylabel("Quality on the task")
    save_figure(figure, file)
