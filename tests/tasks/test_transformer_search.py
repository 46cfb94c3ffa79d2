"""A transformer with dropout on a DataLoader: searched from the command line."""

from pathlib import Path

import pytest

from neuralopt import evaluate
from neuralopt.archive import Archive, difference
from neuralopt.tasks import load_task
from tests.cli.cli_runner import typed

MODULE = '''
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

import neuralopt


class Majority(Dataset):
    """Sequences of three tokens; which one is the most frequent?"""

    def __init__(self, count=480, length=9):
        numbers = torch.Generator().manual_seed(0)
        self.tokens = torch.randint(3, (count, length), generator=numbers)

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, number):
        tokens = self.tokens[number]
        return tokens, int(tokens.bincount(minlength=3).argmax())


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(3, 16)
        self.block = nn.TransformerEncoderLayer(
            16, 2, 32, dropout=0.1, batch_first=True, norm_first=True
        )
        self.dropout, self.head = nn.Dropout(0.1), nn.Linear(16, 3)

    def forward(self, tokens):
        return self.head(self.dropout(self.block(self.embedding(tokens)).mean(1)))


def data():
    return DataLoader(Majority(), batch_size=32, shuffle=True)


task = neuralopt.make_task("majority", Transformer, data, batch_size=32)
'''


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    made = f"majority_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{made}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"{made}:task"


def test_a_search_trains_it_alike_on_any_number_of_threads(name, capsys):
    typed_words = ["search", f"task={name}", "budget=smoke", "searcher=uniform"]
    typed_words += ["proposals=6", "batch=3", "report=none", "verdict.candidates=0"]
    for run, workers in (("one", 1), ("two", 2)):
        said = typed(
            capsys, *typed_words, f"run_dir={run}", f"evaluator.workers={workers}"
        )
        assert said.code == 0, said.err
        assert "on majority, budget smoke" in said.out
    with (
        Archive.open("one/archive.sqlite") as one,
        Archive.open("two/archive.sqlite") as two,
    ):
        assert difference(one, two) is None


def test_adam_learns_it(name):
    task = load_task(name)
    (adam,), (again,) = (evaluate(["adam"], task, "bello2017") for _ in range(2))
    assert adam == again
    assert adam.accuracy > 0.6  # guessing: 1 in 3
