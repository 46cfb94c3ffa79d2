"""docs/ZOO.md shows the named rules as they are."""

from pathlib import Path

from neuralopt.language import RULES, render


def test_the_table_of_the_zoo_is_that_of_the_rules() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "ZOO.md").read_text("utf-8")
    rows = [line.split(" | ") for line in lines.splitlines() if line.startswith("| ")]
    shown = {row[0].strip("| "): row for row in rows[1:]}
    assert list(shown) == list(RULES)
    for name, rule in RULES.items():
        _, text, lr, reference, *_, about = shown[name]
        assert text == f"`{render(rule.expression)}`"
        assert (lr, reference) == (f"{rule.lr:g}", rule.reference)
        assert about.strip(" |") == rule.about
