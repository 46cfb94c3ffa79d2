"""Every word of a verdict can be shown by everything that shows verdicts."""

import json
from typing import get_args

import pytest

from neuralopt.cli.commands.verdict import plain
from neuralopt.report import run_tables
from neuralopt.report.html.charts.verdict import COLOURS, forest_chart
from neuralopt.report.tables import comparison_table
from neuralopt.scoring.score import Score
from neuralopt.verdict.comparison import Comparison, Verdict
from neuralopt.verdict.scores import Benchmark

QUALITIES = {
    "adam": [0.80, 0.81, 0.82, 0.80, 0.81, 0.83, 0.80],
    "up": [0.90, 0.912, 0.921, 0.90, 0.913, 0.93, 0.905],
    "down": [0.50, 0.512, 0.521, 0.50, 0.513, 0.53, 0.505],
    "like": [0.80, 0.82, 0.81, 0.81, 0.80, 0.82, 0.81],
    "flat": [0.79, 0.80, 0.81, 0.79, 0.80, 0.82, 0.79],
}
REASON = "training breaks: MemoryError"


@pytest.fixture(scope="module")
def found() -> Benchmark:
    rows = {
        name: tuple(Score("scored", quality=q, loss=1 - q) for q in row)
        for name, row in QUALITIES.items()
    }
    return Benchmark("digits", "smoke", 7, {"selection": rows}, {"broken": REASON})


@pytest.fixture(scope="module")
def comparison(found: Benchmark) -> Comparison:
    return found.comparison("selection", ["adam"])


def test_the_comparison_has_all_words(comparison: Comparison) -> None:
    words = {row.name: row.verdict for row in comparison.rows}
    assert set(words.values()) == set(get_args(Verdict))
    assert words["flat"] == "not decidable at this n"


def test_tables_say_all_words_and_why_one_failed(comparison: Comparison) -> None:
    table = comparison_table(comparison)
    text = table.text()
    for word in get_args(Verdict):
        assert word in text
    assert "nan" not in text
    notes = " ".join(table.notes)
    assert f"broken failed to run: {REASON}" in notes
    assert "'not decidable at this n': all seeds agree" in notes
    data = run_tables.verdict(comparison, {}, "digits", "Verdict")
    failed = data.rows[-1]
    assert [cell for cell in failed if cell] == ["broken", "failed to run"]
    assert not any(isinstance(cell, float) for cell in failed)
    assert f"broken failed to run: {REASON}" in data.notes


def test_the_chart_draws_all_words_but_what_failed(comparison: Comparison) -> None:
    drawn = {trace.name for trace in forest_chart(comparison, {}).figure.data}
    assert drawn == set(COLOURS) == set(get_args(Verdict)) - {"failed to run"}


def test_json_has_no_number_where_a_candidate_failed(found: Benchmark) -> None:
    text = json.dumps(plain(found, ["adam"]), allow_nan=False)
    last = json.loads(text)["splits"]["selection"][-1]
    assert (last["name"], last["verdict"]) == ("broken", "failed to run")
    assert (last["mean"], last["p_value"], last["reason"]) == (None, None, REASON)
    assert last["qualities"] == []
