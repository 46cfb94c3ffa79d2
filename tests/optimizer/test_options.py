"""Options for large models: rounding of narrow weights, caution, kinds of decay."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from neuralopt import RuleOptimizer, export_rule, param_groups_weight_decay
from neuralopt.optimizer.updating import to_bfloat16
from tests.export.test_export import imported

RULE = "ema(g, 0.9)"

Make = Callable[..., torch.optim.Optimizer]


@pytest.fixture(scope="module")
def makes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Make]:
    """RuleOptimizer and an exported file, both of RULE."""
    path = export_rule(RULE, tmp_path_factory.mktemp("options") / "rule.py", "Exported")
    return {
        "RuleOptimizer": lambda p, **options: RuleOptimizer(p, RULE, **options),
        "export": imported(path).Exported,
    }


@pytest.fixture(params=["RuleOptimizer", "export"])
def make(request: pytest.FixtureRequest, makes: dict[str, Make]) -> Make:
    return makes[request.param]


def trained(make: Make, start: torch.Tensor, steps: int, **options: Any) -> Any:
    """The weight after some steps on half its square, and the optimizer."""
    weight = torch.nn.Parameter(start.clone())
    optimizer = make([weight], **options)
    for _ in range(steps):
        weight.grad = weight.detach().clone()
        optimizer.step()
    return weight.detach(), optimizer


def test_rounding_moves_bfloat16_weights_at_a_small_rate(make: Make) -> None:
    start, steps = (1 + torch.arange(500) / 500).bfloat16(), 250
    exact, _ = trained(make, start.float(), steps, lr=1e-4)
    ends, moved = {}, {}
    for rounding in ("nearest", "stochastic", "kahan"):
        weight, _ = trained(make, start, steps, lr=1e-4, rounding=rounding)
        ends[rounding] = weight
        moved[rounding] = (weight != start).double().mean().item()
    # Steps of 1e-4 to 2e-4 are below half a unit of bfloat16 there, 2**-8.
    assert moved["nearest"] < 0.1
    assert moved["kahan"] > 0.95
    assert moved["stochastic"] > 0.95
    assert (ends["kahan"] - exact).abs().max() < 2**-7
    # Jumps of 2**-7 by chance: their variance is 2**-7 times the way.
    spread = math.sqrt(0.05 * 2**-7)
    error = ends["stochastic"] - exact
    assert error.abs().max() < 6 * spread
    assert error.mean().abs() < 5 * spread / math.sqrt(len(start))
    for seed in (0, 1):
        options = {"rounding": "stochastic", "seed": seed}
        again, _ = trained(make, start, steps, lr=1e-4, **options)
        assert torch.equal(again, ends["stochastic"]) == (seed == 0)


def test_stochastic_rounding_is_one_of_two_neighbours_and_right_on_average() -> None:
    exact = torch.full((1 << 16,), 1 + 2**-7 * 0.3)
    words = torch.arange(1 << 16, dtype=torch.int32)  # every random number once
    rounded = to_bfloat16(exact, words).double()
    assert set(rounded.tolist()) == {1.0, 1 + 2**-7}
    assert rounded.mean().item() == pytest.approx(exact[0].item(), abs=2**-7 / 2**15)
    odd = torch.tensor([math.inf, -math.inf, math.nan, 0.0, -1.5])
    kept = to_bfloat16(odd, torch.full((5,), -1, dtype=torch.int32))
    np.testing.assert_array_equal(kept.float().numpy(), odd.numpy())


@pytest.mark.parametrize("rounding", ["stochastic", "kahan"])
def test_memory_in_float32_is_saved_and_resumed(make: Make, rounding: str) -> None:
    start, options = torch.linspace(-2, 2, 50).bfloat16(), {"lr": 1e-3}
    options["rounding"] = rounding  # type: ignore[assignment]
    whole, _ = trained(make, start, 6, **options)
    half, first = trained(make, start, 3, **options)
    weight = torch.nn.Parameter(half.clone())
    second = make([weight], lr=1.0)
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        weight.grad = weight.detach().clone()
        second.step()
    assert torch.equal(weight.detach(), whole)


def test_caution_keeps_what_agrees_with_the_gradient(make: Make) -> None:
    weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = make([weight], lr=1.0, caution=True, weight_decay=0.5)
    memory = np.zeros(4)
    expected = np.zeros(4)
    for step in range(5):
        gradient = np.cos(np.arange(4) + 2.0 * step)
        memory = 0.9 * memory + (1 - 0.9) * gradient
        mask = (memory * gradient > 0).astype(float)
        update = memory * mask / max(mask.mean(), 1e-3)  # the authors' code
        expected = expected - (update + 0.5 * expected)
        weight.grad = torch.from_numpy(gradient)
        optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-12)


def test_fully_decoupled_decay_follows_the_schedule_only(make: Make) -> None:
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = make([weight], lr=0.01, weight_decay=0.1, fully_decoupled=True)
    for factor in (1.0, 0.5):
        optimizer.param_groups[0]["lr"] = 0.01 * factor
        weight.grad = torch.zeros(1, dtype=torch.float64)
        optimizer.step()
    assert weight.item() == pytest.approx((1 - 0.1) * (1 - 0.05), rel=1e-14)
    warm = make([weight], lr=0.01, max_lr=0.1, weight_decay=0.1, fully_decoupled=True)
    before = weight.item()
    warm.step()
    assert weight.item() == pytest.approx(before * (1 - 0.01), rel=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": math.nan}, "Invalid learning rate: nan"),
        ({"lr": math.inf}, "Invalid learning rate: inf"),
        ({"lr": torch.tensor(math.nan)}, "Invalid learning rate"),
        ({"lr": torch.ones(2)}, "1-element"),
        ({"lr": 0.1, "weight_decay": math.inf}, "Invalid weight_decay: inf"),
        ({"lr": 0.1, "weight_decay": math.nan}, "Invalid weight_decay: nan"),
        ({"lr": 0.1, "rounding": "up"}, "Invalid rounding: up"),
        ({"lr": 0.0, "fully_decoupled": True}, "max_lr"),
        ({"lr": 0.1, "max_lr": math.nan}, "Invalid max_lr"),
    ],
)
def test_options_out_of_range_are_refused_in_one_line(
    make: Make, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make([torch.nn.Parameter(torch.ones(2))], **options)
    assert "\n" not in str(caught.value)


def test_float16_has_no_stochastic_rounding_and_fused_no_caution(make: Make) -> None:
    half = torch.nn.Parameter(torch.ones(2, dtype=torch.float16))
    with pytest.raises(ValueError, match="use kahan"):
        make([half], lr=0.1, rounding="stochastic")
    with pytest.raises(ValueError, match="caution"):
        RuleOptimizer([half], RULE, lr=0.1, fused=True, caution=True)


def test_parameters_that_are_not_decayed() -> None:
    model = torch.nn.ModuleDict(
        {"embedding": torch.nn.Embedding(3, 2), "norm": torch.nn.LayerNorm(2)}
    )
    model["head"] = torch.nn.Linear(2, 3)
    model["head"].requires_grad_(False)
    still, decayed = param_groups_weight_decay(model, 0.2)
    assert (len(still["params"]), still["weight_decay"]) == (2, 0.0)
    assert decayed["params"] == [model["embedding"].weight]
    assert decayed["weight_decay"] == 0.2
    (only,) = param_groups_weight_decay(model, 0.2, ["embedding.weight"])
    assert len(only["params"]) == 3
    with pytest.raises(ValueError, match="no parameter 'x'"):
        param_groups_weight_decay(model, 0.2, ["x"])
    RuleOptimizer(param_groups_weight_decay(model), "adam", lr=0.1)


def test_gradients_may_be_scaled_and_accumulated(make: Make) -> None:
    ends = []
    for scaled in (False, True):
        weight = torch.nn.Parameter(torch.ones(3))
        optimizer = make([weight], lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0, enabled=scaled)
        for step in range(4):
            for part in range(2):
                scaler.scale((weight * (part + step)).sum() / 2).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        ends.append(weight.detach().clone())
    assert torch.equal(*ends)


def test_flattened_parameters_are_refused_for_caution(make: Make) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    weight._is_flat_param = True  # type: ignore[attr-defined]  # as FSDP1 marks them
    weight.grad = torch.ones(3)
    make([weight], lr=0.1).step()
    with pytest.raises(RuntimeError, match="fully_shard"):
        make([weight], lr=0.1, caution=True).step()
