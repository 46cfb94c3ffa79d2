"""What a worker needs and what nodes have, as numbers."""

import pytest

from neuralopt.evaluators.ray.cluster import GIB, Demand, room, shortage
from neuralopt.evaluators.ray.evaluator import RayOptions

SMALL = {"CPU": 4.0, "memory": 8.0 * GIB}
LARGE = {"CPU": 16.0, "GPU": 2.0, "memory": 64.0 * GIB, "accelerator_type:H100": 1.0}


@pytest.mark.parametrize(
    ("demand", "count"),
    [
        (Demand(), 20),
        (Demand(cpus=3), 6),
        (Demand(cpus=0.5), 40),
        (Demand(gpus=1), 2),
        (Demand(cpus=0.1, gpus=0.1), 20),
        (Demand(cpus=0, gpus=0.333), 6),
        (Demand(memory=3), 18),
        (Demand(cpus=5, memory=30), 2),
        (Demand(accelerator="H100"), 16),
        (Demand(accelerator="A100"), 0),
        (Demand(resources={"disk": 1}), 0),
    ],
)
def test_room_is_counted_node_by_node(demand, count):
    assert room(demand, [SMALL, LARGE]) == count
    assert bool(shortage(demand, [SMALL, LARGE])) == (count == 0)


def test_what_is_missing_is_named():
    assert shortage(Demand(gpus=1), [SMALL]) == "GPU 1 (0 at most)"
    assert shortage(Demand(cpus=32), [SMALL, LARGE]) == "CPU 32 (16 at most)"
    assert shortage(Demand(accelerator="A100"), [LARGE]).startswith(
        "accelerator_type:A100"
    )
    both = [{"CPU": 1.0}, {"GPU": 1.0}]
    assert shortage(Demand(gpus=1), both) == "CPU 1 and GPU 1 together"
    assert shortage(Demand(), []) == "a node"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gpus": 1.5}, "evaluator.gpus is 1.5: above 1 Ray takes whole numbers"),
        ({"cpus": -1}, "evaluator.cpus is -1: give 0 or more"),
        ({"memory": float("nan")}, "evaluator.memory is nan: give 0 or more"),
        ({"resources": {"disk": 2.5}}, "evaluator.resources.disk is 2.5"),
        ({"cpus": 0}, "any number of them"),
    ],
)
def test_impossible_demands_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Demand(**given)


@pytest.mark.parametrize(
    "given", [{"workers": -1}, {"batch": -1}, {"time_limit": 0}, {"patience": -1}]
)
def test_impossible_options_are_refused(given):
    with pytest.raises(ValueError, match=f"evaluator.{next(iter(given))} is"):
        RayOptions(**given)
