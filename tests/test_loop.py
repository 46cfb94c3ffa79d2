"""The search loop, with an evaluator that answers at once and in any order."""

import itertools
import math
import random
import threading
import zlib
from collections import Counter

import numpy as np
import pytest

from neuralopt.archive import Archive, ArchiveError, difference
from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.evaluators import Completion, InProcessEvaluator, Workers
from neuralopt.loop import search
from neuralopt.outcomes import CHARGED
from neuralopt.scoring.score import Score
from neuralopt.searchers import SEARCHERS
from neuralopt.spaces import Space
from neuralopt.spaces.space import Constraints
from tests.searchers.installed import EVERY_SEARCHER

SPACE = Space(
    "small",
    ("g", "m", "w", "1", "noise(0.1)"),
    ("x", "sign(x)", "-x", "x ** 2"),
    ("x + y", "x * y", "x"),
    groups=2,
)
TOTAL, BATCH = 120, 16


def score_of(text):
    """A score that depends only on the text: scored, sometimes diverged or failed."""
    kind, quality = counter_uniform(counter_key(zlib.crc32(text.encode())), 2)
    if kind < 0.1:
        return Score("failed", reason="ValueError: always")
    if kind < 0.2:
        return Score("diverged", reason="at every rate", screening=(math.inf,))
    return Score("scored", float(quality), lr=0.1, loss=1.0, curve=(2.0, float(kind)))


def measured(text, replicate):
    """A fresh measurement: noise around a truth that the score above is far from."""
    draws = counter_uniform(counter_key(zlib.crc32(text.encode()), 3, replicate), 2)
    if draws[0] < 0.05:
        return Score("failed", reason="ValueError: now and then")
    if draws[0] < 0.1:
        return Score("diverged", reason="at every rate", screening=(math.inf,))
    truth = score_of(text).quality / 2 + len(text) % 7 / 14
    return Score("scored", min(1.0, truth * (0.95 + 0.1 * float(draws[1]))), lr=0.1)


class Scrambled:
    """An evaluator that completes some of what it has, in random order.

    unlucky: shared between the evaluators of one search; the first attempt of every
    seventh rule fails.
    """

    def __init__(self, seed=0, unlucky=None):
        self._rng = random.Random(seed)
        self._waiting = []
        self._unlucky = unlucky
        self.submitted = Counter()

    def submit(self, requests):
        assert requests
        self._waiting += requests
        self.submitted.update(str(request.rule) for request in requests)

    def collect(self, timeout):
        self._rng.shuffle(self._waiting)
        count = self._rng.randint(0, len(self._waiting))
        done, self._waiting = self._waiting[:count], self._waiting[count:]
        return [
            Completion(
                request.number,
                self._score(str(request.rule), request.replicate),
                0.1,
                "here",
                replicate=request.replicate,
            )
            for request in done
        ]

    def _score(self, text, replicate=None):
        unlucky = self._unlucky
        if unlucky is not None and not zlib.crc32(text.encode()) % 7:
            unlucky[text] += 1
            if unlucky[text] == 1:
                return Score("failed", reason="OSError: once")
        return score_of(text) if replicate is None else measured(text, replicate)

    def workers(self):
        return Workers(alive=1, busy=1, queued=len(self._waiting))

    def close(self):
        pass


class Watched:
    """A searcher that says when it is asked and told."""

    def __init__(self, searcher, asked=lambda rows: None, told=lambda *rest: None):
        self._searcher, self._asked, self._told = searcher, asked, told
        self.state_dict = searcher.state_dict
        self.load_state_dict = searcher.load_state_dict

    def ask(self, count):
        rows = self._searcher.ask(count)
        self._asked(rows)
        return rows

    def tell(self, rows, rewards):
        self._told(rows, rewards)
        return self._searcher.tell(rows, rewards)


def reward(proposal):
    """What a searcher is told of a proposal that has a score."""
    return math.nan if proposal.status == "failed" else proposal.quality


def searcher_of(kind="evolution", seed=0, space=SPACE):
    options = {
        "evolution": {"population": 20},
        "controller": {"batch": 16, "hidden": 8, "epochs": 1},
    }
    return SEARCHERS[kind](space, seed, **options.get(kind, {}))


@pytest.fixture
def archive_of(tmp_path):
    """Makes archives, which are closed at the end of the test."""
    made = []
    numbers = itertools.count()

    def make():
        path = tmp_path / f"{next(numbers)}.sqlite"
        made.append(Archive.create(path, {"seed": "0"}))
        return made[-1]

    yield make
    for archive in made:
        archive.close()


def run(archive, kind="evolution", evaluator=None, total=TOTAL, batch=BATCH, **rest):
    evaluator = evaluator or Scrambled()
    return search(SPACE, searcher_of(kind), evaluator, archive, total, batch, **rest)


def same(a, b):
    found = difference(a, b)
    assert found is None, found


def trained(proposals):
    return sum(p.status in ("scored", "stopped", "diverged") for p in proposals)


# ------------------------------------------------------------------------ determinism


@pytest.mark.parametrize("kind", EVERY_SEARCHER)
@pytest.mark.parametrize("lag", [0, 1, 3])
def test_the_archive_does_not_depend_on_the_order_of_completion(archive_of, kind, lag):
    first, *others = [
        run(archive_of(), kind, Scrambled(seed), lag=lag) for seed in range(3)
    ]
    assert len(first) == TOTAL
    assert first.counts()["pending"] == 0
    for other in others:
        same(first, other)


@pytest.mark.parametrize("lag", [0, 2])
def test_the_archive_does_not_depend_on_the_number_of_workers(archive_of, lag):
    def scorer(rules):
        return [score_of(str(rule)) for rule in rules]

    reference = run(archive_of(), lag=lag)
    for workers, size in ((1, 5), (3, 1), (3, 4)):
        evaluator = InProcessEvaluator(scorer, workers, size)
        try:
            same(reference, run(archive_of(), evaluator=evaluator, lag=lag))
        finally:
            evaluator.close()


def test_the_lag_changes_what_an_adaptive_searcher_proposes(archive_of):
    # Otherwise the tests of lags would show nothing.
    assert difference(run(archive_of(), lag=0), run(archive_of(), lag=3)) is not None


@pytest.mark.parametrize(("total", "batch"), [(1, 1), (5, 64), (50, 7), (48, 16)])
@pytest.mark.parametrize("lag", [0, 1, 3, 100])
def test_results_are_told_in_ask_order_lag_batches_behind(
    archive_of, total, batch, lag
):
    events, asked, told = [], [], []
    searcher = Watched(
        searcher_of(),
        lambda rows: (events.append("ask"), asked.append(rows)),
        lambda rows, rewards: (events.append("tell"), told.append(rows)),
    )
    archive = search(SPACE, searcher, Scrambled(), archive_of(), total, batch, lag)
    assert len(archive) == total
    assert [len(rows) for rows in asked[:-1]] == [batch] * (len(asked) - 1)
    assert sum(map(len, asked)) == total
    assert all(np.array_equal(a, b) for a, b in zip(asked, told, strict=True))
    batches = math.ceil(total / batch)
    ahead = 0
    for index, event in enumerate(events):
        ahead += 1 if event == "ask" else -1
        assert 0 <= ahead <= lag + 1
        if event == "tell":  # as far ahead as is allowed, always
            assert ahead + 1 == min(lag + 1, batches - events[:index].count("tell"))


# -------------------------------------------------------- statuses and what is told


def test_what_is_told_of_every_status(archive_of):
    told = []
    # Uniform: it does not avoid duplicates.
    searcher = Watched(
        searcher_of("uniform"), told=lambda rows, rewards: told.extend(rewards)
    )
    evaluator = Scrambled()
    archive = search(SPACE, searcher, evaluator, archive_of(), TOTAL, BATCH)
    proposals = list(archive.proposals())
    assert len(told) == len(proposals) == TOTAL
    counts = Counter(proposal.status for proposal in proposals)
    for status in ("scored", "diverged", "rejected", "duplicate", "failed"):
        assert counts[status] >= 3, counts
    for proposal, value in zip(proposals, told, strict=True):
        original = proposal
        if proposal.status == "duplicate":
            original = proposals[proposal.original]
            assert original.status != "duplicate"
            assert original.canonical == proposal.canonical
            assert original.number < proposal.number
            assert proposal.quality is None
            np.testing.assert_equal(value, told[original.number])
        if original.status == "scored":
            assert value == original.quality == score_of(original.canonical).quality
        elif original.status == "failed":
            assert math.isnan(value)
            assert original.quality is None
            assert original.reason == "ValueError: always"
        else:
            assert value == 0.0
            assert original.quality == 0.0
            assert original.reason


def test_nothing_is_trained_twice_and_nothing_known_or_rejected_is_trained(archive_of):
    evaluator = Scrambled()
    archive = run(archive_of(), evaluator=evaluator)
    trained = {
        proposal.canonical: 2 if proposal.status == "failed" else 1
        for proposal in archive.proposals()
        if proposal.status not in ("rejected", "duplicate")
    }
    assert evaluator.submitted == trained
    firsts = [p.canonical for p in archive.proposals() if p.status != "duplicate"]
    assert len(firsts) == len(set(firsts))


def test_a_failure_is_retried_once_and_then_has_no_result(archive_of):
    unlucky = Counter()
    archive = run(archive_of(), evaluator=Scrambled(unlucky=unlucky))
    assert 2 in unlucky.values()
    for proposal in archive.proposals():
        outcomes = [
            execution.outcome for execution in archive.executions(proposal.number)
        ]
        if proposal.status in ("rejected", "duplicate"):
            assert outcomes == []
            continue
        expected = score_of(proposal.canonical).status
        assert proposal.status == expected
        once = unlucky[proposal.canonical] and expected != "failed"
        assert outcomes == (["failed", expected] if once else outcomes)
        assert len(outcomes) == (2 if once or expected == "failed" else 1)
        attempts = [each.attempt for each in archive.executions(proposal.number)]
        assert attempts == list(range(1, len(outcomes) + 1))


def test_a_retry_that_succeeds_leaves_no_trace_among_the_proposals(archive_of):
    same(run(archive_of()), run(archive_of(), evaluator=Scrambled(unlucky=Counter())))


def test_a_row_that_can_not_be_decoded_is_rejected(archive_of):
    class Invalid:
        def ask(self, count):
            return np.array([[99] * len(SPACE.choices)] * count)

        def tell(self, rows, rewards):
            assert list(rewards) == [0.0] * len(rows)
            return {}

        def state_dict(self):
            return {}

    archive = search(SPACE, Invalid(), Scrambled(), archive_of(), 5, 2)
    for proposal in archive.proposals():
        assert proposal.status == "rejected"
        assert proposal.reason == "no row of this space"
        assert reward(proposal) == 0.0


def test_scores_are_committed_before_the_searcher_is_told(archive_of):
    archive = archive_of()
    numbers = itertools.count()

    def told(rows, rewards):
        with Archive.open(archive.path) as on_disk:  # as another process sees it
            for row, value in zip(rows.tolist(), rewards, strict=True):
                proposal = on_disk.proposal(next(numbers))
                assert proposal.decisions == tuple(row)
                assert proposal.status != "pending"
                if proposal.status == "duplicate":
                    proposal = on_disk.proposal(proposal.original)
                np.testing.assert_equal(reward(proposal), value)

    searcher = Watched(searcher_of(), told=told)
    search(SPACE, searcher, Scrambled(), archive, TOTAL, BATCH, lag=2)
    assert next(numbers) == TOTAL


def test_proposals_are_recorded_before_they_are_trained(archive_of):
    archive = archive_of()

    class Checking(Scrambled):
        def submit(self, requests):
            super().submit(requests)
            with Archive.open(archive.path) as on_disk:
                for request in requests:
                    proposal = on_disk.proposal(request.number)
                    assert proposal.status == "pending"
                    assert proposal.canonical == str(request.rule)

    run(archive, evaluator=Checking())


@pytest.mark.parametrize("kind", EVERY_SEARCHER)
def test_a_search_over_a_space_of_one_rule_ends(archive_of, kind):
    loose = Constraints(distinct_operands=True)
    space = Space("tiny", ("g", "m"), ("x",), ("x + y",), 1, loose)
    assert space.size == 2
    searcher = searcher_of(kind, space=space)
    evaluator = Scrambled()
    archive = search(space, searcher, evaluator, archive_of(), 100, 8, lag=1)
    assert archive.counts()["duplicate"] == 99
    assert sum(evaluator.submitted.values()) <= 2


# --------------------------------------------------------------------- interruptions


class Interrupted(BaseException):
    """As KeyboardInterrupt, but ours alone."""


class Fuse:
    """Blows at the n-th of all the moments that something passes it."""

    def __init__(self, moments):
        self.left = moments

    def __call__(self, *_):
        self.left -= 1
        if self.left == 0:
            raise Interrupted


class Fused:
    """An archive, an evaluator or a searcher with a fuse before and after each call."""

    def __init__(self, thing, fuse, names):
        self._thing, self._fuse, self._names = thing, fuse, names

    def __getattr__(self, name):
        found = getattr(self._thing, name)
        if name not in self._names:
            return found

        def call(*arguments):
            self._fuse()
            result = found(*arguments)
            self._fuse()
            return result

        return call

    def __len__(self):
        return len(self._thing)


def interrupted_run(path, kind, seed, lag, most):
    """A search that is interrupted at random until it is through; how often it was."""
    rng = random.Random(seed)
    unlucky = Counter()
    Archive.create(path, {"seed": "0"}).close()
    for times in range(1000):
        fuse = Fuse(rng.randint(1, most))
        evaluator = Scrambled(rng.random(), unlucky)
        writes = ("record", "commit", "save_checkpoint")
        try:
            with Archive.open(path, writable=True) as archive:
                search(
                    SPACE,
                    Fused(searcher_of(kind), fuse, ("ask", "tell")),
                    Fused(evaluator, fuse, ("submit", "collect")),
                    Fused(archive, fuse, writes),
                    TOTAL,
                    BATCH,
                    lag,
                )
        except Interrupted:
            continue
        return times
    raise AssertionError("a search that is interrupted so often never ends")


@pytest.mark.parametrize("kind", EVERY_SEARCHER)
@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("seconds", [math.inf, -1.0], ids=["rare", "always"])
def test_a_search_interrupted_anywhere_ends_as_an_undisturbed_one(
    archive_of, tmp_path, monkeypatch, kind, lag, seconds
):
    undisturbed = run(archive_of(), kind, lag=lag)
    monkeypatch.setattr("neuralopt.loop.CHECKPOINT_SECONDS", seconds)
    interruptions = 0
    for seed in range(1 if kind == "controller" else 2):
        path = tmp_path / f"interrupted-{seed}.sqlite"
        interruptions += interrupted_run(path, kind, seed, lag, most=80)
        with Archive.open(path) as found:
            same(undisturbed, found)
    assert interruptions >= 2, "too few to show anything"


@pytest.mark.parametrize("kind", EVERY_SEARCHER)
@pytest.mark.parametrize("lag", [0, 1, 3])
def test_a_search_that_is_stopped_continues_where_it_was(archive_of, kind, lag):
    undisturbed = run(archive_of(), kind, lag=lag)
    archive = archive_of()
    rng = random.Random(lag)
    for stops in itertools.count():
        stop = threading.Event()
        evaluator = Scrambled(stops)
        collect = evaluator.collect
        left = rng.randint(1, 5)

        def counted(timeout, collect=collect, stop=stop):
            nonlocal left
            left -= 1
            if not left:
                stop.set()
            return collect(timeout)

        evaluator.collect = counted
        run(archive, kind, evaluator, lag=lag, stop=stop)
        checkpoint = archive.checkpoint()
        if checkpoint is not None and checkpoint.told == TOTAL:
            break
        assert stop.is_set()
    assert stops >= 1
    same(undisturbed, archive)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_a_limit_of_evaluations_ends_the_search(archive_of, lag):
    limit = 23
    archive = run(archive_of(), lag=lag, evaluations=limit)
    found = list(archive)
    # All that was asked for is told, so `lag` batches follow the one that was enough.
    told = len(found) - lag * BATCH
    assert not len(found) % BATCH
    assert archive.checkpoint().told == len(found) < TOTAL
    assert trained(found[:told]) >= limit > trained(found[: told - BATCH])
    for seed in range(1, 3):
        same(
            archive,
            run(archive_of(), evaluator=Scrambled(seed), lag=lag, evaluations=limit),
        )


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_a_limit_of_evaluations_holds_after_a_stop(archive_of, lag):
    whole, archive = archive_of(), archive_of()
    watched = Watched(searcher_of())
    search(SPACE, watched, Scrambled(), whole, TOTAL, BATCH, lag, evaluations=23)
    while True:
        stop, told = threading.Event(), itertools.count()

        def note(rows, rewards, stop=stop, told=told):
            if next(told) == 0:
                stop.set()

        watched = Watched(searcher_of(), told=note)
        search(
            SPACE, watched, Scrambled(), archive, TOTAL, BATCH, lag,
            stop=stop, evaluations=23,
        )  # fmt: skip
        if not stop.is_set():
            break
    same(whole, archive)


def test_a_search_stopped_before_it_begins_does_nothing(archive_of):
    stop = threading.Event()
    stop.set()
    evaluator = Scrambled()
    archive = run(archive_of(), evaluator=evaluator, stop=stop)
    assert len(archive) == 0
    assert not evaluator.submitted
    assert archive.checkpoint() is None


@pytest.mark.parametrize("checkpoint", [True, False])
def test_continuing_a_finished_search_trains_nothing(
    archive_of, monkeypatch, checkpoint
):
    archive = run(archive_of())
    before = list(archive.proposals())
    if not checkpoint:
        monkeypatch.setattr(Archive, "checkpoint", lambda self: None)
    told = []
    searcher = Watched(searcher_of(), told=lambda rows, rewards: told.extend(rewards))
    evaluator = Scrambled()
    search(SPACE, searcher, evaluator, archive, TOTAL, BATCH)
    assert not evaluator.submitted
    assert len(told) == (0 if checkpoint else TOTAL)
    assert list(archive.proposals()) == before


def test_replay_tells_exactly_what_was_told(archive_of, monkeypatch):
    first, again = [], []
    searcher = Watched(searcher_of(), told=lambda rows, rewards: first.extend(rewards))
    archive = search(SPACE, searcher, Scrambled(), archive_of(), TOTAL, BATCH)
    monkeypatch.setattr(Archive, "checkpoint", lambda self: None)
    searcher = Watched(searcher_of(), told=lambda rows, rewards: again.extend(rewards))
    search(SPACE, searcher, Scrambled(), archive, TOTAL, BATCH)
    np.testing.assert_array_equal(first, again)


def test_an_archive_of_another_searcher_or_seed_is_refused_in_one_line(
    archive_of, monkeypatch
):
    archive = run(archive_of(), total=40)
    before = list(archive.proposals())
    monkeypatch.setattr(Archive, "checkpoint", lambda self: None)
    for searcher in (searcher_of(seed=1), searcher_of("controller")):
        with pytest.raises(ArchiveError) as caught:
            search(SPACE, searcher, Scrambled(), archive, TOTAL, BATCH)
        message = str(caught.value)
        assert "proposals 0 to 15 are not what this searcher asks for" in message
        assert "start a new run" in message
        assert "\n" not in message
        assert list(archive.proposals()) == before


def test_a_checkpoint_of_another_searcher_is_refused(archive_of):
    archive = run(archive_of(), total=40)
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z"):
        run(archive, "controller")


# -------------------------------------------------------------------------- observers


class Notes:
    """An observer that keeps what it sees."""

    def __init__(self):
        self.started, self.seen, self.closed = [], [], 0

    def start(self, total, told):
        self.started.append((total, told))

    def batch(self, progress):
        self.seen.append(progress)

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("lag", [0, 2])
def test_what_observers_see_adds_up(archive_of, lag):
    notes = Notes()
    evaluator = Scrambled(unlucky=Counter())
    archive = run(archive_of(), evaluator=evaluator, lag=lag, observers=[notes])
    assert notes.started == [(TOTAL, 0)]
    assert notes.closed == 1
    told = 0
    for progress in notes.seen:
        told += len(progress.rewards)
        assert progress.told == told
        assert progress.total == TOTAL
        trained = [p for p in archive.proposals(stop=told) if p.status in CHARGED]
        assert progress.evaluations == len(trained)
        scores = [p.quality for p in trained if p.status == "scored"]
        assert progress.highest == max(scores, default=-math.inf)
        ahead = sum(progress.counts.values()) - told
        assert ahead == min(lag * BATCH, TOTAL - told)
        qualities = [proposal.quality for proposal in progress.best]
        assert qualities == sorted(qualities, reverse=True)
    last = notes.seen[-1]
    assert last.told == TOTAL
    assert last.counts == archive.counts()
    assert last.trained == sum(
        last.counts[status] for status in ("scored", "diverged", "failed")
    )
    assert list(last.best) == archive.best(20)
    seconds = [progress.seconds for progress in notes.seen]
    assert seconds == sorted(seconds)


def test_observers_of_a_continued_search_begin_where_it_was(archive_of):
    archive = archive_of()
    first, stop = Notes(), threading.Event()
    first.batch = lambda progress: stop.set()
    run(archive, observers=[first], stop=stop)
    notes = Notes()
    run(archive, observers=[notes])
    assert notes.started == [(TOTAL, BATCH)]
    assert notes.seen[0].told == 2 * BATCH
    scored = archive.proposals("scored", stop=2 * BATCH)
    assert notes.seen[0].highest == max(each.quality for each in scored)
    assert notes.seen[-1].counts == archive.counts()


def test_observers_are_closed_when_a_search_breaks(archive_of):
    notes = Notes()

    class Broken(Scrambled):
        def collect(self, timeout):
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        run(archive_of(), evaluator=Broken(), observers=[notes])
    assert notes.closed == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"total": 0}, "proposals is 0: give 1 or more"),
        ({"batch": 0}, "batch is 0: give 1 or more"),
        ({"lag": -1}, "lag is -1: give 0 or more"),
    ],
)
def test_numbers_out_of_range_are_refused(archive_of, options, message):
    with pytest.raises(ValueError, match=message):
        run(archive_of(), **options)
