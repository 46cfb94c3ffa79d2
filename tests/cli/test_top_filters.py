"""The rules that top lists, chosen by size, memory and behaviour."""

import json
from pathlib import Path

import pytest

from neuralopt.archive import Archive, BehaviourRecord, Proposal, PruningRecord
from neuralopt.behaviour.comparing import similarity
from neuralopt.behaviour.description import LIKE
from neuralopt.behaviour.naming import name, named_rules
from neuralopt.language import parse, simplify
from neuralopt.scoring.score import Score
from tests.cli.cli_runner import typed

Capture = pytest.CaptureFixture[str]

RULES = (
    "adam",
    "2 * m / (sqrt(v) + 1e-8)",
    "sign(m)",
    "m",
    "g",
    "g + noise(0.1)",
    "adam + 0.0001 * w",
    "g * exp(sign(g) * sign(m))",
    "rmsprop",
)
"""Best first."""

SIGN_LIKE, LARGE = 2, 7
PRUNED = 6
"""Pruned to momentum."""


def scored(number: int, text: str) -> Proposal:
    score = Score("scored", 0.9 - number / 100, 0.1)
    canonical = str(simplify(parse(text)))
    return Proposal(number, (number,), text, canonical, score=score)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of these rules; half of them have a record of their behaviour."""
    folder = tmp_path_factory.mktemp("chosen") / "run"
    folder.mkdir()
    with Archive.create(folder / "archive.sqlite", {}) as archive:
        archive.record([scored(*each) for each in enumerate(RULES)])
        records = []
        for number in range(0, len(RULES), 2):
            found = name(parse(RULES[number]))
            records.append(
                BehaviourRecord(
                    number,
                    found.nearest,
                    found.similarity,
                    found.equal,
                    found.families,
                    number,
                )
            )
        archive.save_behaviours(records)
        archive.save_prunings([PruningRecord(PRUNED, "m", 0.01, 0.0, -0.005, 8)])
    return folder


def listed(capsys: Capture, run: Path, *options: str) -> list[int]:
    """Numbers in the table, which are the same as in JSON."""
    said = typed(capsys, "top", str(run), "--ungrouped", *options)
    assert (said.code, said.err) == (0, "")
    rows = said.out.partition("\n\n")[0].splitlines()[1:]
    numbers = [int(row.split()[1]) for row in rows]
    plain = typed(capsys, "top", str(run), "--json", *options).out.splitlines()
    assert [json.loads(line)["number"] for line in plain] == numbers
    return numbers


def test_small_rules_are_chosen_in_their_plain_form(capsys: Capture, run: Path) -> None:
    assert listed(capsys, run, "--max-size", "1") == [0, 3, 4, PRUNED, 8]
    assert listed(capsys, run, "--max-size", "2") == [0, 2, 3, 4, PRUNED, 8]
    assert listed(capsys, run, "--max-memory", "0") == [4, 5]
    assert listed(capsys, run, "--max-memory", "1", "--max-size", "1") == [
        3,
        4,
        PRUNED,
        8,
    ]


def test_rules_alike_are_left_out_by_their_own_similarity(
    capsys: Capture, run: Path
) -> None:
    everything = list(range(len(RULES)))
    like = listed(capsys, run, "--like", "adam")
    assert like == [0, 1]
    rest = [number for number in everything if number not in like]
    assert listed(capsys, run, "--not-like", "adam") == rest
    # AMSGrad is not the nearest one of any of them.
    assert listed(capsys, run, "--like", "amsgrad") == like
    both = listed(capsys, run, "--like", "adam", "--like", "signum")
    assert both == [*like, SIGN_LIKE]
    neither = listed(capsys, run, "--not-like", "adam", "--not-like", "signum")
    assert neither == [number for number in everything if number not in both]


def test_a_pruned_rule_is_judged_in_its_plain_form(capsys: Capture, run: Path) -> None:
    assert listed(capsys, run, "--like", "momentum") == [3, PRUNED]
    assert PRUNED in listed(capsys, run, "--not-like", "adamw")


def test_families_are_chosen(capsys: Capture, run: Path) -> None:
    assert listed(capsys, run, "--family", "sign-like") == [SIGN_LIKE]
    assert listed(capsys, run, "--family", "random") == [5]
    remembering = listed(capsys, run, "--family", "with memory")
    assert remembering == [0, 1, 2, 3, PRUNED, LARGE, 8]
    assert listed(capsys, run, "--family", "with-memory") == remembering
    invariant = listed(
        capsys, run, "--family", "with-memory", "--family", "scale-invariant"
    )
    assert 0 < len(invariant) < len(remembering)


def test_the_threshold_is_between_variants_and_relatives() -> None:
    named = named_rules()
    adam = named.directions.row(named.names.index("adam"))
    near = {
        other: similarity(adam, named.directions.row(named.names.index(other)))
        for other in ("amsgrad", "adamw", "adamax", "signum", "momentum")
    }
    assert [name for name, value in near.items() if value < LIKE] == [
        "signum",
        "momentum",
    ]


def test_how_many_and_the_front_are_of_the_chosen(capsys: Capture, run: Path) -> None:
    assert listed(capsys, run, "--not-like", "adam", "-n", "2") == [2, 3]
    said = typed(capsys, "top", str(run), "--front", "--not-like", "adam", "--json")
    assert [json.loads(line)["number"] for line in said.out.splitlines()] == [3, 2]
    said = typed(capsys, "top", str(run), "--all", "--family", "random")
    assert [line.split()[1] for line in said.out.splitlines()[1:2]] == ["5"]


def test_of_several_runs_only_tables_with_rules_are_shown(
    capsys: Capture, run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with Archive.create(other / "archive.sqlite", {"budget": "x"}) as archive:
        archive.record([scored(0, "g")])
    said = typed(capsys, "top", str(run), str(other), "--like", "adam")
    assert said.out.count("rank ") == 1
    assert said.out.count("Size is nodes") == 1
    said = typed(capsys, "top", str(run), str(other), "--like", "sgd")
    assert said.out.count("Size is nodes") == 1
    said = typed(capsys, "top", str(run), "--like", "lion")
    assert said.out == "No rule has what the options ask for.\n"
    assert typed(capsys, "top", str(run), "--like", "lion", "--json").out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-size", "0"], "--max-size is 0: give 1 or more"),
        (["--max-memory", "-1"], "--max-memory is -1: give 0 or more"),
        (["--like", "adm"], "--like adm: not a named rule: did you mean 'adam'?"),
        (
            ["--not-like", "sgn"],
            "--not-like sgn: not a named rule: did you mean 'signum'",
        ),
        (["--family", "sign-lik"], "not a family: did you mean 'sign-like'?"),
        (["--family", "x"], "known: sign-like, scale-invariant, with-memory"),
        (["--like", "adam", "--not-like", "adam"], "both --like adam and --not-like"),
        (["--max-size", "few"], "invalid int value: 'few'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    capsys: Capture, run: Path, options: list[str], said: str
) -> None:
    ended = typed(capsys, "top", str(run), *options)
    assert ended.code == 2
    assert said in ended.complaint
