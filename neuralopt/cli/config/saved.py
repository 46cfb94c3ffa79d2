"""Read, compare and override settings that were saved with a run."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from neuralopt.catalog import hint
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.overrides import option_key
from neuralopt.cli.config.schema import (
    EvaluatorSettings,
    Settings,
    TaskSettings,
)
from neuralopt.cli.config.trust import check_modest, confirmed, short_key
from neuralopt.evaluators import EVALUATORS
from neuralopt.options import options_of
from neuralopt.scoring.budgets import BUDGETS
from neuralopt.tasks import is_custom

MOVABLE = ("evaluator", "report", "verdict", "promotion")
"""Groups of settings that say where a search runs and what it shows."""

PLACES = ("task.options.path", "task.options.download")
"""Where the data are; that they are the same data is checked."""

OPEN = ("pruning.candidates",)
"""Numbers that may change once the search is done: more of the same is computed."""

NUMERICS = ("engine", "device", "precision")
"""Settings of an evaluator that make another search."""

OWN_ADDRESSES = ("", "local", "auto")
"""Clusters of this machine. A file never makes us connect to another one."""


def settings_text(settings: Settings) -> str:
    """Return settings as JSON, as they are kept with a run.

    Args:
        settings: of a search.

    Returns:
        The text, which `settings_from_text` reads.
    """
    return json.dumps(dataclasses.asdict(settings), indent=1)


def settings_from_text(text: str) -> Settings:
    """Return settings that were kept with a run.

    Args:
        text: JSON, as `settings_text` writes it.

    Returns:
        The settings, without a permission to download data.

    Raises:
        ValueError: another version wrote them, in a form that this one can't read.
    """
    try:
        kept = json.loads(text)
        if any("${" in each for each in _texts(kept)):
            raise ValueError("it holds ${")  # which would be resolved on this machine
        schema = OmegaConf.structured(Settings)
        OmegaConf.set_readonly(schema.budget, None)
        merged = OmegaConf.merge(schema, _upgraded(kept))
        settings = cast(Settings, OmegaConf.to_object(merged))
        settings.task.options.pop("download", None)  # a file never makes us fetch data
        return settings
    except (ValueError, TypeError, RecursionError, OmegaConfBaseException) as error:
        cause = " ".join(str(error).split())
        raise ValueError(f"the run's configuration can't be read: {cause}") from None


def _texts(value: object) -> Iterator[str]:
    """All texts within decoded JSON, keys of mappings too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (str(key), *_texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _upgraded(kept: Any) -> Any:
    """Settings in today's form; the first version had options next to names."""
    if not isinstance(kept, dict):
        raise ValueError("it is not a mapping")
    for group, schema in (("task", TaskSettings), ("evaluator", EvaluatorSettings)):
        section = kept.get(group)
        if not isinstance(section, dict) or "options" in section:
            continue
        known = {field.name for field in dataclasses.fields(schema)}
        options = {key: section.pop(key) for key in list(section) if key not in known}
        if group == "evaluator" and section.get("name") in EVALUATORS:
            mine = options_of(EVALUATORS[section["name"]])
            options = {key: x for key, x in options.items() if key in mine}
        section["options"] = {k: x for k, x in options.items() if x is not None}
    # Searches from before there was a shortlist or pruning go on without them.
    return {"shortlist": {"size": 0}, "pruning": {"candidates": 0}, **kept}


def moved(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Return the settings of a search with overrides that keep it the same search.

    Args:
        settings: kept with the search; they are changed in place.
        overrides: as typed, of groups in MOVABLE and keys in PLACES and OPEN.

    Returns:
        The same settings, changed.

    Raises:
        ValueError: an override makes another search, or the search would run a module,
            connect to a cluster or take more memory or time at once than a file may ask
            for, and the user did not name that.
    """
    task = settings.task.name
    named = [each for each in overrides if _key(each) in ("task", "task.name")]
    if is_custom(task) and named not in ([f"task={task}"], [f"task.name={task}"]):
        raise ValueError(
            f"this search trains a custom task, {task}: to have that module run, name "
            f"it: task={task}"
        )
    overrides = [each for each in overrides if not is_custom(task) or each not in named]
    repeated = confirmed(settings, overrides)
    overrides = [each for each in overrides if each not in repeated]
    keys = [_key(override) for override in overrides]
    for key in keys:
        group, _, name = key.partition(".")
        kept = group == "evaluator" and name in NUMERICS
        if group not in {field.name for field in dataclasses.fields(Settings)}:
            raise ValueError(f"unknown key {key!r}: {hint(key, MOVABLE)}")
        if kept or (group not in MOVABLE and key not in (*PLACES, *OPEN)):
            places = ", ".join(map(short_key, (*PLACES, *OPEN)))
            raise ValueError(
                f"{key} makes another search: to go on with this one, override only "
                f"{', '.join(MOVABLE)}, {places}"
            )
    address = str(settings.evaluator.options.get("address", ""))
    renamed = {"evaluator", "evaluator.options.address"} & {*keys}
    if address not in OWN_ADDRESSES and not renamed:
        raise ValueError(
            f"this search ran on the Ray cluster at {address}: to go on there, and "
            f"give it your token, name it: evaluator.address={address}; else "
            "evaluator=in_process"
        )
    same = [] if "evaluator" in keys else [f"evaluator={settings.evaluator.name}"]
    asked = compose_settings([*same, *overrides])
    for name in NUMERICS:
        setattr(asked.evaluator, name, getattr(settings.evaluator, name))
    for key in keys:
        _copy(key, asked, settings)
    check_modest(settings, [*keys, *map(_key, repeated)])
    return settings


def _key(override: str) -> str:
    """The key of an override, with the short form of an option written out."""
    return option_key(override.partition("=")[0].rstrip("+").lstrip("+~"))


def _copy(key: str, source: Settings, target: Settings) -> None:
    """Set the value at a key as it is in other settings."""
    place, _, name = key.rpartition(".")
    if not place:
        setattr(target, name, getattr(source, name))
        return
    held = attrgetter(place)(target)
    if isinstance(held, dict):
        held[name] = attrgetter(place)(source)[name]
    else:
        setattr(held, name, attrgetter(key)(source))


def settings_difference(one: Settings, other: Settings) -> str:
    """Return the first key in which two searches differ.

    Where a search runs and what it shows does not make it another one.

    Args:
        one: settings of a search.
        other: settings of a search.

    Returns:
        The key; empty if the searches are the same.
    """
    for field in dataclasses.fields(Settings):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name == "task":
            mine, theirs = _without_places(mine), _without_places(theirs)
        if field.name == "pruning":
            mine, theirs = (
                dataclasses.replace(x, candidates=0) for x in (mine, theirs)
            )
        if field.name not in ("run_dir", "resume", *MOVABLE) and mine != theirs:
            return field.name
    for name in NUMERICS:
        if getattr(one.evaluator, name) != getattr(other.evaluator, name):
            return f"evaluator.{name}"
    return ""


def _without_places(task: TaskSettings) -> TaskSettings:
    places = {key.rpartition(".")[2] for key in PLACES}
    kept = {key: x for key, x in task.options.items() if key not in places}
    return dataclasses.replace(task, options=kept)


INHERITED = ("task", "budget")
"""Sections that say how rules are scored."""


def inherit(asked: Settings, kept: Settings, overrides: Sequence[str]) -> list[str]:
    """Score as a saved search did, except where overrides say otherwise.

    Args:
        asked: composed with the overrides; its sections are replaced.
        kept: settings of the search.
        overrides: as typed. One that names a task or a budget replaces all of it.

    Returns:
        What was taken over, as overrides for people to read.
    """
    keys = [_key(override) for override in overrides]
    described: list[str] = []
    for group in INHERITED:
        if {group, f"{group}.name"} & {*keys}:
            continue
        mine, section = getattr(asked, group), getattr(kept, group)
        for key in keys:
            where, _, name = key.partition(".")
            if where == group:
                section = _with(section, name, mine)
        setattr(asked, group, section)
        described += [
            each for each in described_overrides(kept) if _key(each).startswith(group)
        ]
    return described


def _with(section: Any, name: str, source: Any) -> Any:
    """A section with the value at a name, such as ``recipe.warmup``, of another."""
    first, _, rest = name.partition(".")
    if isinstance(section, dict):
        return {**section, first: source[first]}
    value = getattr(source, first)
    if rest:
        value = _with(getattr(section, first), rest, value)
    return dataclasses.replace(section, **{first: value})


def described_overrides(settings: Settings) -> list[str]:
    """Return task, recipe and budget as overrides for people, without defaults.

    Args:
        settings: of a search.

    Returns:
        Texts ``KEY=VALUE``.
    """
    task, budget = settings.task, settings.budget
    typed = [] if task.name == TaskSettings().name else [f"task={task.name}"]
    typed += _typed("task", task.options) + _typed("task.recipe", task.recipe)
    fields = dataclasses.asdict(budget)
    if budget.name in BUDGETS:
        typed.append(f"budget={budget.name}")
        named = dataclasses.asdict(BUDGETS[budget.name])
        fields = {key: x for key, x in fields.items() if x != named[key]}
    return typed + _typed("budget", fields)


def _typed(prefix: str, values: Mapping[str, Any]) -> list[str]:
    return [
        f"{prefix}.{key}={list(x) if isinstance(x, tuple) else x}"
        for key, x in values.items()
        if x is not None
    ]
