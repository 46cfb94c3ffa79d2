"""Meta-training: it learns, resumes exactly, and its files say what they are."""

import math
from pathlib import Path

import pytest
import torch

from neuralopt.learned.child import SteppedChild
from neuralopt.learned.files import (
    learned_candidate,
    load_learned,
    read_state,
    save_learned,
)
from neuralopt.learned.network import NetworkShape
from neuralopt.learned.training import MetaOptions, MetaTraining
from neuralopt.tasks import load_task, with_recipe
from tests.learned.reference import tiny_task

OPTIONS = MetaOptions(
    horizon=12, truncation=6, rate=0.1, meta_rate=0.01, shape=NetworkShape(hidden=6)
)
CHILDREN = 30


def trained(children: int) -> MetaTraining:
    training = MetaTraining([tiny_task()], OPTIONS, seed=2)
    for _ in range(children):
        training.train_child()
    return training


@pytest.fixture(scope="module")
def whole() -> MetaTraining:
    return trained(CHILDREN)


def test_the_optimizer_learns(whole: MetaTraining) -> None:
    first, last = whole.curve[:5], whole.curve[-5:]
    assert sum(last) < 0.9 * sum(first)


def test_an_interrupted_training_ends_with_the_same_weights(
    whole: MetaTraining, tmp_path: Path
) -> None:
    path = tmp_path / "one.pt"
    save_learned(trained(7), path)
    again = MetaTraining([tiny_task()], OPTIONS, seed=2)
    again.load_state_dict(read_state(path))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    for _ in range(CHILDREN - 7):
        again.train_child()
    torch.set_num_threads(threads)
    assert again.curve == whole.curve
    assert again.network.digest == whole.network.digest


def test_a_file_trains_networks_at_its_own_rate(
    whole: MetaTraining, tmp_path: Path
) -> None:
    path = tmp_path / "one.pt"
    save_learned(whole, path)
    learned = load_learned(path)
    assert learned.children == CHILDREN
    network = tiny_task().network()
    optimizer = learned.optimizer(network.parameters())
    assert optimizer.param_groups[0]["lr"] == OPTIONS.rate
    assert optimizer.network.digest == whole.network.digest
    candidate = learned_candidate("mine", path)
    assert str(candidate) == f"mine {whole.network.digest}"
    made = candidate.make(network.parameters(), 0.5)
    assert made.param_groups[0]["lr"] == 0.5


def test_a_training_of_other_options_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "one.pt"
    save_learned(trained(1), path)
    other = MetaTraining([tiny_task()], MetaOptions(12, 4, 0.1, 0.01))
    with pytest.raises(ValueError, match=r"learned with seed 2, not 0: name another"):
        other.load_state_dict(read_state(path))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"{}", b"\x80\x02N."])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no learned optimizer: name a file"):
        load_learned(path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.pt"
    save_learned(trained(0), path)
    state = read_state(path)
    del state["network"]["output"]
    torch.save(state, path)
    with pytest.raises(ValueError, match="is damaged"):
        load_learned(path)
    torch.save({**state, "version": 9}, path)
    with pytest.raises(ValueError, match="is of version 9 of the format"):
        load_learned(path)


def test_a_diverged_child_teaches_nothing() -> None:
    training = MetaTraining([tiny_task()], MetaOptions(4, 2, 1e39))
    before = training.network.digest
    assert math.isinf(training.train_child())
    assert training.network.digest == before


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="no multiple of 20"):
        MetaOptions(horizon=90)
    with pytest.raises(ValueError, match="meta_rate is 0"):
        MetaOptions(meta_rate=0.0)
    task = with_recipe(load_task("ravine"), clip_norm=1.0)
    with pytest.raises(ValueError, match=r"leave out task\.recipe"):
        MetaTraining([task], OPTIONS)


def test_a_child_draws_the_numbers_of_the_engines() -> None:
    one, other = (SteppedChild(tiny_task(), 0, 3) for _ in range(2))
    assert one.gradient()[0] == other.gradient()[0]
    assert torch.equal(one.weights, other.weights)
    assert one.size == 31
    assert math.isfinite(one.loss("validation"))
