"""Seed the random numbers that a network draws, such as those of dropout.

torch draws on a device from one generator of the whole process: dropout, recurrent
layers and attention take no generator of their own, and threads share it. Networks that
draw are therefore seeded at every step, and hold a lock from the seeding to the end of
the step's backward pass (a checkpointed network draws there again). This is exact for
every operation of torch and costs some ten microseconds a step. The price: gradients of
such networks are computed by one thread of a process at a time. Ray's workers are
processes, each with a generator of its own.

The alternative, a TorchDispatchMode that hands each operation a generator, would let
threads run side by side, but some operations accept no generator, and the mode costs
several microseconds at every operation, more than most of them take in small networks.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

import torch

from neuralopt.counter_hash import counter_key

WEIGHTS, ORDER, TRAINING, MEASURING = 1, 2, 3, 4
"""Purposes of random bits, so that equal counters don't give equal bits."""

_GENERATORS = threading.Lock()


@contextlib.contextmanager
def seeded(*counters: int, device: str = "cpu") -> Iterator[Callable[[], bool]]:
    """Seed torch's generators by counters; restore their states afterwards.

    One thread at a time is inside. Code outside that draws from torch's own generator
    at the same time, in another thread, would disturb it: the package has none.

    Args:
        counters: what the numbers depend on, such as (seed, replicate, purpose, step).
        device: as in `Numerics`; the generator of a GPU is seeded too.

    Yields:
        A function that says whether anything was drawn so far.
    """
    seed = counter_key(*counters)[0]
    with _GENERATORS:
        generators = _generators(device)
        before = [generator.get_state() for generator in generators]
        for generator in generators:
            generator.manual_seed(seed)
        fresh = [generator.get_state() for generator in generators]

        def drawn() -> bool:
            return not all(
                torch.equal(generator.get_state(), state)
                for generator, state in zip(generators, fresh, strict=True)
            )

        try:
            yield drawn
        finally:
            for generator, state in zip(generators, before, strict=True):
                generator.set_state(state)


def _generators(device: str) -> list[torch.Generator]:
    """Return the generators that operations draw from which are given none."""
    # Not by torch.manual_seed, which would seed the generators of all GPUs.
    place = torch.device(device)
    if place.type != "cuda":
        return [torch.default_generator]
    torch.cuda.init()
    index = place.index if ":" in device else torch.cuda.current_device()
    return [torch.default_generator, torch.cuda.default_generators[index]]
