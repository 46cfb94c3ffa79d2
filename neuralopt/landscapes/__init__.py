"""Functions of one or two variables, the paths of optimizers on them, and pictures.

Slices through the loss of a trained network are surfaces of two variables too.
"""
