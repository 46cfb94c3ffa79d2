"""Limit torch to one thread, so that sums do not depend on the number of cores."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread; a context manager, and a decorator as ``@one_thread()``.

    With several threads torch cuts a tensor into as many pieces. Each piece is summed
    separately, and some kernels round differently at the ends of a piece.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
