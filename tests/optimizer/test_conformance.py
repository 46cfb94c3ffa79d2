"""Exported optimizers held against what torch asks of its own, by torch's machinery.

torch's `OptimizerInfo` lists configurations and wrong inputs; the claims are those of
its test_optim.py, the tests are ours. It is a private part of torch: where it can't be
imported, with another torch or without expecttest, this is skipped and says so.
"""

import copy
import itertools
import pickle

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from neuralopt import RULES, export_rule
from tests.export.test_export import imported

common = pytest.importorskip(
    "torch.testing._internal.common_optimizers",
    reason="torch's OptimizerInfo can't be imported (it is private, needs expecttest)",
    exc_type=ImportError,
)

FOUND = "sqrt(clip(0.0001 * w, 0.0001) + rmsprop) * sign(adam) * (1 + 0.1 * ld)"
NAMES = ("adam", "powersign", "addsign", "lion", "found")


def inputs_of(name):
    """What `optim_inputs_func` of an OptimizerInfo returns, for an export."""

    def make(device, dtype=None):
        total = {"total_steps": 50} if name == "found" else {}
        configurations = (
            ({}, "default"),
            ({"lr": 0.01}, "non-default lr"),
            ({"weight_decay": 0.1}, "nonzero weight_decay"),
            ({"weight_decay": 0.1, "maximize": True}, "maximize, weight_decay"),
            ({"capturable": True}, "capturable"),
            ({"lr": torch.tensor(0.001), "capturable": True}, "Tensor lr, capturable"),
        )
        return [
            common.OptimizerInput(params=None, kwargs={**total, **kwargs}, desc=desc)
            for kwargs, desc in configurations
        ]

    return make


def errors_of(device, dtype):
    errors = common.get_error_inputs_for_all_optims(device, dtype)
    for kwargs, text in (
        ({"lr": -0.5}, "Invalid learning rate: -0.5"),
        ({"weight_decay": -1}, "Invalid weight_decay: -1"),
    ):
        wrong = common.OptimizerInput(params=None, kwargs=kwargs, desc=text)
        errors.append(
            common.ErrorOptimizerInput(wrong, error_type=ValueError, error_regex=text)
        )
    return errors


@pytest.fixture(scope="module")
def infos(tmp_path_factory):
    """Name -> OptimizerInfo of the exported class."""
    folder = tmp_path_factory.mktemp("exports")
    found = {}
    for name in NAMES:
        rule = RULES.get(name, FOUND)
        lr = RULES[name].lr if name in RULES else 1e-3
        module = imported(export_rule(rule, folder / f"{name}.py", "Exported", lr=lr))
        found[name] = common.OptimizerInfo(
            module.Exported,
            optim_inputs_func=inputs_of(name),
            optim_error_inputs_func=errors_of,
            supported_impls=("foreach", "differentiable"),
            has_capturable_arg=True,
        )
    return found


@pytest.fixture(params=NAMES)
def info(request, infos):
    return infos[request.param]


def every_input(info):
    """All configurations, each as it is, with foreach and with differentiable."""
    return common._get_optim_inputs_including_global_cliquey_kwargs(
        "cpu", torch.float64, info
    )


def model(dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((5, 3), (3,), (), (0,), (4, 2, 2))
    return [
        torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype))
        for shape in shapes
    ]


def set_gradients(parameters, step, missing=True):
    """The same for all; now and then one is missing."""
    for number, parameter in enumerate(parameters):
        generator = torch.Generator().manual_seed(97 * step + number)
        gradient = torch.randn(parameter.shape, generator=generator)
        parameter.grad = gradient.to(parameter.dtype)
        if missing and (step + number) % 6 == 0:
            parameter.grad = None


def trained(info, kwargs, steps=6):
    parameters = model()
    optimizer = info.optim_cls(parameters, **copy.deepcopy(kwargs))
    for step in range(steps):
        set_gradients(parameters, step)
        optimizer.step()
    return parameters, optimizer


def close(ones, others, tolerance=1e-12):
    for one, other in zip(ones, others, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def test_optim_infos_do_not_specify_global_cliquey_kwargs(info):
    for given in info.optim_inputs_func(device="cpu"):
        assert not {"foreach", "differentiable", "fused"} & set(given.kwargs)


def test_errors(info):
    for wrong in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        given = wrong.optimizer_error_input
        params = (
            [torch.nn.Parameter(torch.randn(1))]
            if given.params is None
            else (given.params)
        )
        if wrong.error_type is UserWarning:
            with pytest.warns(UserWarning, match=wrong.error_regex):
                info.optim_cls(params, **_with_total(info, given.kwargs))
        else:
            with pytest.raises(wrong.error_type, match=wrong.error_regex):
                info.optim_cls(params, **_with_total(info, given.kwargs))


def _with_total(info, kwargs):
    known = info.optim_inputs_func(device="cpu")[0].kwargs
    return {**{k: v for k, v in known.items() if k == "total_steps"}, **kwargs}


@pytest.mark.parametrize("with_scheduler", [False, True])
@pytest.mark.parametrize("foreach", [False, True])
def test_goes_the_right_direction(info, foreach, with_scheduler):
    for given in info.optim_inputs_func(device="cpu"):
        if foreach and given.kwargs.get("capturable"):
            continue
        generator = torch.Generator().manual_seed(1)
        weight = torch.nn.Parameter(torch.randn((10, 5), generator=generator))
        bias = torch.nn.Parameter(torch.randn(10, generator=generator))
        data = 0.2 * torch.randn(5, generator=generator)
        kwargs = copy.deepcopy(given.kwargs)
        optimizer = info.optim_cls([weight, bias], **kwargs, foreach=foreach)
        schedulers = (
            [StepLR(optimizer, 10, 0.9), ReduceLROnPlateau(optimizer)]
            if with_scheduler
            else []
        )

        def closure(weight=weight, bias=bias, data=data, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (weight.mv(data) + bias).pow(2).sum()
            loss.backward()
            return loss

        first = closure().item()
        for _ in range(20):
            loss = optimizer.step(closure)
            for scheduler in schedulers:
                plateau = isinstance(scheduler, ReduceLROnPlateau)
                scheduler.step(loss.item()) if plateau else scheduler.step()
        last = closure().item()
        assert last > first if kwargs.get("maximize") else last < first


def test_foreach_matches_forloop(info):
    for given in info.optim_inputs_func(device="cpu"):
        plain, one = trained(info, {**given.kwargs, "foreach": False})
        many, other = trained(info, {**given.kwargs, "foreach": True})
        close(plain, many)
        for a, b in zip(plain, many, strict=True):
            for name in one.state[a]:
                close([torch.as_tensor(one.state[a][name])],
                      [torch.as_tensor(other.state[b][name])])  # fmt: skip


def test_capturable_matches_the_ordinary_step(info):
    given = info.optim_inputs_func(device="cpu")[0].kwargs
    plain, _ = trained(info, given)
    captured, optimizer = trained(info, {**given, "capturable": True})
    close(plain, captured, 1e-10)
    steps = [s["step"] for s in optimizer.state.values()]
    assert all(isinstance(step, torch.Tensor) for step in steps)


def test_differentiable_steps_pass_gradcheck(info):
    given = info.optim_inputs_func(device="cpu")[0].kwargs

    def after(weight, gradient):
        moved = weight.clone()
        moved.grad = gradient.clone()
        optimizer = info.optim_cls([moved], **given, differentiable=True)
        optimizer.step()
        # A second step looks at the memory of the first.
        moved.grad = 2 * gradient.clone()
        optimizer.step()
        return moved

    generator = torch.Generator().manual_seed(3)
    shape = {"dtype": torch.float64, "generator": generator}
    weight = torch.randn(4, **shape).requires_grad_()
    gradient = (torch.rand(4, **shape) + 0.5).requires_grad_()
    assert torch.autograd.gradcheck(after, (weight, gradient))


@pytest.mark.parametrize("foreach", [False, True])
def test_complex_is_a_pair_of_reals(info, foreach):
    for given in info.optim_inputs_func(device="cpu"):
        generator = torch.Generator().manual_seed(5)
        start = torch.randn(3, 2, dtype=torch.complex128, generator=generator)
        one = torch.nn.Parameter(start.clone())
        other = torch.nn.Parameter(torch.view_as_real(start).clone())
        pair = [
            info.optim_cls([p], **copy.deepcopy(given.kwargs), foreach=foreach)
            for p in (one, other)
        ]
        for _ in range(4):
            gradient = torch.randn(3, 2, dtype=torch.complex128, generator=generator)
            one.grad, other.grad = gradient, torch.view_as_real(gradient)
            for optimizer in pair:
                optimizer.step()
        close([torch.view_as_real(one)], [other])


def test_a_step_is_all_zero_without_gradients_and_no_state_is_made(info):
    for given in every_input(info):
        parameters = model()
        optimizer = info.optim_cls(parameters, **copy.deepcopy(given.kwargs))
        before = [p.detach().clone() for p in parameters]
        optimizer.step()
        close(parameters, before, 0.0)
        assert not optimizer.state


def test_state_dict_resumes_exactly_through_torch_load(info, tmp_path):
    for given in info.optim_inputs_func(device="cpu"):
        for foreach in (False, True):
            kwargs = {**copy.deepcopy(given.kwargs), "foreach": foreach}
            ones, optimizer = trained(info, kwargs)
            torch.save(optimizer.state_dict(), tmp_path / "state.pt")
            others = [torch.nn.Parameter(p.detach().clone()) for p in ones]
            again = info.optim_cls(others, **copy.deepcopy(kwargs))
            again.load_state_dict(torch.load(tmp_path / "state.pt"))  # weights only
            for step in range(6, 10):
                for parameters, each in ((ones, optimizer), (others, again)):
                    set_gradients(parameters, step)
                    each.step()
            close(ones, others, 0.0)


def test_deepcopied_and_pickled_optimizers_go_on(info):
    given = info.optim_inputs_func(device="cpu")[0].kwargs
    _, optimizer = trained(info, given)
    for copied in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert copied.defaults == optimizer.defaults
        theirs = copied.param_groups[0]["params"]
        mine = [torch.nn.Parameter(p.detach().clone()) for p in theirs]
        twin = info.optim_cls(mine, **given)
        twin.load_state_dict(copied.state_dict())
        for parameters, each in ((theirs, copied), (mine, twin)):
            set_gradients(parameters, 8)
            each.step()
        close(theirs, mine, 0.0)


def test_a_state_that_lacks_new_flags_is_loaded(info):
    given = info.optim_inputs_func(device="cpu")[0].kwargs
    parameters, optimizer = trained(info, given)
    old = optimizer.state_dict()
    for group in old["param_groups"]:
        for flag in info.not_og_supported_flags:
            del group[flag]
    again = info.optim_cls(parameters, **given)
    again.load_state_dict(old)
    set_gradients(parameters, 0)
    again.step()


def test_hooks_named_parameters_groups_and_sparse_gradients(info):
    given = info.optim_inputs_func(device="cpu")[0].kwargs
    parameters = model()
    named = [(f"w{n}", p) for n, p in enumerate(parameters)]
    optimizer = info.optim_cls(named[:2], **given)
    optimizer.add_param_group({"params": named[2:], "lr": 0.0})
    calls = []
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    before = [p.detach().clone() for p in parameters]
    set_gradients(parameters, 1, missing=False)
    optimizer.step()
    assert calls == ["before", "after"]
    close(parameters[2:], before[2:], 0.0)
    assert not torch.equal(parameters[0], before[0])
    names = [g["param_names"] for g in optimizer.state_dict()["param_groups"]]
    assert list(itertools.chain(*names)) == [name for name, _ in named]
    parameters[0].grad = torch.zeros(5, 3, dtype=torch.float64).to_sparse()
    with pytest.raises(RuntimeError, match="sparse"):
        optimizer.step()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_narrow_types_stay_what_they_are(info, dtype):
    given = info.optim_inputs_func(device="cpu")[0].kwargs
    weight = torch.nn.Parameter(torch.ones(8, dtype=dtype))
    optimizer = info.optim_cls([weight], **{**given, "lr": 0.1})
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, enabled=dtype != torch.float16)
    scaler.scale((weight**2).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert weight.dtype == dtype
    assert (weight < 1).all()
    for name, value in optimizer.state[weight].items():
        if name != "step":
            assert value.dtype == dtype


@pytest.mark.slow
def test_a_compiled_step_is_the_same_step(info):
    given = info.optim_inputs_func(device="cpu")[0].kwargs
    for rate in (0.01, torch.tensor(0.01)):
        results = []
        for compiled in (False, True):
            parameters = model(torch.float32)
            optimizer = info.optim_cls(parameters, **{**given, "lr": rate})
            step = optimizer.step
            if compiled:
                step = torch.compile(optimizer.step, backend="eager")
            for number in range(3):
                set_gradients(parameters, number, missing=False)
                step()
            results.append(parameters)
        close(*results, 1e-6)
