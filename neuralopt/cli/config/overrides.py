"""What people type as KEY=VALUE: checked before Hydra reads it, and its errors as one
line.

Knows groups, keys and Hydra's exceptions; refuses to know what a value means.
"""

import dataclasses
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    OmegaConfBaseException,
    ValidationError,
)

from neuralopt.catalog import catalog, conf_folder, hint
from neuralopt.cli.config.schema import Settings


def check_overrides(texts: Sequence[str]) -> None:
    """Raise ValueError, one line, for what can't be read and for unknown names.

    Names are the groups, their options and the keys at the top; a key further down is
    known only once the groups are chosen, and `explanation` speaks of it.
    """
    groups = config_groups()
    keys = [field.name for field in dataclasses.fields(Settings)]
    parser = OverridesParser.create()
    for text in texts:
        if "=" not in text:
            raise ValueError(f"{text!r} is no override: write KEY=VALUE")
        if text.startswith(("+", "~")):
            raise ValueError(
                f"{text!r} adds or deletes a key, and there is none to add or delete: "
                "write KEY=VALUE"
            )
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            raise ValueError(
                f"can't read the override {text!r} ({_cause(error, text)}): write "
                "KEY=VALUE, a list as KEY=[A,B]; a value with any of ()[]{},:= needs "
                "quotes of its own, as in KEY=\"'A=B'\""
            ) from None
        _check(text, override, groups, sorted({*keys, *groups}))


def _check(
    text: str, override: Override, groups: Sequence[str], keys: Sequence[str]
) -> None:
    key = override.key_or_group
    if override.is_sweep_override():
        raise ValueError(
            f"{text!r} names several values: run a search for each, or write a list as "
            f"{key}=[A,B]"
        )
    if key.split(".")[0] not in keys or override.package is not None:
        raise ValueError(f"unknown key {text.split('=')[0]!r}: {hint(key, keys)}")
    if key in groups:
        option, options = override.value(), list(catalog(key))
        if option is None and key == "experiment":
            return
        if option not in options:
            shown = text.split("=", 1)[1]
            raise ValueError(f"unknown {key} {shown!r}: {hint(shown, options)}")


def config_groups() -> list[str]:
    """The folders of ``conf/``, each a group of files to choose one from."""
    folders = (entry for entry in conf_folder().iterdir() if entry.is_dir())
    return sorted(folder.name for folder in folders if folder.name[0] not in "._")


def explanation(error: Exception) -> str:
    """An error of Hydra or OmegaConf in one line: the value, the rule, the options."""
    cause = error.__cause__ if isinstance(error, HydraException) else error
    if not isinstance(cause, OmegaConfBaseException) or not cause.full_key:
        return f"configuration: {' '.join(str(error).split())}"
    key, node = str(cause.full_key), cause.parent_node
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        if isinstance(node, DictConfig):
            place, _, name = key.rpartition(".")
            suggestion = hint(name, map(str, node))
            return f"unknown key {name!r} in {place}: {suggestion}"
    what = str(cause.msg or cause).splitlines()[0]
    if not isinstance(cause, ValidationError):
        return f"{key}: {what}"
    if "ListConfig" in what:
        return f"{key} takes a list: write {key}=[A,B]"
    if "not Optional" in what:
        return f"{key} is null: give it a value"
    return f"{key} has the wrong type: {what}"


def _cause(error: HydraException, text: str) -> str:
    """The first line that says more than the override itself."""
    lines = [line.strip() for line in str(error).splitlines()]
    says = [line for line in lines if line.strip("^") and text not in line]
    if not says or says[0].startswith("See http"):
        return "unexpected character"
    return says[0].partition(" expecting {")[0]
