"""Exported optimizers in a checkout are neither linted nor collected as tests."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = {"conf", "experiments", "neuralopt", "scripts", "tests"}


def test_tools_look_into_the_projects_own_folders_only():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    patterns = set(tools["ruff"]["include"]) - {"pyproject.toml"}
    assert patterns == {f"{folder}/**/*.py" for folder in FOLDERS}
    assert set(tools["pytest"]["ini_options"]["testpaths"]) <= FOLDERS
    assert set(tools["mypy"]["files"]) <= FOLDERS
    assert all((ROOT / folder).is_dir() for folder in FOLDERS)
