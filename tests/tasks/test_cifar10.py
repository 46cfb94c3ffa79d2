"""The CIFAR-10 tasks and their networks, on small copies with noise as images."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, stack_module_state, vmap

from neuralopt import evaluate
from neuralopt.tasks import SPLITS, TASKS, ConvNet
from neuralopt.tasks.cifar10.tasks import cifar10_conv, cifar10_resnet, divided
from neuralopt.tasks.cifar10.wide_resnet import WideResNet
from tests.tasks import cifar10_builders as builders


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return str(builders.write(tmp_path_factory.mktemp("cifar10"), "binary folder"))


@pytest.fixture(scope="module")
def conv(copy):
    return cifar10_conv(path=copy)


def small_resnet(path):
    return cifar10_resnet(path=path, depth=10, width=1)


def rows_of(inputs):
    """Each image as the bytes of its pixels, 0 to 255."""
    pixels = (inputs * 63.75 + 127.5).round().to(torch.uint8)
    return [image.numpy().tobytes() for image in pixels]


def test_both_are_in_the_table(copy):
    assert TASKS["cifar10_conv"] is cifar10_conv
    assert TASKS["cifar10_resnet"] is cifar10_resnet


@pytest.mark.parametrize("make", [cifar10_conv, small_resnet])
def test_all_forms_of_a_copy_give_the_same_task(make, tmp_path):
    found = {
        make(path=str(builders.write(tmp_path / kind, kind))).fingerprint
        for kind in builders.KINDS
    }
    assert len(found) == 1
    other = builders.write(tmp_path / "other", "binary folder", seed=1)
    assert make(path=str(other)).fingerprint not in found


def test_the_division_never_changes(conv):
    # Archives keep the fingerprint: another division would make old scores strangers.
    assert conv.fingerprint == "161c36ca023f4405"
    official = divided(50_000, 10_000)
    assert [len(official[split]) for split in SPLITS] == [45_000, 5_000, 5_000, 5_000]
    assert official["training"][:3].tolist() == [2817, 46624, 35993]
    assert official["test"][:3].tolist() == [3735, 6000, 5604]


@pytest.mark.parametrize("sizes", [(50_000, 10_000), (150, 30), (203, 7), (111, 2)])
def test_splits_are_disjoint_and_cover_both_files(sizes):
    splits = divided(*sizes)
    for size, names in zip(
        sizes, (("training", "validation"), ("selection", "test")), strict=True
    ):
        together = np.concatenate([splits[name] for name in names])
        assert sorted(together.tolist()) == list(range(size))


def test_splits_hold_every_image_once_with_its_class(conv):
    written = builders.batches()
    of_file = {
        image.tobytes() + bytes([label]): name == "test_batch"
        for name, (pixels, classes) in written.items()
        for image, label in zip(pixels, classes, strict=True)
    }
    found = []
    for split in SPLITS:
        examples = conv.examples(split)
        for row, label in zip(
            rows_of(examples.inputs), examples.targets.tolist(), strict=True
        ):
            found.append(row + bytes([label]))
            assert of_file[found[-1]] == (split in ("selection", "test"))
    assert len(found) == len(set(found)) == len(of_file) == 180
    sizes = [len(conv.examples(split)) for split in SPLITS]
    assert sizes == [135, 15, 15, 15]


def test_inputs_are_pixels_between_constants(conv):
    for split in SPLITS:
        examples = conv.examples(split)
        assert examples.inputs.dtype == torch.float32
        assert examples.inputs.shape == (len(examples), 3, 32, 32)
        assert examples.inputs.is_contiguous()
        assert examples.targets.dtype == torch.int64
        assert (examples.inputs.min(), examples.inputs.max()) == (-2, 2)
        pixels = (examples.inputs.double() * 0.25 + 0.5) * 255
        assert (pixels - pixels.round()).abs().max() < 1e-4


def test_the_network_of_the_paper_s_child(conv):
    assert conv.layers == ConvNet((3, 32, 32), ((32, 1), (32, 1)), (10,))
    assert conv.batch_size == 100
    network = conv.network()
    kinds = [type(module).__name__ for module in network]
    block = ["Conv2d", "BatchNorm2d", "ReLU"]
    assert kinds == [*block, *block, "Flatten", "Linear"]
    sizes = [weight.numel() for weight in network.parameters()]
    assert sizes == [864, 32, 32, 9216, 32, 32, 327_680, 10]
    assert sum(sizes) == 337_898
    assert network(conv.examples("test").inputs).shape == (15, 10)


@pytest.mark.parametrize(
    ("make", "batch", "too_few", "enough"),
    [(cifar10_conv, 100, 22, 23), (small_resnet, 128, 28, 29)],
)
def test_a_copy_must_make_a_batch(make, batch, too_few, enough, tmp_path):
    # Nine tenths of five files: 22 images each make 99, 23 make 104.
    small = builders.write(tmp_path / "small", "binary folder", too_few)
    with pytest.raises(ValueError, match=f"too few for .*a batch of {batch}") as caught:
        make(path=str(small))
    assert f"{small} holds {5 * too_few} training and {too_few} test" in str(caught)
    task = make(path=str(builders.write(tmp_path / "large", "binary folder", enough)))
    assert task.batch_size == batch <= len(task.examples("training"))


def test_a_test_file_of_one_image_is_too_few(tmp_path):
    path = builders.write(tmp_path, "binary folder")
    file = path / builders.FOLDERS["binary"] / "test_batch.bin"
    file.write_bytes(file.read_bytes()[:3073])
    with pytest.raises(ValueError, match="1 test images, too few for cifar10_conv"):
        cifar10_conv(path=str(path))


def weights_of_wide_resnet(depth, width):
    """Parameters, layer by layer, of Zagoruyko and Komodakis 2016."""
    blocks, count, inputs = (depth - 4) // 6, 3 * 16 * 9, 16
    for outputs in (16 * width, 32 * width, 64 * width):
        for _ in range(blocks):
            count += 2 * inputs + 9 * inputs * outputs  # normalised, convolved
            count += 2 * outputs + 9 * outputs * outputs
            if inputs != outputs:
                count += inputs * outputs  # the shortcut
            inputs = outputs
    return count + 2 * inputs + 10 * inputs + 10


@pytest.mark.parametrize(
    ("depth", "width", "millions"),
    # Millions as they are commonly quoted.
    [(16, 4, 2.7), (10, 1, 0.1), (16, 8, 11.0), (28, 10, 36.5), (40, 4, 8.9)],
)
def test_a_wide_resnet_has_the_layers_it_is_named_for(depth, width, millions):
    with torch.device("meta"):
        network = WideResNet(depth, width)
    count = sum(weight.numel() for weight in network.parameters())
    assert count == weights_of_wide_resnet(depth, width)
    assert round(count / 1e6, 1) == millions
    modules = list(network.modules())
    convolutions = [m for m in modules if isinstance(m, torch.nn.Conv2d)]
    along = [m for m in convolutions if m.kernel_size == (3, 3)]
    assert len(along) + 3 == depth  # the paper counts the shortcuts: 6 k + 4
    shortcuts = [m for m in convolutions if m.kernel_size == (1, 1)]
    assert len(shortcuts) == (3 if width > 1 else 2)
    assert all(convolution.bias is None for convolution in convolutions)


def test_a_wide_resnet_halves_the_image_twice():
    network = WideResNet(10, 2)
    shapes = []
    for block in network.blocks:
        block.register_forward_hook(lambda *a: shapes.append(tuple(a[2].shape)))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert shapes == [(2, 32, 32, 32), (2, 64, 16, 16), (2, 128, 8, 8)]


def test_a_block_without_change_of_shape_adds_to_its_inputs():
    network = WideResNet(16, 1)
    block = network.blocks[0]
    assert block.shortcut is None
    torch.nn.init.zeros_(block.convolution2.weight)
    inputs = torch.randn(2, 16, 8, 8)
    assert torch.equal(block(inputs), inputs)


def test_gradients_reach_every_weight_and_are_finite():
    torch.manual_seed(0)
    network = WideResNet(10, 2)
    outputs = network(torch.randn(8, 3, 32, 32))
    torch.nn.functional.cross_entropy(outputs, torch.arange(8)).backward()
    for name, weight in network.named_parameters():
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().max() > 0, name


def test_many_wide_resnets_train_in_one_call():
    torch.manual_seed(0)
    networks = [WideResNet(10, 1) for _ in range(2)]
    weights, buffers = stack_module_state(networks)
    weights = {name: weight.detach() for name, weight in weights.items()}
    inputs, targets = torch.randn(4, 3, 32, 32), torch.arange(4)

    def loss(weights, buffers):
        outputs = functional_call(networks[0], (weights, buffers), (inputs,))
        return torch.nn.functional.cross_entropy(outputs, targets)

    found = vmap(grad(loss))(weights, buffers)
    for number, network in enumerate(networks):
        torch.nn.functional.cross_entropy(network(inputs), targets).backward()
        for name, weight in network.named_parameters():
            assert torch.allclose(found[name][number], weight.grad, atol=1e-5), name


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"depth": 15}, "depth is 15: a Wide ResNet has 6 k [+] 4 layers, as in 10"),
        ({"depth": 4}, "depth is 4: "),
        ({"depth": -2}, "depth is -2: "),
        ({"width": 0}, "width is 0: give 1 or more"),
    ],
)
def test_a_network_that_there_is_not_is_refused_before_data_are_read(options, says):
    with pytest.raises(ValueError, match=says):
        cifar10_resnet(path="/nowhere", **options)


def test_the_resnet_task_is_a_task_of_its_options(copy):
    state = torch.get_rng_state()
    task = small_resnet(copy)
    assert torch.equal(torch.get_rng_state(), state)
    assert (task.name, task.batch_size) == ("cifar10_resnet", 128)
    assert small_resnet(copy).fingerprint == task.fingerprint
    assert cifar10_resnet(path=copy, depth=10, width=2).fingerprint != task.fingerprint
    sizes = [len(task.examples(split)) for split in SPLITS]
    assert sizes == [135, 15, 15, 15]


def test_without_options_it_is_a_16_4(copy):
    network = cifar10_resnet(path=copy).network()
    assert sum(weight.numel() for weight in network.parameters()) == 2_748_890


def test_a_resnet_is_trained_by_the_serial_engine(copy):
    (score,) = evaluate(["sgd"], small_resnet(copy), "smoke")
    assert score.status == "scored"
    assert 0 < score.quality < 1
