"""Read what people type as KEY=VALUE, check names, and explain Hydra's errors.

Three forms are not Hydra's, and are translated for it here: ``GROUP=PATH.yaml`` reads a
file of the user's, ``KEY+=[A,B]`` extends a list, and ``task.path=X`` is short for
``task.options.path=X``, as are ``searcher.hidden=32`` and ``evaluator.workers=2``.
"""

import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
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

from neuralopt.catalog import Catalog, catalog, conf_folder, hint
from neuralopt.cli.config.schema import (
    EvaluatorSettings,
    SearcherSettings,
    Settings,
    TaskSettings,
)
from neuralopt.evaluators import EVALUATORS
from neuralopt.options import options_of
from neuralopt.searchers import SEARCHERS
from neuralopt.tasks import TASKS, is_custom

VERBATIM = (
    "task.options.path",
    "run_dir",
    "task.recipe.schedule",
    "task.recipe.batch_milestones",
)
"""Keys whose value is taken as it is typed: paths, and expressions of the language."""

OPTION_GROUPS: Mapping[str, tuple[type, Mapping[str, Any]]] = {
    "task": (TaskSettings, TASKS),
    "searcher": (SearcherSettings, SEARCHERS),
    "evaluator": (EvaluatorSettings, EVALUATORS),
}
"""Groups with options: their schema and the registry whose members define them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Extension:
    """Values to append to the list at a key.

    Attributes:
        key: of the list, with the short form of an option written out.
        values: in the order typed.
    """

    key: str
    values: tuple[object, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ReadOverrides:
    """Overrides for Hydra, and what it can't be told by them.

    Attributes:
        texts: overrides in Hydra's syntax.
        extensions: of lists, in the order typed.
        files: (group, name to store it by, content) of the user's files.
    """

    texts: tuple[str, ...]
    extensions: tuple[Extension, ...]
    files: tuple[tuple[str, str, Mapping[str, object]], ...]


def read_overrides(typed: Sequence[str], config_dir: str = "") -> ReadOverrides:
    """Read and check overrides as typed.

    Names are checked as far as they are known before composition: groups, their files,
    and keys at the top. `explanation` covers keys further down.

    Args:
        typed: as typed, ``KEY=VALUE``.
        config_dir: a folder with groups of the user's own files; empty for none.

    Returns:
        Overrides for Hydra, extensions of lists, and contents of the user's files.

    Raises:
        ValueError: one line, for what can't be read and for unknown names.
    """
    if config_dir and not Path(config_dir).is_dir():
        raise ValueError(f"--config-dir {config_dir}: there is no such folder")
    texts: list[str] = []
    extensions: list[Extension] = []
    files: list[tuple[str, str, Mapping[str, object]]] = []
    for text in typed:
        key, _, value = text.partition("=")
        if "=" in text and key.endswith("+") and not key.startswith("+"):
            key = option_key(key[:-1])
            _check_key(text, key)
            extensions.append(Extension(key, tuple(_listed(value))))
        elif key in config_groups() and value.endswith((".yaml", ".yml")):
            mapping = _read_file(key, value)
            # Not its own name, which a file of the group may have too.
            stored = f"typed_{len(files)}"
            files.append((key, stored, mapping))
            texts.append(f"{key}={stored}")
        else:
            translated = _as_hydra(text)
            _check(text, translated, config_dir)
            texts.append(translated)
    return ReadOverrides(tuple(texts), tuple(extensions), tuple(files))


def option_key(key: str) -> str:
    """Return a key with the short form of an option written out.

    Args:
        key: as typed.

    Returns:
        The key of the configuration; a key that is not a short form is unchanged.

    Example:
        >>> option_key("evaluator.workers"), option_key("evaluator.engine")
        ('evaluator.options.workers', 'evaluator.engine')
    """
    group, _, name = key.partition(".")
    if group not in OPTION_GROUPS or not name:
        return key
    first = name.partition(".")[0]
    schema, _ = OPTION_GROUPS[group]
    if first in {field.name for field in dataclasses.fields(schema)}:
        return key
    return f"{group}.options.{name}" if first in _option_names(group) else key


def _option_names(group: str) -> list[str]:
    """Names of all options of a group's members, each once."""
    _, registry = OPTION_GROUPS[group]
    names = itertools.chain.from_iterable(map(options_of, registry.values()))
    return list(dict.fromkeys(names))


def _as_hydra(text: str) -> str:
    """An override in Hydra's syntax."""
    key, equals, value = text.partition("=")
    if not equals:
        return text
    key = option_key(key)
    if key == "task":
        key = "task.name"
    if key in VERBATIM or (key == "task.name" and (is_custom(value) or "+" in value)):
        if value and value[0] not in "'\"" and value != "null":
            escaped = value.replace("'", "\\'")
            value = f"'{escaped}'"
    if key.startswith("task.options."):
        key = f"++{key}"  # an option that is not given is not in the configuration
    return f"{key}={value}"


def _listed(text: str) -> list[object]:
    """Values of a list as typed: ``[A,B]`` or ``A``, split at commas outside brackets.

    >>> _listed("[min(g, m), tanh(x)]"), _listed("0.5")
    (['min(g, m)', 'tanh(x)'], [0.5])
    """
    inner = text.strip()
    if inner.startswith("[") != inner.endswith("]"):
        raise ValueError(f"{text!r} has one bracket of a list: write [A,B]")
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    values, depth, start = [], 0, 0
    for place, character in enumerate(f"{inner},"):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            values.append(inner[start:place].strip())
            start = place + 1
    return [_scalar(value) for value in values if value]


def _scalar(text: str) -> object:
    """Return a number or a word as YAML reads it; anything else as the text it is."""
    if re.fullmatch(r"[-+.\w]+|'[^']*'|\"[^\"]*\"", text):
        return yaml.safe_load(text)
    return text


def _read_file(group: str, path: str) -> Mapping[str, object]:
    """Content of a user's file of a group; its name is the file's by default."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"{group}={path}: there is no such file")
    return {"name": file.stem, **Catalog(file.parent)[file.stem]}


def _check(text: str, translated: str, config_dir: str) -> None:
    if "=" not in text:
        raise ValueError(f"{text!r} is not an override: write KEY=VALUE")
    if text.startswith(("+", "~")):
        raise ValueError(
            f"{text!r} adds or deletes a key, and no key can be added or deleted: "
            "write KEY=VALUE, or KEY+=[A,B] to extend a list"
        )
    try:
        override = OverridesParser.create().parse_override(translated)
    except HydraException as error:
        raise ValueError(
            f"can't read the override {text!r} ({_cause(error, text)}): write "
            "KEY=VALUE, a list as KEY=[A,B]; a value with any of ()[]{},:= needs "
            "quotes of its own, as in KEY=\"'A=B'\""
        ) from None
    _check_names(text, override, config_dir)


def _check_names(text: str, override: Override, config_dir: str) -> None:
    key = override.key_or_group
    if override.is_sweep_override():
        raise ValueError(
            f"{text!r} names several values: give -m to run a search for each, or "
            f"write a list as {key}=[A,B]"
        )
    if override.package is not None:
        raise ValueError(f"unknown key {text.split('=')[0]!r}: {hint(key, _keys())}")
    _check_key(text, key)
    if key in config_groups():
        option, options = override.value(), files_of(key, config_dir)
        if option is None and key == "experiment":
            return
        if option not in options:
            shown = text.split("=", 1)[1]
            raise ValueError(f"unknown {key} {shown!r}: {hint(shown, options)}")


def _check_key(text: str, key: str) -> None:
    if key.split(".")[0] not in _keys():
        typed = text.split("=")[0].rstrip("+")
        raise ValueError(f"unknown key {typed!r}: {hint(key, _keys())}")


def _keys() -> list[str]:
    """Keys at the top of the configuration, and groups."""
    fields = [field.name for field in dataclasses.fields(Settings)]
    return sorted({*fields, *config_groups()})


def files_of(group: str, config_dir: str = "") -> list[str]:
    """Return names of a group's files, ours and those in a folder of the user's.

    Args:
        group: a folder of ``conf/``, such as ``space``.
        config_dir: a folder with groups of the user's own files; empty for none.

    Returns:
        Each name once, without ``.yaml``.
    """
    own = Path(config_dir) / group
    mine = Catalog(own) if config_dir and own.is_dir() else ()
    return list(dict.fromkeys([*catalog(group), *mine]))


def config_groups() -> list[str]:
    """Return the folders of ``conf/``, each a group of files to choose one from."""
    folders = (entry for entry in conf_folder().iterdir() if entry.is_dir())
    return sorted(folder.name for folder in folders if folder.name[0] not in "._")


def explanation(error: Exception) -> str:
    """Return an error of Hydra or OmegaConf as one line: value, rule and options.

    Args:
        error: raised while settings were composed.

    Returns:
        The line, for a ValueError.
    """
    cause = error.__cause__ if isinstance(error, HydraException) else error
    if not isinstance(cause, OmegaConfBaseException) or not cause.full_key:
        return f"configuration: {' '.join(str(error).split())}"
    key, node = str(cause.full_key), cause.parent_node
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        if isinstance(node, DictConfig):
            place, _, name = key.rpartition(".")
            known = [*map(str, node)]
            known += _option_names(place) if place in OPTION_GROUPS else []
            return f"unknown key {name!r} in {place}: {hint(name, known)}"
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
