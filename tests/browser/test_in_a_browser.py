"""What a person sees of a run in a browser: TensorBoard, and the report.

``NEURALOPT_SCREENSHOTS=FOLDER`` keeps pictures of every page.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from neuralopt.cli import main
from tests.browser.watched_page import WatchedPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

VIEWS = {
    "timeseries": "scalar-card svg path",
    "scalars": "vz-line-chart2 svg path",
    "custom_scalars": "tf-custom-scalar-dashboard vz-line-chart2 svg path",
    "images": "tf-image-loader img",
    "distributions": "vz-distribution-chart svg path",
    "histograms": "vz-histogram-timeseries svg path",
    "text": "tf-text-loader table",
}
"""Tab of TensorBoard -> what shows the data there."""

ALL = frozenset(VIEWS)

ENOUGH = 30.0
"""Seconds for TensorBoard to read a run."""


def tabs_with_data(
    watched: WatchedPage, address: str, wanted: frozenset[str]
) -> set[str]:
    """The tabs that TensorBoard offers once it has read all runs of its folder."""
    listing, before, end = f"{address}data/plugins_listing", None, time.time() + ENOUGH
    while True:
        plugins = watched.page.request.get(listing).json()
        found = {name for name, plugin in plugins.items() if plugin["enabled"]}
        if (found >= wanted and found == before) or time.time() > end:
            return found
        before = found
        watched.page.wait_for_timeout(500)


@pytest.mark.parametrize("tab", VIEWS)
def test_a_tab_of_tensorboard_shows_the_search(
    watched: WatchedPage, tensorboard: str, tab: str
) -> None:
    assert tabs_with_data(watched, tensorboard, ALL) >= ALL
    page = watched.page
    page.goto(f"{tensorboard}#{tab}")
    page.wait_for_selector(VIEWS[tab], state="attached")
    page.wait_for_load_state("networkidle")
    watched.screenshot(f"tensorboard-{tab}")
    assert page.locator(VIEWS[tab]).count() >= 1
    assert not page.get_by_text("No dashboards are active").count()


def test_the_best_rules_are_a_table_of_tensorboard(
    watched: WatchedPage, tensorboard: str
) -> None:
    tabs_with_data(watched, tensorboard, ALL)
    page = watched.page
    page.goto(f"{tensorboard}#text")
    # One table a step, newest first, each in a table of TensorBoard's own.
    head = page.locator("th", has_text=re.compile("^rule$"))
    table = page.locator("tf-text-loader table table").filter(has=head).first
    table.wait_for(state="attached")
    titles = table.locator("th").all_inner_texts()
    assert titles[0] == "rank"
    rows = table.locator("tbody tr")
    assert rows.count() >= 2
    for row in rows.all():
        assert row.locator("td").count() == len(titles)
        assert row.locator("code").count() >= 1


def test_each_of_the_best_rules_is_a_row_of_hyperparameters(
    watched: WatchedPage, tensorboard_of_rules: str, run: Path
) -> None:
    assert "hparams" in tabs_with_data(
        watched, tensorboard_of_rules, frozenset({"hparams"})
    )
    page = watched.page
    page.goto(f"{tensorboard_of_rules}#hparams")
    page.wait_for_selector("tf-hparams-table-view", state="attached")
    page.wait_for_load_state("networkidle")
    watched.screenshot("tensorboard-hparams")
    count = len(list((run / "tb_rules").iterdir()))
    assert page.get_by_text(f"matching session groups: {count}").count()


@pytest.fixture(scope="module")
def report_file(run: Path) -> Path:
    """The report of the run."""
    file = run.parent / "report.html"
    assert main(["report", str(run), "--cards", "1", "-o", str(file)]) == 0
    return file


@pytest.fixture
def report(watched: WatchedPage, report_file: Path) -> WatchedPage:
    """The report, opened as a file."""
    watched.page.goto(report_file.as_uri())
    return watched


def test_the_report_draws_each_chart_that_is_scrolled_to(report: WatchedPage) -> None:
    page = report.page
    assert "neuralopt" in page.title()
    page.wait_for_selector(".chart .main-svg", state="attached")
    report.screenshot("report")
    charts = page.locator(".chart")
    assert charts.count() >= 4
    for chart in charts.all():
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for(state="attached")
    report.screenshot("report-whole", whole=True)


def test_the_report_has_every_section_that_it_names(report: WatchedPage) -> None:
    links = report.page.locator("nav a").all()
    assert len(links) >= 5
    for link in links:
        address = link.get_attribute("href") or ""
        assert report.page.locator(address).is_visible()


def test_tables_of_the_report_are_sorted_and_filtered(report: WatchedPage) -> None:
    table = report.page.locator("table.sortable").first
    heads = table.locator("th")
    size = next(
        place
        for place, head in enumerate(heads.all())
        if head.inner_text().strip().lower() == "size"
    )
    cells = table.locator(f"tbody tr:visible td:nth-child({size + 1})")
    heads.nth(size).locator("button").click()
    sizes = [int(text) for text in cells.all_inner_texts()]
    assert len(sizes) >= 2
    assert sizes == sorted(sizes)
    heads.nth(size).locator("button").click()
    assert [int(text) for text in cells.all_inner_texts()] == sizes[::-1]
    report.page.locator("form.filters input[type=search]").first.fill("sign(")
    shown = table.locator("tbody tr:visible")
    assert 0 < shown.count() < len(sizes)
    assert all("sign(" in row.inner_text() for row in shown.all())
    report.screenshot("report-table")
