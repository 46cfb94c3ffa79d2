"""Bad input: the error is one line, and a second try is not blocked."""

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralopt.archive import Archive, Proposal
from tests.cli.cli_runner import ENVIRONMENT, SMALL, Said, ended, files, start, typed

Capture = pytest.CaptureFixture[str]

# What is typed after `search`, and what the complaint must contain.
OVERRIDES = (
    # Names: of keys, of groups, of their options, each with what was meant.
    ("proposls=10", "unknown key 'proposls': did you mean 'proposals'?"),
    ("budgett=smoke", "unknown key 'budgett': did you mean 'budget'?"),
    ("evaluator.worker=3", "'worker' in evaluator: did you mean 'workers'?"),
    ("searcher.opitons.x=3", "'opitons' in searcher: did you mean 'options'?"),
    (
        "searcher.options.patiense=3",
        "'patiense' in searcher.options: did you mean 'patience'?",
    ),
    ("searcher.options.zzz=3", "known: starts, "),
    ("space.grops=3", "'grops' in space: did you mean 'groups'?"),
    ("task=digts", "unknown task 'digts': did you mean 'digits'?"),
    ("task=cifar", "unknown task 'cifar': known: breast_cancer, char_gru"),
    ("task.name=digts", "unknown task 'digts': did you mean 'digits'?"),
    ("space=temporl", "unknown space 'temporl': did you mean 'temporal'?"),
    ("budget=smok", "unknown budget 'smok': did you mean 'smoke'?"),
    ("searcher=contrller", "'contrller': did you mean 'controller'?"),
    ("searcher=base_controller", "did you mean 'controller'?"),
    ("searcher.name=evolve", "unknown searcher 'evolve'"),
    ("evaluator=slurm", "unknown evaluator 'slurm': known: in_process"),
    ("evaluator.name=slurm", "unknown evaluator 'slurm'"),
    ("evaluator.engine=fast", "unknown engine 'fast'"),
    ("report=html", "unknown report 'html': known: none, tensorboard"),
    ("experiment=smke", "unknown experiment 'smke': did you mean 'smoke'?"),
    ("verdict.baselines=[adm]", "unknown rule 'adm'"),
    ("hydra.run.dir=x", "unknown key 'hydra.run.dir'"),
    ("resume=always", "'always': write never or auto"),
    # Kinds of values.
    ("proposals=many", "proposals has the wrong type: Value 'many'"),
    ("proposals=1.5", "proposals has the wrong type: Value '1.5'"),
    ("proposals=", "proposals has the wrong type"),
    ("proposals=null", "proposals is null: give it a value"),
    ("proposals=[1]", "proposals has the wrong type"),
    (
        "report.tensorboard=maybe",
        "report.tensorboard has the wrong type: Value 'maybe'",
    ),
    ("budget.learning_rates=0.1", "write budget.learning_rates=[A,B]"),
    ("budget.learning_rates=[a]", "Value 'a'"),
    ("searcher.options.perturb=fast", "perturb is 'fast'"),
    ("searcher.options.patience=2.5", "patience is 2.5"),
    ("searcher.options=3", "searcher.options has the wrong type"),
    ("space.groups=many", "groups is 'many'"),
    ("space.operands=g", "operands is 'g'"),
    ("task=null", "task.name is null: give it a value"),
    ("searcher=[uniform,evolution]", "unknown searcher '[uniform,evolution]'"),
    ("space={a:1}", "unknown space '{a:1}'"),
    # Numbers out of range.
    ("proposals=-3", "proposals is -3: give 1 or more"),
    ("proposals=0", "proposals is 0: give 1 or more"),
    ("batch=0", "batch is 0: give 1 or more"),
    ("lag=-1", "lag is -1: give 0 or more"),
    ("seed=-1", "seed is -1: give 0 or more"),
    ("evaluator.workers=-1", "evaluator.workers is -1: give 0 or more"),
    ("evaluator.batch=-1", "evaluator.batch is -1: give 0 or more"),
    ("verdict.seeds=0", "verdict.seeds is 0: give 1 or more"),
    ("verdict.candidates=-1", "verdict.candidates is -1: give 0 or more"),
    ("budget.epochs=0", "budget.epochs is 0"),
    ("budget.learning_rates=[]", "budget.learning_rates is []"),
    ("budget.learning_rates=[nan]", "budget.learning_rates is [nan]"),
    ("budget.learning_rates=[0.1,0.01]", "must rise: [0.1, 0.01]"),
    ("searcher.options.perturb=-1", "perturb is -1"),
    ("space.groups=0", "groups is 0"),
    ("space.operands=[g,sgn]", "unknown name 'sgn': did you mean 'sign'?"),
    # Spelling.
    ("proposals", "'proposals' is not an override: write KEY=VALUE"),
    ("proposals:10", "'proposals:10' is not an override"),
    ("proposals==10", "can't read the override 'proposals==10'"),
    ("=10", "unknown key ''"),
    ("budget.learning_rates=[1", "can't read the override 'budget.learning_rates=[1'"),
    ("space.name=a=b", "needs quotes of its own"),
    ("space.name=a(1)", "needs quotes of its own"),
    ("run_dir=${nope}", "run_dir: Interpolation key 'nope' not found"),
    ("+proposals=3", "adds or deletes a key"),
    ("~task=digits", "adds or deletes a key"),
    ("seed=1,2", "'seed=1,2' names several values"),
    ("budget=smoke,long", "'budget=smoke,long' names several values"),
    ("task@x=digits", "unknown key 'task@x'"),
)


@pytest.mark.parametrize(("override", "says"), OVERRIDES)
def test_a_bad_override_is_named_and_leaves_nothing_behind(
    override: str, says: str, capsys: Capture, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = typed(capsys, "search", *SMALL, f"run_dir={run}", override)
    assert said.code == 2
    assert says in said.complaint
    assert len(said.complaint) < 400, "a line that people read"
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("budget=smok", "did you mean 'smoke'?"),
        ("verdict.seds=2", "did you mean 'seeds'?"),
        ("evaluator.engine=fast", "unknown engine 'fast'"),
    ],
)
def test_compare_reads_overrides_as_search_does(
    override: str, says: str, capsys: Capture
) -> None:
    said = typed(capsys, "compare", "adam", override)
    assert (said.code, said.out) == (2, "")
    assert says in said.complaint


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "exp(sgn(g))"], "unknown name 'sgn': did you mean 'sign'?"),
        (["show", "exp(sgn(g))"], "at character 5"),
        (["show", "adm"], "unknown rule 'adm': did you mean 'adam'?"),
        (["show", ""], "empty"),
        (["show", "g +"], ""),
        (["show", "(" * 5000 + "g" + ")" * 5000], ""),
        (["show", "g\n+"], ""),
        (["show", "g × m"], ""),
        (["show", "1e400"], "too large for a float"),
        (["show", "\0"], ""),
        (["show", "torch.Adam"], ""),
        (["show", "nowhere:best"], "nowhere is not a run directory"),
        (["show", "nowhere:0"], "nowhere is not a run directory"),
        (["show", "https://example.com"], "not a run directory"),
        (["show", "x" * 5000 + ":1"], ""),
        (["show", ":"], "not a run directory"),
        (["compare", "budget=smoke"], "name at least one rule"),
        (["compare", "torch.Nope"], "there is no torch.Nope"),
        (["compare", "torch.Adm"], "did you mean 'torch.Adam'"),
        (["compare", "torch.LBFGS"], "there is no torch.LBFGS to compare with"),
        (["compare", "torch.Muon"], "name the rule muon_adamw instead"),
        (["compare", "adam", "exp(sgn(g))"], "did you mean 'sign'?"),
        (["compare", "nowhere:top5"], "nowhere is not a run directory"),
        (["top", "nowhere"], "nowhere is not a run directory"),
        (["resume", "nowhere"], "nowhere is not a run directory"),
        (["resume", "/etc/passwd"], "/etc/passwd is not a run directory"),
        (["top", "nowhere", "-n", "0"], "-n is 0"),
        (["top", "nowhere", "-n", "few"], "invalid int value: 'few'"),
        (["top", "nowhere", "--all", "--front"], "leave out --front"),
        (["top", "nowhere", "--all", "--ungrouped"], "leave out --ungrouped"),
        (["top", "nowhere", "--jsn"], "unrecognized arguments: --jsn"),
        (["export", "adam"], "the following arguments are required: -o"),
        (["export", "adam", "-o", "a.py", "--name", "class"], "'class' is not a class"),
        (
            ["export", "adam", "-o", "a.py", "--name", "a b"],
            "'a b' is not a class",
        ),
        (["export", "adam", "-o", "a.py", "--lr", "-1"], "--lr is -1.0"),
        (["export", "adam", "-o", "a.py", "--lr", "nan"], "--lr is nan"),
        (["export", "adam", "-o", "a.py", "--lr", "fast"], "invalid float value"),
        (["export", "adam", "-o", "a.py", "--target", "jax"], "'jax', known"),
        (["export", "sgn(g)", "-o", "a.py"], "did you mean 'sign'?"),
        (["export", "adam", "-o", "missing/a.py"], "there is no folder missing"),
        (["export", "adam", "-o", "."], "."),
        (["serch"], "invalid choice: 'serch'"),
        ([], "required: COMMAND"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_bad_argument_is_one_line(
    arguments: list[str],
    says: str,
    capsys: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = typed(capsys, *arguments)
    assert says in said.complaint
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_bad_rule_is_one_line_of_a_real_process() -> None:
    said = ended(start("show", "exp(sgn(g))"))
    assert (said.code, said.out) == (2, "")
    assert "did you mean 'sign'?" in said.complaint


@pytest.mark.parametrize(
    ("which", "says"),
    [
        (":999999", "has no proposal 999999: it holds 192"),
        (":192", "has no proposal 192"),
        (":-1", "'-1' after ':' is not a proposal"),
        (":abc", "'abc' after ':' is not a proposal: write N, best, topN or plainN"),
        (":", "'' after ':' is not a proposal"),
        (":top0", ""),
        (":topmost", "'topmost' after ':' is not a proposal"),
        (":top3", "refers to 3 rules: name one"),
        ("", "is a run: write"),
    ],
)
def test_a_proposal_that_is_not_there_is_one_line(
    which: str, says: str, capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    said = typed(capsys, "show", f"{finished_run}{which}")
    assert said.code == 2
    assert says in said.complaint
    path = tmp_path / "found.py"
    said = typed(capsys, "export", f"{finished_run}{which}", "-o", str(path))
    assert said.code == 2
    assert says in said.complaint
    assert not path.exists()


def test_a_run_without_a_scored_rule_says_so(capsys: Capture, tmp_path: Path) -> None:
    with Archive.create(tmp_path / "archive.sqlite", {}) as archive:
        archive.record([Proposal(0, (1,), "g", "g"), Proposal(1, (2,), "m", "m")])
    for command in (["show"], ["export", "-o", str(tmp_path / "a.py")], ["compare"]):
        said = typed(capsys, *command, f"{tmp_path}:best")
        assert said.code == 2
        assert f"{tmp_path} has no scored rule yet" in said.complaint
    said = typed(capsys, "top", str(tmp_path))
    assert (said.code, said.err) == (0, "")
    said = typed(capsys, "resume", str(tmp_path))
    assert "configuration can't be read" in said.complaint


def _other_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.commit()
    connection.close()


SPOILERS: dict[str, Callable[[bytes, Path], object]] = {
    "random bytes": lambda _, path: path.write_bytes(bytes(range(256)) * 64),
    "text": lambda _, path: path.write_text("not an archive\n"),
    "empty": lambda _, path: path.write_bytes(b""),
    "header only": lambda whole, path: path.write_bytes(whole[:100]),
    "cut in half": lambda whole, path: path.write_bytes(whole[: len(whole) // 2]),
    "a byte short": lambda whole, path: path.write_bytes(whole[:-1]),
    "overwritten": lambda whole, path: path.write_bytes(
        whole[:100] + b"\xff" * (len(whole) - 100)
    ),
    "another database": lambda _, path: _other_database(path),
    "a folder": lambda _, path: path.mkdir(),
}


@pytest.mark.parametrize("spoiled", SPOILERS)
def test_a_spoiled_archive_is_one_line_and_is_left_as_it_was(
    spoiled: str, capsys: Capture, finished_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    whole = (finished_run / "archive.sqlite").read_bytes()
    SPOILERS[spoiled](whole, run / "archive.sqlite")
    before = files(tmp_path)
    for arguments in (
        ["top", str(run)],
        ["top", str(run), "--all", "--json"],
        ["show", f"{run}:0"],
        ["show", f"{run}:best"],
        ["compare", f"{run}:top5", "adam"],
        ["export", f"{run}:best", "-o", str(tmp_path / "a.py")],
        ["resume", str(run)],
    ):
        said = typed(capsys, *arguments)
        assert said.code == 1, arguments
        assert "archive" in said.complaint
        left = files(tmp_path)
        left.pop("run/archive.sqlite-journal", None)  # empty, as SQLite leaves it
        assert left == before, arguments


@pytest.mark.parametrize(
    ("below", "says"),
    [
        ("{file}/run", "Not a directory"),
        ("{file}", "exists"),
        ("/proc/neuralopt", "No such file"),
        ("/dev/null/run", "Not a directory"),
    ],
)
def test_a_run_directory_that_can_not_be_made_is_one_line(
    below: str, says: str, capsys: Capture, tmp_path: Path
) -> None:
    if below.startswith("/proc") and not Path("/proc/self").exists():
        pytest.skip("no /proc on this system")
    file = tmp_path / "file"
    file.write_text("mine")
    run = below.format(file=file)
    said = typed(capsys, "search", *SMALL, f"run_dir={run}")
    assert (said.code, said.out) == (1, "")
    assert said.complaint.startswith(f"run_dir={run} can't be written (")
    assert says in said.complaint
    assert files(tmp_path) == {"file": b"mine"}


def test_a_run_directory_that_holds_a_search_is_kept(
    capsys: Capture, finished_run: Path
) -> None:
    before = files(finished_run)
    said = typed(capsys, "search", *SMALL, "seed=7", f"run_dir={finished_run}")
    assert (said.code, said.out) == (2, "")
    assert f"continue it with `neuralopt resume {finished_run}`" in said.complaint
    assert files(finished_run) == before


def _second_try(capsys: Capture, run: Path) -> Said:
    return typed(capsys, "search", *SMALL, "proposals=16", f"run_dir={run}")


@pytest.mark.parametrize("resume", ["never", "auto"])
def test_a_search_killed_before_its_first_write_can_be_started_again(
    resume: str, capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "archive.sqlite").touch()
    said = typed(
        capsys,
        "search",
        *SMALL,
        "proposals=16",
        f"run_dir={tmp_path}",
        f"resume={resume}",
    )
    assert said.code == 0, said.err


def test_a_disk_that_fills_up_at_the_start_does_not_block_a_second_try(
    capsys: Capture, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    limited = subprocess.Popen(
        [sys.executable, "-m", "neuralopt", "search", *SMALL, f"run_dir={run}"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    said = ended(limited)
    assert said.code == 1
    assert "disk" in said.complaint
    again = _second_try(capsys, run)
    assert again.code == 0, again.err


@pytest.mark.parametrize("kind", ["folder", "someone's file"])
def test_export_overwrites_nothing_of_someone_else(
    kind: str, capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "precious"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text("print('mine')\n")
    before = files(tmp_path)
    said = typed(capsys, "export", "adam", "-o", str(path))
    assert str(path) in said.complaint
    assert files(tmp_path) == before
