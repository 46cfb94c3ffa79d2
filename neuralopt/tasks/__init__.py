"""Small training problems, by name."""

from neuralopt.tasks.custom import CustomTask as CustomTask
from neuralopt.tasks.custom import make_task as make_task
from neuralopt.tasks.gradient_check import GradientCheck as GradientCheck
from neuralopt.tasks.gradient_check import check_gradients as check_gradients
from neuralopt.tasks.loading import GROUPS as GROUPS
from neuralopt.tasks.loading import TASKS as TASKS
from neuralopt.tasks.loading import group_of as group_of
from neuralopt.tasks.loading import is_custom as is_custom
from neuralopt.tasks.loading import load_task as load_task
from neuralopt.tasks.loading import load_tasks as load_tasks
from neuralopt.tasks.network import ConvNet as ConvNet
from neuralopt.tasks.network import Mlp as Mlp
from neuralopt.tasks.recipe import Recipe as Recipe
from neuralopt.tasks.task import SPLITS as SPLITS
from neuralopt.tasks.task import Classification as Classification
from neuralopt.tasks.task import Examples as Examples
from neuralopt.tasks.task import Regression as Regression
from neuralopt.tasks.task import Split as Split
from neuralopt.tasks.task import Task as Task
from neuralopt.tasks.task import with_recipe as with_recipe
