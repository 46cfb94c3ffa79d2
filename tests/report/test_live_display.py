"""What a terminal shows of a search, at every width."""

import io
import os

import pytest
from rich.console import Console

from neuralopt.archive import Place
from neuralopt.evaluators.evaluator import Workers
from neuralopt.naming import Rediscovery
from neuralopt.report.live_display import LiveDisplay, live_lines
from neuralopt.report.progress_facts import Sample
from tests.report.builders import Terminal, progress_at, proposal, ranked

SAMPLES = [Sample(0.0, 0, 0), Sample(20.0, 400, 200)]
RULE = "drop(adam, 0.3) - drop(drop(0.1 * w, 0.3) - sqrt(0.01 * w), 0.5)"
BEST = ranked(3, RULE, quality=0.9123, name="signum")
PROGRESS = progress_at(
    400,
    seconds=20.0,
    trained=200,
    counts={"scored": 700, "duplicate": 123, "diverged": 45, "rejected": 67},
    best=(proposal(3, rule=RULE, quality=0.9123),),
    workers=Workers(
        alive=2, busy=2, lost=1, retried=32, queued=1200, gpu_bytes=3 << 29
    ),
    rediscoveries=(Rediscovery(3, "signum"),),
)


def shown(width, progress=PROGRESS, best=BEST, stream=None):
    stream = io.StringIO() if stream is None else stream
    console = Console(file=stream, width=width, highlight=False)
    for line in live_lines(progress, SAMPLES, best, width):
        console.print(line)
    return stream.getvalue().splitlines()


@pytest.fixture
def terminal_of(monkeypatch):
    """Make the terminal that wide."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def make(width, height=30):
        size = os.terminal_size((width, height))
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: size)

    return make


def test_all_is_shown_where_there_is_room():
    assert shown(140) == [
        "━" * 19 + " " * 31 + "400/1,000  40%  0:20 passed  0:30 left",
        "best 0.9123  #3  = signum",
        f"  {RULE}",
        "10 rules/s  workers 2/2 busy  lost 1  retried 32  queued 1,200  GPU 1.5 GiB",
        "scored 700  duplicates 123  diverged 45  rejected 67  rediscovered 1",
    ]


@pytest.mark.parametrize("width", [1, 2, 10, 25, 40, 41, 60, 80, 100, 120, 200])
def test_no_line_is_as_wide_as_the_terminal(width):
    lines = shown(width)
    assert max(map(len, lines)) < max(2, width)
    if width >= 40:
        text = " ".join(" ".join(lines).split())
        for fact in (
            "400/1,000",
            "0:30 left",
            "0.9123",
            "= signum",
            "45",
            "10 rules/s",
        ):
            assert fact in text
        assert RULE in text
        assert "━" in text
    if width >= 80:
        assert len(lines) <= 6


def test_a_rule_too_long_is_cut_and_says_so():
    rule = " + ".join(f"exp({k} * g)" for k in range(2, 60))
    lines = shown(60, best=ranked(3, rule))
    assert lines[2].startswith("  exp(2 * g) + exp(3 * g)")
    assert lines[3].endswith(("...", "…"))
    assert lines[4].startswith("10 rules/s")


def test_the_best_is_a_mean_with_its_interval_once_there_is_a_shortlist():
    progress = progress_at(400, shortlist=(Place(3, 0.5, 0.25, 0.75, 6),))
    assert shown(100, progress)[1] == "best 0.5000 (0.2500..0.7500)  #3  = signum"


def test_before_anything_is_scored_there_is_no_best():
    assert shown(100, progress_at(0), None)[1] == "best -"


def test_every_status_that_occurs_is_counted():
    counts = {"scored": 5, "stopped": 4, "failed": 3, "quarantined": 2}
    assert shown(100, progress_at(14, counts=counts))[-1] == (
        "scored 5  stopped 4  duplicates 0  diverged 0  rejected 0  failed 3  "
        "quarantined 2"
    ).replace("duplicates", "dup").replace("diverged", "div").replace("rejected", "rej")


def test_a_terminal_without_blocks_gets_plain_characters():
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
    console = Console(file=stream, width=100, force_terminal=True)
    for line in live_lines(PROGRESS, SAMPLES, BEST, 100):
        console.print(line)
    assert b"-----" in stream.buffer.getvalue()


def test_colours_are_left_out_where_they_are_not_wanted(monkeypatch, terminal_of):
    terminal_of(100)
    found = {}
    for wanted in ("", "1"):
        monkeypatch.setenv("NO_COLOR", wanted)
        stream = Terminal()
        LiveDisplay(stream, 0, 1000).show(PROGRESS, SAMPLES, BEST)
        found[wanted] = stream.getvalue()
    assert "\x1b[32m" in found[""]
    assert "\x1b[3" not in found["1"]
    assert "400/1,000" in found["1"]


def test_what_a_narrower_terminal_wrapped_is_erased(terminal_of):
    terminal_of(120)
    stream = Terminal()
    display = LiveDisplay(stream, 0, 1000)
    display.show(PROGRESS, SAMPLES, BEST)
    before = [len(line) for line in shown(120)]
    terminal_of(40)
    written = len(stream.getvalue())
    display.show(PROGRESS, SAMPLES, BEST)
    up = stream.getvalue()[written:].count("\x1b[1A")
    assert up == sum(-(-length // 40) for length in before) - 1
    written = len(stream.getvalue())
    display.show(PROGRESS, SAMPLES, BEST)
    assert stream.getvalue()[written:].count("\x1b[1A") == len(shown(40)) - 1
    terminal_of(20)
    display.say("#7: adam found")
    drawn_again = stream.getvalue().rpartition("adam found\n")[2].count("\n")
    written = len(stream.getvalue())
    display.show(PROGRESS, SAMPLES, BEST)
    assert stream.getvalue()[written:].count("\x1b[1A") == drawn_again


def test_a_low_terminal_shows_what_fits(terminal_of):
    terminal_of(80, height=2)
    stream = Terminal()
    display = LiveDisplay(stream, 0, 1000)
    written = len(stream.getvalue())
    display.show(PROGRESS, SAMPLES, BEST)
    assert stream.getvalue()[written:].count("\n") == 1
