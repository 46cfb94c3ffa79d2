"""The command report: where it writes, its formats, and what it rejects."""

import csv
import io
from pathlib import Path

import pytest

from neuralopt.archive import Archive
from tests.cli.cli_runner import typed
from tests.report.report_runs import make_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("runs")
    return [str(make_run(folder / name)) for name in ("one", "two")]


def test_the_page_is_written_into_the_run(runs: list[str], capsys) -> None:
    said = typed(capsys, "report", runs[0], "--cards", "0")
    where = Path(runs[0], "report.html")
    assert (said.code, said.out, said.err) == (0, f"{where}\n", "")
    text = where.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "searcher=uniform" in text
    assert "run_dir=again" in text
    where.unlink()


def test_the_page_of_several_runs_is_written_where_asked(
    runs: list[str], tmp_path: Path, capsys
) -> None:
    where = tmp_path / "page.html"
    assert typed(capsys, "report", *runs, "-o", str(where)).code == 0
    assert f"neuralopt: {len(runs)} runs" in where.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_page_that_can_not_be_written_leaves_the_old_one(
    runs: list[str], tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "page.html"
    where.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    said = typed(capsys, "report", runs[0], "--cards", "0", "-o", str(where))
    assert said.code == 1
    assert "No space left" in said.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert where.read_text() == "old"


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_picture_of_the_search_is_written_where_asked(
    runs: list[str], tmp_path: Path, capsys, kind: str, start: bytes
) -> None:
    where = tmp_path / f"search.{kind}"
    said = typed(capsys, "report", runs[0], "-o", str(where))
    assert (said.code, said.out, said.err) == (0, f"{where}\n", "")
    assert where.read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [where.name]


def test_one_table_in_csv_is_csv_alone(runs: list[str], capsys) -> None:
    said = typed(
        capsys,
        "report",
        runs[0],
        "--format",
        "csv",
        "--table",
        "leaderboard",
        "-n",
        "7",
    )
    head, *rows = csv.reader(io.StringIO(said.out))
    assert len(rows) == 7
    with Archive.open(runs[0]) as archive:
        best = archive.best(1)[0]
        (place,) = [p for p in archive.shortlist() if p.number == best.number]
    first = dict(zip(head, rows[0], strict=True))
    assert first["id"] == str(best.number)
    assert float(first["score"]) == place.mean
    assert float(first["95% interval low"]) == place.low
    assert first["rule"] == "g"


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("csv", "# runs\n"),
        ("markdown", "## The runs side by side\n"),
        ("latex", "% in the preamble: \\usepackage"),
    ],
)
def test_all_tables_of_several_runs_in_each_format(
    runs: list[str], name: str, begins: str, capsys
) -> None:
    said = typed(capsys, "report", *runs, "--format", name)
    assert said.code == 0
    assert said.out.startswith(begins)
    assert said.out.count("sign-like") > 2
    assert "signum" in said.out


def test_verdicts_of_several_runs_name_their_runs(runs: list[str], capsys) -> None:
    said = typed(capsys, "report", *runs, "--format", "csv", "--table", "verdict")
    blocks = said.out.split("# verdict\n")[1:]
    found = [list(csv.DictReader(io.StringIO(block.strip()))) for block in blocks]
    assert [{row["run"] for row in rows} for rows in found] == [{run} for run in runs]


def test_tables_are_written_to_a_file(runs: list[str], tmp_path: Path, capsys) -> None:
    where = tmp_path / "tables.md"
    said = typed(capsys, "report", runs[0], "--format", "markdown", "-o", str(where))
    assert said.out == f"{where}\n"
    assert where.read_text().startswith("## Best rules\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["{0}", "-n", "0"], "-n is 0: give 1 or more"),
        (["{0}", "--cards", "-1"], "--cards is -1: give 0 or more"),
        (["{0}", "{0}/../one"], "is named twice: name each run once"),
        (["{0}/nowhere"], "is not a run directory"),
        (["{0}", "--table", "verdict"], "--table is for --format markdown, csv"),
        (["{0}", "--format", "csv", "--table", "verdikt"], "did you mean 'verdict'"),
        (
            ["{0}", "--format", "csv", "--table", "runs"],
            "for the table runs",
        ),
        (["{0}", "--format", "csv", "-o", "a.png"], "is a picture: leave out --format"),
        (["{0}", "{0}/../two", "-o", "a.svg"], "a.svg is a picture of one run"),
        (["{0}", "-o", "{0}/no/a.pdf"], "No such file or directory"),
        (
            ["{0}", "--cards", "0", "-o", "{0}/no/page.html"],
            "No such file or directory",
        ),
    ],
)
def test_bad_input_gets_one_line(
    runs: list[str], arguments: list[str], complaint: str, capsys
) -> None:
    said = typed(capsys, "report", *(each.format(runs[0]) for each in arguments))
    assert complaint in said.complaint
