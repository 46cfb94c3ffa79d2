"""What the experiments share: the naive loop, timing in turn, and result files."""

import argparse
import importlib.metadata
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from neuralopt.engines.engine import initial_parameters
from neuralopt.language import Expression
from neuralopt.optimizer import RuleOptimizer
from neuralopt.tasks import Examples, Task

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

PACKAGES = ("numba", "numpy", "ray", "torch")
"""Packages whose versions a results file has."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def naive_steps(
    task: Task,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    examples: Examples,
    batches: Iterable[torch.Tensor],
) -> int:
    """Train a network as any PyTorch script does: nn.Module, autograd, an optimizer.

    There is no early end for a child that diverges.

    Args:
        task: Gives the loss.
        network: Is trained in place.
        optimizer: Of the network's parameters.
        examples: The training split, on the network's device.
        batches: Indices into `examples`, one tensor a step.

    Returns:
        The number of steps taken.
    """
    steps = 0
    for batch in batches:
        chosen = batch.to(examples.inputs.device)
        optimizer.zero_grad()
        outputs = network(examples.inputs[chosen])
        task.loss(outputs, examples.targets[chosen]).backward()
        optimizer.step()
        steps += 1
    return steps


def naive_child(
    task: Task,
    rule: Expression,
    learning_rate: float,
    examples: Examples,
    batches: Sequence[torch.Tensor],
    seed: int,
) -> nn.Module:
    """Train one child by `naive_steps`, with a RuleOptimizer.

    Args:
        task: Gives the network and the loss.
        rule: The update rule.
        learning_rate: The step size before any schedule.
        examples: The training split, on the device to train on.
        batches: Indices into `examples`, one tensor a step; all are taken.
        seed: Of the initial parameters.

    Returns:
        The trained network, on the device of `examples`.
    """
    network = initial_parameters(task, seed, 0).to(examples.inputs.device).train()
    optimizer = RuleOptimizer(
        network.parameters(), rule, lr=learning_rate, total_steps=len(batches)
    )
    naive_steps(task, network, optimizer, examples, batches)
    return network


def per_second(run: Callable[[], float]) -> float:
    """Call once and time it.

    Args:
        run: Does some work and returns how much.

    Returns:
        Work per second.
    """
    began = time.perf_counter()
    done = run()
    return done / (time.perf_counter() - began)


def in_turn(
    keys: Sequence[Key],
    measure: Callable[[Key, int], Value],
    rounds: int,
    *,
    alternate: bool = True,
) -> dict[Key, list[Value]]:
    """Repeat measurements in turn, so that other load on the machine falls on all.

    Args:
        keys: What to measure.
        measure: Called with a key and the number of the round, from 0.
        rounds: How often each is measured.
        alternate: Reverse the order in every other round, the first included.

    Returns:
        What `measure` returned for each key, in the order of the rounds.
    """
    found: dict[Key, list[Value]] = {key: [] for key in keys}
    for number in range(rounds):
        for key in keys[:: -1 if alternate and number % 2 == 0 else 1]:
            found[key].append(measure(key, number))
    return found


def spread(values: Sequence[float], form: str = ".4g") -> str:
    """Format values as ``median [lowest, highest]``.

    Example:
        >>> spread([3.0, 1.0, 2.0], ".1f")
        '2.0 [1.0, 3.0]'
    """
    low, high = min(values), max(values)
    return f"{statistics.median(values):{form}} [{low:{form}}, {high:{form}}]"


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``, the argument of `write_results`, to a script's options."""
    parser.add_argument(
        "--json",
        type=_writable,
        metavar="FILE",
        help="also write the figures to FILE, with commit, date, machine and command",
    )


def _writable(text: str) -> Path:
    """The path of a file to write, checked before an experiment takes its time."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text} cannot be written: give a file in a folder that exists"
        )
    return path.absolute()  # an experiment may change its working directory


def write_results(path: Path | None, figures: Mapping[str, object]) -> None:
    """Write the figures of a run as JSON, with what they were measured on.

    Args:
        path: The file, which is replaced; None to write nothing.
        figures: Numbers, texts, and lists and mappings of these. A number that is not
            finite is written as null.
    """
    if path is None:
        return
    text = json.dumps(
        {**provenance(), "figures": _plain(figures)}, indent=1, allow_nan=False
    )
    path.write_text(text + "\n", "utf-8")


def provenance() -> dict[str, Any]:
    """Commit, date, command and machine of this process.

    Returns:
        Texts and numbers. `changed`: whether the working tree differs from the commit;
        both are None outside a repository.
    """
    status = _git("status", "--porcelain")
    return {
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "changed": None if status is None else bool(status),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "system": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }


def made_line(made: Mapping[str, Any]) -> str:
    """Return a sentence on when, on what and by which command figures were made.

    Args:
        made: as `provenance` returns it, or a results file.
    """
    machine, torch_version = made["machine"], made["versions"]["torch"]
    return (
        f"{made['date'][:10]}, {machine['processor']}, {machine['cores']} cores with "
        f"other work, torch {torch_version}: `{made['command']}`"
    )


def processor() -> str:
    """The processor's name where Linux tells it, else what Python knows."""
    try:
        facts = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        facts = []
    names = [line.partition(":")[2].strip() for line in facts if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def _git(*arguments: str) -> str | None:
    """What git prints in this repository; None without git or a repository."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _plain(value: object) -> object:
    """A value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):  # numpy's float64 is one
        return float(value) if math.isfinite(value) else None
    return value


def make_or_measure(
    description: str | None,
    proposals: int,
    what: str,
    make: Callable[[Path, int, int], None],
    measure: Callable[[Path, int], Mapping[str, object]],
) -> None:
    """Run a script that makes an archive by one command and measures by another.

    Args:
        description: of the script.
        proposals: of the archive, by default.
        what: is measured, for the help.
        make: writes an archive, given its path, the proposals and a seed.
        measure: returns figures, given the path and a number of rounds.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="write an archive")
    making.add_argument("run", type=Path)
    making.add_argument("--proposals", type=int, default=proposals)
    making.add_argument("--seed", type=int, default=0)
    reading = commands.add_parser("measure", help=what)
    reading.add_argument("run", type=Path)
    reading.add_argument("--rounds", type=int, default=3)
    add_json_option(parser)
    chosen = parser.parse_args()
    if chosen.command == "make":
        make(chosen.run, chosen.proposals, chosen.seed)
    else:
        write_results(chosen.json, measure(chosen.run, chosen.rounds))
