"""The ancestry of a rule: what is read, what is said to have changed, what is drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from neuralopt.archive import Archive, ArchiveError, OriginRecord, Place, Proposal
from neuralopt.scoring.score import Score
from neuralopt.views import lineage as lineage_module
from neuralopt.views.changes import change_of
from neuralopt.views.figures.canvas import DOTS, png_of
from neuralopt.views.figures.lineage import GENERATIONS, lineage_figure
from neuralopt.views.lineage import Lineage, ancestry_lines, lineage
from tests.cli.cli_runner import typed

RULES = ("g", "m", "sign(g)", "m * sign(g)", "m * exp(g)", "v * exp(g)")
FAMILY = [
    OriginRecord(0, "random"),
    OriginRecord(1, "random"),
    OriginRecord(2, "mutation", 0),
    OriginRecord(3, "crossover", 1, 2),
    OriginRecord(4, "mutation", 3),
    OriginRecord(5, "kick", 4),
]


def archive_of(
    path: Path, rules: Iterable[str], origins: Iterable[OriginRecord]
) -> Archive:
    """An archive of scored rules."""
    archive = Archive.create(path / "archive.sqlite", {})
    asked = [Proposal(n, (n,), rule, rule) for n, rule in enumerate(rules)]
    archive.record(asked, list(origins))
    scores = [Score("scored", 0.5 + n / 1000) for n in range(len(asked))]
    archive.commit([replace(p, score=s) for p, s in zip(asked, scores, strict=True)])
    return archive


def chain(path: Path, length: int) -> Archive:
    origins = [OriginRecord(n, "mutation", n - 1) for n in range(1, length)]
    rules = [f"g * {n + 2.0}" for n in range(length)]
    return archive_of(path, rules, [OriginRecord(0, "random"), *origins])


def test_all_ancestors_are_found_with_their_generations(tmp_path: Path):
    with archive_of(tmp_path, RULES, FAMILY) as archive:
        found = lineage(archive, 5)
    generations = {each.number: each.generation for each in found.relatives}
    assert generations == {5: 0, 4: 1, 3: 2, 2: 3, 1: 3, 0: 4}
    assert found.rule.number == 5
    kinds = [each.kind for each in found.relatives]
    assert kinds[:3] == [
        "kick",
        "mutation",
        "crossover",
    ]
    steps = {e.number: [s.parent for s in e.steps] for e in found.relatives}
    assert steps == {5: [4], 4: [3], 3: [1, 2], 2: [0], 1: [], 0: []}
    assert (found.earlier, found.complete) == (0, True)


def test_a_duplicate_has_the_ancestry_of_its_original(tmp_path: Path):
    with archive_of(tmp_path, RULES, FAMILY) as archive:
        again = Proposal(6, (9,), "m*exp(g)", "m * exp(g)", original=4)
        archive.record([again], [OriginRecord(6, "random")])
        assert lineage(archive, 6) == lineage(archive, 4)


def test_the_mean_over_fresh_replicates_counts(tmp_path: Path):
    with archive_of(tmp_path, RULES, FAMILY) as archive:
        archive.save_shortlist([Place(4, 0.25, 0.2, 0.3, 3)])
        qualities = {e.number: e.quality for e in lineage(archive, 5).relatives}
    assert (qualities[4], qualities[5]) == (0.25, 0.505)


def test_without_origins_a_rule_has_only_itself(tmp_path: Path):
    with archive_of(tmp_path, RULES, []) as archive:
        found = lineage(archive, 5)
        with pytest.raises(ArchiveError, match="has no proposal 99"):
            lineage(archive, 99)
    assert len(found.relatives) == 1
    assert found.rule.kind == "unknown"
    assert "no recorded parents" in title(found)


def test_a_long_ancestry_is_cut_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with chain(tmp_path, 60) as archive:
        found = lineage(archive, 59)
        assert (len(found.relatives), found.earlier) == (41, 19)
        assert ancestry_lines(found)[-1] == "50 earlier ancestors"
        monkeypatch.setattr(lineage_module, "COUNTED", 50)
        bounded = lineage(archive, 59)
    assert not bounded.complete
    assert ancestry_lines(bounded)[-1] == "more than 41 earlier ancestors"
    words = texts(found)
    assert sum("#" in word for word in words) == GENERATIONS + 2  # and the title
    assert f"{59 - GENERATIONS} earlier\nancestors" in words


def texts(found: Lineage) -> list[str]:
    figure = lineage_figure(found)
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    return [title(found), *words]


def title(found: Lineage) -> str:
    return lineage_figure(found).get_suptitle()


@pytest.mark.parametrize("origins", [FAMILY, []])
def test_show_tells_an_ancestry_where_parents_are_recorded(
    origins: list[OriginRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive_of(tmp_path, RULES, origins).close()
    told = json.loads(typed(capsys, "show", f"{tmp_path}:5", "--json").out)
    expected = [
        {"number": 5, "kind": "kick", "parents": [4], "change": "m → v"},
        {"number": 4, "kind": "mutation", "parents": [3], "change": "sign(g) → exp(g)"},
        {"number": 3, "kind": "crossover", "parents": [1, 2], "change": ""},
    ]
    assert told["ancestry"][:3] == (expected if origins else [])
    lines = typed(capsys, "show", f"{tmp_path}:5").out
    assert ("\nancestry" in lines) == bool(origins)


def test_lines_tell_number_quality_rule_and_origin(tmp_path: Path):
    with archive_of(tmp_path, RULES, FAMILY) as archive:
        lines = ancestry_lines(lineage(archive, 5), most=4)
    assert lines == [
        "#5  0.5050  v * exp(g)  (kick of #4: m → v)",
        "#4  0.5040  m * exp(g)  (mutation of #3: sign(g) → exp(g))",
        "#3  0.5030  m * sign(g)  (crossover of #1 and #2)",
        "#2  0.5020  sign(g)  (mutation of #0: … → sign(…))",
        "2 earlier ancestors",
    ]


def test_every_rule_and_change_is_drawn_inside_the_figure(tmp_path: Path):
    with archive_of(tmp_path, RULES, FAMILY) as archive:
        found = lineage(archive, 5)
    words = texts(found)
    for each in found.relatives:
        assert f"{each.quality:.4f}  #{each.number}" in words
    assert "m → v" in words
    figure = lineage_figure(found)
    assert png_of(figure) == png_of(lineage_figure(found))
    width, height = figure.get_size_inches() * DOTS
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height


def test_boxes_hold_their_text_and_do_not_overlap(tmp_path: Path):
    rules = ["m * sign(g)", *(f"exp(sqrt(v + {n}e-08)) * tanh(m) / v" for n in "12")]
    origins = [
        OriginRecord(0, "random"),
        OriginRecord(1, "random"),
        OriginRecord(2, "crossover", 0, 1),
    ]
    with archive_of(tmp_path, rules, origins) as archive:
        figure = lineage_figure(lineage(archive, 2))
    axes = figure.axes[0]
    figure.canvas.draw()
    boxes = [p.get_window_extent() for p in axes.patches if p.get_zorder() == 3]
    assert len(boxes) == 3
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:place])
    for text in axes.texts:
        extent = text.get_window_extent()
        assert any(box.x0 <= extent.x0 and extent.x1 <= box.x1 + 1 for box in boxes), (
            text.get_text()
        )


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("g * exp(m)", "g * sign(m)", "exp(m) → sign(m)"),
        ("sign(m) * g", "g * v", "sign(m) → v"),
        ("g", "sign(g)", "… → sign(…)"),
        ("sign(m * g)", "m * g", "sign(…) → …"),
        ("sqrt(m * v) + g", "exp(m * v) + g", "sqrt(…) → exp(…)"),
        ("g * exp(m)", "v + 1", ""),
        ("g", "g", ""),
        ("g +", "g", ""),
    ],
)
def test_what_changed_is_the_smallest_part(before: str, after: str, change: str):
    assert change_of(before, after) == change
