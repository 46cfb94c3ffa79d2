"""Printing help, or a rule's text, imports no heavy package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from neuralopt.archive import Archive, BehaviourRecord, Place, Proposal, PruningRecord
from neuralopt.scoring.score import Score

# Seconds to import, each of them; nothing a help text or a parser needs.
HEAVY = (
    "hydra",
    "matplotlib",
    "numba",
    "numpy",
    "omegaconf",
    "ray",
    "scipy",
    "sklearn",
    "tensorboard",
    "torch",
)

RUN_HELP = """
import runpy
sys.argv = ["neuralopt", *{arguments!r}]
try:
    runpy.run_module("neuralopt", run_name="__main__", alter_sys=True)
except SystemExit as leave:
    assert not leave.code, leave.code
"""


def heavy_after(code: str) -> set[str]:
    """The heavy packages that a fresh Python has loaded once it ran ``code``."""
    report = "\nimport json\nprint()\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{report}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(HEAVY) & set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_neuralopt_is_light() -> None:
    assert heavy_after("import neuralopt") == set()


def test_help_is_light() -> None:
    assert heavy_after(RUN_HELP.format(arguments=["--help"])) == set()


def test_listing_the_public_names_is_light() -> None:
    assert heavy_after("import neuralopt; dir(neuralopt)") == set()


def test_parsing_a_rule_loads_no_torch() -> None:
    loaded = heavy_after("import neuralopt; neuralopt.parse('g * exp(-t)')")
    assert not loaded & {"torch", "ray", "hydra"}


def test_describing_a_behaviour_is_light() -> None:
    module = "from neuralopt.behaviour import description as d"
    assert heavy_after(f"{module}\nd.describe(d.Behaviour('', 0, False))") == set()


@pytest.mark.parametrize("options", [[], ["--all", "--json"]])
def test_reading_an_archive_and_printing_its_best_is_light(options: list[str]) -> None:
    run = Path(__file__).parent / "archive" / "schema1"
    assert heavy_after(RUN_HELP.format(arguments=["top", str(run), *options])) == set()


@pytest.mark.parametrize("options", [[], ["--front"], ["--json"], ["--ungrouped"]])
def test_printing_names_sizes_and_plainer_rules_is_light(
    options: list[str], tmp_path: Path
) -> None:
    with Archive.create(tmp_path, {}) as archive:
        score = Score("scored", 0.5, 0.1)
        archive.record([Proposal(0, (1,), "2 * m", "2 * ema(g, 0.9)", score=score)])
        archive.save_behaviours([BehaviourRecord(0, "momentum", 1.0, True, (), 0)])
        archive.save_prunings([PruningRecord(0, "g", 0.01, 0.0, -0.005, 8)])
        archive.save_shortlist([Place(0, 0.5, 0.4, 0.6, 3)])
    code = RUN_HELP.format(arguments=["top", str(tmp_path), *options])
    assert heavy_after(code) == set()


@pytest.mark.parametrize("package", ["numpy", "torch"])
def test_a_heavy_package_would_be_noticed(package: str) -> None:
    assert package in heavy_after(f"import {package}")
