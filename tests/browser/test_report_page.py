"""The page in a real browser: it works, fetches nothing, and runs nothing of others."""

from pathlib import Path
from typing import Any

import pytest

from neuralopt.archive import Archive
from neuralopt.report.html.page import page
from neuralopt.report.html.run_report import read_report
from tests.report.report_runs import HOSTILE, make_hostile_run, make_run

pytestmark = pytest.mark.browser


class Tab:
    """A page that was opened, and what went on in it.

    Attributes:
        tab: of playwright.
        requests: addresses asked for.
        errors: of the console and of scripts.
    """

    def __init__(self, browser: Any, file: Path, **more: Any) -> None:
        self.tab = browser.new_page(**more)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("console", lambda message: self.errors.append(message.text))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.goto(file.as_uri())

    def draw_all(self) -> int:
        """Scroll to every chart until it is drawn; how many there are."""
        charts = self.tab.locator(".chart")
        for place in range(charts.count()):
            charts.nth(place).scroll_into_view_if_needed()
            charts.nth(place).locator(".main-svg").first.wait_for()
        return int(charts.count())


def write(run: Path, name: str, file: Path) -> Path:
    with Archive.open(run) as archive:
        file.write_text(page([read_report(name, archive)]), "utf-8")
    return file


@pytest.fixture(scope="module")
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Tab:
    folder = tmp_path_factory.mktemp("page")
    run = make_run(folder / "run")
    return Tab(browser, write(run, "run", folder / "page.html"), color_scheme="dark")


def test_every_chart_is_drawn_and_nothing_is_fetched(opened: Tab) -> None:
    assert opened.draw_all() >= 9
    assert [
        url for url in opened.requests if not url.startswith(("file:", "data:"))
    ] == []
    assert opened.errors == []


def test_no_button_sends_a_chart_away(opened: Tab) -> None:
    buttons = opened.tab.locator(".modebar-btn")
    titles = buttons.evaluate_all("all => all.map(each => each.dataset.title)")
    assert {*titles} == {
        "Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes",
    }  # fmt: skip


def test_a_table_is_sorted_and_filtered(opened: Tab) -> None:
    table = opened.tab.locator("#rules")
    table.locator("th button", has_text="size").click()
    sizes = table.locator("tbody tr td:nth-child(7)").all_inner_texts()
    assert sizes == sorted(sizes, key=int)
    form = opened.tab.locator("form[data-for=rules]")
    form.locator("[data-filter=text]").fill("signsgd")
    shown = table.locator("tbody tr:visible")
    assert 0 < shown.count() < len(sizes)
    assert all("signsgd" in text for text in shown.all_inner_texts())
    assert form.locator("output").inner_text().startswith(f"{shown.count()} of")


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_screen(opened: Tab, width: int) -> None:
    opened.tab.set_viewport_size({"width": width, "height": 800})
    assert opened.tab.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_of_a_stranger_runs(browser: Any, tmp_path: Path) -> None:
    run = make_hostile_run(tmp_path / "run")
    tab = Tab(browser, write(run, HOSTILE, tmp_path / "page.html"))
    tab.draw_all()
    point = tab.tab.locator("#chart-0-front .point").first
    point.scroll_into_view_if_needed()
    point.hover(force=True)
    hovered = tab.tab.locator("#chart-0-front .hovertext").first
    hovered.wait_for()
    assert "<script>" in (hovered.text_content() or "")
    assert tab.tab.evaluate("window.hacked") is None
    assert tab.tab.locator("img").count() == 0
    assert tab.errors == []
