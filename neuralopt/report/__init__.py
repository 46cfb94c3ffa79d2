"""What people look at: tables, the progress line, TensorBoard; nothing of Hydra.

TensorBoard is imported by ``neuralopt.report.tensorboard`` alone, and only when its
observer starts.
"""

from neuralopt.report.progress import ProgressLine as ProgressLine
from neuralopt.report.sparkline import sparkline as sparkline
from neuralopt.report.sparkline import supports_unicode as supports_unicode
from neuralopt.report.tables import Table as Table
from neuralopt.report.tables import comparison_table as comparison_table
from neuralopt.report.tables import proposals_table as proposals_table
from neuralopt.report.tables import write_table as write_table
from neuralopt.report.tensorboard import TensorBoard as TensorBoard
