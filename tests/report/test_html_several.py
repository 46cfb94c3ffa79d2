"""The page of several runs shows them side by side, grouped by what they share."""

from pathlib import Path

import pytest

from neuralopt.archive import Archive
from neuralopt.report.html.page import page
from neuralopt.report.html.report_tables import report_tables
from neuralopt.report.html.run_report import RunReport, read_report
from neuralopt.report.html.several import alike, differing_settings, grouped
from tests.report.page_reader import Page
from tests.report.report_runs import context, make_run, proposal


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[RunReport]:
    folder = tmp_path_factory.mktemp("runs")
    asked = {
        "a": (50, 0, "uniform"),
        "b": (70, 1, "uniform"),
        "c": (60, 0, "evolution"),
    }
    made = []
    for name, (proposals, seed, searcher) in asked.items():
        make_run(folder / name, proposals, seed, searcher)
        with Archive.open(folder / name) as archive:
            made.append(read_report(name, archive))
    return made


@pytest.fixture(scope="module")
def read(reports: list[RunReport]) -> Page:
    return Page(page(reports))


def test_runs_that_differ_in_seeds_only_are_one_group(reports: list[RunReport]) -> None:
    groups = grouped(reports)
    assert {name: [view.name for view in some] for name, some in groups.items()} == {
        "uniform": ["a", "b"],
        "evolution": ["c"],
    }


def test_their_curve_is_a_median_with_a_band(read: Page) -> None:
    traces = read.charts["chart-3-several"]["data"]
    names = [each["name"] for each in traces if "name" in each]
    assert names == ["uniform (median of 2)", "evolution"]
    assert sum(each.get("fill") == "tonexty" for each in traces) == 1


def test_the_table_of_runs_has_each_with_its_numbers(read: Page) -> None:
    assert read.column("table-runs", "run") == ["a", "b", "c"]
    assert read.column("table-runs", "proposals") == ["50", "70", "60"]
    assert read.column("table-runs", "seed") == ["0", "1", "0"]
    assert read.column("table-runs", "better than the reference") == ["3", "3", "3"]


def test_the_best_of_all_name_their_runs_and_are_sorted(read: Page) -> None:
    runs = read.column("rules", "run")
    assert {*runs} == {"a", "b", "c"}
    measured = [x for x in read.column("rules", "95% interval") if x]
    assert len(measured) == 12
    scores = [float(x) for x in read.column("rules", "score")[:12]]
    assert scores == sorted(scores, reverse=True)


def test_each_run_has_its_own_sections_and_ids(read: Page) -> None:
    assert len(read.ids) == len(set(read.ids))
    for place in range(3):
        assert f"chart-{place}-best" in read.charts
        assert f"verdict-{place}" in read.tables


def test_settings_that_differ_are_listed(read: Page, reports: list[RunReport]) -> None:
    assert {"seed", "searcher.name"} <= {*differing_settings(reports)}
    assert read.tables["table-settings"][0] == ["setting", "a", "b", "c"]
    assert ["seed", "0", "1", "0"] in read.tables["table-settings"]


def test_other_objectives_have_tables_of_their_own(
    reports: list[RunReport], tmp_path: Path
) -> None:
    told = {**context(), "task fingerprint": "another"}
    with Archive.create(tmp_path, told) as archive:
        archive.record([proposal(0), proposal(1)])
        other = read_report("other", archive)
    assert alike([*reports, other]) == [[0, 1, 2], [3]]
    names = [table.name for table in report_tables([*reports, other])]
    assert names.count("leaderboard") == 2
    made = Page(page([reports[0], other]))
    assert "can't be compared" in made.sections["found"]
    assert {"rules1", "rules-0-0", "rules-1-0"} <= {*made.ids}  # where clicks lead
