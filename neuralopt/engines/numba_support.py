"""Lazy import of the numba kernels, and a notice while they compile."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

COMPILING = "compiling {} for this machine: some {} seconds, once"
LOGGER = logging.getLogger("neuralopt")

_TOLD: set[str] = set()
_LOCK = threading.Lock()


def load_kernels() -> Any:
    """Import `neuralopt.machine.kernels`.

    Raises:
        ImportError: numba is not installed.
    """
    from neuralopt.machine import kernels

    return kernels


@contextlib.contextmanager
def announce_compilation(what: str, seconds: int) -> Iterator[None]:
    """Log a notice if numba compiles inside, which takes seconds; once for each `what`.

    Code that numba loads from its cache causes no notice.

    Args:
        what: is compiled, as the notice names it.
        seconds: that compiling takes, roughly.
    """
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            with _LOCK:
                told = what in _TOLD
                _TOLD.add(what)
            if not told:
                LOGGER.warning("%s", COMPILING.format(what, seconds))

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
