"""Compose settings from the files of ``conf/``, a user's own files and overrides."""

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from neuralopt.cli.config.overrides import Extension, explanation, read_overrides
from neuralopt.cli.config.schema import Settings, check_settings
from neuralopt.evaluators import EVALUATORS
from neuralopt.options import options_of
from neuralopt.searchers import SEARCHERS

CONF = "neuralopt.conf"


def compose_settings(overrides: Sequence[str], config_dir: str = "") -> Settings:
    """Return the settings of ``conf/config.yaml`` with overrides applied.

    Args:
        overrides: as typed, ``KEY=VALUE``. A value ``PATH.yaml`` of a group is a file
            of the user's; ``KEY+=[A,B]`` extends a list.
        config_dir: a folder with groups of the user's own files, such as
            ``DIR/space/mine.yaml``; empty for none.

    Returns:
        The settings, of which numbers and types are checked.

    Raises:
        ValueError: one line, for an override that can't be read, an unknown key or
            group option, a value of another type, or a number out of range.
    """
    read = read_overrides(overrides, config_dir)
    _store_schema()
    for group, name, mapping in read.files:
        ConfigStore.instance().store(name, dict(mapping), group=group)
    search_path = [f"hydra.searchpath=[file://{config_dir}]"] if config_dir else []
    try:
        with _initialized():
            composed = compose("config", [*search_path, *read.texts])
        _extend(composed, read.extensions)
        settings = cast(Settings, OmegaConf.to_object(composed))
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(explanation(error)) from None
    check_settings(settings)
    return settings


def _store_schema() -> None:
    """Give Hydra the schema, and each registry's options with their defaults."""
    store = ConfigStore.instance()
    schema = OmegaConf.structured(Settings)
    OmegaConf.set_readonly(schema.budget, None)  # a frozen dataclass, composed here
    store.store("base_settings", schema)
    registries: dict[str, Mapping[str, Any]] = {
        "searcher": SEARCHERS,
        "evaluator": EVALUATORS,
    }
    for group, registry in registries.items():
        for name, make in registry.items():
            node = {"name": name, "options": options_of(make)}
            store.store(f"base_{name}", node, group=group)


def _extend(composed: Any, extensions: Sequence[Extension]) -> None:
    """Append to lists of the composed configuration."""
    for extension in extensions:
        held = OmegaConf.select(composed, extension.key)
        if not OmegaConf.is_list(held):
            raise ValueError(
                f"{extension.key} is not a list: += extends lists, write "
                f"{extension.key}=VALUE"
            )
        held.extend(extension.values)


def _initialized() -> Any:
    """Hydra, looking for files in the checkout or, once installed, in the package."""
    checkout = Path(__file__).parents[3]
    if (checkout / "conf" / "config.yaml").exists() and (
        checkout / "pyproject.toml"
    ).exists():
        return initialize_config_dir(str(checkout / "conf"), version_base="1.3")
    import_module(CONF)
    return initialize_config_module(CONF, version_base="1.3")


def settings_yaml(settings: Settings) -> str:
    """Return settings as YAML, for people.

    Args:
        settings: of a search.

    Returns:
        The text, several lines.
    """
    return OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(settings)))
