"""What a run directory of a stranger may ask of this machine."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from neuralopt.archive import Archive
from neuralopt.cli.commands.compare import settings_of_runs
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.saved import moved, settings_from_text, settings_text
from neuralopt.cli.config.schema import Settings
from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]


def _many_epochs(kept: Settings) -> None:
    kept.budget = replace(kept.budget, epochs=10**6, horizons=())


def _keep(settings: Settings, run: Path) -> None:
    """Make a run directory of a stranger."""
    context = {"configuration": settings_text(settings)}
    Archive.create(run / "archive.sqlite", context).close()


EXCESSES: dict[str, Callable[[Settings], object]] = {
    "batch=1000000000000": lambda kept: setattr(kept, "batch", 10**12),
    "lag=101": lambda kept: setattr(kept, "lag", 101),
    "task.width=5000": lambda kept: kept.task.options.update(width=5000),
    "budget.epochs=1000000": _many_epochs,
    "searcher.hidden=2000": lambda kept: kept.searcher.options.update(hidden=2000),
    "evaluator.workers=1001": lambda kept: kept.evaluator.options.update(workers=1001),
}
"""What a file may ask for only once the user names it, and what writes it there."""


@pytest.fixture(scope="module")
def modest() -> Settings:
    """The settings of a search that asks for little at once."""
    settings = compose_settings([])
    settings.seed = settings.proposals = settings.evaluations = 10**12
    return settings


def test_a_resumed_search_asks_before_it_exhausts_this_machine(
    modest: Settings, capsys: Capture, tmp_path: Path
) -> None:
    greedy = replace(modest, batch=10**12)
    _keep(greedy, tmp_path)
    said = typed(capsys, "resume", str(tmp_path))
    assert (said.code, said.out) == (2, "")
    assert said.complaint.endswith(
        "the run's configuration has batch=1000000000000, and a file is taken at its "
        "word up to 10000: to go on with that, name it: batch=1000000000000"
    )


def test_rediscover_takes_no_run_that_would_exhaust_this_machine(
    modest: Settings, capsys: Capture, tmp_path: Path
) -> None:
    greedy = copy.deepcopy(modest)
    greedy.batch = 10**12  # of which nothing is asked
    EXCESSES["searcher.hidden=2000"](greedy)
    _keep(greedy, tmp_path)
    said = typed(capsys, "rediscover", str(tmp_path))
    assert (said.code, said.out) == (2, "")
    assert said.complaint.endswith(
        "the run's configuration has searcher.hidden=2000, and a file is taken at its "
        "word up to 1000"
    )


@pytest.mark.parametrize("named", EXCESSES)
def test_an_excess_is_taken_once_it_is_named(named: str, modest: Settings) -> None:
    greedy = copy.deepcopy(modest)
    EXCESSES[named](greedy)
    with pytest.raises(ValueError, match=f"name it: {named}$"):
        moved(copy.deepcopy(greedy), [])
    assert moved(copy.deepcopy(greedy), [named]) == greedy
    key, _, value = named.partition("=")
    if key != "evaluator.workers":
        with pytest.raises(ValueError, match="makes another search"):
            moved(greedy, [f"{key}={int(value) + 1}"])


def test_a_modest_search_goes_on(modest: Settings) -> None:
    assert moved(copy.deepcopy(modest), []) == modest


def test_a_comparison_inherits_no_excess(modest: Settings, tmp_path: Path) -> None:
    greedy = copy.deepcopy(modest)
    greedy.batch = 10**12  # not inherited
    _many_epochs(greedy)
    _keep(greedy, tmp_path)
    rule, named = f"{tmp_path}:best", "budget.epochs=1000000"
    with pytest.raises(ValueError, match=rf"name it: {named}$"):
        settings_of_runs([rule])
    for overrides in ([named], ["budget=smoke"]):
        assert settings_of_runs([rule], overrides) == greedy


def test_a_file_never_fetches_data() -> None:
    asked = compose_settings(["task=cifar10_conv", "task.download=true"])
    assert settings_from_text(settings_text(asked)).task.options == {}
