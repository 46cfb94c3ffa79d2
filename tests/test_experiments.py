"""Scripts of experiments/: all of them start, and those that take seconds run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from experiments import measure
from experiments.structure import structure
from experiments.throughput import shares
from neuralopt.engines.engine import batch_order, initial_parameters
from neuralopt.language import RULES
from neuralopt.searchers import SEARCHERS
from neuralopt.tasks import load_task

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"
SCRIPTS = sorted(
    str(path.relative_to(EXPERIMENTS))
    for path in EXPERIMENTS.rglob("*.py")
    if '__name__ == "__main__"' in path.read_text("utf-8")
)


def run(
    arguments: list[str | Path], folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=folder
    )


def test_every_folder_with_code_has_a_script() -> None:
    folders = {path.parent.name for path in EXPERIMENTS.glob("*/*.py")}
    assert {Path(script).parent.name for script in SCRIPTS} == folders


def test_every_experiment_is_in_the_table_and_has_a_results_page() -> None:
    table = (EXPERIMENTS / "README.md").read_text("utf-8")
    missing = [script for script in SCRIPTS if f"experiments/{script}" not in table]
    assert not missing
    for folder in sorted(path for path in EXPERIMENTS.iterdir() if path.is_dir()):
        if (folder / "README.md").exists():
            assert f"({folder.name}/README.md)" in table


HELP = """
import contextlib, io, json, os, runpy, sys
root, *scripts = sys.argv[1:]
before, told = list(sys.path), {}
for script in scripts:
    file = os.path.join(root, "experiments", script)
    module = "experiments." + script.removesuffix(".py").replace("/", ".")
    runs = {
        "file": (os.path.dirname(file), lambda: runpy.run_path(file, None, "__main__")),
        "module": (root, lambda: runpy.run_module(module, None, "__main__", True)),
    }
    for way, (first, start) in runs.items():
        for name in [name for name in sys.modules if name.startswith("experiments")]:
            del sys.modules[name]
        sys.path[:], sys.argv = [first, *before], [file, "--help"]
        printed, code = io.StringIO(), None
        with contextlib.redirect_stdout(printed):
            try:
                start()
            except SystemExit as end:
                code = end.code
        told[script + " " + way] = (code, printed.getvalue())
print(json.dumps(told))
"""
"""Asks all scripts for help in one process, which loads torch once: each starts with
the path that Python gives a file, or a module, and without what others imported of
experiments/."""


@pytest.fixture(scope="module")
def helps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and help of each script, as a file and as a module."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = run(["-c", HELP, ROOT, *SCRIPTS], elsewhere)
    assert done.returncode == 0, done.stderr
    return {key: tuple(told) for key, told in json.loads(done.stdout).items()}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_starts_as_a_file_and_as_a_module(
    script: str, helps: dict[str, tuple[int, str]]
) -> None:
    as_file, as_module = helps[f"{script} file"], helps[f"{script} module"]
    for code, printed in (as_file, as_module):
        assert code == 0
        assert "--json FILE" in printed
    assert as_file[1].splitlines()[1:] == as_module[1].splitlines()[1:]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_puts_the_repository_on_the_path_before_it_imports(
    script: str,
) -> None:
    lines = (EXPERIMENTS / script).read_text("utf-8").splitlines()
    line = "sys.path.insert(0, str(Path(__file__).parents[2]))"
    added = [n for n, text in enumerate(lines) if text.startswith(line)]
    first = next(n for n, text in enumerate(lines) if text.startswith("from experim"))
    assert len(added) == 1
    assert added[0] < first


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("fuzz/fuzz.py", ["--seconds", "4"]),
        ("structure/structure.py", []),
        pytest.param(
            "agreement/agreement.py", ["--rules", "2"], marks=pytest.mark.slow
        ),
        pytest.param(
            "searchers/curves.py",
            ["--evaluations", "60", "--seeds", "2", "--searchers", "uniform"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "chaos/chaos.py",
            ["--kills", "2", "--heads", "1", "--seed", "2"],
            marks=pytest.mark.chaos,
        ),
        pytest.param(
            "ray/overhead.py",
            ["--rules", "64", "--rounds", "1", "--budget", "smoke"],
            marks=pytest.mark.ray,
        ),
        pytest.param(
            "gpu/gpu_check.py",
            ["--device", "cpu", "--quick", "--rounds", "1"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "stacking/stacking.py", ["ravine", "--rounds", "1"], marks=pytest.mark.slow
        ),
        pytest.param(
            "throughput/shares.py", ["--proposals", "100"], marks=pytest.mark.slow
        ),
        pytest.param(
            "pictures/pictures.py", ["--folder", "made"], marks=pytest.mark.slow
        ),
        pytest.param(
            "zoo/zoo.py",
            ["--rules", "adam", "lion", "lamb", "adafactor"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "gradients/gradients.py",
            ["--seeds", "1", "--studies", "clipping"],
            marks=pytest.mark.slow,
        ),
    ],
)
@pytest.mark.timeout(300)
def test_an_experiment_runs(script: str, arguments: list[str], tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = run([EXPERIMENTS / script, *arguments, "--json", file], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    results = json.loads(file.read_text("utf-8"))
    assert results["figures"]
    assert script in results["command"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_its_check_says_so_in_a_line() -> None:
    done = run([EXPERIMENTS / "gpu" / "gpu_check.py"])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no GPU: torch ")
    assert done.stderr.endswith("scripts/gpu_check --device cpu --quick\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_every_function_that_shares_names_exists(searcher: str) -> None:
    codes = shares.codes_of(searcher)
    assert set(codes) == {*shares.PARTS, shares.LOOP}


@pytest.mark.parametrize(
    "name",
    [
        "neuralopt.loop:_Search._observe",
        "neuralopt.gone:search",
        "neuralopt.loop:CHECKPOINT_SECONDS",
    ],
)
def test_shares_refuses_a_function_that_does_not_exist(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is not a function"):
        shares.code_of(name)


def test_shares_refuses_a_function_that_was_never_called() -> None:
    code = shares.code_of("neuralopt.language:simplify")
    key = (code.co_filename, code.co_firstlineno, code.co_name)
    assert shares.seconds_in({key: (1, 1, 0.5, 2.5, {})}, [code]) == 2.5
    with pytest.raises(ValueError, match="never called simplify"):
        shares.seconds_in({}, [code])


def test_measurements_take_turns_in_alternating_order() -> None:
    calls: list[tuple[str, int]] = []

    def measure_one(key: str, number: int) -> str:
        calls.append((key, number))
        return f"{key}{number}"

    found = measure.in_turn(["a", "b"], measure_one, 3)
    assert calls == [("b", 0), ("a", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 2)]
    assert found == {"a": ["a0", "a1", "a2"], "b": ["b0", "b1", "b2"]}
    calls.clear()
    measure.in_turn(["a", "b"], measure_one, 2, alternate=False)
    assert [key for key, _ in calls] == ["a", "b", "a", "b"]


def test_a_results_file_says_what_was_measured_where(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    measure.write_results(file, {"rates": {("a", 1): [1.5, float("nan")]}, "text": "x"})
    results = json.loads(file.read_text("utf-8"))
    assert results["figures"] == {"rates": {"('a', 1)": [1.5, None]}, "text": "x"}
    assert results["versions"]["torch"] == torch.__version__
    assert {"command", "date", "commit", "changed", "machine"} < set(results)
    measure.write_results(None, {"nothing": "is written"})
    assert list(tmp_path.iterdir()) == [file]


def test_a_results_file_that_cannot_be_written_is_refused_at_the_start(
    tmp_path: Path,
) -> None:
    file = tmp_path / "missing" / "results.json"
    done = run([EXPERIMENTS / "structure" / "structure.py", "--json", file])
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        f"{file} cannot be written: give a file in a folder that exists"
    )


def test_the_naive_loop_is_plain_pytorch() -> None:
    task = load_task("digits")
    examples, batches = task.examples("training"), list(batch_order(task, 1, 0, 0))[:5]
    rule = RULES["sgd"].expression
    ours = measure.naive_child(task, rule, 0.1, examples, batches, 1)
    network = initial_parameters(task, 1, 0)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    assert measure.naive_steps(task, network, optimizer, examples, batches) == 5
    for one, other in zip(ours.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_structure_counts_nested_packages_circles_and_words(tmp_path: Path) -> None:
    files = {
        "neuralopt/__init__.py": "from neuralopt.a import x\n",
        "neuralopt/a.py": "from neuralopt.b.deep.c import y\nx = 1\n",
        "neuralopt/b/__init__.py": "",
        "neuralopt/b/deep/__init__.py": "",
        "neuralopt/b/deep/c.py": "def f():\n    from ...a import x\n",
        "neuralopt/d.py": "import neuralopt.b.deep.c, os  # Whatever, but\n# for d\n",
        "README.md": "It is no word, and refuses\nto know; isn't known, alones.\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    modules = structure.modules_of(tmp_path)
    arrows = structure.file_arrows(modules)
    assert arrows["neuralopt.a"] == {"neuralopt.b.deep.c"}
    assert arrows["neuralopt.b.deep.c"] == {"neuralopt.a"}
    rooms = structure.room_arrows(arrows)
    assert rooms == {"a": {"b"}, "b": {"a"}, "d": {"b"}}
    assert structure.circles(rooms) == [["a", "b"]]
    assert structure.circles(arrows) == [["neuralopt.a", "neuralopt.b.deep.c"]]
    words = structure.words_in(tmp_path)
    assert {word: count for word, count in words.items() if count} == {
        "whatever": 1,
        "but for": 1,
        "is no": 1,
        "refuses to know": 1,
    }


def test_structure_summarizes_lengths() -> None:
    assert structure.lengths(range(1, 11)) == structure.Lengths(10, 55, 5, 9, 10)


def test_structure_refuses_a_folder_without_the_package(tmp_path: Path) -> None:
    done = run([EXPERIMENTS / "structure" / "structure.py", tmp_path])
    assert done.returncode == 2
    assert "has no neuralopt/: give the root" in done.stderr
