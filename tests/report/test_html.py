"""The page of one run says what its archive holds, counted here again by SQL."""

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from neuralopt.archive import Archive, Proposal
from neuralopt.language import parse, size_of
from neuralopt.report.html import sections
from neuralopt.report.html.page import page
from neuralopt.report.html.run_report import read_report
from neuralopt.scoring.score import Score
from neuralopt.views.figures.behaviour import behaviour_map
from neuralopt.views.run_view import read_run
from tests.report.page_reader import Page
from tests.report.report_runs import HOSTILE, make_hostile_run, make_run, proposal

CHARGED = "('scored', 'diverged', 'stopped')"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    with Archive.open(run) as archive:
        return page([read_report("a/run", archive, commands=["neuralopt search x=1"])])


@pytest.fixture(scope="module")
def read(text: str) -> Page:
    return Page(text)


@pytest.fixture
def ask(run: Path) -> Iterator[sqlite3.Cursor]:
    with closing(sqlite3.connect(run / "archive.sqlite")) as connection:
        yield connection.cursor()


def number(cursor: sqlite3.Cursor, query: str) -> float:
    return cursor.execute(query).fetchone()[0]


def test_the_leaderboard_is_in_the_order_of_means_then_scores(
    read: Page, ask: sqlite3.Cursor
) -> None:
    query = """SELECT number FROM proposals LEFT JOIN shortlist USING (number)
    WHERE status = 'scored' ORDER BY mean IS NULL, mean DESC, quality DESC, number"""
    wanted = [str(row[0]) for row in ask.execute(query)]
    assert read.column("rules", "id") == wanted
    best = ask.execute("SELECT mean, low, high FROM shortlist ORDER BY mean DESC")
    mean, low, high = best.fetchone()
    assert read.column("rules", "score")[0] == f"{mean:.4f}"
    assert read.column("rules", "95% interval")[0] == f"{low:.4f} to {high:.4f}"
    assert read.column("rules", "rank")[0] == "1"


def test_a_pruned_rule_is_shown_in_its_plain_form_with_the_one_before(
    read: Page,
) -> None:
    assert read.column("rules", "rule")[0] == "g"
    assert read.column("rules", "size")[0] == "1"
    assert read.column("rules", "pruned from")[0]


def test_the_funnel_counts_every_proposal(read: Page, ask: sqlite3.Cursor) -> None:
    chart = read.charts["chart-0-funnel"]["data"][0]
    counts = dict(zip(chart["y"], chart["x"], strict=True))
    assert counts["proposed"] == number(ask, "SELECT count(*) FROM proposals")
    query = "SELECT count(*) FROM proposals WHERE status IN ('scored', 'diverged')"
    assert counts["past the gates"] == number(ask, query)
    assert counts["scored"] == number(
        ask, "SELECT count(*) FROM proposals WHERE status = 'scored'"
    )
    assert counts["on the shortlist"] == number(ask, "SELECT count(*) FROM shortlist")


def test_the_reasons_are_counted(read: Page, ask: sqlite3.Cursor) -> None:
    chart = read.charts["chart-0-reasons"]["data"][0]
    counts = dict(zip(chart["y"], chart["x"], strict=True))
    for name, status in (("rejected: is constant", "rejected"), ("duplicate",) * 2):
        query = f"SELECT count(*) FROM proposals WHERE status = '{status}'"
        assert counts[name] == number(ask, query)


def test_scores_are_of_the_scored_only(read: Page, ask: sqlite3.Cursor) -> None:
    cells, median, _ = read.charts["chart-0-scores"]["data"]
    count = number(ask, "SELECT count(*) FROM proposals WHERE status = 'scored'")
    assert sum(_values(cells["customdata"])) == count
    lowest = number(ask, "SELECT min(quality) FROM proposals WHERE status = 'scored'")
    assert min(_values(median["y"])) >= lowest


@pytest.mark.parametrize(
    ("evaluations", "finished"), [(0, False), (2, True), (3, False)]
)
def test_a_search_ends_by_evaluations_too(
    evaluations: int, finished: bool, tmp_path: Path
) -> None:
    asked = {"configuration": json.dumps({"proposals": 9, "evaluations": evaluations})}
    with Archive.create(tmp_path, asked) as archive:
        archive.record([proposal(0), proposal(1)])
        told = Page(page([read_report("run", archive)])).sections["found"]
    assert ("The search is not finished" not in told) is finished


def test_commands_that_train_name_a_custom_task(tmp_path: Path) -> None:
    asked = {"configuration": json.dumps({"task": {"name": "my task:make"}})}
    with Archive.create(tmp_path, asked) as archive:
        told = Page(page([read_report("run", archive)])).sections["use"]
    assert "compare run:top5 adam sgd verdict.seeds=20 task='my task:make'" in told


def test_lost_and_waiting_proposals_are_counted_apart(tmp_path: Path) -> None:
    lost = [Score(status, reason="why") for status in ("quarantined", "diverged")]
    made = [Proposal(k, (k,), "g", "g", score=each) for k, each in enumerate(lost)]
    with Archive.create(tmp_path, {}) as archive:
        archive.record([*made, Proposal(2, (2,), "g", "g")])
        read = Page(page([read_report("run", archive)]))
    assert "chart-0-scores" not in read.charts
    assert "No rule has a full score yet" in read.sections["search"]
    funnel = read.charts["chart-0-funnel"]["data"][0]
    assert dict(zip(funnel["y"], funnel["x"], strict=True)) == {
        "proposed": 2, "trained": 1, "scored": 0,
    }  # fmt: skip
    reasons = read.charts["chart-0-reasons"]["data"][0]["y"]
    assert {*reasons} == {"quarantined: why", "diverged: why"}


def test_the_curve_ends_at_the_best_mean_after_all_charged_evaluations(
    read: Page, ask: sqlite3.Cursor
) -> None:
    lines = {each.get("name"): each for each in read.charts["chart-0-best"]["data"]}
    mean = lines["best mean on fresh replicates"]
    trained = number(ask, f"SELECT count(*) FROM proposals WHERE status IN {CHARGED}")
    best = number(ask, "SELECT max(mean) FROM shortlist")
    assert _values(mean["y"])[-1] == pytest.approx(best)
    assert _values(mean["x"])[-1] == trained
    assert "adam" in lines


def test_the_front_is_that_of_all_rules(run: Path, read: Page) -> None:
    with Archive.open(run) as archive:
        measured = {place.number: place.mean for place in archive.measured()}
        plain = {each.number: each.rule for each in archive.prunings()}
        points = [
            (
                (p.number in measured, measured.get(p.number, p.quality)),
                size_of(parse(plain.get(p.number, p.canonical))),
            )
            for p in archive.proposals("scored")
        ]
    front = {
        (size, merit[1])
        for merit, size in points
        if not any(
            (other > merit and nodes <= size) or (other >= merit and nodes < size)
            for other, nodes in points
        )
    }
    traces = {each["name"]: each for each in read.charts["chart-0-front"]["data"]}
    found = zip(
        _values(traces["front"]["x"]), _values(traces["front"]["y"]), strict=True
    )
    assert set(found) == front


def test_rediscoveries_have_their_first_proposal_and_what_it_took(
    read: Page, ask: sqlite3.Cursor
) -> None:
    query = f"""SELECT nearest, first, (SELECT count(*) FROM proposals p
    WHERE status IN {CHARGED} AND p.number <= first) FROM (SELECT nearest, min(number)
    AS first FROM behaviours WHERE equal = 1 GROUP BY nearest) ORDER BY first"""
    wanted = [[str(cell) for cell in row] for row in ask.execute(query)]
    assert read.tables["rediscoveries-0"][1:] == wanted
    assert len(wanted) == 2


def test_the_verdict_has_its_reference_and_the_best(read: Page) -> None:
    assert read.column("verdict-0", "verdict")[-1] == "reference"
    assert read.column("verdict-0", "candidate")[-1] == "adam"
    assert read.column("verdict-0", "mean")[0] == "0.8010"
    told = read.sections["found"]
    assert "Held against adam (0.5010), of 4 found rules 3 are better" in told


def test_costs_are_the_sums_of_executions(read: Page, ask: sqlite3.Cursor) -> None:
    query = """SELECT worker, count(*), sum(seconds) FROM executions GROUP BY worker
    ORDER BY worker"""
    wanted = [[w, str(n), f"{s:.1f}"] for w, n, s in ask.execute(query)]
    assert [row[:3] for row in read.tables["costs-0"][1:]] == wanted
    replicates = number(ask, "SELECT count(*) FROM replicates")
    assert f"{replicates:.0f} more trainings" in read.sections["costs"]


def test_the_map_has_the_cells_of_the_figure_of_a_search(run: Path, read: Page) -> None:
    with Archive.open(run) as archive:
        found = behaviour_map(read_run(archive))
    (chart,) = read.charts["chart-0-behaviour"]["data"]
    assert (chart["x"], chart["y"]) == ([*found.sizes], [*found.families])
    shown = re.findall(r"best<br>#(\d+) \S", json.dumps(chart["customdata"]))
    assert [*map(int, shown)] == found.number[found.count > 0].tolist()


def test_the_configuration_and_commands_are_there(read: Page) -> None:
    assert "searcher.name" in read.sections["configuration"]
    assert "neuralopt search x=1" in read.sections["again"]
    assert "neuralopt export a/run:best -o found.py" in read.sections["use"]


def test_the_page_is_one_file_that_fetches_nothing(read: Page, text: str) -> None:
    for _, attributes in read.elements:
        for key in ("src", "href"):
            assert attributes.get(key, "#").startswith(("#", "data:"))
    (policy,) = [held["content"] for _, held in read.elements if "http-equiv" in held]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy.split("style-src")[0]
    assert not re.search(r"@import|url\(", text.split("</style>")[0])


def test_ids_are_distinct_and_links_lead_somewhere(read: Page) -> None:
    assert len(read.ids) == len(set(read.ids))
    links = [held["href"] for tag, held in read.elements if tag == "a"]
    assert {link.removeprefix("#") for link in links} <= {*read.ids}


def test_every_chart_and_table_has_words_for_those_who_can_not_see_it(
    read: Page,
) -> None:
    charts = [held for _, held in read.elements if held.get("class") == "chart"]
    assert len(charts) >= 9
    assert all(len(held["aria-label"]) > 20 for held in charts)
    tables = [tag for tag, _ in read.elements if tag == "table"]
    assert len(tables) == sum(tag == "caption" for tag, _ in read.elements)


def test_the_same_run_gives_the_same_bytes(run: Path, text: str) -> None:
    with Archive.open(run) as archive:
        commands = ["neuralopt search x=1"]
        assert page([read_report("a/run", archive, commands=commands)]) == text


def test_a_chart_that_can_not_be_drawn_gets_a_line(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("no <ink>\nleft")

    monkeypatch.setattr(sections, "front_chart", breaks)
    with Archive.open(run) as archive:
        made = Page(page([read_report("run", archive)]))
    assert "missing here: RuntimeError: no <ink> left" in made.sections["front"]
    assert "chart-0-best" in made.charts


def test_a_search_without_any_score_has_a_page(tmp_path: Path) -> None:
    with Archive.create(tmp_path, {}) as archive:
        text = page([read_report("empty", archive)])
    read = Page(text)
    assert "No rule has a score yet, of 0 proposals" in read.sections["found"]
    assert "leaderboard" not in read.sections


def test_nothing_of_a_stranger_runs(tmp_path: Path) -> None:
    run = make_hostile_run(tmp_path / "run")
    with Archive.open(run) as archive:
        text = page([read_report(HOSTILE, archive, commands=[HOSTILE])])
    read = Page(text)
    assert {tag for tag, _ in read.elements} & {"iframe", "object", "embed"} == set()
    assert not [held for tag, held in read.elements if tag == "img"]
    for _, attributes in read.elements:
        assert not [key for key in attributes if key.startswith("on")]
    scripts = [text for kind, text in read.scripts if kind != "application/json"]
    assert len(scripts) == 2
    assert not [each for each in scripts if "hacked" in each]
    assert HOSTILE in read.sections["found"]
    assert HOSTILE in read.sections["costs"]
    for chart in read.charts.values():  # plotly takes some HTML for markup
        assert "<script" not in json.dumps(chart)
        assert "<img" not in json.dumps(chart)


def _values(held: object) -> list[float]:
    """Numbers of a chart, which plotly may write as base64."""
    if isinstance(held, dict):
        return np.frombuffer(base64.b64decode(held["bdata"]), held["dtype"]).tolist()
    assert isinstance(held, list)
    return held
