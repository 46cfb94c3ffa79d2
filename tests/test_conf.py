"""Every file of conf/ composes and builds: in a checkout, installed, from a wheel."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralopt.catalog import catalog
from neuralopt.cli.build import build_search
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.overrides import config_groups
from neuralopt.cli.config.saved import settings_from_text, settings_text
from neuralopt.evaluators import EVALUATORS
from neuralopt.language import RULES
from neuralopt.scoring.budgets import BUDGETS
from neuralopt.searchers import SEARCHERS
from neuralopt.spaces import SPACES
from neuralopt.tasks import TASKS, load_task
from neuralopt.tasks.cifar10.download import cache_folder
from tests.tasks import cifar10_builders

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(
    (path.parent.name, path.stem) for path in (ROOT / "conf").glob("*/*.yaml")
)

PROBE = """
import json, sys
import neuralopt
from neuralopt.catalog import catalog
from neuralopt.cli import main
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.overrides import config_groups
from neuralopt.tasks import load_task
files = [(group, name) for group in config_groups() for name in catalog(group)]
for group, name in files:
    compose_settings([f"{group}={name}"])
load_task("char_lm")  # reads the text that comes with the package
if main(["show", "adam"]):
    sys.exit("show failed")
print(json.dumps([neuralopt.__file__, files]))
"""


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache folder with the data that tasks would fetch, in small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        cifar10_builders.write(cache_folder(), "binary archive")
        yield
        load_task.cache_clear()  # others are to have the real ones


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize(("group", "name"), FILES)
def test_every_file_composes_and_builds(group: str, name: str) -> None:
    settings = compose_settings([f"{group}={name}"])
    parts = build_search(settings)
    assert all(parts.space.valid(row) for row in parts.searcher.ask(2))
    assert parts.scoring.budget.epochs >= 1
    assert all(parts.engines)
    assert set(settings.verdict.baselines) <= set(RULES)
    assert settings_from_text(settings_text(settings)) == settings


@pytest.mark.parametrize(
    ("group", "name"),
    [file for file in FILES if file[0] not in ("experiment", "report")],
)
def test_a_file_is_named_as_what_it_holds(group: str, name: str) -> None:
    chosen = getattr(compose_settings([f"{group}={name}"]), group)
    held = chosen["name"] if isinstance(chosen, dict) else chosen.name
    assert held == name


def test_the_groups_are_the_folders_and_offer_all_that_there_is() -> None:
    assert config_groups() == sorted({group for group, _ in FILES})
    for group, registry in (
        ("space", SPACES),
        ("budget", BUDGETS),
        ("searcher", SEARCHERS),
        ("evaluator", EVALUATORS),
    ):
        assert sorted(catalog(group)) == sorted(registry), group


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_composes_and_builds_without_a_file_of_its_own(name: str) -> None:
    download = ["task.download=true"] if name.startswith("cifar10") else []
    parts = build_search(compose_settings([f"task={name}", *download]))
    assert [task.name for task in parts.scoring.tasks] == [name]


@pytest.mark.parametrize("name", sorted(BUDGETS))
def test_a_budget_is_the_same_by_name_and_by_configuration(name: str) -> None:
    assert compose_settings([f"budget={name}"]).budget == BUDGETS[name]


def _probe(path: list[Path], where: Path, *flags: str) -> Path:
    """Run PROBE from a foreign folder; returns where it found the package."""
    where.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-P", *flags, "-c", PROBE],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *shown, last = done.stdout.splitlines()
    assert "rule      adam" in shown
    found, files = json.loads(last)
    assert sorted(map(tuple, files)) == FILES
    assert list(where.iterdir()) == []
    return Path(found).resolve()


def test_a_checkout_that_is_not_installed_finds_its_configuration(
    tmp_path: Path,
) -> None:
    # -S: the packages beside it are found, what is installed by reference is not.
    packages = [Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")]
    found = _probe([ROOT, *packages], tmp_path / "elsewhere", "-S")
    assert found == ROOT / "neuralopt" / "__init__.py"


def _is_editable() -> bool:
    # All of that name: the checkout holds the metadata of its own build as well.
    found = importlib.metadata.distributions(name="neuralopt")
    origins = [json.loads(d.read_text("direct_url.json") or "{}") for d in found]
    return any(origin.get("dir_info", {}).get("editable") for origin in origins)


@pytest.mark.skipif(not _is_editable(), reason="needs: pip install -e .")
def test_an_editable_install_finds_its_configuration(tmp_path: Path) -> None:
    found = _probe([], tmp_path / "elsewhere")
    assert found == ROOT / "neuralopt" / "__init__.py"


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_wheel_finds_its_configuration(tmp_path: Path) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("neuralopt", "conf"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    here = ["--no-build-isolation"] if importlib.util.find_spec("setuptools") else []
    _pip("wheel", "--no-deps", *here, "-w", str(tmp_path), str(source))
    shutil.rmtree(source)
    (wheel,) = tmp_path.glob("neuralopt-*.whl")
    _pip("install", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    found = _probe([site], tmp_path / "elsewhere")
    assert found == site.resolve() / "neuralopt" / "__init__.py"
