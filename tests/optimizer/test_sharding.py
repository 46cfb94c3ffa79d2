"""FSDP2 on two processes: the steps and the checkpoints of one process."""

import gc
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from neuralopt import RuleOptimizer, export_rule
from tests.export.test_export import imported

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOISY = "drop(debiased(g, 0.9), 0.2) + noise(0.1)"

Make = Callable[[Any], torch.optim.Optimizer]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        inputs = torch.randn(8, 5, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()


def difference(model: nn.Module, sharded: nn.Module) -> float:
    pairs = zip(model.parameters(), sharded.parameters(), strict=True)
    return max((a - b.full_tensor()).abs().max().item() for a, b in pairs)  # type: ignore[operator]


def run(rank: int, folder: str) -> None:
    """A process; rank 0 writes how far each optimizer is from the unsharded one."""
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    found = measure(folder)
    if rank == 0:
        torch.save(found, f"{folder}/found.pt")
    gc.collect()  # models hold the group; its threads abort a process they outlive
    dist.barrier()
    dist.destroy_process_group()


def measure(folder: str) -> dict[str, float]:
    mesh = init_device_mesh("cpu", (2,))
    exported = imported(Path(folder) / "noisy.py").Exported
    makes: dict[str, Make] = {
        "export": lambda p: exported(p, lr=0.1, weight_decay=0.1),
        "export, caution": lambda p: exported(p, lr=0.1, caution=True),
        "RuleOptimizer": lambda p: RuleOptimizer(p, NOISY, lr=0.1, caution=True),
    }
    found: dict[str, float] = {}
    for name, make in makes.items():
        model, sharded = network(), network()
        fully_shard(sharded, mesh=mesh)
        one, two = make(model.parameters()), make(sharded.parameters())
        train(model, one, range(3))
        train(sharded, two, range(3))
        found[name] = difference(model, sharded)
    saved = {"state": get_optimizer_state_dict(sharded, two)}
    checkpoint.save(saved, checkpoint_id=f"{folder}/state")
    two.zero_grad()  # torch makes an empty state to load into where gradients are none
    again = makes["RuleOptimizer"](sharded.parameters())
    loaded = {"state": get_optimizer_state_dict(sharded, again)}
    checkpoint.load(loaded, checkpoint_id=f"{folder}/state")
    set_optimizer_state_dict(sharded, again, loaded["state"])
    train(model, one, range(3, 5))
    train(sharded, again, range(3, 5))
    found["after a distributed checkpoint"] = difference(model, sharded)
    return found


@pytest.fixture(scope="module")
def differences() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        export_rule(NOISY, Path(folder) / "noisy.py", "Exported", tests=False)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        torch.multiprocessing.spawn(run, (folder,), 2)  # type: ignore[no-untyped-call]
        found: dict[str, float] = torch.load(f"{folder}/found.pt")
        return found


@pytest.mark.skipif(not dist.is_available(), reason="torch has no distributed here")
@pytest.mark.parametrize(
    "name",
    ["export", "export, caution", "RuleOptimizer", "after a distributed checkpoint"],
)
def test_sharded_steps_are_those_of_one_process(
    name: str, differences: dict[str, float]
) -> None:
    assert differences[name] == 0.0
