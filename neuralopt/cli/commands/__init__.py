"""The commands of `neuralopt`, a file each."""
