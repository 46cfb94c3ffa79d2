"""Small training problems, by name."""

from collections.abc import Callable, Mapping
from functools import cache

from neuralopt.catalog import hint
from neuralopt.tasks.digits import digits, digits_conv
from neuralopt.tasks.mnistnet import enos_mnistnet
from neuralopt.tasks.network import ConvNet as ConvNet
from neuralopt.tasks.network import Mlp as Mlp
from neuralopt.tasks.task import PARTS as PARTS
from neuralopt.tasks.task import Classification as Classification
from neuralopt.tasks.task import Examples as Examples
from neuralopt.tasks.task import Part as Part
from neuralopt.tasks.task import Task as Task

TASKS: Mapping[str, Callable[[], Task]] = {
    "digits": digits,
    "digits_conv": digits_conv,
    "enos_mnistnet": enos_mnistnet,
}


@cache
def load_task(name: str) -> Task:
    """The task of this name; its data are read once a process.

    Raises ValueError for an unknown name.
    """
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}: {hint(name, TASKS)}")
    return TASKS[name]()
