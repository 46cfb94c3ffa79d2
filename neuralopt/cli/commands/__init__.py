"""The commands of `neuralopt`, one file for each group of them."""
