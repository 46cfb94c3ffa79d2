"""Every task of the registry is a sound training problem."""

import subprocess
import sys
from pathlib import Path

import pytest

from neuralopt.tasks import SPLITS, TASKS, Task
from tests.conformance import tasks as checks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow)
        if name.startswith("cifar10")
        else name
        for name in TASKS
    ]
)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def make(name: str, folder: Path) -> checks.Make:
    return checks.maker(name, folder)


@pytest.fixture
def task(name: str, make: checks.Make) -> Task:
    if name not in _made:
        _made[name] = make()
    return _made[name]


_made: dict[str, Task] = {}
"""Tasks by name, made once: some take a second."""


def test_two_loads_make_the_same_task(name: str, make: checks.Make) -> None:
    checks.check_deterministic(make)
    assert make().name == name


@pytest.mark.slow
def test_another_process_makes_the_same_fingerprint(
    name: str, make: checks.Make, folder: Path
) -> None:
    script = (
        "from pathlib import Path\n"
        "from tests.conformance.tasks import maker\n"
        f"print(maker({name!r}, Path({str(folder)!r}))().fingerprint)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == make().fingerprint


def test_data_are_finite_and_a_batch_is_there(task: Task) -> None:
    checks.check_data(task)


def test_splits_share_no_example(name: str, task: Task) -> None:
    if name in checks.WITHOUT_EXAMPLES:
        # There is nothing to generalise to: all splits are one by design.
        one, *others = (task.examples(split).inputs for split in SPLITS)
        assert all(one.equal(other) for other in others)
        assert not one.any(), "the inputs say something"
        return
    checks.check_splits_disjoint(task)


def test_the_network_follows_from_torchs_generator(task: Task) -> None:
    checks.check_network(task)


def test_gradient_descent_lowers_the_training_loss(task: Task) -> None:
    checks.check_learnable(task)


def test_quality_lies_in_0_to_1_and_falls_with_the_loss(task: Task) -> None:
    checks.check_quality(task)
