"""The step of a parameter, once the value of its rule is known."""

from neuralopt.machine.kernels.compiling import inlined
from neuralopt.machine.kernels.memory import load, number, store


@inlined
def descend(memory, parameter, value, count, rate, decay):
    """w <- w - rate * (value + decay * w), element by element.

    parameter, value: where the first of `count` elements are in memory.
    """
    if decay == number(memory, 0):  # an infinite w has no decay either
        for i in range(count):
            w = load(memory, parameter + i)
            store(memory, parameter + i, w - rate * load(memory, value + i))
        return
    for i in range(count):
        w = load(memory, parameter + i)
        change = load(memory, value + i) + decay * w
        store(memory, parameter + i, w - rate * change)
