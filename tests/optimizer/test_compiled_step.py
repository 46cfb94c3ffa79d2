"""torch.compile of RuleOptimizer.step: eager steps, and no new graph after a few."""

import warnings

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from neuralopt import RuleOptimizer

# torch's own, at the import of its compiler.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("rule", ["noise(0.1 * ld) + drop(m, 0.1)", "muon_adamw"])
def test_numbers_that_change_make_no_graph_anew(rule: str) -> None:
    pair = [
        [torch.nn.Parameter(torch.ones(n, 3, dtype=torch.float64)) for n in (2, 4)]
        for _ in range(2)
    ]
    ours, theirs = (RuleOptimizer(each, rule, 0.1, total_steps=9) for each in pair)
    counter = CompileCounter()
    step, graphs = torch.compile(ours.step, backend=counter), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the profiler's record_function is left out
        for number in range(5):
            for parameters, optimizer in zip(pair, (ours, theirs), strict=True):
                optimizer.param_groups[0]["lr"] = 0.1 / (number + 1)
                for weight in parameters:
                    weight.grad = torch.ones_like(weight) / (number + 1)
            step()
            theirs.step()
            graphs.append(counter.frame_count)
    assert graphs[2:] == [graphs[2]] * 3
    for mine, other in zip(*pair, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)
