"""Write a picture or an animation to a file; the same one gives the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from neuralopt.landscapes.pictures.style import Drawing
from neuralopt.picture_files import KINDS, save_figure

ANIMATION_DPI = 80

FRAMES, FRAME_MS, LAST_MS = 60, 80, 2000
"""Frames of an animation at most, and how long each and the last one are shown."""

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
    if kind not in (*KINDS, ANIMATION):
        raise ValueError(
            f"-o {path}: unknown file type {kind or 'without an ending'!r}: give a "
            f"file that ends in {', '.join(KINDS)} or {ANIMATION}"
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
    if file.suffix.lower() == ANIMATION:
        _animate(drawing, file)
        return
    save_figure(drawing.figure, file)


def _animate(drawing: Drawing, file: Path) -> None:
    """Write frames that are the same number of steps apart."""
    figure = drawing.figure
    canvas: Any = FigureCanvasAgg(figure)  # its methods are not annotated
    figure.set_dpi(ANIMATION_DPI)
    canvas.draw()
    figure.set_layout_engine("none")  # panels keep their places in all frames
    count = min(FRAMES, drawing.steps + 1)
    shown = np.linspace(0, drawing.steps, count).round().astype(int).tolist()
    images = []
    for steps in shown:
        for each in drawing.moving:
            each.show(steps)
        canvas.draw()
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    # One palette, undithered: what does not move is the same in all frames.
    palette = images[-1].quantize(256, dither=Image.Dither.NONE)
    frames = [
        each.quantize(palette=palette, dither=Image.Dither.NONE) for each in images
    ]
    frames[0].save(
        file,
        save_all=True,
        append_images=frames[1:],
        duration=[FRAME_MS] * (len(frames) - 1) + [LAST_MS],
        loop=0,
    )
