"""Searchers by name; the only place that knows which ones there are."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from neuralopt.searchers.controller_searcher import ControllerSearcher
from neuralopt.searchers.evolution import EvolutionSearcher
from neuralopt.searchers.policy_gradient import Training
from neuralopt.searchers.searcher import Searcher
from neuralopt.searchers.uniform import UniformSearcher

SEARCHERS: Mapping[str, Callable[..., Searcher]] = MappingProxyType(
    {
        "uniform": UniformSearcher,
        "evolution": EvolutionSearcher,
        "controller": ControllerSearcher,
    }
)
"""Name -> constructor ``(space, seed, **options)``."""


def default_options(name: str) -> dict[str, Any]:
    """The options of the searcher of this name, with their defaults."""
    if name == "controller":
        return dataclasses.asdict(Training())
    parameters = inspect.signature(SEARCHERS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
