"""What rules keep from step to step, in numbers and words."""

import pytest
import torch

from neuralopt import RuleOptimizer, groups_by_kind, parse
from neuralopt.archive.ranking import rule_memory
from neuralopt.machine.memory import (
    cost_text,
    memory_by_kind,
    memory_figure,
    memory_text,
)

TEXTS = {
    "g": "0 values per parameter",
    "m": "1 value per parameter",
    "adam": "2 values per parameter",
    "g / sqrt(ema(rows(g ** 2), 0.9))": "1 value per row",
    "m * ema(columns(g), 0.9) + ema(norm(g), 0.9)": (
        "1 value per parameter, 1 per column, 1 per tensor"
    ),
    "where(matrix, orthogonalize(m), adam)": (
        "matrix: 1 value per parameter; others: 2 values per parameter"
    ),
    "where(matrix, g, where(vector, m, where(head, adam, total(norm(g)))))": (
        "matrix: 0 values per parameter; vector: 1 value per parameter; "
        "embedding: 1 value per tensor; head: 2 values per parameter"
    ),
}


@pytest.mark.parametrize("text", TEXTS)
def test_memory_in_words(text: str) -> None:
    assert memory_text(parse(text)) == TEXTS[text]


def test_memory_is_one_number_where_that_says_all() -> None:
    assert [memory_figure(parse(text)) for text in ("g", "adam")] == ["0", "2"]
    for text in list(TEXTS)[3:]:
        assert memory_figure(parse(text)) == TEXTS[text]


@pytest.mark.parametrize("text", TEXTS)
def test_the_optimizer_keeps_what_is_said(text: str) -> None:
    network = torch.nn.Sequential(
        torch.nn.Embedding(7, 3), torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)
    )
    optimizer = RuleOptimizer(groups_by_kind(network), text, lr=0.1)
    network(torch.arange(7)).square().sum().backward()
    optimizer.step()
    said = memory_by_kind(parse(text))
    for group in optimizer.param_groups:
        kept = said[group["kind"]]
        for parameter in group["params"]:
            height, width = (*parameter.shape, 1)[:2]
            sizes = {"element": height * width, "rows": height, "columns": width}
            state = optimizer.state[parameter]
            found = sum(x.numel() for n, x in state.items() if n.startswith("state"))
            assert found == sum(
                count * sizes.get(extent, 1) for extent, count in kept.items()
            )


def test_the_number_is_that_of_the_kind_that_needs_most() -> None:
    assert rule_memory("where(matrix, orthogonalize(m), adam)") == 2
    assert rule_memory("g / sqrt(ema(rows(g ** 2), 0.9))") == 0


def test_cost_says_that_orthogonalize_is_not_one_operation() -> None:
    assert cost_text(parse("g * m")) == "4 operations per parameter and step"
    assert cost_text(parse("orthogonalize(g)")).endswith(
        "step, orthogonalize counted as one"
    )
