"""What scripts that draw a picture of a page share: options, and where they write."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.measure import ROOT, add_json_option, write_results
from neuralopt.palette import SILVER
from neuralopt.picture_files import save_figure


def read_options(description: str | None) -> argparse.Namespace:
    """Read the options of a script that draws one picture.

    Args:
        description: of the script; its first line is shown by ``--help``.

    Returns:
        `folder` of the picture, and `json`, a file for the numbers or None.
    """
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "docs" / "images", help="for the picture"
    )
    add_json_option(parser)
    return parser.parse_args()


def finish_panels(*panels: Axes, legends: Sequence[Any] = ("best", "best")) -> None:
    """Give panels a grid, and legends without a frame where something has a label.

    Args:
        panels: of a figure.
        legends: where the legend of each is, as matplotlib names places.
    """
    for panel, place in zip(panels, legends, strict=True):
        panel.grid(color=SILVER, lw=0.5, alpha=0.6)
        panel.minorticks_off()
        if panel.get_legend_handles_labels()[0]:
            panel.legend(fontsize=11, frameon=False, loc=place)


def write(
    options: argparse.Namespace, name: str, figure: Figure, told: Mapping[str, object]
) -> None:
    """Write a picture and its numbers, and print these.

    Args:
        options: as `read_options` returned them.
        name: of the picture's file.
        figure: the picture.
        told: the numbers by what they are.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    save_figure(figure, options.folder / name)
    for what, found in told.items():
        print(f"{what}: {found}")
    write_results(options.json, told)
