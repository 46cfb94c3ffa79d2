"""Whole trainings as compiled code: networks, losses and rules in one core's cache.

Needs numba. What is compiled, what it is compiled from and how it lies in memory are
each a file; everything else of the package calls the names below.
"""

from neuralopt.machine.kernels.computing import compute as compute
from neuralopt.machine.kernels.layout import ALIGNMENT as ALIGNMENT
from neuralopt.machine.kernels.layout import BLOCK as BLOCK
from neuralopt.machine.kernels.layout import Examples as Examples
from neuralopt.machine.kernels.layout import Rules as Rules
from neuralopt.machine.kernels.layout import Shape as Shape
from neuralopt.machine.kernels.layout import aligned as aligned
from neuralopt.machine.kernels.layout import network_of as network_of
from neuralopt.machine.kernels.layout import padded as padded
from neuralopt.machine.kernels.layout import rules_of as rules_of
from neuralopt.machine.kernels.stepping import step_rows as step_rows
from neuralopt.machine.kernels.training import train as train
