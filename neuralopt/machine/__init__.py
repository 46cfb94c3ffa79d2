"""Rules as code for a machine: straight-line instructions."""

from neuralopt.machine.straightline import Instruction as Instruction
from neuralopt.machine.straightline import StraightLine as StraightLine
from neuralopt.machine.straightline import straight_line as straight_line
