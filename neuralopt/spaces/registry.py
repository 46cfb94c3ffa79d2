"""The built-in search spaces, by name: one for each file in ``conf/space``."""

from collections.abc import Iterator, Mapping
from functools import cache

from neuralopt.catalog import Catalog, catalog
from neuralopt.spaces.space import Space


class SpaceRegistry(Mapping[str, Space]):
    """Maps names to spaces; a file is read and its space built at the first use.

    Args:
        files: The files of ``conf/space``, by name.
    """

    def __init__(self, files: Catalog) -> None:
        self._files = files
        self._build = cache(lambda name: Space.from_mapping(name, files[name]))

    def __getitem__(self, name: str) -> Space:
        return self._build(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


SPACES: Mapping[str, Space] = SpaceRegistry(catalog("space"))


def load(name: str) -> Space:
    """Return the built-in space with this name.

    Args:
        name: A key of SPACES.

    Raises:
        ValueError: The name is unknown; the message lists the known ones.
    """
    try:
        return SPACES[name]
    except KeyError:
        raise ValueError(
            f"there is no space {name!r}; choose one of {', '.join(SPACES)}, or build "
            "your own with Space.from_mapping"
        ) from None
