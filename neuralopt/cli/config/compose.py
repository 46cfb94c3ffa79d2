"""Configuration files and overrides to settings; settings to objects.

Knows Hydra and the schema; what it returns knows neither.
"""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from neuralopt.catalog import hint
from neuralopt.cli.config.overrides import check_overrides, explanation
from neuralopt.cli.config.schema import Settings, TaskSettings, check_numbers
from neuralopt.engines import Numerics
from neuralopt.scoring.budgets import Budget
from neuralopt.searchers import SEARCHERS, Searcher, default_options
from neuralopt.spaces import Space
from neuralopt.tasks import Task, is_custom, load_tasks, with_recipe

CONF = "neuralopt.conf"
VERBATIM = ("task.path", "run_dir", "task.recipe.schedule")
"""Keys whose value is taken as it is typed: paths, and expressions of the language."""


def compose_settings(overrides: Sequence[str]) -> Settings:
    """The settings of ``conf/config.yaml`` with overrides applied.

    Raises ValueError, one line, for an override that can't be read, an unknown key or
    group option, a value of another type, or a number out of range.
    """
    overrides = [_as_meant(override) for override in overrides]
    check_overrides(overrides)
    store = ConfigStore.instance()
    store.store("base_settings", Settings)
    for name in SEARCHERS:
        node = {"name": name, "options": default_options(name)}
        store.store(f"base_{name}", node, group="searcher")
    try:
        with _initialized():
            composed = compose("config", list(overrides))
        settings = cast(Settings, OmegaConf.to_object(composed))
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(explanation(error)) from None
    check_numbers(settings)
    return settings


def _as_meant(override: str) -> str:
    """An override as Hydra has to be told it.

    ``task=module:attribute`` and ``task=digits+ravine`` are no files of the group, but
    names of tasks.
    """
    key, _, value = override.partition("=")
    if key == "task" and (is_custom(value) or "+" in value):
        return f"task.name={value}"
    if key in VERBATIM and value and value[0] not in "'\"" and value != "null":
        escaped = value.replace("'", "\\'")
        return f"{key}='{escaped}'"
    return override


def _initialized() -> Any:
    """Hydra, looking for files in the checkout or, once installed, in the package."""
    checkout = Path(__file__).parents[3]
    if (checkout / "conf" / "config.yaml").exists() and (
        checkout / "pyproject.toml"
    ).exists():
        return initialize_config_dir(str(checkout / "conf"), version_base="1.3")
    import_module(CONF)
    return initialize_config_module(CONF, version_base="1.3")


def settings_text(settings: Settings) -> str:
    """Settings as JSON, as they are kept with a run."""
    return json.dumps(dataclasses.asdict(settings), indent=1)


def settings_yaml(settings: Settings) -> str:
    """Settings as YAML, for people."""
    return OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(settings)))


def settings_from_text(text: str) -> Settings:
    """Settings that were kept with a run.

    Raises ValueError if another version wrote them.
    """
    try:
        if "${" in text:  # would be resolved here, with what this machine knows
            raise ValueError("it holds ${")
        merged = OmegaConf.merge(OmegaConf.structured(Settings), json.loads(text))
        return cast(Settings, OmegaConf.to_object(merged))
    except (ValueError, RecursionError, OmegaConfBaseException) as error:
        raise ValueError(f"the run's configuration can't be read: {error}") from None


MOVABLE = ("evaluator", "report", "verdict")
"""Groups of settings that say where a search runs and what it shows, not what it is."""

PLACES = ("task.path", "task.download")
"""Where the data are: that they are the same is checked."""

NUMERICS = ("engine", "device", "precision")
"""Settings of an evaluator that make another search."""

OWN_ADDRESSES = ("", "local", "auto")
"""Of clusters of this machine: any other is not connected to because a file says so."""


def moved(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Settings of a search with overrides of what does not make it another one.

    Raises ValueError for one that does.
    """
    task = settings.task.name
    named = [
        override
        for override in overrides
        if override.partition("=")[0] in ("task", "task.name")
    ]
    if is_custom(task) and named not in ([f"task={task}"], [f"task.name={task}"]):
        raise ValueError(
            f"this search trains a task that is not ours, {task}: to have that module "
            f"run, name it: task={task}"
        )
    overrides = [each for each in overrides if not is_custom(task) or each not in named]
    keys = [override.partition("=")[0].lstrip("+~") for override in overrides]
    for key in keys:
        group, _, name = key.partition(".")
        kept = group == "evaluator" and name in NUMERICS
        if kept or (group not in MOVABLE and key not in PLACES):
            raise ValueError(
                f"{key} makes another search: to go on with this one, override "
                f"{', '.join((*MOVABLE, *PLACES))} alone"
            )
    address = settings.evaluator.address
    if address not in OWN_ADDRESSES and not {"evaluator", "evaluator.address"} & {
        *keys
    }:
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
        group, _, field = key.partition(".")
        if field:
            name = field.partition(".")[0]
            setattr(
                getattr(settings, group), name, attrgetter(f"{group}.{name}")(asked)
            )
        else:
            setattr(settings, group, getattr(asked, group))
    return settings


def settings_difference(one: Settings, other: Settings) -> str:
    """The first key in which two searches differ; empty if they are the same search.

    Where a search runs and what it shows do not make it another one.
    """
    keep = {"run_dir", "resume", *MOVABLE}
    same = dict.fromkeys(key.partition(".")[2] for key in PLACES)
    for field in dataclasses.fields(Settings):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name == "task":
            mine = dataclasses.replace(mine, **same)
            theirs = dataclasses.replace(theirs, **same)
        if field.name not in keep and mine != theirs:
            return field.name
    for name in NUMERICS:
        if getattr(one.evaluator, name) != getattr(other.evaluator, name):
            return f"evaluator.{name}"
    return ""


def build_space(settings: Settings) -> Space:
    return Space.from_mapping(str(settings.space.get("name", "")), settings.space)


def build_tasks(settings: Settings) -> tuple[Task, ...]:
    """Raises ValueError for an option that no task has, or that one refuses."""
    values = dataclasses.asdict(settings.task)
    name, recipe = values.pop("name"), values.pop("recipe")
    options = {key: value for key, value in values.items() if value is not None}
    return tuple(with_recipe(task, **recipe) for task in load_tasks(name, **options))


def task_overrides(settings: Settings) -> str:
    """What to type for the same tasks, with a space before each override."""
    name = settings.task.name
    typed = [] if name == TaskSettings().name else [f"task={name}"]
    values = dataclasses.asdict(settings.task)
    values |= {f"recipe.{key}": x for key, x in values.pop("recipe").items()}
    del values["name"]
    typed += [f"task.{key}={x}" for key, x in values.items() if x is not None]
    return "".join(f" {shlex.quote(override)}" for override in typed)


def build_numerics(settings: Settings) -> Numerics:
    return Numerics.named(settings.evaluator.precision, settings.evaluator.device)


def build_budget(settings: Settings) -> Budget:
    return Budget.from_mapping(dataclasses.asdict(settings.budget))


def build_searcher(settings: Settings, space: Space) -> Searcher:
    """Raises ValueError for an option that the searcher has not or refuses."""
    name, options = settings.searcher.name, settings.searcher.options
    if name not in SEARCHERS:
        raise ValueError(f"unknown searcher {name!r}: {hint(name, SEARCHERS)}")
    defaults = default_options(name)
    for key, value in options.items():
        if key not in defaults:
            raise ValueError(
                f"searcher.options.{key} is no option of {name}: "
                f"it has {', '.join(defaults) or 'none'}"
            )
        kind = type(defaults[key])
        if type(value) is not kind and (kind, type(value)) != (float, int):
            raise ValueError(
                f"searcher.options.{key} is {value!r}: give a value of the kind of "
                f"{defaults[key]!r}, its default"
            )
    return SEARCHERS[name](space, settings.seed, **options)
