"""Pictures of a page that are not charts: images, embedded."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralopt.report.html.markup import Markup, element

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 110
"""Dots an inch: readable on a dense screen, and some 100 kB a picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with the words that go with it.

    Attributes:
        image: a PNG file's bytes.
        caption: what is seen.
        alternative: what it shows, for those who can't see it.
    """

    image: bytes
    caption: str
    alternative: str

    @classmethod
    def of(cls, figure: Figure, caption: str, alternative: str) -> Picture:
        """Return a figure of matplotlib as a picture.

        Args:
            figure: drawn with a white background.
            caption: what is seen.
            alternative: what it shows, for those who can't see it.

        Returns:
            The picture; the same figure gives the same bytes.
        """
        stream = io.BytesIO()
        # Without its own version, which matplotlib writes into the file.
        figure.savefig(stream, format="png", dpi=DOTS, metadata={"Software": None})
        return cls(stream.getvalue(), caption, alternative)

    def html(self) -> Markup:
        """Return the picture as an element that holds its image."""
        source = f"data:image/png;base64,{b64encode(self.image).decode()}"
        image = element("img", src=source, alt=self.alternative, loading="lazy")
        return element("figure", image, element("figcaption", self.caption))
