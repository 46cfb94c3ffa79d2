"""Fused steps compared with torch's steps, on tensors of all shapes."""

import copy
import pickle
import subprocess
import sys
import weakref

import pytest
import torch

from neuralopt import RULES, RuleOptimizer
from neuralopt.optimizer import fused
from tests.engines.builders import random_rules

pytest.importorskip("numba")

RULES_IN_BOTH_TYPES = ("adam", "adan", "yogi", "powersign_ld", "annealed_noise", "lion")
SHAPES = ((5, 3), (), (0,), (1000,), (700, 130), (513,))


def parameters(dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype))
        for shape in SHAPES
    ]


def set_gradients(lists, step):
    """The same for all; now and then one is missing."""
    for number, together in enumerate(zip(*lists, strict=True)):
        generator = torch.Generator().manual_seed(31 * step + number)
        gradient = torch.randn(together[0].shape, generator=generator)
        for parameter in together:
            missing = (step + number) % 5 == 0
            parameter.grad = None if missing else gradient.to(parameter.dtype)


def walked(rules, dtype=torch.float64, steps=5, **options):
    """Parameters after some steps of each (rule, fused)."""
    lists = [parameters(dtype) for _ in rules]
    optimizers = [
        RuleOptimizer(mine, rule, 1e-3, total_steps=9, fused=fuse, **options)
        for mine, (rule, fuse) in zip(lists, rules, strict=True)
    ]
    for step in range(steps):
        set_gradients(lists, step)
        for optimizer in optimizers:
            optimizer.step()
    return lists, optimizers


def close(ones, others, tolerance):
    for one, other in zip(ones, others, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", RULES)
def test_named_rules_take_the_same_steps(name):
    kinds = [(torch.float64, 1e-12), (torch.float32, 1e-5)]
    for dtype, tolerance in kinds[: 2 if name in RULES_IN_BOTH_TYPES else 1]:
        rule = RULES[name]
        options = {"weight_decay": 0.01, "maximize": dtype == torch.float64, "seed": 3}
        (one, other), (_, kept) = walked(
            [(rule, False), (rule, True)], dtype, **options
        )
        close(one, other, tolerance)
        assert all(state["step"] >= 3 for state in kept.state.values())


@pytest.mark.parametrize("space", ["bello2017", "sign_agreement", "temporal"])
def test_random_rules_take_the_same_steps(space):
    agree, rules = 0, random_rules(space, 20)
    for rule in rules:
        (one, other), _ = walked([(rule, False), (rule, True)], steps=3)
        pairs = zip(one, other, strict=True)
        agree += all(torch.allclose(a, b, 1e-9, 1e-9, equal_nan=True) for a, b in pairs)
    assert agree >= 0.95 * len(rules)  # others jump where rounding decides


def test_the_number_of_threads_changes_nothing():
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            (found,), _ = walked([("adam + drop(g, 0.5) * noise(1)", True)])
            results.append(found)
    finally:
        torch.set_num_threads(before)
    for found in results[1:]:
        close(results[0], found, 0.0)


def test_groups_differ_as_they_say():
    lists = [parameters(), parameters()]
    optimizers = []
    for mine, fuse in zip(lists, (False, True), strict=True):
        groups = [{"params": mine[:3]}, {"params": mine[3:], "lr": 0.1, "seed": 9}]
        optimizers.append(RuleOptimizer(groups, "g + noise(0.1)", 1e-3, fused=fuse))
    for step in range(4):
        set_gradients(lists, step)
        for optimizer in optimizers:
            optimizer.step()
    close(*lists, 1e-12)


def test_torch_compile_leaves_the_loop_as_it_is():
    """Dynamo can't read numba's loop, and need not."""
    lists = []
    for compiled in (False, True):
        mine = parameters()
        groups = [{"params": mine[:3]}, {"params": mine[3:], "lr": 0.1}]
        optimizer = RuleOptimizer(groups, "adam + drop(g, 0.5)", 1e-3, fused=True)
        step = optimizer.step
        if compiled:
            step = torch.compile(optimizer.step, backend="eager")
        for number in range(3):
            set_gradients([mine], number)
            step()
        lists.append(mine)
    close(*lists, 0.0)


def test_what_the_machine_can_not_take_is_done_by_torch():
    base = torch.randn(6, 4, dtype=torch.float64)
    tensors = {
        "turned": base.t(),
        "half": base.half(),
        "bfloat16": base.bfloat16(),
        "complex": torch.randn(3, dtype=torch.complex128),
    }
    for name, start in tensors.items():
        pair = [torch.nn.Parameter(start.clone()) for _ in range(2)]
        optimizers = [
            RuleOptimizer([p], "adam", 0.1, fused=fuse)
            for p, fuse in zip(pair, (False, True), strict=True)
        ]
        for step in range(3):
            gradient = torch.full_like(start, 0.3 + step)
            for parameter, optimizer in zip(pair, optimizers, strict=True):
                parameter.grad = gradient.clone()
                optimizer.step()
        close(pair[:1], pair[1:], 0.0 if name != "complex" else 1e-12)


def test_what_the_user_changes_between_steps_is_noticed():
    """What is kept of one step is not believed at the next."""

    def halves(optimizer, mine):
        for entries in optimizer.state.values():
            entries["state0"] = entries["state0"] / 2

    def moves_memory(optimizer, mine):
        for entries in optimizer.state.values():
            entries["state0"].data = entries["state0"].clone() * 3

    def moves_parameters(optimizer, mine):
        mine[0].data = mine[0].data.clone() + 1

    def turns(optimizer, mine):
        mine[4].data = mine[4].data.t().contiguous().t()

    def forgets(optimizer, mine):
        optimizer.state.clear()

    def goes_back(optimizer, mine):
        optimizer.state[mine[3]]["step"] = 1

    def turns_gradients(optimizer, mine):
        mine[4].grad = mine[4].grad.t().contiguous().t()

    def negates_gradients(optimizer, mine):
        twins = torch.complex(mine[1].grad, mine[1].grad)
        mine[1].grad = twins.conj().imag
        assert mine[1].grad.is_neg()

    def has_no_gradient(optimizer, mine):
        mine[2].grad = mine[5].grad = None

    def adds_a_group(optimizer, mine):
        mine.append(torch.nn.Parameter(torch.ones(3, dtype=torch.float64)))
        mine[-1].grad = torch.ones(3, dtype=torch.float64)
        optimizer.add_param_group({"params": [mine[-1]], "lr": 0.5})

    def grows_a_group(optimizer, mine):
        mine.append(torch.nn.Parameter(torch.ones(3, dtype=torch.float64)))
        mine[-1].grad = torch.ones(3, dtype=torch.float64)
        optimizer.param_groups[0]["params"].append(mine[-1])

    def grows_the_first_group(optimizer, mine):
        adds_a_group(optimizer, mine)
        optimizer.step()
        grows_a_group(optimizer, mine)

    def empties_states(optimizer, mine):
        for entries in optimizer.state.values():
            entries.clear()

    def drops_a_group(optimizer, mine):
        adds_a_group(optimizer, mine)
        optimizer.step()
        optimizer.param_groups.pop()

    def loads(optimizer, mine):
        optimizer.load_state_dict(optimizer.state_dict())

    changes = [halves, moves_memory, moves_parameters, turns, forgets, goes_back]
    changes += [turns_gradients, negates_gradients, has_no_gradient]
    changes += [adds_a_group, grows_a_group, loads, grows_the_first_group]
    changes += [empties_states, drops_a_group]
    for change in changes:
        lists = [parameters(), parameters()]
        optimizers = [
            RuleOptimizer(mine, "adam + noise(0.1)", 1e-2, fused=fuse)
            for mine, fuse in zip(lists, (False, True), strict=True)
        ]
        for step in range(6):
            for number, shape in enumerate(SHAPES):
                generator = torch.Generator().manual_seed(31 * step + number)
                gradient = torch.randn(shape, generator=generator).double()
                for mine in lists:
                    mine[number].grad = gradient.clone()
            for mine, optimizer in zip(lists, optimizers, strict=True):
                if step == 3:
                    change(optimizer, mine)
                optimizer.step()
        close(*lists, 1e-12)


def outcome(act):
    """What an action raises, or what it leaves."""
    try:
        return act()
    except (RuntimeError, ValueError) as error:
        return type(error)


def test_tensors_of_another_size_are_left_to_torch():
    """A loop would read and write beyond them."""

    def larger_parameter(weight, optimizer):
        weight.data = torch.ones(64)
        weight.grad = torch.ones(64)

    def smaller_parameter(weight, optimizer):
        weight.grad = None
        weight.data = weight.data[:4]  # at the same address
        weight.grad = torch.ones(4)

    def smaller_state(weight, optimizer):
        optimizer.state[weight]["state0"] = torch.ones(2)

    def scalar_state(weight, optimizer):
        optimizer.state[weight]["state0"] = torch.tensor(2.0)

    changes = (larger_parameter, smaller_parameter, smaller_state, scalar_state)
    for change in changes:
        found = []
        for fuse in (False, True):
            weight = torch.nn.Parameter(torch.ones(8))
            optimizer = RuleOptimizer([weight], "ema(g, 0.5)", 0.1, fused=fuse)

            def steps(weight=weight, optimizer=optimizer, change=change):
                weight.grad = torch.ones(8)
                optimizer.step()
                optimizer.step()
                change(weight, optimizer)
                optimizer.step()
                return weight.detach().clone()

            found.append(outcome(steps))
        plain, fast = found
        if isinstance(plain, torch.Tensor):
            torch.testing.assert_close(plain, fast)
        else:
            assert plain == fast, change.__name__


def test_gradients_are_not_kept_and_may_lie_anywhere():
    weight = torch.nn.Parameter(torch.zeros(4))
    optimizer = RuleOptimizer([weight], "g", 0.1, fused=True)
    first = weight.grad = torch.ones(4)
    gone = weakref.ref(first)
    optimizer.step()
    optimizer.step()
    odd = bytearray(2) + bytearray(torch.full((4,), 3.0).numpy().tobytes())
    weight.grad = torch.frombuffer(odd, dtype=torch.float32, offset=2)
    del first
    assert gone() is None
    optimizer.step()
    close([weight], [torch.full((4,), -0.5)], 1e-6)


def test_parameters_that_share_memory_are_changed_one_after_the_other():
    values = torch.ones(1 << 18)
    pair = [torch.nn.Parameter(values), torch.nn.Parameter(values)]
    optimizer = RuleOptimizer(pair, "g + 0 * w", 0.1, fused=True)
    for step in range(10):
        for parameter, slope in zip(pair, (1.0, 2.0), strict=True):
            parameter.grad = torch.full_like(parameter, slope)
        optimizer.step()
        expected = torch.full_like(values, 1 - 0.3 * (step + 1))
        torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-5)


def test_autograd_notices_that_parameters_have_changed():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = RuleOptimizer([weight], "g", 0.1, fused=True)
    loss = (weight**3).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_steps_are_taken_after_the_main_thread_has_ended():
    program = """
import threading, time, torch
from neuralopt import RuleOptimizer
def train():
    time.sleep(1)
    weight = torch.nn.Parameter(torch.ones(1 << 18))
    optimizer = RuleOptimizer([weight], "g", 0.5, fused=True)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    print(weight.mean().item())
torch.set_num_threads(2)
threading.Thread(target=train).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("0.5\n", "")


def test_resuming_copying_and_pickling_go_on_exactly(tmp_path):
    rule = "sign(adam) * exp(cd * sign(m)) + drop(g, 0.2)"
    (mine,), (optimizer,) = walked([(rule, True)])
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in mine]
    again = RuleOptimizer(theirs, rule, 1e-3, total_steps=9, fused=True)
    again.load_state_dict(torch.load(tmp_path / "state.pt"))
    copied = pickle.loads(pickle.dumps(copy.deepcopy(optimizer)))
    assert copied.defaults["fused"]
    lists = [mine, theirs, copied.param_groups[0]["params"]]
    for step in range(5, 8):
        set_gradients(lists, step)
        for each in (optimizer, again, copied):
            each.step()
    close(lists[0], lists[1], 0.0)
    close(lists[0], lists[2], 0.0)


def test_work_is_divided_without_gaps():
    sizes, firsts = [0, 100_000, 7, 0, 300_000, 1], [0, 0, 100_000, 5, 6, 7]
    for threads in (1, 2, 3, 7):
        pieces = [row for part in fused._pieces(sizes, firsts, threads) for row in part]
        for tensor, size in enumerate(sizes):
            mine = [row for row in pieces if row[0] == tensor]
            assert sum(stop - start for _, start, stop, _ in mine) == size
            assert all(row[3] == firsts[tensor] for row in mine)
            edges = [edge for _, start, stop, _ in mine for edge in (start, stop)]
            assert edges == sorted(edges)


def test_a_missing_plan_is_said_and_so_is_a_missing_numba(monkeypatch):
    with pytest.raises(ValueError, match="give total_steps"):
        RuleOptimizer(parameters(), "g * ld", 0.1, fused=True)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ValueError, match="needs numba"):
        RuleOptimizer(parameters(), "g", 0.1, fused=True)
