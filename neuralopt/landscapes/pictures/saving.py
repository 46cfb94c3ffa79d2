"""Write a picture or an animation to a file; the same one gives the same bytes."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg

from neuralopt.landscapes.pictures.style import Drawing

DPI, ANIMATION_DPI = 120, 75

FRAMES, PER_SECOND, HELD = 60, 12, 18
"""Frames of an animation at most, frames a second, and copies of the last one."""

DATES: Mapping[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""Kinds of stills -> metadata to leave out: the time of writing."""

ANIMATION = ".gif"


def check_file(path: str | Path, animate: bool) -> Path:
    """Check that a file has a kind that can be written, in a folder that exists.

    Args:
        path: the file.
        animate: whether it is to be an animation.

    Returns:
        Its path.

    Raises:
        ValueError: the kind is unknown or does not suit, or there is no folder.
    """
    file = Path(path)
    kind = file.suffix.lower()
    if kind not in (*DATES, ANIMATION):
        raise ValueError(
            f"-o {path}: unknown file type {kind or 'without an ending'!r}: give a "
            f"file that ends in {', '.join(DATES)} or {ANIMATION}"
        )
    if animate and kind != ANIMATION:
        raise ValueError(f"-o {path}: an animation needs a file that ends in .gif")
    if not file.parent.is_dir():
        raise ValueError(f"-o {path}: there is no folder {file.parent}, make it")
    return file


def save(drawing: Drawing, file: Path) -> None:
    """Write a drawing: a still, or an animation where the file ends in .gif.

    Args:
        drawing: the drawing.
        file: as `check_file` returned it.

    Raises:
        OSError: the file can't be written.
    """
    kind = file.suffix.lower()
    if kind == ANIMATION:
        _animate(drawing, file)
        return
    with mpl.rc_context({"svg.hashsalt": "neuralopt"}):
        drawing.figure.savefig(file, dpi=DPI, metadata=DATES[kind])


def _animate(drawing: Drawing, file: Path) -> None:
    """Frames in equal numbers of steps, the last of which is held."""
    FigureCanvasAgg(drawing.figure)
    drawing.figure.canvas.draw()
    drawing.figure.set_layout_engine("none")  # panels keep their places in all frames
    count = min(FRAMES, drawing.steps + 1)
    shown = np.unique(np.linspace(0, drawing.steps, count).round().astype(int))
    writer = PillowWriter(fps=PER_SECOND)
    with writer.saving(drawing.figure, str(file), ANIMATION_DPI):
        for steps in [*shown, *[drawing.steps] * HELD]:
            for each in drawing.moving:
                each.show(int(steps))
            writer.grab_frame()
