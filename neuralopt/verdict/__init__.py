"""Compare candidates on fresh seeds; see docs/explanation/verdicts.md."""

from neuralopt.verdict.comparison import Comparison as Comparison
from neuralopt.verdict.comparison import ComparisonRow as ComparisonRow
from neuralopt.verdict.comparison import Verdict as Verdict
from neuralopt.verdict.comparison import compare as compare
from neuralopt.verdict.holm import holm as holm
from neuralopt.verdict.intervals import mean_interval as mean_interval
