"""The commands of docs/CLUSTERS.md and the files of scripts/cluster are valid."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from neuralopt.cli.arguments import parser
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.config.schema import Settings

ROOT = Path(__file__).parents[1]
CLUSTER = ROOT / "scripts" / "cluster"
PAGE = (ROOT / "docs" / "CLUSTERS.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", PAGE, flags=re.M | re.S)


def _lines(text: str) -> list[str]:
    """Lines as a shell reads them: continued ones joined."""
    return [line.strip() for line in text.replace("\\\n", " ").splitlines()]


def _settings(command: str) -> Settings:
    """Settings of a command that begins with neuralopt.

    Shell variables are replaced by their names: $RUN_DIR by RUN_DIR; $@ is left out.
    """
    words = shlex.split(command.replace("$", ""))
    assert words[0] == "neuralopt", command
    options = parser().parse_args([word for word in words[1:] if word != "@"])
    return compose_settings(options.overrides)


SHOWN = [line for block in BLOCKS for line in _lines(block)]
COMMANDS = [line for line in SHOWN if line.startswith("neuralopt ")]


def test_the_page_shows_commands() -> None:
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_composes(command: str) -> None:
    _settings(command)


def test_the_overrides_of_jobs_on_the_page_compose() -> None:
    jobs = [line for line in SHOWN if "scripts/cluster/" in line and "=" in line]
    assert len(jobs) >= 2
    for line in jobs:
        _, _, overrides = line.partition("scripts/cluster/")
        words = shlex.split(overrides, comments=True)[1:]
        compose_settings([word for word in words if "=" in word])


def test_the_page_names_the_files_that_are_there() -> None:
    named = set(re.findall(r"scripts/cluster/([\w.]+)", PAGE))
    assert named == {path.name for path in CLUSTER.iterdir()}


@pytest.mark.parametrize("name", ["job", "slurm.sbatch"])
def test_a_script_is_bash(name: str) -> None:
    subprocess.run(["bash", "-n", str(CLUSTER / name)], check=True)


def test_slurm_runs_a_search_that_goes_on_where_it_ended() -> None:
    text = (CLUSTER / "slurm.sbatch").read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if line[:1] != "#")
    (command,) = [line for line in _lines(code) if "symmetric-run" in line]
    ray, separator, program = command.partition(" -- ")
    assert separator
    search = program[program.index("neuralopt search ") :].removesuffix("|| true")
    settings = _settings(search)
    assert settings.evaluator.name == "ray"
    assert settings.evaluator.options["address"] == "auto"
    assert (settings.run_dir, settings.resume) == ("RUN_DIR", "auto")
    # All nodes get the same options, so none may be one that only a head accepts.
    for trap in ("--temp-dir", "--include-dashboard", "--dashboard", "--head"):
        assert trap not in ray


def test_slurm_refuses_a_relative_run_dir() -> None:
    said = subprocess.run(
        ["bash", str(CLUSTER / "slurm.sbatch")],
        env={**os.environ, "RUN_DIR": "runs/one"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr == "RUN_DIR=runs/one: give an absolute folder on a shared disk\n"


SLURM = {
    "scontrol": "echo first; echo second",
    # Runs what follows --, and fails as symmetric-run does where it lost its cluster.
    "srun": """case "$*" in *--ip-address) echo 10.0.0.1 10.0.0.2; exit ;; esac
echo "$@" >&2
while [ "$1" != -- ]; do shift; done; shift
"$@"; exit 1""",
    "ray": "",
    "neuralopt": 'echo "$@"; exit 3',
}


def test_slurm_ends_with_the_exit_code_of_the_search(tmp_path: Path) -> None:
    for name, text in SLURM.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    run = tmp_path / "a run"
    said = subprocess.run(
        ["bash", str(CLUSTER / "slurm.sbatch"), "proposals=7"],
        env={
            "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RUN_DIR": str(run),
            "SLURM_JOB_ID": "12345",
            "SLURM_JOB_NODELIST": "some",
            "SLURM_JOB_NUM_NODES": "2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 3, said.stderr
    assert "--address 10.0.0.1:22345 --min-nodes 2 " in said.stderr
    assert said.stdout == (
        f"search evaluator=ray evaluator.address=auto run_dir={run} resume=auto "
        "proposals=7\n"
    )


def _kuberay() -> dict[str, dict[str, Any]]:
    documents = yaml.safe_load_all((CLUSTER / "kuberay.yaml").read_text("utf-8"))
    return {document["kind"]: document for document in documents}


def test_the_job_of_kubernetes_goes_on_where_it_ended() -> None:
    job = _kuberay()["RayJob"]
    assert job["apiVersion"] == "ray.io/v1"
    spec = job["spec"]
    settings = _settings(spec["entrypoint"])
    assert settings.evaluator.name == "ray"
    assert settings.resume == "auto"
    assert spec["backoffLimit"] > 0
    assert spec["shutdownAfterJobFinishes"] is True


def test_the_cluster_of_kubernetes_has_a_token_and_keeps_its_runs() -> None:
    documents = _kuberay()
    spec = documents["RayJob"]["spec"]
    cluster = spec["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    head = cluster["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    pod = head["template"]["spec"]
    claim = documents["PersistentVolumeClaim"]["metadata"]["name"]
    volumes = {
        volume["name"]
        for volume in pod["volumes"]
        if volume.get("persistentVolumeClaim") == {"claimName": claim}
    }
    mounts = {
        mount["mountPath"]
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["name"] in volumes
    }
    run_dir = Path(_settings(spec["entrypoint"]).run_dir)
    assert any(run_dir.is_relative_to(mount) for mount in mounts)


def test_the_cluster_of_kubernetes_runs_the_ray_that_is_tested() -> None:
    cluster = _kuberay()["RayJob"]["spec"]["rayClusterSpec"]
    constraints = (ROOT / "constraints.txt").read_text("utf-8")
    assert f"\nray=={cluster['rayVersion']}\n" in constraints


def _ray_up() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((CLUSTER / "ray_up.yaml").read_text("utf-8"))
    return made


def test_ray_up_accepts_its_file() -> None:
    """By Ray's own schema, after Ray's own defaults, as `ray up` does it."""
    util = pytest.importorskip("ray.autoscaler._private.util")
    util.validate_config(util.prepare_config(_ray_up()))


def test_ray_up_would_refuse_another_file() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    jsonschema = pytest.importorskip("jsonschema")
    with pytest.raises(jsonschema.ValidationError, match="head_start_ray_command"):
        util.validate_config(
            util.prepare_config({**_ray_up(), "head_start_ray_command": []})
        )


def test_every_node_of_ray_up_starts_with_the_token() -> None:
    made = _ray_up()
    token = next(iter(made["file_mounts"]))
    for kind in ("head", "worker"):
        command = made[f"{kind}_start_ray_commands"][-1]
        assert f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={token}" in command
        assert f"chmod 600 {token}" in command


def test_no_dashboard_is_opened_to_the_world() -> None:
    for path in CLUSTER.iterdir():
        assert "--dashboard-host" not in path.read_text("utf-8").replace(
            "no\n# --dashboard-host", ""
        )


JOB = {"PATH": os.environ["PATH"], "RAY_AUTH_TOKEN": "0" * 64}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "run_dir is missing: give an absolute one"),
        (["run_dir="], "run_dir is missing: give an absolute one"),
        (["run_dir=runs/one"], "run_dir=runs/one is relative to a folder that Ray"),
        (["run_dir=/s", "resume=never"], "resume=never: leave it out"),
        (["run_dir=/s", "evaluator=in_process"], "evaluator=in_process: leave it out"),
        (
            ["run_dir=/s", "proposals"],
            "'proposals' is not an override: write KEY=VALUE",
        ),
    ],
)
def test_job_refuses_what_would_be_lost(arguments: list[str], says: str) -> None:
    said = subprocess.run(
        [str(CLUSTER / "job"), *arguments],
        env=JOB,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith(f"job: {says}")
    assert said.stderr.count("\n") == 1


def test_job_refuses_a_cluster_without_a_token() -> None:
    said = subprocess.run(
        [str(CLUSTER / "job"), "run_dir=/shared/one"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr.startswith("job: no token: set RAY_AUTH_TOKEN")


def test_job_submits_a_search_that_goes_on_where_it_ended(tmp_path: Path) -> None:
    told = tmp_path / "ray"
    told.write_text('#!/bin/sh\necho "$RAY_AUTH_MODE $PWD"\nprintf "%s\\n" "$@"\n')
    told.chmod(0o755)
    said = subprocess.run(
        [str(CLUSTER / "job"), "run_dir=/shared/a run", "proposals=7"],
        env={**JOB, "PATH": f"{tmp_path}:{JOB['PATH']}", "JOB_OPTIONS": "--no-wait"},
        capture_output=True,
        text=True,
        check=True,
    )
    mode, *words = said.stdout.splitlines()
    assert mode == f"token {ROOT}"
    separator = words.index("--")
    assert words[:separator] == ["job", "submit", "--no-wait", "--working-dir", "."]
    assert words[separator + 1 : separator + 4] == ["python", "-m", "neuralopt"]
    settings = _settings(shlex.join(words[separator + 3 :]))
    assert settings.run_dir == "/shared/a run"
    assert (settings.evaluator.name, settings.resume) == ("ray", "auto")
    assert settings.proposals == 7
