"""Options of registered names: read from their constructors, and checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from neuralopt.evaluators import EVALUATORS
from neuralopt.options import check_options, options_of
from neuralopt.searchers import SEARCHERS
from neuralopt.tasks import TASKS


@dataclass(frozen=True)
class Tuned:
    rate: float = 0.5
    steps: int = 3


class WithOptions:
    Options = Tuned


def function(
    space: object, seed: int = 0, *, rate: float = 0.5, steps: int = 3
) -> None:
    """A constructor with two options; what comes before them is none."""


@pytest.mark.parametrize("make", [Tuned, WithOptions, function])
def test_options_are_those_that_the_constructor_defines(
    make: Callable[..., Any],
) -> None:
    assert options_of(make) == {"rate": 0.5, "steps": 3}


@dataclass(frozen=True)
class Bare:
    rate: float


def without_default(space: object, *, steps: int) -> None:
    """A constructor with an option that must be given."""


def with_none(space: object, *, steps: int | None = None) -> None:
    """A constructor with an option of which the kind is not known."""


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Bare, "Bare: the option rate has no default: give it one"),
        (without_default, "without_default: the option steps has no default: give"),
        (with_none, "with_none: the option steps has the default None: give it one"),
    ],
)
def test_an_option_needs_a_default_that_shows_its_kind(
    make: Callable[..., Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        options_of(make)


@pytest.mark.parametrize("registry", [SEARCHERS, EVALUATORS, TASKS])
def test_every_default_of_every_member_is_accepted(
    registry: Mapping[str, Callable[..., Any]],
) -> None:
    for name, make in registry.items():
        defaults = options_of(make)
        assert check_options("x", name, defaults, defaults) == defaults


def test_whole_numbers_become_floats_where_the_default_is_one() -> None:
    checked = check_options("x", "it", options_of(Tuned), {"rate": 2})
    assert checked == {"rate": 2.0}
    assert type(checked["rate"]) is float


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rat": 1.0}, r"x\.rat is not an option of it: did you mean 'rate'\?"),
        ({"zzz": 1.0}, r"x\.zzz is not an option of it: known: rate, steps"),
        ({"rate": "fast"}, r"x\.rate is 'fast': give a value of the kind of 0\.5"),
        ({"steps": 2.5}, r"x\.steps is 2\.5: give a value of the kind of 3"),
        ({"steps": True}, r"x\.steps is True"),
    ],
)
def test_a_wrong_option_is_one_line(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_options("x", "it", options_of(Tuned), given)


def test_a_member_without_options_says_so() -> None:
    with pytest.raises(ValueError, match="is not an option of it: it has none"):
        check_options("x", "it", {}, {"rate": 1})
