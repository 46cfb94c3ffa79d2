"""The stacked engine: many children as the rows of one matrix."""

from neuralopt.engines.stacked.population import StackedEngine as StackedEngine
