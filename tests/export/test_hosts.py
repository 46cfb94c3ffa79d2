"""Exports as optimizers of programs that train: the weights of a plain loop."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from neuralopt import export_rule
from tests.export.test_export import imported

STEPS = 5


class Network(nn.Module):
    """Two layers; returns the loss as Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self.layers(x)[:, 0] - labels).square().mean()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> type[torch.optim.Optimizer]:
    path = tmp_path_factory.mktemp("hosts") / "adam.py"
    made: type[torch.optim.Optimizer] = imported(
        export_rule("adam", path, "Exported", tests=False)
    ).Exported
    return made


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network()


EXAMPLES = [
    {"x": torch.tensor([n / 9, 1.0, -n / 5]), "labels": torch.tensor(n / 7)}
    for n in range(4)
]
BATCH = {key: torch.stack([each[key] for each in EXAMPLES]) for key in ("x", "labels")}
"""All examples: that hosts draw them in another order changes roundings only."""


def expected(network: Network, exported: type[torch.optim.Optimizer]) -> Network:
    """A copy of the network after a plain loop."""
    network = copy.deepcopy(network)
    optimizer = exported(network.parameters(), lr=0.05)  # type: ignore[call-arg]
    for _ in range(STEPS):
        optimizer.zero_grad()
        network(**BATCH)["loss"].backward()
        optimizer.step()
    return network


def check_equal(found: nn.Module, wanted: nn.Module) -> None:
    pairs = zip(found.parameters(), wanted.parameters(), strict=True)
    for mine, other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_accelerate(
    network: Network, exported: type[torch.optim.Optimizer], tmp_path: Path
) -> None:
    accelerate = pytest.importorskip("accelerate", reason="pip install -e .[hosts]")
    wanted = expected(network, exported)
    accelerator = accelerate.Accelerator(cpu=True)
    optimizer = exported(network.parameters(), lr=0.05)  # type: ignore[call-arg]
    model, optimizer = accelerator.prepare(network, optimizer)
    weights = []
    for step in (*range(STEPS), *range(2, STEPS)):  # two of them, then from there again
        if step == 2 and weights:
            accelerator.load_state(tmp_path / "state")
        elif step == 2:
            accelerator.save_state(tmp_path / "state")
        optimizer.zero_grad()
        accelerator.backward(model(**BATCH)["loss"])
        optimizer.step()
        if step == STEPS - 1:
            weights.append(copy.deepcopy(network))
    first, again = weights
    check_equal(first, wanted)
    for mine, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_hugging_face_trainer(
    network: Network, exported: type[torch.optim.Optimizer], tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install -e .[hosts]")
    pytest.importorskip("accelerate", reason="pip install -e .[hosts]")
    wanted = expected(network, exported)
    arguments = transformers.TrainingArguments(
        output_dir=tmp_path,
        max_steps=STEPS,
        per_device_train_batch_size=len(EXAMPLES),
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = transformers.Trainer(
        network,
        arguments,
        train_dataset=EXAMPLES,
        optimizer_cls_and_kwargs=(exported, {"lr": 0.05}),
    )
    trainer.train()
    assert isinstance(trainer.optimizer.optimizer, exported)
    check_equal(network, wanted)


@pytest.mark.filterwarnings("ignore")  # Lightning's own
def test_lightning(
    network: Network, exported: type[torch.optim.Optimizer], tmp_path: Path
) -> None:
    lightning = pytest.importorskip("lightning", reason="pip install -e .[hosts]")
    wanted = expected(network, exported)

    class Module(lightning.LightningModule):  # type: ignore[misc]  # any here
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return self.network(**batch)["loss"]

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return exported(self.parameters(), lr=0.05)  # type: ignore[call-arg]

    trainer = lightning.Trainer(
        max_steps=STEPS,
        accelerator="cpu",
        default_root_dir=tmp_path,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = torch.utils.data.DataLoader(EXAMPLES, batch_size=len(EXAMPLES))
    trainer.fit(Module(), loader)
    check_equal(network, wanted)


def test_timm(network: Network, exported: type[torch.optim.Optimizer]) -> None:
    optim = pytest.importorskip("timm.optim", reason="pip install timm torchvision")
    scheduler = pytest.importorskip("timm.scheduler", reason="pip install timm")
    groups = optim.param_groups_weight_decay(network, 0.1)
    optimizer = exported(groups, lr=0.05)  # type: ignore[call-arg]
    schedule = scheduler.CosineLRScheduler(optimizer, STEPS, warmup_t=2)
    wanted = copy.deepcopy(network)
    plain = exported(  # type: ignore[call-arg]
        [
            {"params": [p for p in wanted.parameters() if p.ndim < 2]},
            {
                "params": [p for p in wanted.parameters() if p.ndim > 1],
                "weight_decay": 0.1,
            },
        ],
        lr=0.05,
    )
    rates = []
    for step in range(STEPS):
        schedule.step(step)
        rates.append(optimizer.param_groups[0]["lr"])
        for each, mine in ((network, optimizer), (wanted, plain)):
            for group in mine.param_groups:
                group["lr"] = rates[-1]
            mine.zero_grad()
            each(**BATCH)["loss"].backward()
            mine.step()
    assert len(set(rates)) > 2
    for mine, other in zip(network.parameters(), wanted.parameters(), strict=True):
        assert torch.equal(mine, other)
