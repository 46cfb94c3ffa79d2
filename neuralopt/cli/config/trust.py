"""Bound what the configuration of a run directory may ask of this machine.

A run directory may come from anyone. What it asks for at once is taken up to a bound;
for more, the user has to name the value.
"""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from neuralopt.cli.config.schema import Settings

LARGEST: Mapping[str, int] = {
    "batch": 10_000,
    "lag": 100,
    "evaluator.options.workers": 1_000,
    "searcher.options.hidden": 1_000,
    "searcher.options": 10_000,
    "space.groups": 100,
    "task.options": 1_000,
}
"""Largest whole number that a file may ask for, by key, or by the start of a key: the
first that fits."""

LARGEST_OF_OTHERS = 100_000
"""The same for all other keys."""

COUNTED = ("proposals", "evaluations", "shortlist.every", "seed", "options.seed")
"""Ends of keys whose number costs nothing at once: a search can be stopped at any."""

TEXTS = ("operands", "unary", "binary")
"""Keys of a space whose numbers are constants of rules."""


def short_key(key: str) -> str:
    """Return a key as people type it, without ``options``."""
    return key.replace(".options", "")


def excesses(settings: Settings) -> dict[str, tuple[int, int]]:
    """Return the whole numbers that a file may not ask for by itself.

    Args:
        settings: kept with a run.

    Returns:
        The value and the largest value accepted, by key.
    """
    found = {}
    for key, value in _numbers(dataclasses.asdict(settings)):
        if key.endswith(COUNTED) or key.rpartition(".")[2] in TEXTS:
            continue
        most = next((n for start, n in LARGEST.items() if _begins(key, start)), None)
        most = LARGEST_OF_OTHERS if most is None else most
        if value > most:
            found[key] = value, most
    return found


def check_modest(
    settings: Settings,
    named: Collection[str] | None,
    groups: Collection[str] | None = None,
) -> None:
    """Check that a file asks for nothing that would exhaust this machine at once.

    Args:
        settings: kept with a run, with the user's overrides applied.
        named: keys that the user typed, options written out; None where none can be.
        groups: of keys that come from the file; by default all.

    Raises:
        ValueError: a number is too large, and the user did not name it.
    """
    for key, (value, most) in excesses(settings).items():
        ours = groups is not None and key.partition(".")[0] not in groups
        if key not in (named or ()) and not ours:
            shown = short_key(key)
            remedy = f": to go on with that, name it: {shown}={value}"
            raise ValueError(
                f"the run's configuration has {shown}={value}, and a file is taken at "
                f"its word up to {most}{remedy if named is not None else ''}"
            )


def confirmed(settings: Settings, overrides: Sequence[str]) -> list[str]:
    """Return the overrides that only repeat an excess of a run's configuration.

    Args:
        settings: kept with a run.
        overrides: as typed.

    Returns:
        Some of them, such as ``batch=1000000``.
    """
    repeated = {
        f"{shown}={value}"
        for key, (value, _) in excesses(settings).items()
        for shown in (key, short_key(key))
    }
    return [each for each in overrides if each in repeated]


def _begins(key: str, start: str) -> bool:
    return key == start or key.startswith(f"{start}.")


def _numbers(value: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """All whole numbers within plain data, each with the key of its mapping."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _numbers(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _numbers(item, key)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield key, value
