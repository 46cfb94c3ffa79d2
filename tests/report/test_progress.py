"""The progress line on terminals, in logs, and without any output."""

import io
import math
import os
import sys

import pytest

from neuralopt.archive import Place
from neuralopt.evaluators.evaluator import Workers
from neuralopt.naming import Rediscovery
from neuralopt.report.progress import NAMED, REDRAWN, ProgressDisplay
from neuralopt.report.progress_facts import Sample, plain_line
from tests.report.builders import Clock, Terminal, progress_at, proposal, ranked

COUNTS = {"scored": 700, "duplicate": 123, "diverged": 45, "rejected": 67}


def at(told, seconds, trained=None, **more):
    best = (proposal(3, quality=0.9123),)
    trained = told if trained is None else trained
    given = {"counts": COUNTS, "best": best, **more}
    return progress_at(told, seconds=seconds, trained=trained, **given)


def feed(line, *batches, total=1000, told=0):
    line.start(total, told)
    for progress in batches:
        line.batch(progress)
    line.close()


def test_a_log_gets_all_facts_in_one_line():
    stream = io.StringIO()
    feed(ProgressDisplay(stream), at(400, 20.0, trained=200))
    assert stream.getvalue() == (
        "told 400 of 1,000 (40%), 10 rules/s, best 0.9123, duplicates 123, "
        "diverged 45, rejected 67, workers 1/2 busy, 0:30 left\n"
    )


def test_the_limit_that_is_nearer_decides_how_far_the_search_is():
    stream = io.StringIO()
    line = ProgressDisplay(stream)
    line.start(1000, 300)  # resumed, after 200 evaluations
    line.batch(at(320, 10.0, trained=10, evaluations=210, evaluation_limit=310))
    line.close()
    assert stream.getvalue().startswith("trained 210 of 310 (68%), 1 rules/s, ")
    assert stream.getvalue().endswith(", 1:40 left\n")
    facts = {"trained": 10, "evaluations": 100, "evaluation_limit": 900}
    before = plain_line(at(400, 20.0, **facts), [Sample(0.0, 0, 0)])
    assert before.startswith("told 400 of 1,000 ")
    facts["evaluations"] = 900
    ended = plain_line(at(400, 20.0, **facts), [Sample(0.0, 400, 10, 900)])
    assert ended.startswith("trained 900 of 900 (100%), ")
    assert ended.endswith(", done")


def test_the_best_is_a_mean_with_its_interval_once_there_is_a_shortlist():
    shortlist = (Place(3, 0.5, 0.25, 0.75, 6),)
    progress = at(400, 20.0, shortlist=shortlist, measurements=1180)
    line = plain_line(progress, [Sample(0.0, 0, 0)])
    assert "best 0.5000 (0.2500..0.7500), measurements 1,180, dup" in line
    waiting = at(400, 20.0, measurements=3, measuring=17)
    line = plain_line(waiting, [Sample(0.0, 0, 0)])
    assert "best 0.9123, measurements 3, measuring 17 more, dup" in line


def test_measurements_in_training_are_no_progress_of_proposals():
    workers = Workers(alive=2, busy=2, steps_done=30, steps_per_rule=10)
    stream = io.StringIO()
    for measuring, done in ((9, "40%"), (0, "40%")):
        line = ProgressDisplay(stream, every=0.0)
        line.start(1000, 0)
        line.batch(at(400, 20.0, trained=200))
        waiting = at(400, 21.0, 200, workers=workers, measuring=measuring)
        line.waiting(waiting)
        assert f"({done})" in stream.getvalue().splitlines()[-1]
        sample = line._recent.samples[-1]
        assert sample.trained == (200 if measuring else 203)


def test_a_log_gets_a_line_at_once_then_at_intervals_and_a_last_one():
    stream, clock = io.StringIO(), Clock()
    line = ProgressDisplay(stream, every=10, clock=clock)
    line.start(1000, 0)
    for told in range(10, 1010, 10):
        line.batch(at(told, told / 10))
        clock.now += 1
    line.close()
    told = [text.split()[1] for text in stream.getvalue().splitlines()]
    assert told == [*(str(10 + 100 * k) for k in range(10)), "1,000"]
    assert stream.getvalue().endswith("done\n")


def test_closing_writes_nothing_twice():
    stream = io.StringIO()
    line = ProgressDisplay(stream)
    feed(line, at(10, 1.0))
    line.close()
    assert stream.getvalue().count("\n") == 1


def test_a_search_stopped_before_its_first_batch_writes_nothing():
    stream = io.StringIO()
    feed(ProgressDisplay(stream))
    assert stream.getvalue() == ""


def test_a_resumed_search_counts_its_own_speed_only():
    stream = io.StringIO()
    feed(ProgressDisplay(stream), at(910, 10.0, trained=5), told=900)
    assert "0.5 rules/s" in stream.getvalue()
    assert "1:30 left" in stream.getvalue()


def test_speed_is_that_of_the_recent_past():
    stream = io.StringIO()
    slow = [at(k, 10.0 * k) for k in range(1, 20)]
    fast = [at(19 + 10 * k, 190.0 + k) for k in range(1, 41)]
    feed(ProgressDisplay(stream, every=0), *slow, *fast)
    assert ", 0.1 rules/s" in stream.getvalue().splitlines()[18]
    assert ", 10 rules/s" in stream.getvalue().splitlines()[-1]


def test_before_anything_is_known_nothing_is_invented():
    stream = io.StringIO()
    feed(ProgressDisplay(stream), progress_at(0, total=0, seconds=0.0, trained=0))
    assert "best -," in stream.getvalue()
    stream = io.StringIO()
    feed(ProgressDisplay(stream), at(5, 0.0, rewards=(math.nan,)))
    assert "0 rules/s" in stream.getvalue()
    assert "? left" in stream.getvalue()


def test_lost_workers_and_what_waits_are_said():
    samples = [Sample(0.0, 0, 0), Sample(20.0, 500, 200)]
    workers = Workers(3, 2, lost=1, retried=32, queued=1200, gpu_bytes=3 << 29)
    line = plain_line(at(500, 20.0, workers=workers), samples)
    assert "workers 2/3 busy, lost 1, retried 32, queued 1,200, GPU 1.5 GiB," in line


def test_waiting_is_shown_now_and_then():
    clock, stream = Clock(), io.StringIO()
    line = ProgressDisplay(stream, every=10.0, clock=clock)
    line.start(100, 0)
    for _ in range(6):
        clock.now += 4.0
        line.waiting(progress_at(0, total=100, workers=Workers(0, 0, queued=64)))
    line.close()
    written = stream.getvalue().splitlines()
    assert len(written) == 2
    assert all("told 0 of 100" in each for each in written)
    assert all("workers 0/0 busy, queued 64" in each for each in written)


class Broken(Terminal):
    """A terminal that takes ``good`` writes and then fails as told."""

    def __init__(self, good, error):
        super().__init__()
        self.left, self.error = good, error

    def write(self, text):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().write(text)


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")


def test_a_terminal_shows_the_progress_and_ends_on_a_fresh_line():
    stream = Terminal()
    feed(ProgressDisplay(stream), at(400, 20.0), at(500, 25.0))
    text = stream.getvalue()
    assert "400/1,000" in text
    assert "500/1,000" in text
    assert text.index("400/1,000") < text.index("500/1,000")
    assert text.endswith("\n")


def test_small_batches_are_drawn_ten_times_a_second_and_the_last_one_always():
    stream, clock = Terminal(), Clock()
    line = ProgressDisplay(stream, clock=clock)
    line.start(1000, 0)
    for told in range(1, 101):
        line.batch(at(told, told / 100))
        clock.now += REDRAWN / 10
    drawn = stream.getvalue().count("rules/s")
    assert 10 <= drawn <= 11
    line.close()
    assert "100/1,000" in stream.getvalue()


def test_rediscoveries_stay_above_and_are_said_once():
    stream = Terminal()
    found = (Rediscovery(3, "signum"), Rediscovery(7, "adam"))
    line = ProgressDisplay(stream, every=0.0)
    line.start(1000, 5)
    for told in (10, 20):
        line.batch(at(told, told / 10, rediscoveries=found))
    line.close()
    assert stream.getvalue().count("#7: adam rediscovered\n") == 1
    assert "signum rediscovered" not in stream.getvalue()  # said before the resume
    assert "rediscovered 2" in stream.getvalue()


def test_the_best_rule_is_read_when_it_changes_and_until_it_has_a_name():
    read, named = [], []

    def ranking():
        read.append(clock.now)
        return [ranked(3, "sign(m)", name="signum" if named else "")]

    stream, clock = Terminal(), Clock()
    line = ProgressDisplay(stream, every=0.0, clock=clock)
    line.start(1000, 0)
    line.batch(at(10, 1.0, ranking=ranking))
    line.batch(at(20, 2.0, ranking=ranking))
    assert len(read) == 1
    assert "sign(m)" in stream.getvalue()
    named.append(True)
    clock.now += NAMED
    line.batch(at(30, 3.0, ranking=ranking))
    clock.now += 10 * NAMED
    line.batch(at(40, 4.0, ranking=ranking))
    assert len(read) == 2
    assert "#3  = signum" in stream.text
    line.batch(at(50, 5.0, ranking=ranking, best=(proposal(9, quality=0.95),)))
    line.close()
    assert len(read) == 3


def test_a_search_that_ranks_nothing_shows_its_best_proposal():
    stream = Terminal()
    best = (proposal(3, rule="exp(g)", quality=0.9),)
    feed(ProgressDisplay(stream), at(10, 1.0, best=best))
    assert "best 0.9000  #3" in stream.text
    assert "  exp(g)\n" in stream.text


def test_the_cursor_is_never_hidden():
    stream = Terminal()
    feed(ProgressDisplay(stream), at(400, 20.0))
    assert "\x1b[?25" not in stream.getvalue()


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    feed(ProgressDisplay(stream), at(400, 20.0))
    assert stream.getvalue().startswith("told 400 of")


@pytest.mark.parametrize("error", [OSError(5, "gone"), BrokenPipeError(), ValueError()])
@pytest.mark.parametrize("good", [0, 1, 2, 3])
def test_a_terminal_that_goes_away_ends_the_reporting_and_not_the_search(good, error):
    before = sys.stdout, sys.stderr
    feed(ProgressDisplay(Broken(good, error)), *(at(k, k / 10) for k in range(1, 20)))
    assert (sys.stdout, sys.stderr) == before


def test_a_closed_a_missing_and_a_full_stream_are_survived(monkeypatch):
    closed = io.StringIO()
    closed.close()
    feed(ProgressDisplay(closed), at(400, 20.0))
    monkeypatch.setattr(sys, "stderr", None)
    feed(ProgressDisplay(), at(400, 20.0))
    reader, writer = os.pipe()
    os.close(reader)
    pipe = os.fdopen(writer, "w")
    feed(ProgressDisplay(pipe), at(400, 20.0))
    with pytest.raises(BrokenPipeError):  # so it was broken all along
        pipe.close()
