"""Searchers as parameters of tests, with the reason why one can't be tested."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from neuralopt.searchers import SEARCHERS

NEEDS: Mapping[str, str] = {"tpe": "optuna"}
"""Searcher -> a package that it needs and that is optional."""


def params(names: Iterable[str], searchers: Mapping[str, str]) -> list[Any]:
    """Parameters for names, skipped where the searcher of a name can't be made."""
    return [
        pytest.param(
            name, marks=skip(searchers[name]) if searchers[name] in NEEDS else ()
        )
        for name in names
    ]


def skip(searcher: str) -> pytest.MarkDecorator:
    package = NEEDS[searcher]
    return pytest.mark.skipif(
        find_spec(package) is None, reason=f"{package} is not installed"
    )


EVERY_SEARCHER = params(SEARCHERS, {name: name for name in SEARCHERS})
