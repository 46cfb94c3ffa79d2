"""torch on one thread: the same sums in the same order, however many cores there are.

Knows one setting of torch; refuses to know what is computed.
"""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch from cutting a tensor into as many pieces as there are threads.

    Each piece is summed by itself, and some kernels round differently at its ends.
    Also a decorator: ``@one_thread()``.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
