"""Straight-line code of rules, from which all other code is made."""

from neuralopt.machine.straightline import Instruction as Instruction
from neuralopt.machine.straightline import StraightLine as StraightLine
from neuralopt.machine.straightline import straight_line as straight_line
