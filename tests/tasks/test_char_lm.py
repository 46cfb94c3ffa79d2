"""The task `char_lm`: a fixed text, cut into windows that do not overlap."""

import hashlib
from importlib.resources import files

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad_and_value, vmap

from neuralopt.tasks import SPLITS, TASKS, load_task
from neuralopt.tasks.char_lm import (
    BATCH,
    FILE,
    SECTIONS,
    SHA256,
    TIME,
    VOCABULARY,
    WINDOWS,
    read_text,
)

DATA = files("neuralopt.tasks").joinpath(FILE).read_bytes()
TEXT = DATA.decode("ascii")


def windows_of(split):
    """Each window of a split as the 33 characters that it was cut from."""
    examples = load_task("char_lm").examples(split)
    inputs, targets = examples.inputs.tolist(), examples.targets.tolist()
    return [
        "".join(VOCABULARY[number] for number in [*before, after[-1]])
        for before, after in zip(inputs, targets, strict=True)
    ]


def entropy(numbers):
    """Of single characters, nats."""
    shares = np.bincount(np.ravel(numbers)) / np.size(numbers)
    shares = shares[shares > 0]
    return -(shares * np.log(shares)).sum()


def test_the_text_is_the_one_that_was_shipped():
    assert hashlib.sha256(DATA).hexdigest() == SHA256
    assert read_text(DATA) == TEXT
    assert len(TEXT) == 49_617
    assert TEXT.startswith("neuralopt\nneuralopt discovers optimizer update rules. A")


@pytest.mark.parametrize(
    "changed",
    [
        DATA.replace(b"\n", b"\r\n"),
        DATA[:-1],
        DATA.replace(b"update", b"upgrade", 1),
        b"",
        b"\xff",
    ],
)
def test_a_changed_text_is_refused(changed):
    with pytest.raises(ValueError, match=r"manual.txt has changed.*restore") as told:
        read_text(changed)
    assert "\n" not in str(told.value)


def test_the_vocabulary_is_what_occurs():
    assert "".join(sorted(set(TEXT))) == VOCABULARY
    assert len(VOCABULARY) == 91
    assert all(" " <= character <= "~" for character in VOCABULARY[1:])


def test_windows_are_the_text_and_targets_one_place_on():
    task = load_task("char_lm")
    for split in SPLITS:
        examples = task.examples(split)
        count = SECTIONS * WINDOWS[split]
        assert examples.inputs.shape == examples.targets.shape == (count, TIME)
        assert examples.inputs.dtype == examples.targets.dtype == torch.int64
        assert torch.equal(examples.inputs[:, 1:], examples.targets[:, :-1])
        assert all(window in TEXT for window in windows_of(split))


def test_splits_are_disjoint_stretches_that_make_up_the_text():
    rows = {split: iter(windows_of(split)) for split in SPLITS}
    # Independent of how they were cut: laid end to end, section by section, the
    # windows are the text, and each character was used once.
    joined = "".join(
        next(rows[split])
        for _ in range(SECTIONS)
        for split in SPLITS
        for _ in range(WINDOWS[split])
    )
    assert all(next(left, None) is None for left in rows.values())
    assert TEXT.startswith(joined)
    assert len(TEXT) - len(joined) < SECTIONS * (TIME + 1)


def test_the_task_never_changes():
    # Archives keep the fingerprint: another text or network would make old scores
    # strangers.
    task = load_task("char_lm")
    assert task.fingerprint == "28ed93bd08824d2d"
    assert TASKS["char_lm"]().fingerprint == task.fingerprint
    assert [len(task.examples(split)) for split in SPLITS] == [960, 240, 160, 136]
    assert task.batch_size == BATCH == 16
    assert task.layers is None
    assert sum(weight.numel() for weight in task.network().parameters()) == 36_699


def test_the_loss_is_the_mean_of_every_place_and_accuracy_the_share_of_right_ones():
    task = load_task("char_lm")
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 5, 91, generator=generator, dtype=torch.float64)
    targets = torch.randint(91, (3, 5), generator=generator)
    targets[0] = outputs[0].argmax(-1)
    scores, wanted = outputs.numpy(), targets.numpy()
    logs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    right = np.take_along_axis(logs, wanted[..., None], -1)
    assert task.loss(outputs, targets).item() == pytest.approx(-right.mean(), rel=1e-12)
    hits = (scores.argmax(-1) == wanted).mean()
    assert hits >= 1 / 3
    assert task.accuracy(outputs, targets).item() == pytest.approx(hits)
    assert task.quality(-right.mean()) == pytest.approx(np.exp(right.mean()))


def test_a_new_network_knows_nothing_and_sees_only_what_came_before():
    task = load_task("char_lm")
    torch.manual_seed(0)
    network = task.network()
    inputs = task.examples("test").inputs[:4]
    outputs = network(inputs)
    assert outputs.shape == (4, TIME, 91)
    uniform = np.log(91)
    loss = task.loss(outputs, task.examples("test").targets[:4])
    assert loss.item() == pytest.approx(uniform, abs=0.3)
    other = inputs.clone()
    other[:, 20:] = 0
    assert torch.allclose(network(other)[:, :20], outputs[:, :20], atol=1e-6)


def test_adam_learns_more_than_how_often_characters_occur():
    task = load_task("char_lm")
    training, validation = task.examples("training"), task.examples("validation")
    torch.manual_seed(0)
    network = task.network()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for batch in torch.randperm(len(training)).split(task.batch_size):
        optimizer.zero_grad()
        outputs = network(training.inputs[batch])
        task.loss(outputs, training.targets[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        loss = task.loss(network(validation.inputs), validation.targets).item()
    once = entropy(training.targets.numpy())
    assert once == pytest.approx(3.27, abs=0.02)
    assert loss < once - 0.7


def test_a_population_has_the_gradients_of_its_members():
    task = load_task("char_lm")
    examples = task.examples("training")
    inputs, targets = examples.inputs[:12], examples.targets[:12]
    inputs, targets = inputs.view(3, 4, TIME), targets.view(3, 4, TIME)
    torch.manual_seed(0)
    children = [task.network().double() for _ in range(3)]
    names = [name for name, _ in children[0].named_parameters()]
    weights = {
        name: torch.stack([child.get_parameter(name).detach() for child in children])
        for name in names
    }

    def loss(weights, inputs, targets):
        return task.loss(functional_call(children[0], weights, (inputs,)), targets)

    gradients, losses = vmap(grad_and_value(loss))(weights, inputs, targets)
    for number, child in enumerate(children):
        alone = task.loss(child(inputs[number]), targets[number])
        alone.backward()
        assert losses[number].item() == pytest.approx(alone.item(), rel=1e-12)
        for name in names:
            own = child.get_parameter(name).grad
            assert torch.allclose(gradients[name][number], own, rtol=1e-9, atol=1e-13)
