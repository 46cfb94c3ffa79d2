"""Every searcher of the registry keeps the promises of the protocol.

A searcher without an entry in VARIANTS is tested with its default options.
"""

from typing import Any, NamedTuple

import pytest

from neuralopt.searchers import SEARCHERS, Searcher
from tests.conformance import searchers as checks
from tests.conformance.searchers import SPACE
from tests.searchers.installed import NEEDS, params
from tests.searchers.toy_space import ToySpace


class Variant(NamedTuple):
    """A searcher with options; learns: whether results change what it proposes."""

    searcher: str
    options: dict[str, Any] = {}  # noqa: RUF012 - never written
    learns: bool = True


# Small numbers, so that 200 results reach every branch: populations full, many updates.
SPECIAL: dict[str, Variant] = {
    "uniform": Variant("uniform", learns=False),
    "evolution": Variant("evolution", {"population": 20, "tournament": 4}),
    "published evolution": Variant(
        "evolution", {"population": 20, "tournament": 4, "redraws": 0, "crossover": 0.0}
    ),
    "hill_climbing": Variant("hill_climbing", {"starts": 8, "patience": 20}),
    "quality_diversity": Variant("quality_diversity", {"beginning": 20, "least": 0.0}),
    "tpe": Variant("tpe", {"startup": 20, "window": 50}),
    "ppo": Variant("controller", {"batch": 12, "hidden": 16, "elites": 5}),
    "reinforce": Variant(
        "controller", {"batch": 5, "algorithm": "reinforce", "hidden": 16}
    ),
    # Learns faster than the paper's, so that 200 results show that it does.
    "paper": Variant("controller_paper", {"learning_rate": 1e-2, "hidden": 16}),
    "risk": Variant("controller", {"batch": 12, "quantile": 0.8, "epochs": 3}),
    "policy": Variant("controller", {"evolved": 0.0, "queue": 0, "redraws": 0}),
    "rank": Variant(
        "controller", {"advantage": "rank", "rank_window": 30, "hidden": 16}
    ),
}
VARIANTS = SPECIAL | {
    name: Variant(name)
    for name in SEARCHERS
    if name not in {variant.searcher for variant in SPECIAL.values()}
}
every = pytest.mark.parametrize(
    "name", params(VARIANTS, {name: each.searcher for name, each in VARIANTS.items()})
)


def maker(
    name: str, space: ToySpace = SPACE, without: tuple[str, ...] = ()
) -> checks.Make:
    variant = VARIANTS[name]
    options = {key: variant.options[key] for key in variant.options.keys() - without}

    def make(seed: int) -> Searcher:
        return SEARCHERS[variant.searcher](space, seed, **options)

    return make


def test_every_registered_searcher_is_in_this_suite() -> None:
    assert {variant.searcher for variant in VARIANTS.values()} == set(SEARCHERS)


@every
def test_rows_are_valid_and_of_the_promised_shape_and_type(name: str) -> None:
    checks.check_rows(maker(name))


@every
def test_the_same_seed_proposes_the_same_and_another_seed_does_not(name: str) -> None:
    checks.check_seed(maker(name))


@every
def test_global_random_state_is_neither_read_nor_moved(name: str) -> None:
    checks.check_global_random_state(maker(name))


@every
def test_saved_and_loaded_it_continues_exactly_even_with_open_asks(name: str) -> None:
    checks.check_saved_state(maker(name))


@every
def test_a_state_can_be_saved_before_anything_was_asked(name: str) -> None:
    checks.check_state_before_any_ask(maker(name))


@every
def test_loading_leaves_the_state_untouched(name: str) -> None:
    checks.check_loading_changes_no_state(maker(name))


@every
def test_results_change_proposals_of_searchers_that_learn(name: str) -> None:
    checks.check_learning(maker(name), VARIANTS[name].learns)


@every
def test_results_that_are_nan_teach_nothing(name: str) -> None:
    checks.check_nan_teaches_nothing(maker(name))


@every
def test_nan_among_results_is_skipped(name: str) -> None:
    checks.check_nan_among_results(maker(name), VARIANTS[name].learns)


@every
def test_several_asks_may_be_open(name: str) -> None:
    checks.check_several_open_asks(maker(name))


@every
@pytest.mark.parametrize("problem", checks.PROBLEMS)
def test_a_wrong_tell_is_refused_in_one_line_and_changes_nothing(
    name: str, problem: str
) -> None:
    checks.check_wrong_tell(maker(name), problem)


@every
def test_an_ask_of_no_rows_is_told_in_its_turn(name: str) -> None:
    checks.check_empty_ask(maker(name))


@every
@pytest.mark.parametrize("count", [-1, 2.5, "3"])
def test_a_count_that_is_none_is_refused(name: str, count: Any) -> None:
    with pytest.raises(ValueError, match="whole number"):
        maker(name)(0).ask(count)


@every
def test_arrays_of_the_caller_stay_theirs(name: str) -> None:
    checks.check_arrays_stay_the_callers(maker(name))


@every
def test_enqueued_rows_come_first(name: str) -> None:
    checks.check_enqueued_rows(maker(name))


@every
def test_origins_name_parents_that_were_told_or_enqueued(name: str) -> None:
    checks.check_origins(maker(name))


@every
def test_rows_changed_between_ask_and_tell_are_noticed(name: str) -> None:
    checks.check_changed_rows(maker(name))


@every
def test_a_state_of_another_space_or_searcher_is_refused(name: str) -> None:
    kind = VARIANTS[name].searcher
    others = [
        each for each in VARIANTS if VARIANTS[each].searcher not in {kind, *NEEDS}
    ]
    strangers = [maker(name, ToySpace((5, 4, 6)))(0), *(maker(o)(0) for o in others)]
    checks.check_strange_states(maker(name), *strangers)


@every
def test_the_number_of_threads_changes_nothing(name: str) -> None:
    # A network of the full size: small products run on one thread anyway.
    checks.check_number_of_threads(maker(name, without=("hidden",)))
