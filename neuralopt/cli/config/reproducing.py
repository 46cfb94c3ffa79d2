"""Write saved settings as the overrides that lead to them."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.overrides import VERBATIM, files_of
from neuralopt.cli.config.saved import settings_difference
from neuralopt.cli.config.schema import Settings

LEFT_OUT = ("run_dir", "resume")
"""Settings of one place, which whoever repeats the search chooses."""

FILES = ("space", "budget", "searcher", "evaluator")
"""Groups with files, which are named where there is one of that name."""


def reproducing_overrides(settings: Settings) -> list[str] | None:
    """Return overrides of this version's configuration that give the same search.

    Args:
        settings: of a search.

    Returns:
        Texts ``KEY=VALUE``, without those of the run directory: all names of groups,
        for defaults may change, then what differs from them. None if no overrides
        lead there.
    """
    wanted = dataclasses.asdict(settings)
    named = [
        f"{group}={wanted[group]['name']}"
        for group in FILES
        if wanted[group].get("name") in files_of(group)
    ]
    named.append(f"task={settings.task.name}")
    try:
        base = compose_settings(named)
        more = _differences(dataclasses.asdict(base), wanted)
        overrides = [
            *named,
            *(_text(key, value) for key, value in more if key not in LEFT_OUT),
        ]
        made = compose_settings(overrides)
    except (ValueError, KeyError):  # a value that no override can express
        return None
    return None if settings_difference(settings, made) else overrides


def _differences(
    base: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Keys with dots and values of what is wanted and not so in the base."""
    for key, value in wanted.items():
        held = base.get(key)
        if isinstance(value, Mapping) and isinstance(held, Mapping):
            yield from _differences(held, value, f"{prefix}{key}.")
        elif value != held:
            yield f"{prefix}{key}", value


def _text(key: str, value: Any) -> str:
    if isinstance(value, str) and key in VERBATIM:
        return f"{key}={value}"
    return f"{key}={_value_text(value)}"


def _value_text(value: Any) -> str:
    """A value in Hydra's syntax."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{','.join(map(_value_text, value))}]"
        case str() if re.fullmatch(r"[A-Za-z_][\w./-]*", value):
            return value
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"'{escaped}'"
        case _:
            raise ValueError(f"{value!r} can't be written as an override")
