"""Write figures to files: the same figure gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from neuralopt.whole_file import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100

KINDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        ".png": {"pil_kwargs": {"optimize": True}},
        ".svg": {"metadata": {"Date": None}},
        ".pdf": {"metadata": {"CreationDate": None}},
    }
)
"""Endings of the files that can be written -> options, which leave out the date."""


def save_figure(figure: Figure, file: Path) -> None:
    """Write a figure to a file.

    Args:
        figure: the figure.
        file: of a kind of KINDS.

    Raises:
        OSError: the file can't be written. What was there is unchanged.
    """
    import matplotlib as mpl

    kind, content = file.suffix.lower(), BytesIO()
    # Names of parts of an SVG are random without this.
    with mpl.rc_context({"svg.hashsalt": "neuralopt"}):
        figure.savefig(content, dpi=DPI, format=kind[1:], **KINDS[kind])
    write_whole(file, content.getvalue())
