"""The configuration files of neuralopt, installed as the package ``neuralopt.conf``."""
