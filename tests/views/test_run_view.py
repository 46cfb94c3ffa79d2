"""What is read of a search, against a count of its proposals one by one."""

import subprocess
import sys
from collections import Counter
from math import isnan

import numpy as np
import pytest

from neuralopt.archive import Archive, BehaviourRecord
from neuralopt.archive.ranking import Findings, front, rule_size
from neuralopt.scoring.score import STATUSES
from neuralopt.verdict.rediscovery.history import seconds_until
from neuralopt.views import run_view
from neuralopt.views.columns import read_outcomes
from neuralopt.views.figures.rediscovery import rediscovery_figure
from neuralopt.views.run_view import read_run
from tests.archive.builders import CONTEXT, search
from tests.views.builders import MEASURED, PARTS, verdict, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("views") / "run"
    write_run(path)
    return path


@pytest.fixture(scope="module")
def archive(run):
    with Archive.open(run) as opened:
        yield opened


@pytest.fixture(scope="module")
def view(archive):
    return read_run(archive)


def test_every_proposal_is_counted_and_charged_as_it_is_in_the_archive(archive, view):
    charged, every = 0, list(archive)
    assert view.total == len(view.proposals) == len(every)
    for place, each in enumerate(every):
        charged += each.status in ("scored", "stopped", "diverged")
        assert STATUSES[view.proposals.status[place]] == each.status
        assert view.proposals.charged[place] == charged
        if each.quality is None:
            assert isnan(view.proposals.quality[place])
        else:
            assert view.proposals.quality[place] == each.quality
    assert view.charged == charged == 80
    assert (view.folder, view.name) == (archive.path.parent, "run")
    assert {k: n for k, n in view.counts.items() if n} == Counter(
        each.status for each in every
    )
    assert view.reasons == {
        "stopped": {"after 1 of 2 parts": 10},
        "diverged": {"diverged at every rate": 10},
        "rejected": {"is constant": 10},
    }
    assert set(view.proposals.trainings[view.proposals.where("stopped")]) == {1}


def test_behaviours_sizes_and_names_are_those_of_each_proposal(archive, view):
    kept = view.proposals
    assert view.names == ("sgd", "signum")
    for record in archive.behaviours():
        place = record.number
        assert view.names[kept.nearest[place]] == record.nearest
        assert kept.similarity[place] == record.similarity
        assert kept.equal[place] == record.equal
        families = {
            family for bit, family in enumerate(view.families)
            if kept.families[place] >> bit & 1
        }  # fmt: skip
        assert families == set(record.families)
    scored = kept.where("scored")
    assert (kept.families[~scored] == -1).all()
    assert (kept.size[~scored] == 0).all()
    for place in np.flatnonzero(scored):
        assert kept.size[place] == rule_size(archive.proposal(int(place)).canonical)


def test_the_best_so_far_rises_at_the_proposals_that_raise_it(archive, view):
    best, rises, charged = 0.0, [], 0
    for each in archive:
        charged += each.status in ("scored", "stopped", "diverged")
        if each.status == "scored" and each.quality > best:
            best = each.quality
            rises.append((charged, each.number, best))
    found = view.best_scores
    assert list(zip(found.charged, found.number, found.quality, strict=True)) == rises


def test_a_member_of_the_shortlist_ranks_above_a_higher_mean_that_is_none(view):
    found = view.best_means
    assert list(found.number) == [6, 42]
    assert list(found.mean) == [0.4, 0.5]
    assert list(found.low) == [0.4 - 0.1, 0.5 - 0.1]
    assert [place.number for place in view.measured] == [42, 6, 22]
    assert [rule.proposal.number for rule in view.leaderboard[:3]] == [42, 6, 22]
    assert view.best_means.charged[1] == view.proposals.charged[42]


def test_named_rules_are_found_once_each_in_the_order_of_finding(view):
    assert [(each.name, each.number) for each in view.rediscoveries] == [
        ("signum", 6), ("sgd", 20),
    ]  # fmt: skip
    assert view.rediscoveries[1].charged == view.proposals.charged[20]


def test_baselines_are_of_the_definition_or_found_until_there_is_a_verdict(
    tmp_path, view
):
    known = {each.name: (each.quality, each.source) for each in view.baselines}
    assert known == {
        "adam": (0.5, "definition"),
        "sgd": (view.proposals.quality[20], "found"),
    }
    write_run(tmp_path)
    with Archive.open(tmp_path, writable=True) as archive:
        archive.save_verdict([verdict()])
        judged = read_run(archive)
    assert [(b.name, b.quality, b.source) for b in judged.baselines] == [
        ("adam", 0.5, "verdict"), ("sgd", 0.4, "verdict"),
    ]  # fmt: skip


def test_a_baseline_that_was_found_is_the_first_scored_rule(tmp_path):
    write_run(tmp_path)
    with Archive.open(tmp_path, writable=True) as archive:
        archive.save_behaviours([BehaviourRecord(15, "sgd", 1.0, True, (), 15)])
        view = read_run(archive)
    sgd = {each.name: each for each in view.rediscoveries}["sgd"]
    assert (sgd.number, sgd.stopped) == (15, True)
    quality = {each.name: each.quality for each in view.baselines}["sgd"]
    assert quality == view.proposals.quality[20]
    (axes,) = rediscovery_figure(view).axes
    assert "#15, stopped" in [text.get_text() for text in axes.texts]


def test_what_is_measured_after_the_outcomes_were_read_is_left_out(
    archive, monkeypatch
):
    few = read_outcomes(archive).take(np.arange(40))
    monkeypatch.setattr(run_view, "read_outcomes", lambda archive: few)
    assert [place.number for place in read_run(archive).measured] == [6, 22]


def test_the_front_is_that_of_all_rules(archive, view):
    every = Findings(archive).of_all([p for p in archive if p.status == "scored"])
    expected = [rule.proposal.number for rule in front(every)]
    assert [rule.proposal.number for rule in view.front] == expected


def test_scores_of_parts_stand_with_those_of_adam(archive, view):
    assert view.parts.parts == tuple(PARTS)
    assert list(view.parts.adam) == list(PARTS.values())
    score = archive.proposal(MEASURED[2]).score
    assert list(view.parts.quality[0]) == [each.quality for each in score.tasks]


def test_attempts_are_in_the_order_of_their_ends(archive, view):
    seconds = seconds_until(archive)
    assert len(view.attempts) == 80
    assert dict(zip(view.attempts.number, view.attempts.elapsed, strict=True)) == (
        pytest.approx(seconds)
    )
    assert view.attempts.workers == ("worker 0", "worker 1")
    assert (view.attempts.number % 2 == view.attempts.worker).all()
    assert not view.attempts.lost.any()


def test_a_sample_keeps_the_best_and_the_counts(archive, view):
    few = read_run(archive, best=3, kept=20)
    assert few.is_sample
    assert not view.is_sample
    assert len(few.proposals) <= 20
    assert len(few.attempts) <= 20
    assert set(MEASURED) <= set(few.proposals.number)
    assert (few.total, few.counts, few.charged) == (100, view.counts, view.charged)
    assert list(few.best_scores.quality) == list(view.best_scores.quality)
    for number, charged in zip(
        few.proposals.number, few.proposals.charged, strict=True
    ):
        assert view.proposals.charged[number] == charged


def test_a_sample_keeps_the_rules_whose_sizes_were_read_if_they_are_few(archive):
    few = read_run(archive, best=0, sizes=5, kept=60)
    assert few.is_sample
    assert 0 < few.sizes_read == read_run(archive, sizes=5).sizes_read


def test_of_many_rules_some_sizes_are_read_and_the_front_is_the_same(archive, view):
    few = read_run(archive, sizes=24)
    assert few.sizes_read <= 24
    assert [r.proposal.number for r in few.front] == [
        r.proposal.number for r in view.front
    ]


def test_a_search_without_results_and_one_without_findings_can_be_read(tmp_path):
    (tmp_path / "empty").mkdir()
    with Archive.create(tmp_path / "empty", {}) as archive:
        nothing = read_run(archive)
    assert (nothing.total, nothing.charged, nothing.name) == (0, 0, "empty")
    assert nothing.leaderboard == nothing.front == nothing.baselines == ()
    with Archive.create(tmp_path / "plain", CONTEXT) as archive:
        search(archive, 64, 16)
        some = read_run(archive)
    assert some.parts.parts == ()
    assert some.configuration == {}
    assert some.total == 64


def test_reading_a_search_loads_no_torch(run):
    code = (
        "import sys; from neuralopt.archive import Archive;"
        "from neuralopt.views.run_view import read_run;"
        f"read_run(Archive.open({str(run)!r}));"
        "print({'torch', 'matplotlib', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
