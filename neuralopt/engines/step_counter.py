"""Count optimizer steps as they are taken, for progress within a slow training."""

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar


class StepCounter:
    """Optimizer steps of children, summed over threads."""

    def __init__(self) -> None:
        self._done = 0
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """Steps so far. It never decreases."""
        return self._done

    def add(self, steps: int) -> None:
        """Count steps that were taken.

        Args:
            steps: taken since the last call, summed over children.
        """
        with self._lock:
            self._done += steps

    def settle(self, steps: int) -> None:
        """Raise the count to `steps`, unless it is that high already.

        The steps that a diverged child does not take are counted this way.

        Args:
            steps: the least value of the count from now on.
        """
        with self._lock:
            self._done = max(self._done, steps)


_CURRENT: ContextVar[StepCounter | None] = ContextVar("steps", default=None)


@contextlib.contextmanager
def counting_steps(counter: StepCounter) -> Iterator[None]:
    """Let engines that are called inside, by this thread, count into `counter`.

    Args:
        counter: of the steps that are taken inside.

    Example:
        >>> counter = StepCounter()
        >>> with counting_steps(counter):
        ...     current_counter().add(3)
        >>> counter.done
        3
    """
    token = _CURRENT.set(counter)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_counter() -> StepCounter:
    """Return the counter of this thread, or a new one that nobody reads.

    An engine asks once a call of `train`: threads of its own do not see it.
    """
    return _CURRENT.get() or StepCounter()
