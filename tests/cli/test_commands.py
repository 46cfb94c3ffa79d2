"""Commands at large: help, comparisons, exports, and output that breaks."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch

from neuralopt.cli.arguments import COMMANDS
from neuralopt.tasks import GROUPS
from tests.cli.cli_runner import SMALL, ended, files, start, typed

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    said = typed(capsys, command, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: neuralopt {command} ")


def test_the_help_lists_every_command(capsys: Capture) -> None:
    said = typed(capsys, "--help")
    assert said.code == 0
    listed = [
        line.split()[0]
        for line in said.out.splitlines()
        if line[:4] == " " * 4 != line[1:5]
    ]
    assert sorted(word for word in listed if word in COMMANDS) == sorted(COMMANDS)


def test_compare_ranks_names_texts_found_rules_and_torch_on_fresh_seeds(
    capsys: Capture, finished_run: Path
) -> None:
    sign_rule = "g * exp(sign(g) * sign(m))"
    said = typed(
        capsys,
        "compare",
        sign_rule,
        "adam",
        "torch.Adam",
        f"{finished_run}:best",
        "budget=smoke",
        "verdict.seeds=2",
        "evaluator.workers=1",
    )
    assert said.code == 0, said.err
    assert "Scoring 4 rules on 2 fresh seeds, budget smoke" in said.out
    _, selection, test = said.out.split("\nOn the ")
    assert selection.startswith("selection split of digits:")
    assert test.startswith("test split of digits:")
    for table in (selection, test):
        rows = [line.split() for line in table.splitlines() if line[:2].strip()]
        means = {
            name: row[1]
            for row in rows
            for name in ("adam", "torch.Adam")
            if name in row
        }
        assert means["adam"] == means["torch.Adam"]  # one rule, two implementations
        assert sign_rule in table


def test_compare_keeps_equal_numbers_of_two_runs_apart(
    capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    arguments = [*SMALL, "proposals=16", "seed=1", f"run_dir={other}"]
    assert typed(capsys, "search", *arguments).code == 0
    said = typed(
        capsys,
        "compare",
        f"{finished_run}:3",
        f"{other}:3",
        "budget=smoke",
        "verdict.seeds=2",
    )
    assert said.code == 0, said.err
    assert "Scoring 2 rules" in said.out
    assert f"{other}:#3" in said.out


def test_an_exported_rule_trains_without_neuralopt(
    capsys: Capture,
    finished_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adam, best = tmp_path / "adam.py", tmp_path / "best.py"
    said = typed(capsys, "export", "adam", "-o", str(adam))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Wrote {adam}: ")
    arguments = ["-o", str(best), "--name", "Best", "--lr", "0.25"]
    assert typed(capsys, "export", f"{finished_run}:best", *arguments).code == 0
    assert "Found by a search: proposal" in best.read_text()
    for name in [name for name in sys.modules if name.startswith("neuralopt")]:
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]
    ours, theirs = (torch.full((3,), 2.0, requires_grad=True) for _ in range(2))
    pair = (
        (ours, _load(adam).Adam([ours], lr=0.1)),
        (theirs, torch.optim.Adam([theirs], lr=0.1)),
    )
    for parameter, optimizer in pair:
        for _ in range(30):
            optimizer.zero_grad()
            (parameter**2).sum().backward()
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert _load(best).Best([ours]).defaults["lr"] == 0.25


def _load(path: Path) -> "object":
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_rule_is_exported_for_optax(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "rule.py"
    arguments = ["-o", str(path), "--target", "optax"]
    said = typed(capsys, "export", "powersign_ld", *arguments)
    assert (said.code, said.err) == (0, "")
    assert "\ndef powersign_ld(learning_rate=0.1, weight" in path.read_text()
    assert typed(capsys, "export", "m", *arguments, "--name", "slow").code == 0
    assert "\ndef slow(learning_rate, weight" in path.read_text()


def test_an_export_may_be_written_again(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "rule.py"
    assert typed(capsys, "export", "g", "-o", str(path)).code == 0
    first = path.read_text()
    assert typed(capsys, "export", "m", "-o", str(path)).code == 0
    assert path.read_text() != first
    assert sorted(files(tmp_path)) == ["rule.py", "test_rule.py"]


def test_a_reader_that_leaves_early_hears_no_complaint(finished_run: Path) -> None:
    listing = start("top", str(finished_run), "--all", "--json")
    assert listing.stdout is not None
    assert json.loads(listing.stdout.readline())["number"] == 0
    listing.stdout.close()
    assert listing.stderr is not None
    with listing.stderr as errors:
        assert errors.read() == ""
    assert listing.wait(timeout=60) == 0


def test_a_full_disk_under_standard_output_is_one_line() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with full.open("w") as stream:
        said = ended(start("show", "adam", stdout=stream.fileno()))
    assert "No space left" in said.complaint


def test_a_comparison_is_printed_as_json(capsys: Capture) -> None:
    said = typed(
        capsys, "compare", "adam", "sgd", "budget=smoke", "verdict.seeds=2", "--json"
    )
    assert said.code == 0
    found, *parts = json.loads(said.out)
    assert (found["task"], found["budget"], found["seeds"]) == ("suite", "smoke", 2)
    assert [part["task"] for part in parts] == list(GROUPS["suite"])
    assert set(found["splits"]) == {"selection", "test"}
    assert {row["name"] for row in found["splits"]["test"]} == {"adam", "sgd"}
