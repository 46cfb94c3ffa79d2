"""Engines train children: small networks, each with one rule and one learning rate."""

from neuralopt.engines.engine import Child as Child
from neuralopt.engines.engine import Engine as Engine
from neuralopt.engines.engine import OptimizerSpec as OptimizerSpec
from neuralopt.engines.engine import Outcome as Outcome
from neuralopt.engines.engine import TorchOptimizer as TorchOptimizer
from neuralopt.engines.engine import UnsupportedTaskError as UnsupportedTaskError
from neuralopt.engines.engine import rate_factors as rate_factors
from neuralopt.engines.numerics import CPU_FLOAT32 as CPU_FLOAT32
from neuralopt.engines.numerics import Numerics as Numerics
from neuralopt.engines.registry import ENGINES as ENGINES
from neuralopt.engines.registry import check_engine as check_engine
from neuralopt.engines.registry import choose_engine as choose_engine
from neuralopt.engines.registry import fastest_engine as fastest_engine
