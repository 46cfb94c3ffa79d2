"""The spaces that come with neuralopt, by name.

Knows that each is a file of ``conf/space``; refuses to read any before it is asked for.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from neuralopt.catalog import Catalog, catalog
from neuralopt.spaces.space import Space


class SpaceRegistry(Mapping[str, Space]):
    """Name -> Space, each built at its first use."""

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
    """The space of this name that comes with neuralopt.

    Raises:
        ValueError: there is none; names those that there are.
    """
    try:
        return SPACES[name]
    except KeyError:
        raise ValueError(
            f"there is no space {name!r}; choose one of {', '.join(SPACES)}, or build "
            "your own with Space.from_mapping"
        ) from None
