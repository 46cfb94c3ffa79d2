"""Tables in Markdown, CSV and LaTeX hold what they were given, and no more markup."""

import csv
import io
import re

import pytest

from neuralopt.report.data_table import DataColumn, DataTable
from neuralopt.report.table_formats import comma_separated, latex, markdown

COLUMNS = (
    DataColumn("name & co", "text"),
    DataColumn("rule", "rule"),
    DataColumn("mean", "number", 2),
    DataColumn("95% interval", "interval", 2),
    DataColumn("id", "id"),
)


def table(name: str = "a", rule: str = "g", notes: tuple[str, ...] = ()) -> DataTable:
    row = (name, rule, 0.123456, (0.1, 0.2), 12345)
    return DataTable("t", "A_title", COLUMNS, (row, ("b", "", None, None, None)), notes)


def markdown_cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_csv_reads_back_with_all_digits_and_two_columns_an_interval() -> None:
    rows = list(csv.reader(io.StringIO(comma_separated(table('a,"b"\n', "g + g")))))
    assert rows[0] == [
        "name & co", "rule", "mean", "95% interval low", "95% interval high", "id",
    ]  # fmt: skip
    assert rows[1] == ['a,"b"\n', "g + g", "0.123456", "0.1", "0.2", "12345"]
    assert rows[2] == ["b", "", "", "", "", ""]


@pytest.mark.parametrize("text", ["=1+1", "+cmd|'x'!A1", "@sum(1)", "\t=1", "-2+cmd|x"])
def test_csv_has_no_formula_of_a_stranger(text: str) -> None:
    (_, row, _) = csv.reader(io.StringIO(comma_separated(table(text, text))))
    assert row[:2] == [f"'{text}", f"'{text}"]


def test_a_rule_that_begins_with_a_minus_stays_a_rule_in_csv() -> None:
    assert "\na,-g,0.1" in comma_separated(table(rule="-g"))


def test_markdown_has_as_many_cells_as_columns_whatever_the_text() -> None:
    text = markdown(table("a|b*c_<i>\n[x](y)`", "x | y ` z"))
    lines = text.splitlines()
    assert lines[0] == "## A\\_title"
    assert [len(markdown_cells(line)) for line in lines[2:6]] == [5] * 4
    name, rule, *numbers = markdown_cells(lines[4])
    assert name == r"a\|b\*c\_\<i\> \[x\](y)\`"
    assert rule == r"`x \| y ' z`"
    assert numbers == ["0.12", "0.10 to 0.20", "12345"]


def test_markdown_folds_rules() -> None:
    assert "| `m` |" in markdown(table(rule="ema(g, 0.9)"))


def test_latex_escapes_text_and_typesets_rules() -> None:
    text = latex(table("50% of $x_1 & {y}~^#\\", "g + g", ("note_1",)))
    row = next(line for line in text.splitlines() if line.startswith("50"))
    assert row == (
        r"50\% of \$x\_1 \& \{y\}\textasciitilde{}\textasciicircum{}\#"
        r"\textbackslash{} & $g + g$ & 0.12 & 0.10 to 0.20 & 12345 \\"
    )
    assert r"name \& co & rule" in text
    assert "note\\_1" in text
    assert (
        text.count(r"\begin{longtable}{llrrr}") == text.count(r"\end{longtable}") == 1
    )


def test_latex_names_its_packages_and_needs_no_other_encoding() -> None:
    text = latex(table('a "b"', "sign(g)"))
    assert text.startswith(
        "% in the preamble: \\usepackage{amsmath, booktabs, longtable}"
    )
    assert r"a \textquotedblright{}b\textquotedblright{} & " in text


def test_latex_shows_a_rule_that_it_can_not_read_as_text() -> None:
    assert r"\texttt{a\_b(\$)}" in latex(table(rule="a_b($)"))


def test_columns_without_values_are_left_out() -> None:
    made = DataTable("t", "t", COLUMNS, (("a", "", 1.0, None, None),)).without_empty()
    assert [column.title for column in made.columns] == ["name & co", "mean"]
    assert made.rows == (("a", 1.0),)
