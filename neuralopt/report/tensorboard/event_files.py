"""Write what TensorBoard reads: a folder of event files for each of its runs."""

from __future__ import annotations

import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # it loads torch, and TensorBoard takes two seconds
    from torch.utils.tensorboard import SummaryWriter

SEARCH = "search"
"""The run of everything that is not a line of a known optimizer."""


class EventFiles:
    """The runs of one search below a folder, written by this process only.

    Lines that belong into one chart are runs of their own with a tag in common, since
    TensorBoard gives every run one colour. There are few of them: with more than 40
    runs TensorBoard opens with all of them unticked.

    Args:
        folder: of the runs, such as ``run_dir/tb``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, SummaryWriter] = {}
        self._first: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether something may be written."""
        return self._first is not None

    def open(self, step: int) -> None:
        """Begin writing; what an earlier process wrote from this step on is hidden.

        Args:
            step: smallest one that this process writes.
        """
        self._first = step

    def has_earlier(self, run: str) -> bool:
        """Return whether there are event files of a run.

        Args:
            run: its name.
        """
        return any((self._folder / run).glob("events.out.tfevents*"))

    def scalar(self, run: str, tag: str, value: float, step: int) -> None:
        """Write a number.

        Args:
            run: name of the run.
            tag: name of the chart.
            value: the number.
            step: of the search.
        """
        self._writer(run).add_scalar(tag, value, step)

    def text(self, tag: str, text: str, step: int) -> None:
        """Write Markdown.

        Args:
            tag: its title.
            text: of one or several lines.
            step: of the search.
        """
        self._writer(SEARCH).add_text(tag, text, step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Write a distribution.

        Args:
            tag: its title.
            values: one or more.
            step: of the search.
        """
        self._writer(SEARCH).add_histogram(tag, values, step)

    def png(self, tag: str, png: bytes, step: int) -> None:
        """Write a picture as it is.

        Args:
            tag: its title.
            png: content of a PNG file.
            step: of the search.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary

        width, height = struct.unpack(">II", png[16:24])
        image = Summary.Image(
            height=height, width=width, colorspace=4, encoded_image_string=png
        )
        summary = Summary(value=[Summary.Value(tag=tag, image=image)])
        writer = self._writer(SEARCH)._get_file_writer()  # it has no method for a PNG
        writer.add_summary(summary, step)

    def layout(self, charts: dict[str, dict[str, list[Any]]]) -> None:
        """Write the charts of the page Custom Scalars.

        Args:
            charts: by category and title: kind and tags, as torch takes them.
        """
        self._writer(SEARCH).add_custom_scalars(charts)

    def flush(self) -> None:
        """Put everything on disk."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close all files; a second time does nothing."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        self._first = None

    def abandon(self) -> None:
        """Close what can be closed, after an error; a second time does nothing."""
        for writer in self._writers.values():
            with suppress(Exception):
                writer.close()
        self._writers.clear()
        self._first = None

    def _writer(self, run: str) -> SummaryWriter:
        if self._first is None:
            raise RuntimeError("nothing may be written yet; call open() first")
        if run not in self._writers:
            from torch.utils.tensorboard import SummaryWriter  # two seconds to load

            self._wait_for_a_later_name(run)
            # In a new run too: a reader takes the first such mark for the beginning,
            # and hides something only at the second one.
            self._writers[run] = SummaryWriter(
                str(self._folder / run), purge_step=self._first
            )
        return self._writers[run]

    def _wait_for_a_later_name(self, run: str) -> None:
        """Wait until a new file of a run is read after those that are there.

        TensorBoard reads files in the order of their names: a time in whole seconds,
        the host, the process, and a number, by which 10 comes before 9.
        """
        there = [*(self._folder / run).glob("events.out.tfevents*")]
        while any(f".tfevents.{int(time.time()):010}." in file.name for file in there):
            time.sleep(0.02)
