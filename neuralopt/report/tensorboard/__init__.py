"""Write a search to TensorBoard."""

from neuralopt.report.tensorboard.board import TensorBoard as TensorBoard
