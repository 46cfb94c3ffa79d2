"""The task `tiny_gpt`: its parameters, and that its matrices matter."""

import math

import torch

from neuralopt.tasks import SPLITS, load_task


def test_the_task_never_changes() -> None:
    task = load_task("tiny_gpt")
    assert task.fingerprint == "6240a366c5b62c5d"
    assert [len(task.examples(split)) for split in SPLITS] == [480, 240, 240, 240]


def test_kinds_of_parameters_can_be_told_apart() -> None:
    torch.manual_seed(0)
    network = load_task("tiny_gpt").network()
    shapes = {name: tuple(each.shape) for name, each in network.named_parameters()}
    embeddings = {"characters.weight": (91, 64), "places.weight": (32, 64)}
    assert dict(list(shapes.items())[:2]) == embeddings
    assert list(shapes.items())[-2] == ("linear.weight", (91, 64))
    assert network.get_parameter("linear.weight") is not network.get_parameter(
        "characters.weight"
    )
    hidden = {name: each for name, each in shapes.items() if name.startswith("block")}
    matrices = [each for each in hidden.values() if len(each) == 2]
    assert sorted(matrices) == sorted([(192, 64), (64, 64), (128, 64), (64, 128)] * 2)
    total = sum(map(math.prod, shapes.values()))
    assert total == 80_859
    assert 0.8 < sum(map(math.prod, matrices)) / total < 0.82


def test_a_few_steps_of_adam_lower_the_loss_and_move_every_matrix() -> None:
    task = load_task("tiny_gpt")
    torch.manual_seed(0)
    network, examples = task.network(), task.examples("training")
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for batch in torch.arange(96).split(task.batch_size):
        optimizer.zero_grad()
        outputs = network(examples.inputs[batch])
        loss = task.loss(outputs, examples.targets[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] < math.log(91) + 0.8
    assert losses[-1] < losses[0] - 0.5
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0, name
