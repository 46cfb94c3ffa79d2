"""Tables, as plain text and on terminals of several widths."""

import io
import math
import re

import pytest

from neuralopt.archive import Place
from neuralopt.report.tables import (
    Cell,
    Column,
    Table,
    comparison_table,
    proposals_table,
    write_table,
)
from neuralopt.verdict.comparison import compare
from tests.report.builders import proposal

LONG = "exp(sign(g) * sign(m)) * " * 9 + "g"


class Terminal(io.StringIO):
    """A stream that says it is a terminal, in an encoding of choice."""

    encoding = "utf-8"

    def isatty(self):
        return True


def on_terminal(table, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    write_table(table, stream)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


def compared(seeds=3):
    table = [[0.93, 0.95, 0.94], [0.90, 0.92, 0.91], [0.80, 0.0, 0.81]]
    rows = [row[:seeds] for row in table]
    return compare(["mine", "adam", "sgd"], rows, baselines=["adam", "sgd"])


def test_a_plain_table_has_aligned_columns_and_one_line_a_row():
    proposals = [proposal(7, rule="g", quality=0.91234), proposal(123, rule="sign(g)")]
    assert proposals_table(proposals).text().splitlines() == [
        "rank  number  quality   lr  rule",
        "   1       7   0.9123  0.1  g",
        "   2     123   0.5000  0.1  sign(g)",
    ]


def test_equal_qualities_have_equal_ranks_and_no_quality_has_none():
    proposals = [
        proposal(1),
        proposal(2),
        proposal(3, quality=0.4),
        proposal(4, status="failed", quality=0.0, lr=None),
    ]
    lines = proposals_table(proposals).text().splitlines()
    assert [line.split()[0] for line in lines] == ["rank", "1", "1", "3", "-"]
    assert lines[-1].split() == ["-", "4", "failed", "-", "-", "g"]


def test_shortlisted_rules_show_means_and_rank_above_the_others():
    proposals = [
        proposal(7, quality=0.8),
        proposal(5, quality=0.7),
        proposal(6, quality=0.9),
        proposal(4, quality=0.6),
    ]
    measured = Place(6, 0.8, 0.7, 0.9, 3, member=False)
    places = [Place(7, 0.75, 0.7, 0.8, 5), Place(5, 0.75, 0.5, 1.0, 5), measured, None]
    table = proposals_table(proposals, places=places)
    assert table.text().splitlines()[:5] == [
        "rank  number    mean  95% interval    one score   lr  rule",
        "   1       7  0.7500  0.7000..0.8000     0.8000  0.1  g",
        "   1       5  0.7500  0.5000..1.0000     0.7000  0.1  g",
        "   3       6  0.8000  0.7000..0.9000     0.9000  0.1  g",
        "   4       4       -                     0.6000  0.1  g",
    ]
    assert "fresh replicates" in " ".join(table.notes)


def test_places_of_none_are_as_no_places():
    proposals = [proposal(1), proposal(2)]
    without = proposals_table(proposals).text()
    assert proposals_table(proposals, places=[None, None]).text() == without


def test_the_canonical_rule_is_shown_folded():
    canonical = "sign(ema(g, 0.9))"
    shown = proposals_table([proposal(0, rule="?", canonical=canonical)]).text()
    assert shown.split()[-1] == "sign(m)"


def test_text_of_another_version_is_shown_as_it_is():
    shown = proposals_table([proposal(0, canonical="frobnicate(g)")]).text()
    assert shown.split()[-1] == "frobnicate(g)"


@pytest.mark.parametrize("columns", [20, 80, 120, 400])
def test_a_rule_is_never_broken_or_shortened(monkeypatch, columns):
    table = Table(
        (Column("n", right=True), Column("rule", below=1)),
        ((Cell("1"), Cell(LONG)), (Cell("2"), Cell("g"))),
    )
    shown = on_terminal(table, monkeypatch, columns)
    assert sum(LONG in line for line in shown.splitlines()) == 1


def test_a_rule_moves_below_its_row_only_where_the_terminal_is_narrow(monkeypatch):
    table = comparison_table(compared(), curves={"adam": [2.0, 1.0]})
    wide = on_terminal(table, monkeypatch, 140).splitlines()
    narrow = on_terminal(table, monkeypatch, 80).splitlines()
    assert wide[1].endswith("mine")
    assert wide[2].split()[-2:] == ["█▁", "adam"]
    assert [line.split()[-1] for line in narrow[3:6:2]] == ["mine", "adam"]
    assert max(len(line) for line in narrow) <= 80


def test_one_note_explains_the_tables_of_several_comparisons():
    first = compared()
    table = [[0.93, 0.95, 0.94], [0.80, 0.0, 0.81], [0.90, 0.92, 0.91]]
    other = compare(["mine", "adam", "sgd"], table, baselines=["adam", "sgd"])
    assert (first.reference, other.reference) == ("adam", "sgd")
    diverged = "Diverged seeds (quality 0): sgd on 1 of 3."
    assert comparison_table(first, explained=()).notes == (diverged,)
    same = comparison_table(first, explained=[first, first]).notes
    assert same == comparison_table(first).notes
    note = comparison_table(other, explained=[first, other]).notes[-1]
    assert note.count("Means are") == 1
    assert "Differences are from each table's reference, the best of 2" in note


def test_a_comparison_shows_means_intervals_differences_and_verdicts():
    lines = comparison_table(compared()).text().splitlines()
    assert lines[0].split() == [
        "#",
        "mean",
        "95%",
        "interval",
        "difference",
        "interval",
        "verdict",
        "rule",
    ]
    mine, adam = compared()["mine"], compared()["adam"]
    assert lines[1].split() == [
        "1",
        f"{mine.mean:.4f}",
        f"{mine.low:.4f}..{mine.high:.4f}",
        "+0.0300",
        f"{mine.difference_low:+.4f}..{mine.difference_high:+.4f}",
        *mine.verdict.split(),
        "mine",
    ]
    assert lines[2].split()[3:] == ["reference", "adam"]
    assert adam.verdict == "reference"


def test_a_comparison_says_what_it_was_corrected_for_and_what_diverged():
    notes = " ".join(comparison_table(compared(), notes=["Own note."]).notes)
    assert "Own note." in notes
    assert "sgd on 1 of 3" in notes
    assert "from adam, the best of 2 by mean" in notes
    assert "2 comparisons and for the choice" in notes
    named = compare(["a", "b"], [[0.5, 0.6], [0.4, 0.5]], reference="b")
    notes = " ".join(comparison_table(named).notes)
    assert "choice" not in notes
    assert "1 comparison." in notes
    assert "1 seed," in " ".join(comparison_table(compare(["a"], [[0.5]])).notes)


def test_names_and_rules_are_both_shown_where_rules_are_given():
    lines = comparison_table(compared(), rules={"mine": "g * g"}).text().splitlines()
    assert lines[1].endswith("mine  g * g")
    assert lines[2].endswith("adam")


def test_curves_share_a_scale_that_an_explosion_does_not_flatten():
    curves = {
        "mine": [2.0, 1.0, 0.5],
        "adam": [2.0, 1.4, 1.0],
        "sgd": [2.0, 1e30, math.inf],
    }
    lines = comparison_table(compared(), curves=curves).text().splitlines()
    assert [line.split()[-2] for line in lines[1:4]] == ["█▅▁", "█▆▅", "██!"]
    plain = comparison_table(compared(), curves=curves, unicode=False).text()
    assert plain.isascii()


def test_curves_that_cross_zero_are_drawn_on_a_linear_scale():
    curves = {"mine": [1.0, 0.0, -1.0], "adam": [math.nan], "sgd": []}
    lines = comparison_table(compared(), curves=curves).text().splitlines()
    assert lines[1].split()[-2] == "█▅▁"
    assert lines[2].split()[-2] == "!"
    assert comparison_table(compared(), curves={"adam": [math.nan]}).text()


def test_brackets_in_a_rule_are_not_read_as_markup(monkeypatch):
    table = Table((Column("rule"),), ((Cell("[red]g[/red] :smile:"),),))
    shown = on_terminal(table, monkeypatch, 80)
    assert "[red]g[/red] :smile:" in shown


def test_a_terminal_gets_styles_and_a_pipe_does_not(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    table = comparison_table(compared())
    terminal, pipe = Terminal(), io.StringIO()
    write_table(table, terminal)
    write_table(table, pipe)
    assert "\x1b[" in terminal.getvalue()
    assert pipe.getvalue() == table.text()


@pytest.mark.parametrize("terminal", [False, True])
def test_what_the_encoding_lacks_is_escaped(terminal):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    stream.isatty = lambda: terminal
    write_table(Table((Column("name"),), ((Cell("naïve"),),)), stream)
    stream.flush()
    assert b"na\\xefve" in raw.getvalue()


def test_a_notebook_shows_the_table_escaped():
    shown = Table(
        (Column("n", right=True), Column("<rule>")),
        ((Cell("1"), Cell("g & <b>m</b>")),),
        ("a <note>",),
    )._repr_html_()
    assert '<td align="right">1</td>' in shown
    assert "g &amp; &lt;b&gt;m&lt;/b&gt;" in shown
    assert "&lt;rule&gt;" in shown
    assert "<p>a &lt;note&gt;</p>" in shown


def test_a_text_of_a_stranger_can_not_steer_a_terminal() -> None:
    stream = io.StringIO()
    made = Table((Column("rule"),), ((Cell("g\x1b[2J\x07"),),))
    write_table(made, stream)
    assert "\x1b" not in stream.getvalue()
    assert "g?[2J?" in stream.getvalue()
