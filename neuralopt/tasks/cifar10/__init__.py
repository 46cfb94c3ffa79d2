"""The tasks `cifar10_conv` and `cifar10_resnet`, and the files they are read from."""

from neuralopt.tasks.cifar10.tasks import cifar10_conv as cifar10_conv
from neuralopt.tasks.cifar10.tasks import cifar10_resnet as cifar10_resnet
