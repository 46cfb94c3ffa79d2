"""State saved, copied or pickled continues to the last bit."""

import copy
import pickle
from typing import Any

import pytest
import torch

from neuralopt import RULES, RuleOptimizer
from tests.optimizer.walks import STATEFUL, equal_paths, fresh, walk, weight

RESUMED = {
    "stateful": STATEFUL,
    "decayed": "ema(g, 0.9 * ld) * (1 + cd * sign(g)) + rd(2) * previous(g)",
    "noisy": "drop(trace(g, 0.9), 0.3) + noise(0.1 * 0.9 ** t) + update * 0.1",
    "fold": "g / (sqrt(fold(s - 0.1 * sign(s - g ** 2) * g ** 2)) + 1e-3)",
    "constant state": "previous(t) + total(progress) * g",
    **{name: str(rule.expression) for name, rule in RULES.items()},
}


def through_a_file(optimizer: RuleOptimizer, path: Any) -> dict[str, Any]:
    torch.save(optimizer.state_dict(), path)
    loaded: dict[str, Any] = torch.load(path)  # the default reads weights only
    return loaded


@pytest.mark.parametrize("name", RESUMED)
def test_resume_is_exact(name: str, tmp_path: Any) -> None:
    parameters, optimizer = fresh(RESUMED[name], seed=5)
    walk(optimizer, parameters, 5)
    saved = through_a_file(optimizer, tmp_path / "state.pt")
    resumed, other = fresh(RESUMED[name])
    with torch.no_grad():
        for mine, theirs in zip(resumed, parameters, strict=True):
            mine.copy_(theirs)
    other.load_state_dict(saved)
    expected = walk(optimizer, parameters, 7, seed=1)
    assert equal_paths(walk(other, resumed, 7, seed=1), expected)


def test_forgetting_the_state_would_be_noticed() -> None:
    for name in ("stateful", "decayed", "noisy", "fold"):
        parameters, optimizer = fresh(RESUMED[name], seed=5)
        walk(optimizer, parameters, 5)
        resumed, other = fresh(RESUMED[name], seed=5)
        with torch.no_grad():
            for mine, theirs in zip(resumed, parameters, strict=True):
                mine.copy_(theirs)
        expected = walk(optimizer, parameters, 7, seed=1)
        assert not equal_paths(walk(other, resumed, 7, seed=1), expected)


@pytest.mark.parametrize("name", ["stateful", "decayed", "noisy", "fold"])
def test_copies_and_pickles_continue_exactly(name: str) -> None:
    parameters, optimizer = fresh(RESUMED[name], seed=5)
    walk(optimizer, parameters, 5)
    copies = [
        copy.deepcopy((parameters, optimizer)),
        pickle.loads(pickle.dumps((parameters, optimizer))),
    ]
    expected = walk(optimizer, parameters, 7, seed=1)
    for its_parameters, its_optimizer in copies:
        assert its_parameters[0] is not parameters[0]
        assert its_optimizer.program.source == optimizer.program.source
        assert equal_paths(walk(its_optimizer, its_parameters, 7, seed=1), expected)


def test_saved_state_holds_only_text_numbers_and_tensors() -> None:
    parameters, optimizer = fresh(STATEFUL)
    walk(optimizer, parameters, 2)

    def check(value: object) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                assert isinstance(key, str | int)
                check(item)
        elif isinstance(value, list):
            for item in value:
                check(item)
        else:
            kinds = (torch.Tensor, str, int, float, bool, type(None))
            assert isinstance(value, kinds), value

    check(optimizer.state_dict())


def test_numbers_of_numpy_do_not_reach_the_saved_state(tmp_path: Any) -> None:
    import numpy as np

    parameters, optimizer = fresh(
        "noise(1) * ld",
        lr=np.float64(0.1),
        weight_decay=np.float32(0.5),
        seed=np.int64(3),
        total_steps=np.int64(8),
    )
    walk(optimizer, parameters, 2)
    through_a_file(optimizer, tmp_path / "state.pt")


def test_state_of_another_rule_is_refused_in_one_line() -> None:
    _, adam = fresh("adam")
    _, momentum = fresh("trace(g, 0.9)")
    with pytest.raises(ValueError, match=r"belongs to the rule trace\(g, 0\.9\)") as e:
        adam.load_state_dict(momentum.state_dict())
    assert "\n" not in str(e.value)
    with pytest.raises(ValueError, match="belongs to the rule None"):
        adam.load_state_dict(torch.optim.SGD([weight(1.0)], lr=0.1).state_dict())
    _, other_spelling = fresh("trace(1 * g, 0.9)")
    other_spelling.load_state_dict(momentum.state_dict())


def test_state_of_other_shapes_of_groups_is_refused() -> None:
    _, optimizer = fresh("m")
    single = RuleOptimizer([weight(1.0)], "m", lr=0.1)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict(single.state_dict())
