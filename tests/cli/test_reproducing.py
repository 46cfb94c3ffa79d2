"""Overrides written from saved settings lead to the same settings."""

import dataclasses

import pytest

from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.reproducing import reproducing_overrides
from neuralopt.cli.config.saved import settings_from_text, settings_text

MINE = {"name": "mine", "groups": 1}
"""What a space from a user's own file may have that ours has not."""


@pytest.mark.parametrize(
    ("overrides", "space"),
    [
        (
            "seed=3|run_dir=runs/x y|verdict.baselines=[adam,sgd]|evaluator.workers=3|"
            "task=digits+regression|budget.learning_rates=[0.01,0.1]|"
            "searcher.start=['g * exp(-t)', adam]",
            {},
        ),
        (
            "searcher=evolution|searcher.options.population=50|budget=smoke|"
            "space=temporal|task=digits|task.recipe.schedule=1 - t",
            MINE,
        ),
    ],
)
def test_they_lead_to_the_same_search(overrides: str, space: dict[str, object]) -> None:
    composed = compose_settings(overrides.split("|"))
    saved = dataclasses.replace(composed, space={**composed.space, **space})
    asked = settings_from_text(settings_text(saved))
    written = reproducing_overrides(asked)
    assert written is not None
    made = compose_settings(written)
    made.run_dir, made.resume = asked.run_dir, asked.resume
    assert settings_from_text(settings_text(made)) == asked


def test_what_no_override_can_express_has_none() -> None:
    settings = compose_settings([])
    settings.task.options = {"path": {"a": 1}}
    assert reproducing_overrides(settings) is None
