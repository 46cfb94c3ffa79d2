"""Searchers: ask/tell over rows of decisions and their rewards."""

from neuralopt.searchers.controller import Controller as Controller
from neuralopt.searchers.controller import ControllerSearcher as ControllerSearcher
from neuralopt.searchers.controller import (
    PaperControllerSearcher as PaperControllerSearcher,
)
from neuralopt.searchers.controller import Training as Training
from neuralopt.searchers.evolution import EvolutionSearcher as EvolutionSearcher
from neuralopt.searchers.hill_climbing import HillClimbing as HillClimbing
from neuralopt.searchers.quality_diversity import QualityDiversity as QualityDiversity
from neuralopt.searchers.registry import SEARCHERS as SEARCHERS
from neuralopt.searchers.registry import make_searcher as make_searcher
from neuralopt.searchers.searcher import Searcher as Searcher
from neuralopt.searchers.searcher import Space as Space
from neuralopt.searchers.tpe import TreeParzen as TreeParzen
from neuralopt.searchers.tree_search import TreeSearch as TreeSearch
from neuralopt.searchers.uniform import UniformSearcher as UniformSearcher
