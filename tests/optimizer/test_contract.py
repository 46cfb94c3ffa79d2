"""RuleOptimizer meets torch's contract for optimizers."""

import copy
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    OneCycleLR,
    ReduceLROnPlateau,
)

from neuralopt import RULES, RuleOptimizer, parse
from tests.optimizer.walks import STATEFUL, fresh, walk, weight

# ------------------------------------------------------------------------ construction


@pytest.mark.parametrize("form", [str, parse, lambda text: RULES["powersign"]])
def test_rule_may_be_text_expression_or_named(form: Callable[[str], Any]) -> None:
    w = weight(1.0, -2.0)
    optimizer = RuleOptimizer([w], form("g * exp(sign(g) * sign(m))"), lr=0.1)
    w.grad = torch.tensor([1.0, -1.0], dtype=torch.float64)
    optimizer.step()
    expected = [1 - 0.1 * math.e, -2 + 0.1 * math.e]
    assert w.tolist() == pytest.approx(expected, rel=1e-15)


def test_learning_rate_of_a_named_rule_is_its_own() -> None:
    assert RuleOptimizer([weight(1)], RULES["adam"]).param_groups[0]["lr"] == 1e-3
    with pytest.raises(ValueError, match="needs a learning rate"):
        RuleOptimizer([weight(1)], "g")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, "Invalid learning rate: -0.1"),
        ({"lr": math.nan}, "Invalid learning rate: nan"),
        ({"lr": torch.tensor(-1.0)}, "Invalid learning rate"),
        ({"weight_decay": -1.0}, "Invalid weight_decay: -1"),
        ({"weight_decay": math.nan}, "Invalid weight_decay: nan"),
        ({"total_steps": 0}, "Invalid total_steps: 0"),
        ({"total_steps": -5}, "Invalid total_steps: -5"),
        ({"rule": "ema(g, progress)"}, "give total_steps"),
        ({"rule": "g * rd"}, "give total_steps"),
        ({"rule": "exp(sgn(g))"}, "unknown name 'sgn'"),
        ({"rule": parse("exp(x)", ("x",))}, "'x' has no value"),
    ],
)
def test_bad_option_is_one_clear_line(options: dict[str, Any], message: str) -> None:
    chosen = {"rule": "g", "lr": 0.1} | options
    with pytest.raises(ValueError, match=message) as caught:
        RuleOptimizer([weight(1)], **chosen)
    assert "\n" not in str(caught.value)


def test_bad_group_is_refused_and_not_kept() -> None:
    optimizer = RuleOptimizer([weight(1)], "g", lr=0.1)
    for bad in ({"lr": -1.0}, {"weight_decay": -1.0}, {"rule": "m"}):
        with pytest.raises(ValueError, match="Invalid"):
            optimizer.add_param_group({"params": [weight(2)], **bad})
        assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": optimizer.param_groups[0]["params"]})
    with pytest.raises(ValueError, match="empty parameter list"):
        RuleOptimizer([], "g", lr=0.1)


# ---------------------------------------------------------------------- the step itself


def test_weight_decay_is_decoupled_from_the_rule() -> None:
    w = weight(2.0)
    optimizer = RuleOptimizer([w], "sign(g)", lr=0.1, weight_decay=0.5)
    w.grad = torch.tensor([3.0], dtype=torch.float64)
    optimizer.step()
    assert w.item() == 2.0 - 0.1 * (1.0 + 0.5 * 2.0)


def test_groups_have_their_own_options() -> None:
    groups = [
        {"params": [weight(1.0)]},
        {"params": [weight(1.0)], "lr": 0.5},
        {"params": [weight(1.0)], "weight_decay": 1.0},
        {"params": [weight(1.0)], "maximize": True},
        {"params": [weight(1.0)], "total_steps": 2},
    ]
    optimizer = RuleOptimizer(groups, "g * (1 + ld)", lr=0.25, total_steps=4)
    for _ in range(2):
        for group in groups:
            group["params"][0].grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
    ends = [group["params"][0].item() for group in groups]
    plain = 1 - 0.25 * (2 + 1.75)
    decayed = 1 - 0.25 * (2 + 1)
    decayed -= 0.25 * (1.75 + decayed)
    uphill = 1 + 0.25 * (2 + 1.75)
    assert ends == [plain, 1 - 0.5 * 3.75, decayed, uphill, 1 - 0.25 * (2 + 1.5)]


@pytest.mark.parametrize("text", ["adam", "trace(g, 0.9)", "lion", "g * exp(m)"])
def test_maximize_is_descent_on_the_negated_gradient(text: str) -> None:
    rule = RULES[text].expression if text in RULES else parse(text)
    ends = []
    for sign in (1, -1):
        w = weight(1.0, 2.0, 3.0)
        optimizer = RuleOptimizer([w], rule, lr=0.1, maximize=sign < 0)
        for step in range(5):
            w.grad = sign * torch.tensor([1.0, -2.0, step], dtype=torch.float64)
            optimizer.step()
        ends.append(w.detach().clone())
    assert torch.equal(*ends)


def test_closure_runs_with_gradients_on_and_its_loss_is_returned() -> None:
    w = weight(3.0)
    optimizer = RuleOptimizer([w], "g", lr=0.1)
    calls = []

    def closure() -> torch.Tensor:
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert calls == [True]
    assert loss == 9.0
    assert w.item() == pytest.approx(3.0 - 0.1 * 6.0)
    assert optimizer.step() is None


def test_step_leaves_no_graph_behind() -> None:
    w = weight(3.0)
    optimizer = RuleOptimizer([w], "ema(g * w, 0.9) + previous(w)", lr=0.1)
    (gradient,) = torch.autograd.grad((w**3).sum(), w, create_graph=True)
    w.grad = gradient
    optimizer.step()
    assert w.requires_grad
    assert w.is_leaf
    for value in optimizer.state[w].values():
        assert not (isinstance(value, torch.Tensor) and value.requires_grad)


def test_hooks_are_called_around_the_step() -> None:
    w = weight(1.0)
    optimizer = RuleOptimizer([w], "g", lr=0.5)
    w.grad = torch.ones(1, dtype=torch.float64)
    seen = []
    before = optimizer.register_step_pre_hook(
        lambda *_: seen.append(("before", w.item()))
    )
    after = optimizer.register_step_post_hook(
        lambda *_: seen.append(("after", w.item()))
    )
    optimizer.step()
    assert seen == [("before", 1.0), ("after", 0.5)]
    before.remove()
    after.remove()
    optimizer.step()
    assert len(seen) == 2


def test_state_dict_hooks_are_called() -> None:
    optimizer = RuleOptimizer([weight(1.0)], "m", lr=0.5)
    seen = []
    optimizer.register_state_dict_pre_hook(lambda *_: seen.append("save"))
    optimizer.register_load_state_dict_post_hook(lambda *_: seen.append("load"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == ["save", "load"]


def test_group_can_join_later_with_its_own_clock() -> None:
    old, new = weight(0.0), weight(0.0)
    optimizer = RuleOptimizer([old], "g * (t + 1)", lr=1.0)
    for _ in range(2):
        old.grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
    optimizer.add_param_group({"params": [new], "lr": 10.0})
    new.grad = torch.ones(1, dtype=torch.float64)
    optimizer.step()
    assert (old.item(), new.item()) == (-6.0, -10.0)


def test_parameter_whose_gradient_is_missing_waits_with_its_own_clock() -> None:
    # It must end as if the steps without gradient had never been.
    gradients = [1.0, None, -2.0, None, None, 0.5, 3.0]
    now_and_then, always, alone = weight(1.0), weight(1.0), weight(1.0)
    rule = parse("debiased(g, 0.9) * ld + previous(g) * t")
    both = RuleOptimizer([now_and_then, always], rule, 0.1, total_steps=9)
    single = RuleOptimizer([alone], rule, 0.1, total_steps=9)
    for gradient in gradients:
        always.grad = torch.ones(1, dtype=torch.float64)
        now_and_then.grad = None
        if gradient is not None:
            now_and_then.grad = torch.tensor([gradient], dtype=torch.float64)
            alone.grad = now_and_then.grad.clone()
            single.step()
        before = now_and_then.item()
        both.step()
        assert gradient is not None or now_and_then.item() == before
    assert torch.equal(now_and_then, alone)
    assert both.state[now_and_then]["step"] == 4
    assert both.state[always]["step"] == 7


def test_parameter_that_never_had_a_gradient_has_no_state() -> None:
    frozen, moving = weight(1.0), weight(1.0)
    frozen.requires_grad_(False)
    optimizer = RuleOptimizer([frozen, moving], "m", lr=0.1)
    moving.grad = torch.ones(1, dtype=torch.float64)
    optimizer.step()
    assert frozen not in optimizer.state
    assert frozen.item() == 1.0


def test_sparse_gradient_is_refused() -> None:
    embedding = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = RuleOptimizer(embedding.parameters(), "g", lr=0.1)
    embedding(torch.tensor([1, 2])).sum().backward()
    with pytest.raises(RuntimeError, match="dense gradients only"):
        optimizer.step()


# ----------------------------------------------------------------------------- aliasing


@pytest.mark.parametrize("text", ["previous(g)", "previous(w)", "g + update", STATEFUL])
@pytest.mark.parametrize("maximize", [False, True])
def test_state_is_never_the_users_memory(text: str, maximize: bool) -> None:
    w = weight(1.0, 2.0, 3.0)
    optimizer = RuleOptimizer([w], text, lr=0.1, maximize=maximize)
    for _ in range(3):
        w.grad = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
        optimizer.step()
        before = copy.deepcopy(optimizer.state_dict()["state"][0])
        with torch.no_grad():
            w.mul_(-7.0)
            w.grad.fill_(math.nan)
        after = optimizer.state_dict()["state"][0]
        for name, value in before.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(after[name], value), name
        with torch.no_grad():
            w.div_(-7.0)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zeroing_gradients_does_not_reach_remembered_ones(set_to_none: bool) -> None:
    w = weight(0.0)
    optimizer = RuleOptimizer([w], "previous(g)", lr=1.0)
    moves = []
    for gradient in (1.0, 10.0, 100.0):
        optimizer.zero_grad(set_to_none=set_to_none)
        (w * gradient).sum().backward()
        before = w.item()
        optimizer.step()
        moves.append(before - w.item())
    assert moves == [0.0, 1.0, 10.0]


def test_loading_a_state_does_not_tie_two_optimizers_together() -> None:
    one, other = weight(1.0, 2.0), weight(1.0, 2.0)
    first = RuleOptimizer([one], STATEFUL, lr=0.1)
    walk(first, [one], 3)
    second = RuleOptimizer([other], STATEFUL, lr=0.1)
    second.load_state_dict(first.state_dict())
    kept = copy.deepcopy(first.state_dict()["state"])
    walk(second, [other], 3, seed=1)
    for name, value in first.state_dict()["state"][0].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, kept[0][name])


# --------------------------------------------------------------------- kinds of tensors


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "text",
    [
        *("g", "w", "t", "sign(g)", "adam", STATEFUL, "drop(g, 0.5) + noise(0.1)"),
        *("min(g, 1e300)", "clip(g, 1e300)", "1e300 / (g - g)", "total(exp(t * 400))"),
        *("max(2, t) * g", "previous(t) + g", "peak(progress)", "2 ** g + pow(g, t)"),
    ],
)
def test_dtype_is_kept_for_any_rule(text: str, dtype: torch.dtype) -> None:
    w = weight(1.0, -2.0, dtype=dtype)
    optimizer = RuleOptimizer([w], text, lr=1e-3, weight_decay=0.1, total_steps=5)
    for _ in range(3):
        w.grad = torch.tensor([0.5, -1.0], dtype=dtype)
        optimizer.step()
    assert w.dtype == dtype
    tensors = [x for x in optimizer.state[w].values() if isinstance(x, torch.Tensor)]
    assert len(tensors) == optimizer.program.states
    assert all(x.dtype == dtype and x.shape == w.shape for x in tensors)
    usual = not any(name in text for name in ("1e300", "400"))
    assert bool(torch.isfinite(w).all()) or not usual


@pytest.mark.parametrize("tensor_shape", [(), (1,)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 2)])
def test_learning_rate_may_be_a_tensor(
    shape: tuple[int, ...], dtype: torch.dtype, tensor_shape: tuple[int, ...]
) -> None:
    ends = []
    for lr in (0.25, torch.full(tensor_shape, 0.25)):
        w = torch.nn.Parameter(torch.ones(shape, dtype=dtype))
        optimizer = RuleOptimizer([w], "g + m", lr=lr)
        w.grad = torch.ones_like(w)
        optimizer.step()
        assert (w.shape, w.dtype) == (shape, dtype)
        ends.append(w.detach())
    assert torch.equal(*ends)


@pytest.mark.parametrize("rule", ["adam", STATEFUL, "sign(g) * w", "previous(w)"])
def test_complex_parameter_is_a_pair_of_real_ones(rule: str) -> None:
    together = torch.nn.Parameter(torch.randn(3, 2, dtype=torch.complex128))
    apart = torch.nn.Parameter(torch.view_as_real(together.detach()).clone())
    one = RuleOptimizer([together], rule, 0.1, weight_decay=0.1)
    other = RuleOptimizer([apart], rule, 0.1, weight_decay=0.1)
    for _ in range(5):
        together.grad = torch.randn(3, 2, dtype=torch.complex128)
        apart.grad = torch.view_as_real(together.grad).clone()
        one.step()
        other.step()
    assert torch.equal(torch.view_as_real(together.detach()), apart.detach())


def strided(kind: str) -> torch.Tensor:
    """A tensor (2, 3, 4, 5) that isn't laid out in row order."""
    base = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    if kind == "channels_last":
        return base.contiguous(memory_format=torch.channels_last)
    if kind == "transposed":
        return base.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    wide = torch.randn(2, 3, 4, 10, dtype=torch.float64)
    wide[..., ::2] = base
    return wide[..., ::2]


@pytest.mark.parametrize("kind", ["channels_last", "transposed", "every other"])
@pytest.mark.parametrize("rule", [STATEFUL, "previous(w) + t", "drop(g, 0.5) + m"])
def test_layout_of_memory_changes_nothing(kind: str, rule: str) -> None:
    odd = torch.nn.Parameter(strided(kind))
    plain = torch.nn.Parameter(odd.detach().clone().contiguous())
    strides = odd.stride()
    assert strides != plain.stride()
    optimizers = [RuleOptimizer([w], rule, 0.1, weight_decay=0.1) for w in (odd, plain)]
    for step in range(4):
        plain.grad = torch.randn(
            plain.shape,
            dtype=torch.float64,
            generator=torch.Generator().manual_seed(step),
        )
        odd.grad = torch.empty_like(odd).copy_(plain.grad) if step % 2 else plain.grad
        for optimizer in optimizers:
            optimizer.step()
    assert odd.stride() == strides
    # Kernels of contiguous tensors may round their last bit in another way.
    torch.testing.assert_close(odd.detach(), plain.detach(), rtol=1e-13, atol=1e-13)


def test_named_parameters_are_accepted() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = RuleOptimizer(model.named_parameters(), "m", lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    model(torch.ones(1, 3)).sum().backward()
    before = model.weight.detach().clone()
    optimizer.step()
    assert not torch.equal(model.weight, before)
    again = RuleOptimizer(model.named_parameters(), "m", lr=0.1)
    again.load_state_dict(optimizer.state_dict())


# --------------------------------------------------------------------------- schedulers

SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "cosine": lambda o: CosineAnnealingLR(o, 10),
    "linear": lambda o: LinearLR(o, 0.1, total_iters=5),
    "lambda": lambda o: LambdaLR(o, lambda epoch: 0.9**epoch),
    "one cycle": lambda o: OneCycleLR(o, 0.5, total_steps=10, cycle_momentum=False),
}


@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_of_torch_set_the_learning_rate(name: str, tensor: bool) -> None:
    w, twin = weight(1.0), weight(1.0)
    lr = torch.tensor(0.25, dtype=torch.float64) if tensor else 0.25
    optimizer = RuleOptimizer([w], "g", lr=lr)
    reference = torch.optim.SGD([twin], lr=0.25)
    schedulers = [SCHEDULERS[name](o) for o in (optimizer, reference)]
    rates = set()
    for _ in range(9):
        w.grad, twin.grad = torch.ones_like(w), torch.ones_like(w)
        optimizer.step()
        reference.step()
        rates.add(float(optimizer.param_groups[0]["lr"]))
        for scheduler in schedulers:
            scheduler.step()
    assert len(rates) > 3
    assert w.item() == pytest.approx(twin.item(), rel=1e-14)


def test_plateau_scheduler_works() -> None:
    optimizer = RuleOptimizer([weight(1.0)], "g", lr=1.0)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    for _ in range(3):
        scheduler.step(1.0)
    assert optimizer.param_groups[0]["lr"] == 0.25


# ----------------------------------------------------------------------------- learning


@pytest.mark.parametrize("name", RULES)
def test_named_rules_descend(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    inputs = torch.randn(64, 4, generator=generator)
    targets = inputs.sum(1, keepdim=True).tanh()
    optimizer = RuleOptimizer(model.parameters(), RULES[name], total_steps=100)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


def test_rng_of_the_user_is_unchanged() -> None:
    torch.manual_seed(3)
    random.seed(3)
    states = torch.get_rng_state(), random.getstate()
    parameters, optimizer = fresh("noise(1) + drop(g, 0.5)")
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
