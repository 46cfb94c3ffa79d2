"""Which arguments of a command are overrides, and which name runs."""

from pathlib import Path

import pytest

from neuralopt.archive import ARCHIVE_FILE
from neuralopt.cli.commands.compare import is_override


@pytest.mark.parametrize("after", ["", ":best", ":7"])
def test_a_folder_with_an_equals_sign_is_a_run_if_it_holds_one(
    tmp_path: Path, after: str
) -> None:
    run = tmp_path / "seed=0"
    run.mkdir()
    assert is_override(f"{run}{after}")
    (run / ARCHIVE_FILE).touch()
    assert not is_override(f"{run}{after}")


def test_a_rule_has_no_equals_sign() -> None:
    assert is_override("task=digits")
    assert not is_override("g * sign(m)")


def test_an_override_may_be_longer_than_a_file_name() -> None:
    assert is_override(f"promotion.stages=[{'+'.join(['digits'] * 100)}:8]")
