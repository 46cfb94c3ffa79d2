"""Names of the rules that are promoted."""

import pytest

from neuralopt.cli.commands import promote
from neuralopt.cli.config.schema import PromotionSettings
from neuralopt.cli.rule_lookup import FoundRule
from neuralopt.language import parse


def test_rules_of_two_runs_that_share_several_numbers_have_names_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(text: str) -> list[FoundRule]:
        scale = "2" if text.startswith("one") else "3"
        return [FoundRule(f"#{n}", parse(f"{scale} * g ** {n}")) for n in (3, 5)]

    monkeypatch.setattr(promote, "find_rules", found)
    texts = ["one:top2", "two:top2"]
    contenders, left_out = promote._contenders(
        texts, PromotionSettings(baselines=["adamw"])
    )
    assert [each.name for each in contenders] == [
        "adamw",
        "#3",
        "#5",
        "two:#3",
        "two:#5",
    ]
    assert left_out == []
