"""The files of ``conf/``, by group and name, and suggestions for wrong names."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module, resources
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml


class Catalog(Mapping[str, Mapping[str, object]]):
    """Maps names to the ``*.yaml`` files of a folder, each read when first used.

    Args:
        folder: The folder; its subfolders are not read.
    """

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder
        self._read = cache(self._read_file)

    def __getitem__(self, name: str) -> Mapping[str, object]:
        if name not in set(self):
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        files = (entry.name for entry in self._folder.iterdir())
        return iter(
            sorted(f.removesuffix(".yaml") for f in files if f.endswith(".yaml"))
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _read_file(self, name: str) -> Mapping[str, object]:
        text = self._folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
        try:
            mapping = yaml.safe_load(text)
        except yaml.YAMLError as error:
            cause = " ".join(str(error).split())
            raise ValueError(f"{name}.yaml is not YAML: {cause}") from None
        if not isinstance(mapping, dict):
            raise ValueError(f"{name}.yaml holds no mapping")
        return mapping


def catalog(group: str) -> Catalog:
    """Return the files of a group.

    Args:
        group: A folder of ``conf/``, such as ``space``.
    """
    return Catalog(conf_folder().joinpath(group))


def conf_folder() -> Traversable:
    """Return ``conf/`` of the installed ``neuralopt.conf``, or of a checkout."""
    try:
        return resources.files(import_module("neuralopt.conf"))
    except ModuleNotFoundError:
        return Path(__file__).parents[1] / "conf"


def hint(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that was probably meant, else list them all.

    Args:
        name: A name that is not known.
        known: The known names.

    Example:
        >>> hint("digit", ["digits", "rosenbrock"])
        "did you mean 'digits'?"
    """
    options = list(known)
    near = difflib.get_close_matches(name, options, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(options)}"
