"""The held-out tasks: their data, networks and group."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from neuralopt.tasks import GROUPS, SPLITS, load_task
from neuralopt.tasks.char_small import WIDTH, Block, CharTransformer, TinyGpt
from neuralopt.tasks.digits_networks import PIXEL_VARIANCE

FINGERPRINTS = {
    "breast_cancer": "f3051c404c51144e",
    "diabetes": "3f4a5b1122521eb6",
    "friedman": "8590e3174b1b4f74",
    "digits_autoencoder": "42898b8f7e39c6c3",
    "digits_residual": "88f77a87dbe827b7",
    "char_transformer": "d28d6c432ea0b7a4",
    "char_gru": "66200db5f874a257",
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_data_never_change(name: str) -> None:
    assert load_task(name).fingerprint == FINGERPRINTS[name]


def test_no_held_out_task_is_one_of_the_suite() -> None:
    assert len(GROUPS["held_out"]) == 9
    assert not set(GROUPS["held_out"]) & set(GROUPS["suite"])


@pytest.mark.parametrize(
    ("name", "total", "inputs"), [("breast_cancer", 569, 30), ("diabetes", 442, 10)]
)
def test_every_patient_is_in_one_split(name: str, total: int, inputs: int) -> None:
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    loader = getattr(datasets, f"load_{name}")
    known, targets = loader(return_X_y=True, **options)
    known = known / known.max(axis=0)
    examples = [load_task(name).examples(split) for split in SPLITS]
    values = np.concatenate([each.inputs.numpy() for each in examples])
    answers = np.concatenate([each.targets.numpy() for each in examples])
    assert values.shape == known.shape == (total, inputs)
    # Sorted rows are those of scikit-learn, up to the grid.
    if name == "diabetes":
        targets = (targets - targets.mean()) / targets.std()
    rows = np.column_stack([known, targets])
    found = np.column_stack([values, answers])
    distance = np.abs(rows[:, None] - found[None]).max(-1)
    assert (distance.min(1) < 2**-12).all()
    assert len(set(distance.argmin(1))) == total


def test_friedmans_function_explains_the_targets() -> None:
    examples = load_task("friedman").examples("training")
    x, targets = examples.inputs.double().numpy(), examples.targets.numpy()
    values = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    values += 10 * x[:, 3] + 5 * x[:, 4]
    assert np.corrcoef(values, targets)[0, 1] ** 2 == pytest.approx(0.96, abs=0.01)
    assert np.abs(np.corrcoef(x[:, 5:].T, targets)[-1, :-1]).max() < 0.1


def test_the_mean_image_has_a_tenth_of_the_autoencoders_quality() -> None:
    task = load_task("digits_autoencoder")
    images = task.examples("training").inputs
    mean = images.mean(0).expand_as(images)
    loss = task.loss(mean, images).item()
    assert loss == pytest.approx(PIXEL_VARIANCE, rel=1e-3)
    assert task.quality(loss) == pytest.approx(0.1, rel=2e-3)
    assert torch.equal(task.examples("test").inputs, task.examples("test").targets)


@pytest.mark.parametrize("size", [(WIDTH, 2), (2 * WIDTH, 4)])
def test_attention_is_that_of_torch(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    width, heads = size
    block = Block(width, heads).double()
    values = torch.randn(3, 7, width, dtype=torch.float64)
    reference = nn.TransformerEncoderLayer(
        width,
        heads,
        2 * width,
        0.0,
        batch_first=True,
        norm_first=True,
        dtype=torch.float64,
    )
    pairs = {
        "self_attn.in_proj_weight": block.mixed.weight,
        "self_attn.in_proj_bias": block.mixed.bias,
        "self_attn.out_proj.weight": block.joined.weight,
        "self_attn.out_proj.bias": block.joined.bias,
        "linear1.weight": block.hidden.weight,
        "linear1.bias": block.hidden.bias,
        "linear2.weight": block.output.weight,
        "linear2.bias": block.output.bias,
    }
    reference.load_state_dict(pairs, strict=False)
    mask = nn.Transformer.generate_square_subsequent_mask(7, dtype=torch.float64)
    expected = reference(values, mask, is_causal=True)
    assert torch.allclose(block(values), expected, atol=1e-12)


@pytest.mark.parametrize("kind", [CharTransformer, TinyGpt])
def test_a_transformer_sees_only_what_came_before(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    network, tokens = kind(), torch.arange(32)[None] % 91
    changed = tokens.clone()
    changed[:, 20:] = 5
    before, after = network(tokens), network(changed)
    assert torch.allclose(before[:, :20], after[:, :20], atol=1e-6)
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-2)


def test_windows_of_the_small_texts_are_disjoint_and_targets_follow_inputs() -> None:
    task = load_task("char_gru")
    assert [len(task.examples(split)) for split in SPLITS] == [320, 128, 128, 128]
    for split in SPLITS:
        examples = task.examples(split)
        assert torch.equal(examples.inputs[:, 1:], examples.targets[:, :-1])


def test_the_frequencies_of_characters_have_the_quality_that_is_told() -> None:
    task = load_task("char_gru")
    counts = {
        split: np.bincount(task.examples(split).targets.flatten().numpy(), minlength=91)
        for split in SPLITS
    }
    known = (counts["training"] + 1) / (counts["training"] + 1).sum()
    loss = -np.average(np.log(known), weights=counts["validation"])
    assert task.quality(loss) == pytest.approx(0.042, abs=0.0005)


def test_a_new_network_knows_nothing() -> None:
    for name, loss in (("char_gru", math.log(91)), ("digits_residual", math.log(10))):
        task = load_task(name)
        torch.manual_seed(0)
        examples = task.examples("validation")
        found = task.loss(task.network()(examples.inputs), examples.targets).item()
        assert found == pytest.approx(loss, abs=0.5)
