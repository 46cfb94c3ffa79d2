"""The registry of searchers."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from neuralopt.catalog import hint
from neuralopt.options import check_options, options_of
from neuralopt.searchers.controller.searcher import (
    ControllerSearcher,
    PaperControllerSearcher,
)
from neuralopt.searchers.evolution import EvolutionSearcher
from neuralopt.searchers.growing import Growing
from neuralopt.searchers.hill_climbing import HillClimbing
from neuralopt.searchers.quality_diversity import QualityDiversity
from neuralopt.searchers.searcher import Searcher, Space
from neuralopt.searchers.tpe import TreeParzen
from neuralopt.searchers.tree_search import TreeSearch
from neuralopt.searchers.uniform import UniformSearcher

SEARCHERS: Mapping[str, Callable[..., Searcher]] = MappingProxyType(
    {
        "uniform": UniformSearcher,
        "hill_climbing": HillClimbing,
        "evolution": EvolutionSearcher,
        "quality_diversity": QualityDiversity,
        "tree_search": TreeSearch,
        "tpe": TreeParzen,
        "controller": ControllerSearcher,
        "controller_paper": PaperControllerSearcher,
    }
)
"""Name -> constructor ``(space, seed, **options)``; `options_of` lists its options."""


def make_searcher(
    name: str,
    space: Space,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    grow: bool = False,
) -> Searcher:
    """Return the searcher of this name for a space.

    Args:
        name: A key of SEARCHERS.
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        options: Some or all of the searcher's options.
        grow: Whether rules of each size have a searcher of their own; see `Growing`.

    Raises:
        ValueError: The name or an option is unknown, or a value is out of range.
    """
    if name not in SEARCHERS:
        raise ValueError(f"unknown searcher {name!r}: {hint(name, SEARCHERS)}")
    make = SEARCHERS[name]
    checked = check_options("searcher.options", name, options_of(make), options or {})

    def searcher(space: Space, seed: int) -> Searcher:
        return make(space, seed, **checked)

    if grow and space.smaller():
        return Growing(space, seed, searcher, name)
    return searcher(space, seed)
