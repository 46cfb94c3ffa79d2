"""Write figures to files: the same figure gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

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
        OSError: the file can't be written.
    """
    import matplotlib as mpl

    kind = file.suffix.lower()
    # Names of parts of an SVG are random without this.
    with mpl.rc_context({"svg.hashsalt": "neuralopt"}):
        figure.savefig(file, dpi=DPI, format=kind[1:], **KINDS[kind])
