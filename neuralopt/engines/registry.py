"""Engines by name, and the choice of the fastest one that supports a task."""

from collections.abc import Callable, Mapping

from neuralopt.catalog import hint
from neuralopt.engines.engine import Engine, UnsupportedTaskError
from neuralopt.engines.native import NativeEngine
from neuralopt.engines.numerics import CPU_FLOAT32, Numerics
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked import StackedEngine
from neuralopt.tasks import Task

ENGINES: Mapping[str, Callable[..., Engine]] = {
    "native": NativeEngine,
    "stacked": StackedEngine,
    "serial": SerialEngine,
}
"""Name -> constructor ``(task, seed, numerics=...)``, fastest first."""


def choose_engine(
    name: str, task: Task, seed: int = 0, numerics: Numerics = CPU_FLOAT32
) -> Engine:
    """Return the engine of this name; ``auto`` is the fastest that supports the task.

    Args:
        name: a name of ENGINES, or ``auto``.
        task: that the engine trains on.
        seed: of initial weights, order of examples and random numbers.
        numerics: dtype, device and precision.

    Returns:
        A new engine.

    Raises:
        ValueError: the name is unknown, or the engine does not support the task.
    """
    check_engine(name)
    if name == "auto":
        return fastest_engine(task, seed, numerics)[0]
    return ENGINES[name](task, seed, numerics=numerics)


def check_engine(name: str) -> None:
    """Check that an engine has this name, or that it is ``auto``.

    Args:
        name: of an engine.

    Raises:
        ValueError: no engine has this name.
    """
    if name != "auto" and name not in ENGINES:
        known = hint(name, ["auto", *ENGINES])
        raise ValueError(f"unknown engine {name!r}: {known}")


def fastest_engine(
    task: Task, seed: int = 0, numerics: Numerics = CPU_FLOAT32
) -> tuple[Engine, list[str]]:
    """Return the fastest engine for the task, and why each faster one is unsuitable.

    Args:
        task: that the engine trains on.
        seed: of initial weights, order of examples and random numbers.
        numerics: dtype, device and precision.

    Returns:
        A new engine, and one line for each faster engine.

    Raises:
        ValueError: no engine supports the task, or the task itself is invalid.
    """
    reasons: list[str] = []
    for make in ENGINES.values():
        try:
            return make(task, seed, numerics=numerics), reasons
        except UnsupportedTaskError as error:
            reasons.append(str(error))
    raise UnsupportedTaskError("; ".join(reasons))
