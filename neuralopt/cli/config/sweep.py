"""Expand overrides that name several values into one run each."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, ValueType
from hydra.errors import HydraException

from neuralopt.cli.config.overrides import (
    VERBATIM,
    config_groups,
    files_of,
    option_key,
    read_overrides,
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a sweep.

    Attributes:
        name: the values that tell it from the others, as ``seed=0,searcher=uniform``; a
            folder can have this name.
        overrides: of this run, as typed.
    """

    name: str
    overrides: tuple[str, ...]


def expand(overrides: Sequence[str], config_dir: str = "") -> list[Run]:
    """Return a run for each combination of the values that overrides name.

    Args:
        overrides: as typed. ``KEY=A,B`` names several values, as Hydra has it; so do
            ``KEY=range(3)`` and ``KEY=glob(*)``, which names all files of a group.
        config_dir: a folder with groups of the user's own files; empty for none.

    Returns:
        The runs; the values of the last override change first.

    Raises:
        ValueError: an override can't be read, or none names several values.

    Example:
        >>> [run.name for run in expand(["seed=0,1", "searcher=uniform,evolution"])]
        ... # doctest: +NORMALIZE_WHITESPACE
        ['seed=0,searcher=uniform', 'seed=0,searcher=evolution',
         'seed=1,searcher=uniform', 'seed=1,searcher=evolution']
    """
    choices: list[list[str]] = []
    swept: list[bool] = []
    for text in overrides:
        values = _values(text, config_dir)
        choices.append(values)
        swept.append(len(values) > 1)
    if not any(swept):
        raise ValueError(
            "-m needs an override that names several values, as in seed=0,1,2"
        )
    return [
        Run(
            ",".join(
                text.replace("/", "_")
                for text, many in zip(some, swept, strict=True)
                if many
            ),
            some,
        )
        for some in itertools.product(*choices)
    ]


def _values(text: str, config_dir: str) -> list[str]:
    """Return the overrides, of one value each, that an override is short for."""
    key, equals, _ = text.partition("=")
    try:
        parsed = OverridesParser.create().parse_override(text)
    except HydraException:
        parsed = None  # a form of ours, or a mistake that is named below
    if parsed and equals and parsed.is_sweep_override():
        if parsed.value_type is ValueType.GLOB_CHOICE_SWEEP:
            names = files_of(key, config_dir) if key in config_groups() else []
            values = cast(Glob, parsed.value()).filter(names)
        elif option_key(key) in VERBATIM:
            values = []
        else:
            values = list(parsed.sweep_string_iterator())
        if values:
            return [f"{key}={value}" for value in values]
    read_overrides([text], config_dir)
    return [text]
