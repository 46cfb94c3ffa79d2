"""Options of what is chosen by name: their defaults, and checks of given values.

A registry maps names to constructors. The options of a member are the keyword-only
parameters of its constructor, which must have defaults. Each option is thus defined
once, where it is used.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from neuralopt.catalog import hint


def options_of(make: Callable[..., Any]) -> dict[str, Any]:
    """Return the options of a constructor, with their defaults.

    Args:
        make: a function, a class, or a dataclass, whose fields are its options. A class
            may name a dataclass of its options as its attribute ``Options``.

    Raises:
        TypeError: an option has no default, or the default is None, which does not tell
            the kind of value that the option takes.

    Example:
        >>> def evolution(space, seed=0, *, population=100): ...
        >>> options_of(evolution)
        {'population': 100}
    """
    make = getattr(make, "Options", make)
    if is_dataclass(make):
        defaults = {
            field.name: field.default_factory()
            if field.default_factory is not MISSING
            else field.default
            for field in fields(make)
        }
    else:
        defaults = {
            p.name: dict(p.default) if isinstance(p.default, Mapping) else p.default
            for p in inspect.signature(make).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        }
    for name, default in defaults.items():
        if default is None or default is MISSING or default is inspect.Parameter.empty:
            has = "has the default None" if default is None else "has no default"
            raise TypeError(
                f"{make.__name__}: the option {name} {has}: give it one that shows the "
                "kind of its values"
            )
    return defaults


def check_options(
    key: str, owner: str, defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the given options, once it is known that each exists and has a fit value.

    Args:
        key: of the options in a configuration, such as ``searcher.options``.
        owner: name of the member they are given to.
        defaults: its options.
        given: values by option; a whole number may stand for a float.

    Returns:
        The values by option, whole numbers made floats where the default is one.

    Raises:
        ValueError: an option is unknown, or its value is of another kind.
    """
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in defaults:
            known = hint(name, defaults) if defaults else "it has none"
            raise ValueError(f"{key}.{name} is not an option of {owner}: {known}")
        kind = type(defaults[name])
        if type(value) is not kind and (kind, type(value)) != (float, int):
            raise ValueError(
                f"{key}.{name} is {value!r}: give a value of the kind of "
                f"{defaults[name]!r}, its default"
            )
        checked[name] = kind(value) if kind is float else value
    return checked
